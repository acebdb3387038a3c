"""Whether a contact is synchronised, judged by all that is known of it."""

from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.app.search.found import Found, Standing
from sage100_ssm.app.search.standing import Known, Person, judge
from sage100_ssm.app.search.words import standing_words
from sage100_ssm.sync.contacts.companies import Companies, ContactScope, LeftOut, Scope
from sage100_ssm.sync.contacts.contact import Marks
from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import (
    Code,
    CompanyNotInSsm,
    DeletionGuard,
    Entry,
    OutOfScope,
    RecordLocked,
    SleepReason,
    Subject,
    ValueTooLong,
)
from sage100_ssm.sync.model import Change, Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.policy import Policy
from sage100_ssm.sync.state.records import JournalEntry, WriteAction, WriteRecord
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BOTH = frozenset(Side)
LINK = Link(1, 1, 501, "ALPHA", "Ada Aubrelin", SAGE, {"last_name": ValuePair("Aubrelin", "Aubrelin")})
COMPANIES = [{"CT_Num": "ALPHA", "CT_Prospect": 0}, {"CT_Num": "BETA", "CT_Prospect": 0}]
ALL = Scope()
LINKED = Subject("ALPHA", 1, 501, "Ada Aubrelin")


def known(scope=ALL, *, knows_sage=True, companies=COMPANIES, accounts=worlds.ACCOUNTS, **more):
    both = Companies(companies if knows_sage else [], accounts, code_field="extId", scope=scope)
    mapper = Mapper(STANDARD, both, worlds.CONTACT_TYPES, {}, worlds.LOCALE, Policy())
    return Known(mapper, Marks("TEST"), knows_sage=knows_sage, last_run=NOON, **more)


def entry(subject, facts, field=None, *, closed=False):
    return JournalEntry(7, Entry(subject, facts, field), NOON, NOON, closed_at=NOON if closed else None)


def on_sage(row=None, using=None, *, seen_now=BOTH):
    contact = (using or known()).mapper.read(SAGE, row or worlds.sage_row())
    return Person(contact.subject, None, {SAGE: contact}, seen_now)


def on_ssm(row=None, using=None, *, seen_now=BOTH):
    contact = (using or known()).mapper.read(SSM, row or worlds.ssm_row())
    return Person(contact.subject, None, {SSM: contact}, seen_now)


def linked(status=LinkStatus.ACTIVE):
    return Person(LINKED, Link(*(LINK.sage100_id, 1, 501, "ALPHA", "Ada Aubrelin", SAGE), status=status))


# --- linked


def test_a_linked_contact_without_a_problem_is_synchronised():
    found = judge(linked(), known(), [], synchronised_since=NOON)
    assert (found.standing, found.is_synchronised, found.synchronised_since) == (Standing.SYNCHRONISED, True, NOON)


def test_a_contact_of_which_fields_wait_is_synchronised_but_for_them():
    waiting = [entry(LINKED, ValueTooLong(69, 80), "email"), entry(LINKED, CompanyNotInSsm())]
    found = judge(linked(), known(), waiting)
    assert (found.standing, found.waiting_fields) == (Standing.EXCEPT_FIELDS, ("email", "company"))
    assert standing_words(found, "en").message == "Synchronised, except: e-mail, company."


def seen(base, *, seen_now=BOTH, **ssm):
    """A linked contact as both sides show it, with what the last run left there."""
    mapper = known().mapper
    cards = {SAGE: mapper.read(SAGE, worlds.sage_row()), SSM: mapper.read(SSM, worlds.ssm_row(**ssm))}
    left = {name: ValuePair(cards[SAGE].values.get(name), value) for name, value in base.items()}
    link = Link(1, 1, 501, "ALPHA", "Ada Aubrelin", SAGE, left)
    return Person(LINKED, link, cards, seen_now)


def test_r5_a_field_that_was_edited_a_minute_ago_is_named_with_the_run_that_acts_on_it():
    found = judge(seen({"phone": "0199001000"}, phone1="01 99 00 99 99"), known(next_run=NOON), [])
    assert (found.standing, found.edited_fields) == (Standing.SYNCHRONISED, ("phone",))
    assert standing_words(found, "en", UTC).remedy == (
        "Edited since the last synchronisation: phone. The next one, due at 12:00, acts on it."
    )


@pytest.mark.parametrize(
    ("base", "entries", "seen_now"),
    [
        pytest.param({"phone": "01 99 00 99 99"}, [], BOTH, id="left so by a run"),
        pytest.param({"phone": "+33 1 99 00 99 99"}, [], BOTH, id="another spelling (P8)"),
        pytest.param({"phone": None}, [], frozenset(), id="as last read"),
        pytest.param({"phone": None}, [entry(LINKED, ValueTooLong(21, 33), "phone")], BOTH, id="a field that waits"),
    ],
)
def test_r5_no_field_is_called_edited_that_nobody_edited_since_the_last_run(base, entries, seen_now):
    person = seen(base, seen_now=seen_now, phone1="01 99 00 99 99")
    assert judge(person, known(), entries).edited_fields == ()


def test_p8_what_a_run_left_different_on_the_two_sides_is_no_difference():
    left, edited = (seen({"phone": base}, phone1="01 99 00 99 99") for base in ("01 99 00 99 99", None))
    assert "phone" not in judge(left, known(), []).differing_fields
    assert "phone" in judge(edited, known(), []).differing_fields


def test_a_problem_of_the_whole_contact_holds_it_back():
    found = judge(linked(), known(), [entry(LINKED, RecordLocked()), entry(LINKED, ValueTooLong(69, 80), "email")])
    assert (found.standing, found.waiting_fields) == (Standing.WAITING, ("email",))


def test_closed_problems_and_those_of_others_hold_nothing_back():
    others = [entry(LINKED, RecordLocked(), closed=True), entry(Subject("ALPHA", 2, 502), RecordLocked())]
    found = judge(linked(), known(), others)
    assert (found.standing, found.entries, found.problems) == (Standing.SYNCHRONISED, tuple(others[:1]), ())


def test_p9_an_open_guard_is_shown_of_everybody_and_changes_no_standing():
    guard = entry(Subject(), DeletionGuard(SSM, 9, limit=3))
    found = judge(linked(), known(), [guard])
    assert (found.standing, found.problems) == (Standing.SYNCHRONISED, (guard,))


def test_p13_a_sleeping_link_is_asleep():
    reason = entry(LINKED, OutOfScope(SleepReason.LEFT_OUT))
    assert judge(linked(LinkStatus.ASLEEP), known(), [reason]).standing is Standing.ASLEEP


def test_r9_a_contact_that_sage_does_not_have_any_more_was_deleted_since_the_last_run():
    person = linked()
    person.seen_now = BOTH
    person.contacts = on_ssm().contacts
    found = judge(person, known(), [])
    assert (found.standing, found.deleted_on) == (Standing.DELETED_SINCE, SAGE)


@pytest.mark.parametrize("side", list(Side))
def test_of_a_deleted_contact_the_side_is_named_on_which_a_person_deleted_it(side):
    record = WriteRecord("r", NOON, side.other, WriteAction.DELETE, LINKED, {"email": Change("a", None)}, True)
    found = judge(linked(LinkStatus.ENDED), known(), [], [record])
    assert (found.standing, found.deleted_on) == (Standing.DELETED, side)
    assert judge(linked(LinkStatus.ENDED), known(), []).deleted_on is None


# --- without a link


@pytest.mark.parametrize(
    ("scope", "companies", "reason"),
    [
        (Scope(), [], LeftOut.NO_CLIENT),
        (Scope(exclude=("AL*",)), COMPANIES, LeftOut.COMPANY),
        (Scope(prospects=False), [{"CT_Num": "ALPHA", "CT_Prospect": 1}], LeftOut.PROSPECT),
        (Scope(contacts=ContactScope(({"CT_Nom": "aub*"},))), COMPANIES, LeftOut.CONTACT),
    ],
)
def test_p13_a_contact_of_sage_that_takes_no_part_is_left_out_for_the_reason_that_a_run_has(scope, companies, reason):
    using = known(scope, companies=companies)
    found = judge(on_sage(), using, [])
    assert (found.standing, found.left_out) == (Standing.LEFT_OUT, reason)
    words = standing_words(found, "en")
    assert words.message.startswith("Not synchronised:")
    assert words.remedy


def test_p13_a_contact_of_ssm_whose_company_the_settings_leave_out_is_so_without_asking_sage():
    using = known(Scope(exclude=("AL*",)), knows_sage=False)
    assert judge(on_ssm(using=using, seen_now=frozenset()), using, []).left_out is LeftOut.COMPANY


def test_r3_a_contact_typed_after_the_last_run_is_taken_by_the_next_one():
    row = worlds.sage_row(cbCreation=(NOON + timedelta(minutes=1)).isoformat())
    found = judge(on_sage(row), known(next_run=NOON + timedelta(minutes=15)), [])
    assert (found.standing, found.foreseen) == (Standing.NOT_SEEN_YET, None)
    assert "12:15" in standing_words(found, "fr", UTC).message


def test_p6_if_ssm_lacks_its_company_the_next_run_will_say_so():
    found = judge(on_sage(using=known(accounts=[])), known(accounts=[]), [])
    assert found.foreseen == Entry(found.subject, CompanyNotInSsm())
    assert "ALPHA" in standing_words(found, "fr").message


def test_r4_nor_does_a_contact_without_a_company_go_anywhere():
    found = judge(on_ssm(worlds.ssm_row(accountId=None)), known(), [])
    assert (found.standing, found.foreseen.code) == (Standing.NOT_SEEN_YET, Code.COMPANY_MISSING)


@pytest.mark.parametrize("seen_now", [BOTH, frozenset()], ids=["both sides asked", "the state alone"])
def test_p18_one_way_a_contact_that_was_created_in_ssm_stays_there_and_one_of_sage_travels(seen_now):
    using = known(is_one_way=True)
    found = judge(on_ssm(using=using, seen_now=seen_now), using, [])
    assert found.standing is Standing.STAYS_IN_SSM
    assert "nothing is written into Sage 100" in standing_words(found, "en").message
    assert judge(on_sage(using=using), using, []).standing is Standing.NOT_SEEN_YET


def test_p15_a_contact_with_the_mark_of_another_company_database_is_left_to_it():
    found = judge(on_ssm(worlds.ssm_row(extId="sage100:COPIE:7")), known(), [])
    assert (found.standing, found.other_database) == (Standing.OTHER_DATABASE, "COPIE")


def test_a_problem_of_a_contact_without_a_link_says_why_it_waits():
    person = on_sage()
    found = judge(person, known(), [entry(Subject("ALPHA", 1), CompanyNotInSsm())])
    assert (found.standing, len(found.problems)) == (Standing.WAITING, 1)


def test_what_was_there_before_the_last_run_and_is_held_back_by_nothing_is_unknown():
    old = (NOON - timedelta(days=9)).isoformat()
    found = judge(on_sage(worlds.sage_row(cbCreation=old)), known(), [])
    assert found.standing is Standing.UNKNOWN
    words = [standing_words(found, "en", is_live=live).remedy for live in (True, False)]
    assert "call your administrator" in words[0]
    assert "--live" in words[1]


def test_the_state_alone_does_not_know_why_a_contact_of_ssm_has_no_link():
    using = known(knows_sage=False)
    assert judge(on_ssm(using=using, seen_now=frozenset()), using, []).standing is Standing.UNKNOWN


def test_a_contact_that_ssm_shows_as_deleted_was_deleted():
    assert judge(on_ssm(worlds.ssm_row(deleted=True)), known(), []).standing is Standing.DELETED


# --- shown


def test_the_cards_show_the_filled_fields_of_each_side():
    person = linked()
    person.contacts = on_ssm(worlds.ssm_row(gender={"id": 1, "value": "F"})).contacts
    person.link = LINK
    found = judge(person, known(), [])
    assert found.cards[SAGE] == {"last_name": "Aubrelin"}
    assert found.cards[SSM]["civility"] == "Mme"


def test_the_history_is_that_of_the_journal_and_of_the_writes_newest_first():
    old, new = (WriteRecord("r", NOON + timedelta(hours=h), SSM, WriteAction.UPDATE, LINKED, {}) for h in (-1, 1))
    between = entry(LINKED, RecordLocked(), closed=True)
    assert Found(LINKED, Standing.SYNCHRONISED, entries=(between,), writes=(new, old)).history == [new, between, old]
