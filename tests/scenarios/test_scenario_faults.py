"""P10 and the failing API: an incomplete read is never an empty one, and nothing comes twice."""

from datetime import timedelta

import pytest

from sage100_ssm.standins.ssm_api.faults import (
    EMPTY_PAGE,
    HTML,
    CannedResponse,
    CutJson,
    Delay,
    ExpireTokens,
    Fault,
    IgnorePageSize,
    Reset,
)
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.sync.failures import Exit

GONE = CannedResponse(500)
PERSISTENT = pytest.mark.parametrize("effect", [GONE, HTML, Reset(), CutJson()], ids=["500", "html", "reset", "cut"])


PERSISTENT = pytest.mark.parametrize("effect", [GONE, HTML, Reset(), CutJson()], ids=["500", "html", "reset", "cut"])


def read_whole(world):
    """The next run reads SSM whole, twelve small pages of it."""
    world.tree["ssm"]["page_size"] = 1
    return world.run


# With one row a page, the sample by which SSM is recognised takes a page for each linked contact, before the lists.


@PERSISTENT
def test_p10_page_that_cannot_be_read_deletes_and_creates_nothing_and_updates_go_on(world, effect):
    ada, *others = world.people(12)
    world.tree["ssm"]["page_size"] = 1
    ada.edit_sage(CT_EMail="ada@alpha.example")
    others[0].delete_sage()
    world.sage.create_contact("ALPHA", "Neuve", "Ida")
    world.disturb(Fault(effect, "GET", "/contacts", nth=len(world.links) + 7, times=None))
    report = world.run(whole=True)
    assert report.exit_code == Exit.SIDE
    assert (report.ssm.created, report.ssm.deleted, report.sage100.written) == (0, 0, 0)
    assert ("incomplete_read", None) in world.problems
    world.calm()
    after = world.run()
    assert (after.ssm.created, after.ssm.deleted, world.problems) == (1, 1, [])


def test_p10_updates_of_what_was_read_go_on(world):
    people = world.people(6)
    world.tree["ssm"]["page_size"] = 1
    for person in people:
        person.edit_sage(CT_EMail="neu@alpha.example")
    world.disturb(Fault(GONE, "GET", "/contacts", nth=len(people) + 4, times=3))
    report = world.run(whole=True)
    assert (report.exit_code, report.ssm.updated >= 1) == (Exit.SIDE, True)
    world.calm()
    world.run()
    assert {row["email"] for row in world.ssm.contacts()} == {"neu@alpha.example"}


def test_p10_accounts_that_cannot_be_read_put_nobody_to_sleep(world):
    ada = world.person("Aubrelin", "Ada")
    world.disturb(Fault(GONE, "GET", "/accounts", nth=2, times=None))
    world.tree["ssm"]["page_size"] = 1
    report = world.run(whole=True)
    assert (report.exit_code, ada.standing, report.ssm.written) == (Exit.SIDE, ("sage100", "active"), 0)
    world.calm()
    world.run()


def test_p10_one_empty_page_is_not_the_end(world):
    people = world.people(4)
    world.tree["ssm"]["page_size"] = 1
    world.disturb(Fault(EMPTY_PAGE, "GET", "/contacts", nth=len(people) + 2))
    report = world.run(whole=True)
    assert (report.exit_code, report.ssm.written, report.sage100.written) == (Exit.DONE, 0, 0)


def test_p10_an_end_that_comes_too_early_twice_is_asked_after_by_id_and_deletes_nobody(world):
    people = world.people(4, born="ssm")
    world.tree["ssm"]["page_size"] = 1
    world.disturb(Fault(EMPTY_PAGE, "GET", "/contacts", nth=len(people) + 2, times=2))
    report = world.run(whole=True)
    assert (report.sage100.deleted, report.ssm.created, report.sage100.created) == (0, 0, 0)
    world.calm()
    world.run()
    assert all(person.standing == ("ssm", "active") for person in people)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(ExpireTokens(), "GET", "/contacts"),
        Fault(CannedResponse(401), "GET", "/contacts"),
        Fault(CannedResponse(429, headers={"Retry-After": "0"}), "GET", "/contacts"),
        Fault(CannedResponse(503), "GET", "/contacts"),
        Fault(HTML, "GET", "/contacts"),
        Fault(Reset(), "GET", "/contacts"),
        Fault(CutJson(), "GET", "/contacts"),
        Fault(IgnorePageSize(), "GET", "/contacts"),
        Fault(CannedResponse(500), "POST", "/login"),
        Fault(CannedResponse(429, headers={"Retry-After": "0"}), "PUT", "/contacts/*"),
        Fault(ExpireTokens(), "PUT", "/contacts/*"),
        Fault(CannedResponse(500), "PUT", "/contacts/*"),
        Fault(CannedResponse(500, after=True), "PUT", "/contacts/*"),
        Fault(Reset(after=True), "PUT", "/contacts/*"),
        Fault(Delay(0.6, after=True), "PUT", "/contacts/*"),
    ],
    ids=lambda f: f"{f.method}-{type(f.effect).__name__}-{getattr(f.effect, 'status', '')}",
)
def test_p10_a_passing_fault_is_got_over_within_the_run(world, fault):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    world.disturb(fault)
    report = world.run()
    assert (report.exit_code, ada.card["email"], world.problems) == (Exit.DONE, "ada@alpha.example", [])


def go_dark_after_create(world):
    """SSM cannot be read any more once a create was tried."""
    world.api.on_answer = lambda call: is_create(call) and world.disturb(Fault(GONE, "GET", times=None))


def is_create(call):
    return (call.method, call.path) == ("POST", "/contacts")


CREATE_FAULTS = pytest.mark.parametrize(
    "effect",
    [
        CannedResponse(500, after=True),
        Reset(after=True),
        Delay(0.6, after=True),
        CutJson(),
        CannedResponse(200, "<p>ok</p>", after=True),
        CannedResponse(200, {}, after=True),
        CannedResponse(500),
        Reset(),
        CannedResponse(429),
        ExpireTokens(),
    ],
    ids=["500-after", "reset-after", "timeout", "cut", "html-after", "no-id", "500", "reset", "429", "401"],
)


@CREATE_FAULTS
def test_p10_a_create_whose_answer_went_wrong_never_makes_two(world, effect):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.disturb(Fault(effect, "POST", "/contacts"))
    world.run()
    world.calm()
    world.run()
    assert world.names_in_ssm() == ["Aubrelin"]
    assert world.links[marq].origin.value == "sage100"


@CREATE_FAULTS
def test_p10_a_create_not_confirmed_and_a_reading_that_fails_after_it_never_make_two(world, effect):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.disturb(Fault(effect, "POST", "/contacts"))
    go_dark_after_create(world)
    world.run()
    world.calm()
    world.run()
    world.run()
    assert world.names_in_ssm() == ["Aubrelin"]
    assert world.links[marq].origin.value == "sage100"


def test_p10_an_unconfirmed_create_renamed_by_a_person_since_is_found_by_its_ext_id(world):
    marq = world.sage.create_contact("ALPHA", "Aubrelin", "Ada")
    world.disturb(Fault(Reset(after=True), "POST", "/contacts"))
    go_dark_after_create(world)
    world.run()
    world.calm()
    card = world.ssm.contacts()[0]["id"]
    world.ssm.edit_contact(card, lastName="Belmont", firstName="Ida")
    world.run()
    assert len(world.ssm.contacts()) == 1
    assert world.links[marq].ssm_id == card


def test_p10_restoring_whose_answer_went_wrong_never_makes_two(world):
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    world.disturb(Fault(Reset(after=True), "POST", "/contacts"))
    world.run()
    world.calm()
    world.run()
    assert world.names_in_ssm() == ["Aubrelin"]
    assert ada.current["extId"] == ada.card["extId"]


def test_p10_delete_carried_out_though_its_answer_went_wrong(world):
    world.bystander()
    ada = world.person("Aubrelin", "Ada")
    ada.delete_sage()
    world.disturb(Fault(Reset(after=True), "DELETE"))
    world.run()
    world.calm()
    world.run()
    assert (ada.card["deleted"], ada.link, world.problems) == (True, None, [])


def test_p10_mark_that_fails_after_a_create_in_sage_is_repeated_until_it_stands(world):
    card = world.ssm.create_contact("ALPHA", "Aubrelin", "Ada")
    world.disturb(Fault(CannedResponse(500), "PUT", times=None))
    world.run()
    assert (world.names_in_sage(), world.ssm.contact(card)["extId"]) == (["Aubrelin"], None)
    world.calm()
    world.run()
    assert world.ssm.contact(card)["extId"].startswith("ssm:TEST:")
    assert world.names_in_sage() == ["Aubrelin"]


@pytest.mark.parametrize("effect", [GONE, Reset(), HTML], ids=["500", "reset", "html"])
def test_p10_ssm_that_cannot_be_reached_ends_with_4_and_nothing_changes(world, effect):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    before = world.snapshot()
    world.disturb(Fault(effect, times=None))
    assert world.fails() == Exit.SIDE
    assert (world.snapshot(), world.problems) == (before, [("side_unreachable", None)])
    world.calm()
    world.run()
    assert (ada.card["email"], world.problems) == ("ada@alpha.example", [])


def test_wrong_keys_end_with_2_and_nothing_changes(world):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_EMail="ada@alpha.example")
    keys = world.tree["ssm"]
    world.decide(ssm={"private_key": "wrong"})
    before = world.snapshot()
    assert world.fails() == Exit.CONFIGURATION
    assert world.snapshot() == before
    world.tree["ssm"] = keys
    world.run()
    assert (ada.card["email"], world.problems) == ("ada@alpha.example", [])


def test_p10_sage_that_cannot_be_opened_ends_the_run_and_nothing_changes(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.edit_ssm(email="ada@alpha.example")
    connection = world.tree["sage100"]["connection"]
    world.tree["sage100"]["connection"] = {"kind": "sqlite", "path": str(world.folder / "nowhere" / "x.db")}
    before = world.ssm.snapshot()
    assert world.fails() in (Exit.CONFIGURATION, Exit.SIDE)
    assert world.ssm.snapshot() == before
    world.tree["sage100"]["connection"] = connection
    world.run()
    assert ada.row["CT_EMail"] == "ada@alpha.example"


@pytest.mark.parametrize("born", ["sage100", "ssm"])
def test_not_visible_a_linked_contact_that_ssm_no_longer_gives_sleeps(world, born):
    ada = world.person("Aubrelin", "Ada", born=born)
    ida = world.person("Belmont", "Ida", born=born)
    hidden = world.api.store._tables["contacts"].pop(ada.ssm_id)
    report = world.run(whole=True)
    assert (report.sage100.written, report.ssm.written, ada.standing) == (0, 0, (born, "asleep"))
    assert world.problems == [("not_visible_in_ssm", None)]
    assert ida.standing == (born, "active")
    world.api.store._tables["contacts"][ada.ssm_id] = hidden
    world.run(whole=True)
    assert (ada.standing, world.problems) == ((born, "active"), [])


def test_not_visible_and_deleted_in_sage_meanwhile_writes_nothing_that_fails(world):
    ada = world.person("Aubrelin", "Ada")
    del world.api.store._tables["contacts"][ada.ssm_id]
    world.run(whole=True)
    ada.delete_sage()
    report = world.run(whole=True)
    assert report.ssm.failed == 0


ODDITIES = [
    {"null_clears": False},
    {"deleted_row_readable": False},
    {"sentinel_dates": True},
    {"delete_bumps_date_updated": True},
    {"where_on_deleted_date": False},
    {"where_ignores_case": False},
    {"page_size_headers": (), "default_page_size": 2},
    {"ext_id_unique": "live"},
    {"message_key": "message"},
    {"unknown_keys_refused": True},
    {"keys_ignore_case": True},
    {"deleted_row_writable": True},
    {"clock_skew": timedelta(hours=-3)},
    {"clock_skew": timedelta(hours=3)},
]


@pytest.mark.parametrize(
    "quirks", [Quirks(**odd) for odd in ODDITIES], indirect=True, ids=[str(odd) for odd in ODDITIES]
)
def test_whatever_ssm_is_like_contacts_are_created_changed_restored_and_deleted(world, quirks):
    world.bystander()
    here, there = world.person("Aubrelin", "Ada"), world.person("Belmont", "Ida", born="ssm")
    here.edit_sage(CT_EMail="ada@alpha.example")
    there.edit_ssm(phone1="01 99 00 12 34")
    world.run()
    assert (here.card["email"], there.row["CT_Telephone"]) == ("ada@alpha.example", "01 99 00 12 34")
    here.delete_ssm()
    there.delete_ssm()
    world.run()
    assert (here.current["email"], there.row) == ("ada@alpha.example", None)
    here.delete_sage()
    world.run()
    assert world.names_in_ssm() == ["Zelle"]


@pytest.mark.parametrize("quirks", [Quirks(null_clears=False, empty_text_clears=False)], indirect=True)
def test_not_applied_a_clearing_that_ssm_passes_over_is_a_problem_and_not_repeated_for_ever(world, quirks):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.edit_sage(CT_EMail="")
    for _ in range(3):
        world.run()
    assert world.problems == [("not_applied", "email")]
    assert ada.row["CT_EMail"] == ""


@pytest.mark.parametrize("quirks", [Quirks(max_lengths={"linkedin": 10})], indirect=True)
def test_value_refused_quotes_ssm_s_words_and_pauses(world, quirks):
    ada = world.person("Aubrelin", "Ada")
    ada.edit_sage(CT_LinkedIn="x" * 20, CT_EMail="ada@alpha.example")
    for _ in range(3):
        world.run()
    assert (world.problems, ada.card["email"]) == ([("value_refused", "linkedin")], "ada@alpha.example")
    assert "linkedin" in world.journal[-1].entry.facts.text
    ada.edit_sage(CT_LinkedIn="court")
    world.run()
    assert (ada.card["linkedin"], ada.card["email"], world.problems) == ("court", "ada@alpha.example", [])
