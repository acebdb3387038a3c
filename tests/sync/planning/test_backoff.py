"""P7: what a side has refused waits, and the rest of the contact goes on."""

from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.sync.journal import Entry, ValueRefused
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning import backoff, writes
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.state.records import JournalEntry
from tests.support import worlds

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
REFUSED = ValueRefused(Side.SSM, "no")


def refused_values(write, *fields):
    """The open problems of values of a write that were refused and wait."""
    alone = {field: writes.only(write, field, worlds.mapper()) for field in fields}
    entries = {field: Entry(write.subject, REFUSED, field) for field in fields}
    marks = {field: backoff.fingerprint_of(entries[field], alone[field]) for field in fields}
    later = NOW + timedelta(hours=1)
    return [JournalEntry(1, entries[f], NOW, NOW, next_try_at=later, fingerprint=marks[f]) for f in fields]


def planned(*, linked=True, **columns):
    """The write to SSM for a row of Sage with these columns."""
    row = worlds.sage_row(**columns)
    known = ([worlds.ssm_row(extId="sage100:TEST:1")], [worlds.linked()]) if linked else ([], [])
    (write,) = decide(worlds.world([row], *known)).of(Side.SSM)
    return write


def held_back(write, problems):
    """The fields that are still written, and those that wait."""
    plan, met = backoff.back_off(Plan(writes=(write,)), problems, NOW, worlds.mapper())
    assert {entry.field for entry in met} == {f for w in plan.withheld for f in w.write.changes} & {
        p.entry.field for p in problems
    }
    return {f for w in plan.writes for f in w.changes}, {f for w in plan.withheld for f in w.write.changes}


def test_p7_a_refused_value_waits_alone_and_the_other_fields_go_on():
    write = planned(CT_EMail="a@x.example; b@x.example", CT_Telephone="0199001234")
    assert held_back(write, refused_values(write, "email")) == ({"phone"}, {"email"})


def test_p7_another_value_does_not_wait():
    before, now = (planned(CT_EMail=f"{text}; b@x.example") for text in ("a@x.example", "c@x.example"))
    assert held_back(now, refused_values(before, "email")) == ({"email"}, set())


def test_p7_a_value_refused_in_a_creation_waits_in_the_update_that_follows():
    creation, update = (planned(linked=linked, CT_EMail="a; b") for linked in (False, True))
    assert held_back(update, refused_values(creation, "email"))[1] == {"email"}
    assert held_back(creation, refused_values(update, "email"))[1] == {"email"}


@pytest.mark.parametrize("field", ["company", "ext_id"])
def test_p7_a_creation_waits_whole_for_what_it_cannot_do_without(field):
    write = planned(linked=False)
    assert held_back(write, refused_values(write, field)) == (set(), {*write.changes})


def test_p7_the_names_wait_together_or_not_at_all():
    both = planned(CT_Nom="Refusé", CT_Prenom="Anna", CT_EMail="a@x.example")
    problems = refused_values(both, "last_name", "first_name")
    assert held_back(both, problems) == ({"email"}, {"last_name", "first_name"})
    corrected = planned(CT_Nom="Martin", CT_Prenom="Anna")
    assert held_back(corrected, problems) == ({"last_name", "first_name"}, set())
