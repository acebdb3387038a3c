"""P17: what is kept of a person, for how long, and that what is forgotten is gone."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from sage100_ssm.sync.journal import (
    AmbiguousMatch,
    CompanyNotInSsm,
    ConflictSettled,
    DeletedInSage,
    Entry,
    ForgottenFacts,
    Named,
    RecordLocked,
    RejectedBySsm,
    Subject,
    ValueTooLong,
)
from sage100_ssm.sync.model import Change, Intent, Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.policy import Retention
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.state.decisions import Decision, fingerprint
from sage100_ssm.sync.state.forgetting import LivesOn
from sage100_ssm.sync.state.records import WriteAction, WriteRecord
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.tables import metadata

DAY = timedelta(days=1)
RETENTION = Retention(ended_links_days=30, journal_days=365, writes_days=90)
AT_ONCE = Retention(0, 0, 0)

CLAIRE = Subject("CARAT", 12, 340, "Claire Hautcoeur")
SECRETS = ("Hautcoeur", "hautcoeur@carat", "01 99 00 10 00", "06 99 00 10 00", "Hautcœur")
"""What nothing may contain once Claire is forgotten: her names, e-mail and numbers."""
LINK = Link(
    sage100_id=12,
    sage100_no=7,
    ssm_id=340,
    company="CARAT",
    contact="Claire Hautcoeur",
    origin=Side.SAGE100,
    base={
        "last_name": ValuePair("Hautcoeur", "Hautcœur"),
        "email": ValuePair("hautcoeur@carat.example", "Hautcoeur@carat.example"),
        "phone": ValuePair("01 99 00 10 00", "01 99 00 10 00"),
    },
    sage100_stamp="2026-03-01T10:00:00+01:00",
    ssm_stamp="2026-03-01T09:00:00+00:00",
    unconfirmed={Side.SSM: {"mobile": ValuePair("06 99 00 10 00", "06 99 00 10 00")}},
    unmapped_digest="0123456789abcdef",
    sage100_created="2024-01-02T10:00:00+01:00",
)
ROW = {
    "id": 340,
    "firstName": "Claire",
    "lastName": "Hautcoeur",
    "email": "hautcoeur@carat.example",
    "phone1": "01 99 00 10 00",
    "phone2": "06 99 00 10 00",
    "extId": "sage100:BIJOU:12",
    "deleted": False,
    "dateCreated": "2026-01-02T10:00:00Z",
}
GONE = ROW | {"deleted": True}
REDUCED = {"id": 340, "extId": "sage100:BIJOU:12", "deleted": True, "dateCreated": "2026-01-02T10:00:00Z"}
TOO_LONG = Entry(CLAIRE, ValueTooLong(limit=21, length=40), "phone", "01 99 00 10 00", "01 99 00 10 00" * 3)
DELETED = Entry(CLAIRE, DeletedInSage((("CT_Nom", "Hautcoeur"), ("CT_Prenom", "Claire"))))
ENDED = replace(LINK, status=LinkStatus.ENDED)
EMAIL = Change("hautcoeur@carat.example", "01 99 00 10 00")


def written(at, subject=CLAIRE, **more):
    return WriteRecord("r1", at, Side.SSM, WriteAction.UPDATE, subject, {"email": EMAIL}, is_confirmed=True, **more)


def dump(transaction):
    """All tables of the state as text, JSON in plain letters."""
    rows = [row for table in metadata.sorted_tables for row in transaction._connection.execute(select(table))]
    return json.dumps([[str(value) for value in row] for row in rows], ensure_ascii=False)


def secrets_in(text):
    plain = text.encode().decode("unicode_escape", errors="replace") + text
    return [secret for secret in SECRETS if secret in plain]


@pytest.fixture
def problem(transaction, now):
    def problem(*entries, at=now):
        transaction.report_problems(entries, now=at, run_id="r1", keep=lambda _: False)

    return problem


# --- after their time


def test_an_ended_link_keeps_ids_alone_once_its_time_is_over(transaction, now):
    saved = transaction.save_link(ENDED)
    assert transaction.forget_expired(RETENTION, now) == 0  # its time begins
    assert transaction.forget_expired(RETENTION, now + 29 * DAY) == 0
    assert transaction.links([LinkStatus.ENDED]) == [saved]
    assert transaction.forget_expired(RETENTION, now + 30 * DAY) == 1
    (left,) = transaction.links([LinkStatus.ENDED])
    assert left == Link(12, 7, 340, "", "", Side.SAGE100, status=LinkStatus.ENDED, id=saved.id)
    assert transaction.forget_expired(RETENTION, now + 31 * DAY) == 0


@pytest.mark.parametrize("status", [LinkStatus.ACTIVE, LinkStatus.ASLEEP])
def test_a_live_link_and_its_row_are_never_touched(transaction, now, status):
    saved = transaction.save_link(replace(LINK, status=status))
    transaction.save_observed("contacts", [GONE])
    transaction.forget_expired(AT_ONCE, now + 1000 * DAY)
    assert (transaction.links(), list(transaction.observed("contacts"))) == ([saved], [GONE])


def test_a_link_that_only_left_its_place_for_a_moment_has_not_ended(transaction, now):
    saved = transaction.save_link(LINK)
    transaction.release_contacts(saved)
    transaction.save_link(saved)
    transaction.forget_expired(AT_ONCE, now + 1000 * DAY)
    assert transaction.links() == [saved]


def test_a_closed_problem_keeps_code_field_ids_and_times_once_its_time_is_over(transaction, problem, now):
    problem(TOO_LONG)
    problem(at=now + DAY)
    (before,) = transaction.journal()
    assert transaction.forget_expired(RETENTION, now + 365 * DAY) == 0
    assert transaction.forget_expired(RETENTION, now + 366 * DAY) == 1
    (left,) = transaction.journal()
    entry = Entry(Subject(None, 12, 340), ForgottenFacts(TOO_LONG.code, "P7"), "phone")
    assert left == replace(before, entry=entry, forgotten_at=now + 366 * DAY)


def test_a_notice_counts_from_when_it_was_made(transaction, now):
    transaction.add_notice(DELETED, now=now, run_id="r1")
    assert transaction.forget_expired(RETENTION, now + 364 * DAY) == 0
    assert transaction.forget_expired(RETENTION, now + 365 * DAY) == 1
    assert secrets_in(dump(transaction)) == []


def test_an_open_problem_and_a_pending_notice_are_never_touched(transaction, problem, now):
    problem(TOO_LONG)
    transaction.add_pending_notices([DELETED], now=now, run_id="r1")
    assert transaction.forget_expired(AT_ONCE, now + 1000 * DAY) == 0
    assert [known.entry for known in transaction.open_problems()] == [TOO_LONG]
    assert [known.entry for known in transaction.pending_notices()] == [DELETED]


def test_a_pending_notice_that_became_one_counts_from_when_it_was_made(transaction, now):
    keys = transaction.add_pending_notices([DELETED], now=now, run_id="r1")
    transaction.resolve_pending_notices(keys, done=True)
    assert transaction.forget_expired(RETENTION, now + 365 * DAY) == 1


def test_with_0_days_names_and_values_go_at_once(transaction, problem, now):
    transaction.save_link(ENDED)
    transaction.save_observed("contacts", [GONE])
    problem(TOO_LONG)
    problem()
    transaction.add_notice(DELETED, now=now, run_id="r1")
    assert transaction.forget_expired(AT_ONCE, now) == 3
    assert secrets_in(dump(transaction)) == []


def test_an_entry_about_a_whole_company_keeps_its_code_and_loses_the_contacts(transaction, problem, now):
    waiting = (Subject("CARAT", 12, None, "Claire Hautcoeur"), Subject("CARAT", 13, None, "Anne Roy"))
    problem(Entry(Subject("CARAT"), CompanyNotInSsm()).about(*waiting))
    problem()
    transaction.forget_expired(AT_ONCE, now)
    assert transaction.journal()[0].entry.subject == Subject("CARAT")
    assert "Anne Roy" not in dump(transaction)


def test_the_record_of_a_write_goes_once_its_time_is_over(transaction, now):
    old, young = transaction.writes.save(written(now)), transaction.writes.save(written(now + DAY))
    assert transaction.forget_expired(RETENTION, now + 89 * DAY) == 0
    assert transaction.writes.all() == [young, old]
    assert transaction.forget_expired(RETENTION, now + 90 * DAY) == 1
    assert transaction.writes.all() == [young]


# --- the rows of SSM


def test_the_row_of_a_deleted_contact_goes_with_its_link(transaction, now):
    transaction.save_link(ENDED)
    transaction.save_observed("contacts", [GONE])
    transaction.forget_expired(RETENTION, now)
    assert list(transaction.observed("contacts")) == [GONE]  # P5 may still need it
    transaction.forget_expired(RETENTION, now + 30 * DAY)
    assert list(transaction.observed("contacts")) == [REDUCED]


def test_a_whole_read_does_not_bring_the_values_of_a_deleted_contact_back(transaction, now):
    transaction.save_link(ENDED)
    transaction.forget_expired(AT_ONCE, now)
    transaction.save_observed("contacts", [GONE], replace=True)
    assert list(transaction.observed("contacts")) == [REDUCED]


def test_of_a_contact_that_was_deleted_before_it_was_ever_linked_ids_and_flags_are_stored(transaction):
    transaction.save_observed("contacts", [GONE])
    assert list(transaction.observed("contacts")) == [REDUCED]


@pytest.mark.parametrize("intent", [Intent(Side.SAGE100, 340), Intent(Side.SSM, 12, target_id=340)], ids=str)
def test_the_row_of_a_creation_that_is_in_doubt_is_kept_although_it_is_deleted(transaction, intent):
    transaction.save_intent(intent)
    transaction.save_observed("contacts", [GONE])
    assert list(transaction.observed("contacts")) == [GONE]


def test_rows_that_are_no_people_and_rows_that_live_are_stored_whole(transaction):
    account = {"id": 11, "name": "Carat", "deleted": True}
    transaction.save_observed("accounts", [account])
    transaction.save_observed("contacts", [ROW])
    assert [*transaction.observed("accounts"), *transaction.observed("contacts")] == [account, ROW]


# --- at once, for one person


@pytest.fixture
def claire(transaction, problem, now):
    """Claire with all that a state may have of a person, beside others of whom nothing may be lost."""
    transaction.save_link(replace(LINK, ssm_id=339, contact="Claire Hautcœur", status=LinkStatus.ENDED))
    transaction.save_link(LINK)
    transaction.save_link(
        replace(LINK, sage100_id=99, ssm_id=399, company="NACRE", contact="Anne Roy", base={}, unconfirmed={})
    )
    transaction.save_intent(Intent(Side.SSM, 12, "sage100:BIJOU:12", names=(None, None), base=LINK.base))
    transaction.save_intent(Intent(Side.SAGE100, 340, sage100_no=8, names=("Hautcoeur", "Claire"), base=LINK.base))
    for pair in ((12, 340), (99, 399)):
        decision = Decision(Choice.SAGE100, "Anne", now, 1, *pair, "phone", "01 99 00 10 00", "06 99 00 10 00")
        transaction.decisions.add([decision if pair[0] == 12 else replace(decision, sage100_value="1", ssm_value="2")])
    transaction.save_observed("contacts", [ROW, ROW | {"id": 339, "deleted": True}, {"id": 399, "lastName": "Roy"}])
    transaction.save_cursor("contacts", {"id": 399})
    problem(Entry(CLAIRE, RecordLocked()))
    waiting = (Subject("CARAT", 12, None, "Claire Hautcoeur"), Subject("CARAT", 13, None, "Luc Vial"))
    anne = Subject("NACRE", 99, 399, "Anne Roy")
    problem(
        TOO_LONG,
        Entry(Subject("CARAT"), CompanyNotInSsm()).about(*waiting),
        Entry(anne, AmbiguousMatch((Named(99, "Anne Roy"),), (Named(340, "Claire Hautcoeur"),), by_ext_id=False)),
        Entry(anne, RejectedBySsm("phone 01 99 00 10 00 is that of another contact")),
        Entry(anne, RecordLocked()),
    )
    transaction.add_notice(DELETED, now=now, run_id="r1")
    transaction.add_pending_notices(
        [Entry(CLAIRE, ConflictSettled(Side.SSM), "phone", "01 99 00 10 00", "06 99 00 10 00")], now=now, run_id="r1"
    )
    transaction.writes.save(written(now))
    transaction.writes.save(written(now, Subject("CARAT", None, 339, "Claire Hautcœur")))
    transaction.writes.save(replace(written(now, Subject("NACRE", 99, 399, "Anne Roy")), changes={}))
    return transaction.stored_person(CLAIRE)


def test_everything_of_a_person_is_found_by_any_of_her_ids(transaction, claire):
    assert (claire.sage100_ids, claire.ssm_ids) == ({12}, {339, 340})
    assert claire.names == {"Claire Hautcoeur", "Claire Hautcœur"}
    assert (len(claire.links), len(claire.intents), len(claire.observed), len(claire.writes)) == (2, 2, 2, 2)
    assert transaction.stored_person(Subject(ssm_id=339, contact="Claire Hautcœur")) == claire


def test_no_table_contains_a_person_who_was_forgotten(transaction, claire, now):
    assert secrets_in(dump(transaction)) == list(SECRETS)
    transaction.forget_person(claire, now)
    assert secrets_in(dump(transaction)) == []


def test_forgetting_says_where_the_person_still_lives_as_far_as_the_state_knows(claire):
    assert claire.lives_on == (
        LivesOn(Side.SAGE100, 12, "CARAT"),
        LivesOn(Side.SSM, 339, is_deleted=True),
        LivesOn(Side.SSM, 340),
    )


def test_a_contact_that_waits_without_a_link_lives_where_its_problem_says(transaction, problem):
    problem(Entry(Subject("CARAT", 12, None, "Claire Hautcoeur"), CompanyNotInSsm()))
    assert transaction.stored_person(CLAIRE).lives_on == (LivesOn(Side.SAGE100, 12, "CARAT"),)


def test_a_contact_that_lives_on_has_no_link_and_the_next_run_reads_ssm_whole(transaction, claire, now):
    transaction.forget_person(claire, now)
    assert [link.contact for link in transaction.links()] == ["Anne Roy"]
    assert [row["id"] for row in transaction.observed("contacts")] == [339, 399]
    assert transaction.cursor("contacts") is None


def test_the_row_of_a_creation_in_doubt_is_forgotten_too_if_its_person_is(transaction, now):
    transaction.save_intent(Intent(Side.SAGE100, 340))
    transaction.save_observed("contacts", [GONE])
    transaction.forget_person(transaction.stored_person(CLAIRE), now)
    assert list(transaction.observed("contacts")) == [REDUCED]


def test_creations_under_way_keep_the_ids_by_which_they_are_looked_up(transaction, claire, now):
    transaction.forget_person(claire, now)
    to_ssm, to_sage100 = transaction.intents()
    assert (to_ssm.ext_id, to_ssm.base, to_sage100.sage100_no, to_sage100.names) == (
        "sage100:BIJOU:12",
        {},
        8,
        (None, None),
    )


def test_of_others_nothing_is_lost_but_what_quotes_the_person(transaction, claire, now):
    transaction.forget_person(claire, now)
    locked, rejected, ambiguous, company, too_long = transaction.open_problems()[::-1]
    assert locked.entry == Entry(Subject("NACRE", 99, 399, "Anne Roy"), RecordLocked())
    assert [record.subject.contact for record in transaction.writes.all()] == ["Anne Roy"]
    assert company.entry == Entry(Subject("CARAT", 13, None, "Luc Vial"), CompanyNotInSsm())
    assert {type(known.entry.facts) for known in (rejected, ambiguous, too_long)} == {ForgottenFacts}


def test_p16_what_people_decided_about_a_forgotten_person_is_forgotten_too(transaction, claire, now):
    transaction.forget_person(claire, now)
    assert [decision.ssm_id for decision in transaction.decisions.all()] == [399]


def test_the_digest_of_an_accepted_problem_of_a_forgotten_person_is_forgotten_too(transaction, claire, now):
    locked = [known for known in transaction.open_problems() if known.entry.facts == RecordLocked()]
    accepted = [Decision(Choice.ACCEPT, "Anne", now, one.id, fingerprint=fingerprint(one.entry)) for one in locked]
    transaction.decisions.add(accepted)
    transaction.forget_person(claire, now)
    left = {one.problem_id: one.fingerprint for one in transaction.decisions.all()}
    of_anne = {one.id for one in locked if one.entry.subject.contact == "Anne Roy"}
    assert {number for number, digest in left.items() if digest is not None} == of_anne


def test_an_open_problem_of_a_forgotten_person_stays_and_says_again_what_the_next_run_meets(
    transaction, claire, problem, now
):
    transaction.forget_person(claire, now)
    before = {known.id for known in transaction.open_problems()}
    problem(TOO_LONG)
    (known,) = transaction.open_problems()
    assert (known.id in before, known.entry) == (True, TOO_LONG)


@pytest.mark.parametrize("at_once", [True, False], ids=["forget", "retention"])
def test_what_is_forgotten_is_gone_from_the_file(url, tmp_path, now, at_once):
    with StateStore.open(url) as store, StateStore.open(url, read_only=True):
        with store.transaction() as transaction:
            transaction.save_link(ENDED)
            transaction.save_observed("contacts", [GONE])
            transaction.add_notice(DELETED, now=now, run_id="r1")
        assert secrets_in_files(tmp_path)
        with store.transaction() as transaction:
            if at_once:
                transaction.forget_person(transaction.stored_person(CLAIRE), now)
            else:
                transaction.forget_expired(AT_ONCE, now)
        assert store.erase_leftovers(whole=at_once)
        assert secrets_in_files(tmp_path) == []


def test_what_is_read_at_that_moment_is_said_to_be_left(url, now, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sync.state.database.BUSY_SECONDS", 0.01)
    with StateStore.open(url) as store, StateStore.open(url, read_only=True) as reader:
        with reader.transaction() as reading:
            reading.links()
            with store.transaction() as transaction:
                transaction.add_notice(DELETED, now=now, run_id="r1")
            assert not store.erase_leftovers()
        assert store.erase_leftovers()


def secrets_in_files(folder):
    """The secrets in any of the state's files: the database, its write-ahead log, its index."""
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    return [secret for secret in SECRETS if secret.encode() in content or json.dumps(secret)[1:-1].encode() in content]
