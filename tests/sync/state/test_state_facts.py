"""The facts of journal entries as they are stored, by this version and by the one before."""

from dataclasses import MISSING, fields

import pytest
from sqlalchemy import create_engine, insert

from sage100_ssm.sync.journal import Code, ConflictSettled, Entry, OlderFacts, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state import tables
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.stored_facts import packed_facts
from tests.support.journal_outcomes import HOW, older_rows, outcome

STORED_WITH_LESS = {
    "a company that Sage deletes meanwhile",
    "two accounts of one code",
    "namesakes",
    "an extId of somebody else",
    "a new contact named like one in Sage",
    "two new contacts of one name",
    "a rename onto another contact",
    "a name that Sage finds taken",
    "a name that Sage finds taken, without saying by whom",
    "a long text, shortened",
    "a new contact with a long text, shortened",
    "a text that Sage finds too long",
    "a text that Sage finds too long, without saying which",
    "a Greek letter",
    "a character that Sage does not take",
    "a character that Sage does not take, without saying where",
    "a job title that SSM does not have",
    "a contact type without a label",
    "an odd row of SSM",
}
"""Of these the version before typed facts stored less than this one does."""

FORMER_NAMES = {"linked_ssm_id": "other", "guard": "reason"}
"""How it called what has another name now."""


NEW = {"contacts", "is_outside_map"}
"""What that version did not store, or stored in another form (test_migrating_kept_states.py)."""


@pytest.fixture
def read_back(url):
    """A function that gives an entry of the journal for a row that another version has put there."""

    def read_back(row, now):
        StateStore.open(url).close()
        seen = {"run_id": "r1", "first_seen": now, "last_seen": now, "count": 1, "tries": 0}
        with create_engine(url).begin() as connection:
            connection.execute(insert(tables.journal).values(**row, **seen))
        with StateStore.open(url) as store, store.transaction() as transaction:
            (known,) = transaction.journal()
        return known.entry

    return read_back


@pytest.mark.parametrize("name", HOW)
def test_an_entry_is_read_as_it_was_stored(name, transaction, now):
    entry = outcome(name)
    transaction.report_problems([entry], now=now, run_id="r1", keep=lambda _: False)
    (known,) = transaction.journal()
    assert known.entry == entry


@pytest.mark.parametrize("name", older_rows())
def test_an_entry_of_the_version_before_is_read_with_what_it_stored(name, read_back, now):
    row = older_rows()[name]
    entry = read_back(row, now)
    shown = {"code": entry.code, "rule": entry.rule, "field": entry.field}
    assert shown == {column: row[column] for column in shown}
    assert isinstance(entry.facts, OlderFacts) == (name in STORED_WITH_LESS)
    facts = {fact: value for fact, value in packed_facts(entry.facts).items() if fact not in NEW}
    # A fact that this version added has a default.
    added = {field.name: field.default for field in fields(entry.facts) if field.default is not MISSING}
    assert facts == {fact: row["details"].get(FORMER_NAMES.get(fact, fact), added.get(fact)) for fact in facts}


@pytest.mark.parametrize("details", [{}, {"winner": None}, {"winner": "nobody"}, {"winner": 3}, {"loser": "ssm"}])
def test_an_entry_without_what_this_version_needs_is_one_of_an_older_version(details, read_back, now):
    row = older_rows()["two edits"] | {"details": details}
    assert read_back(row, now).facts == OlderFacts(Code.CONFLICT_SETTLED, "P1")


def test_an_entry_keeps_its_rule_where_only_its_row_says_it(read_back, now):
    row = older_rows()["deleted in SSM, edited in Sage"] | {"details": {}}
    assert read_back(row, now).rule == "P3"


def test_an_entry_of_an_older_version_can_be_reported_again(transaction, now):
    entry = Entry(Subject("ALPHA", 1, 501), OlderFacts(Code.VALUE_TOO_LONG, "P7"), field="email")
    for run in ("r1", "r2"):
        transaction.report_problems([entry], now=now, run_id=run, keep=lambda _: False)
    assert [(known.entry, known.count) for known in transaction.journal()] == [(entry, 2)]


def test_facts_are_stored_as_json_values_by_name(transaction, now):
    entry = Entry(Subject("ALPHA", 1, 501), ConflictSettled(Side.SSM), field="email")
    transaction.add_notice(entry, now=now, run_id="r1")
    assert transaction._connection.scalar(tables.journal.select().with_only_columns(tables.journal.c.details)) == {
        "winner": "ssm"
    }
