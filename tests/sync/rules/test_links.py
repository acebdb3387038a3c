"""Rules about links: who is the same in Sage, who moves, who sleeps, who has which `extId`."""

from dataclasses import replace

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import ExtId, Marks
from sage100_ssm.sync.journal import Code, CompanyNotInSsm, DuplicateInSage, OutOfScope, SleepReason, Subject
from sage100_ssm.sync.model import ContactRef, Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.policy import Policy, RefusedDeletion
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.state.open_problems import joined_by_cause
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
OURS = "sage100:TEST:1"


def lines(made):
    """The plan's writes: side, action and the side's own names and values."""
    return [(w.side.value, w.action.value, dict(w.values)) for w in made.writes]


# --- P14


def row_again(marq, number, **names):
    return worlds.sage_row(marq, CT_No=number, **names)


RENAMED = {"CT_Nom": "Martin", "CT_Prenom": "Eva"}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row_again(1, 101)], 1),
        ([row_again(1, 101, **RENAMED)], 1),
        ([row_again(1, 102)], 1),
        ([row_again(1, 102, CT_Nom="AUBRELIN")], 1),
        ([row_again(1, 102, **RENAMED)], None),
        ([row_again(1, 102, CT_Prenom="Eva")], None),
        ([row_again(2, 101)], 2),
        ([row_again(2, 101, **RENAMED)], None),
        ([row_again(2, 102, CT_Prenom="Eva")], None),
        ([row_again(1, 101), row_again(2, 105)], 1),
        ([row_again(1, 105, **RENAMED), row_again(2, 101)], 2),
        ([], None),
    ],
)
def test_p14_who_is_the_same_contact_in_sage(rows, found):
    link = worlds.linked(worlds.sage_row(1), worlds.ssm_row(extId=OURS))
    made = decide(worlds.world(rows, [worlds.ssm_row(extId=OURS)], [link]))
    deleted = any(w.action is Action.DELETE and w.side is SSM for w in made.writes)
    kept = worlds.links_of(made).get(link.id, link)
    assert (None if deleted else kept.sage100_id) == found


def test_p14_a_contact_found_under_another_cbmarq_has_its_ext_id_rewritten():
    link = worlds.linked(worlds.sage_row(1), worlds.ssm_row(extId=OURS))
    made = decide(worlds.world([row_again(2, 101)], [worlds.ssm_row(extId=OURS)], [link]))
    assert lines(made) == [("ssm", "update", {"extId": "sage100:TEST:2"})]
    assert (worlds.links_of(made)[link.id].sage100_id, worlds.links_of(made)[link.id].origin) == (2, SAGE)


def test_p14_of_no_number_and_the_number_zero_neither_is_another():
    link = worlds.linked(worlds.sage_row(1), worlds.ssm_row(extId=OURS), sage100_no=None)
    made = decide(worlds.world([row_again(1, 0, **RENAMED)], [worlds.ssm_row(extId=OURS)], [link]))
    assert [action for _, action, _ in lines(made)] == ["update"]


CREATED, LATER = "2024-03-05T10:11:12+01:00", "2026-03-05T10:11:12+01:00"


@pytest.mark.parametrize(
    ("remembered", "created", "names", "replaced"),
    [
        pytest.param(CREATED, CREATED, RENAMED, False, id="created when it was, and renamed"),
        pytest.param(CREATED, LATER, RENAMED, True, id="created at another moment, under other names"),
        pytest.param(CREATED, LATER, {}, False, id="created at another moment, under its own names: typed again"),
        pytest.param(None, LATER, RENAMED, False, id="an earlier version remembered no moment"),
        pytest.param(CREATED, None, RENAMED, False, id="an older database has none"),
        pytest.param(CREATED, "2024-03-05T10:11:12-05:00", RENAMED, False, id="the zone of the settings changed since"),
        pytest.param(CREATED, "2024-03-05T10:11:12.997", RENAMED, False, id="fractions of seconds since"),
        pytest.param(CREATED, "2024-03-05T10:11:13+01:00", RENAMED, True, id="a second is another moment"),
    ],
)
def test_p14_a_row_created_at_another_moment_under_other_names_is_another_one(remembered, created, names, replaced):
    link = worlds.linked(sage100_created=remembered)
    row = worlds.mapper().read(SAGE, row_again(1, 101, cbCreation=created, **names))
    assert links.is_replacement(link, row) is replaced
    assert links.same_in_sage(link, {1: row}, {101: row}, {(1, 101)}) is (None if replaced else row)


@pytest.mark.parametrize(
    ("row", "same"),
    [
        pytest.param(row_again(1, 102, **RENAMED), True, id="the same cbMarq"),
        pytest.param(row_again(2, 101), False, id="the same CT_No and names"),
    ],
)
def test_p14_without_a_base_of_the_names_the_cbmarq_alone_decides(row, same):
    link = worlds.linked(without=("last_name", "first_name"))
    contact = worlds.mapper().read(SAGE, row)
    found = links.same_in_sage(link, {contact.id: contact}, {contact.number: contact}, {(1, 101)})
    assert found is (contact if same else None)


def test_p14_a_row_that_another_link_holds_by_both_ids_is_nobody_elses():
    # Row 1 is gone; its CT_No, the highest, was given again to row 2, a namesake in another company.
    again = row_again(2, 101, CT_Num="BETA")
    here, there = worlds.ssm_row(501, extId=OURS), worlds.ssm_row(502, extId="ssm:TEST:2", accountId=12)
    links = [worlds.linked(worlds.sage_row(1), here), worlds.linked(again, there, origin=SSM)]
    made = decide(worlds.world([again], [here, there], links))
    assert [(w.side, w.action, w.target_id) for w in made.writes] == [(SSM, Action.DELETE, 501)]


# --- R6, P6


def company_world(*, base, here, there, accounts=worlds.ACCOUNTS):
    known = worlds.mapper(known=worlds.companies(accounts=accounts))
    before = worlds.sage_row(CT_Num=base), worlds.ssm_row(extId=OURS, accountId={"ALPHA": 11, "BETA": 12}[base])
    link = worlds.linked(*before, using=worlds.mapper())
    rows = before[0] | {"CT_Num": here, "CT_EMail": "new@x.example"}, before[1] | {"accountId": there}
    return worlds.world([rows[0]], [rows[1]], [link], using=known)


GONE = [worlds.ACCOUNTS[0], {**worlds.ACCOUNTS[1], "deleted": True}]
TWINS = [*worlds.ACCOUNTS, {**worlds.ACCOUNTS[1], "id": 13}]
EMAIL = {"email": "new@x.example"}


@pytest.mark.parametrize(
    ("name", "base", "here", "there", "accounts", "values", "problems", "notices"),
    [
        ("agree", "ALPHA", "ALPHA", 11, worlds.ACCOUNTS, EMAIL, [], []),
        ("both moved alike", "ALPHA", "BETA", 12, worlds.ACCOUNTS, EMAIL, [], []),
        ("P6: SSM follows", "ALPHA", "BETA", 11, worlds.ACCOUNTS, EMAIL | {"accountId": 12}, [], []),
        (
            "R6: put back",
            "ALPHA",
            "ALPHA",
            12,
            worlds.ACCOUNTS,
            EMAIL | {"accountId": 11},
            [],
            ["company_change_refused company"],
        ),
        (
            "R6: account emptied",
            "ALPHA",
            "ALPHA",
            None,
            worlds.ACCOUNTS,
            EMAIL | {"accountId": 11},
            [],
            ["company_change_refused company"],
        ),
        ("P6: not in SSM", "ALPHA", "BETA", 11, worlds.ACCOUNTS[:1], EMAIL, ["company_not_in_ssm"], []),
        ("P6: deleted in SSM", "ALPHA", "BETA", 11, GONE, EMAIL, ["company_not_in_ssm"], []),
        ("twins: nobody is moved in", "ALPHA", "BETA", 11, TWINS, EMAIL, ["ambiguous_company"], []),
        ("twins: a move between them is none", "BETA", "BETA", 13, TWINS, EMAIL, ["ambiguous_company"], []),
    ],
)
def test_r6_p6_sage_says_whose_contact_it_is(name, base, here, there, accounts, values, problems, notices):
    made = decide(company_world(base=base, here=here, there=there, accounts=accounts))
    assert lines(made) == [("ssm", "update", values)], "the other fields go on"
    assert worlds.told(made) == (problems, notices)


def test_r6_the_notice_tells_both_companies():
    (write,) = decide(company_world(base="ALPHA", here="ALPHA", there=12)).writes
    (notice,) = write.notices
    assert (notice.rule, notice.sage100_value, notice.ssm_value) == ("R6", "ALPHA", "BETA")
    assert write.expected == {"email": None, "accountId": 12}


# --- P13, P10, P5: sleeping and waking

NO_ALPHA = worlds.mapper(known=worlds.companies(worlds.CLIENTS[1:]))
NO_ACCOUNT = worlds.mapper(known=worlds.companies(accounts=[{**worlds.ACCOUNTS[0], "deleted": True}]))
HERE, THERE = worlds.sage_row(), worlds.ssm_row(extId=OURS)
AWAY = THERE | {"deleted": True}
LEAVE = Policy(refused_deletion=RefusedDeletion.LEAVE)
OUT, UNSEEN, REFUSED = Code.OUT_OF_SCOPE, Code.NOT_VISIBLE_IN_SSM, Code.DELETION_REFUSED
ACTIVE, ASLEEP, ENDED = LinkStatus.ACTIVE, LinkStatus.ASLEEP, LinkStatus.ENDED


@pytest.mark.parametrize(
    ("name", "reason", "here", "there", "site", "after", "written", "told"),
    [
        ("P13: wakes", OUT, HERE, THERE, {}, (ACTIVE, None), [], ([], [])),
        ("P13: sleeps on", OUT, HERE, THERE, {"using": NO_ALPHA}, (ASLEEP, OUT), [], (["out_of_scope"], [])),
        (
            "P13: the account is deleted",
            None,
            HERE,
            THERE,
            {"using": NO_ACCOUNT},
            (ASLEEP, OUT),
            [],
            (["out_of_scope"], []),
        ),
        (
            "P13: asleep, no deletion is derived",
            OUT,
            None,
            THERE,
            {"using": NO_ALPHA},
            (ASLEEP, OUT),
            [],
            (["out_of_scope"], []),
        ),
        ("P13: wakes to a deletion", OUT, None, THERE, {}, (ACTIVE, None), ["ssm delete"], ([], [])),
        (
            "R9: awake, gone with its company",
            None,
            None,
            THERE,
            {"using": NO_ALPHA},
            (ACTIVE, None),
            ["ssm delete"],
            ([], []),
        ),
        (
            "P13: deleted in SSM meanwhile",
            OUT,
            HERE,
            AWAY,
            {"using": NO_ALPHA},
            (ASLEEP, OUT),
            [],
            (["out_of_scope"], []),
        ),
        ("P10: seen again", UNSEEN, HERE, THERE, {}, (ACTIVE, None), [], ([], [])),
        ("P10: not seen", None, HERE, None, {}, (ASLEEP, UNSEEN), [], (["not_visible_in_ssm"], [])),
        ("P5: reported once", REFUSED, HERE, AWAY, {"policy": LEAVE}, (ASLEEP, REFUSED), [], ([], [])),
        ("P5: deleted in Sage too", REFUSED, None, AWAY, {"policy": LEAVE}, (ENDED, None), [], ([], [])),
        (
            "P5: the setting was changed",
            REFUSED,
            HERE,
            AWAY,
            {},
            (ACTIVE, None),
            ["ssm create"],
            ([], ["deletion_refused"]),
        ),
    ],
)
def test_a_link_sleeps_and_wakes(name, reason, here, there, site, after, written, told):
    link = worlds.linked(HERE, THERE, status=ASLEEP if reason else ACTIVE, reason=reason)
    made = decide(worlds.world([here] if here else [], [there] if there else [], [link], **site))
    kept = worlds.links_of(made).get(link.id, link)
    assert (kept.status, kept.reason) == after
    assert [f"{w.side} {w.action}" for w in made.writes] == written
    assert worlds.told(made) == told


def test_p13_settings_that_leave_a_company_out_put_its_contacts_to_sleep():
    known = worlds.mapper(known=worlds.companies(scope=worlds.Scope(exclude=("AL*",))))
    made = decide(
        worlds.world([HERE | {"CT_EMail": "new@x.example"}], [THERE], [worlds.linked(HERE, THERE)], using=known)
    )
    assert (made.writes, [p.facts for p in made.problems]) == ((), [OutOfScope(SleepReason.LEFT_OUT)])


@pytest.mark.parametrize("incomplete", list(Side))
def test_p10_what_an_incomplete_read_does_not_show_is_not_gone(incomplete):
    rows = ([], [THERE]) if incomplete is SAGE else ([HERE], [])
    made = decide(worlds.world(*rows, [worlds.linked(HERE, THERE)], incomplete=frozenset({incomplete})))
    assert (made.writes, made.links, made.problems) == ((), (), ())


def test_p10_an_incomplete_read_creates_nothing_and_updates_go_on():
    other = worlds.sage_row(2, CT_Nom="Bobin")
    rows = [HERE | {"CT_EMail": "new@x.example"}, other], [THERE]
    made = decide(worlds.world(*rows, [worlds.linked(HERE, THERE)], incomplete=frozenset({SSM})))
    assert lines(made) == [("ssm", "update", EMAIL)]


# --- the extId


@pytest.mark.parametrize(
    ("ext_id", "written"),
    [
        (None, OURS),
        (OURS, None),
        ("sage100:TEST:7", OURS),
        ("ssm:TEST:1", OURS),
        ("C-0001", None),
        ("sage100:OTHER:1", None),
    ],
)
def test_a_foreign_ext_id_is_never_overwritten(ext_id, written):
    assert Marks(worlds.DATABASE).to_write(ext_id, ExtId(SAGE, worlds.DATABASE, 1)) == written


# --- R4


@pytest.mark.parametrize(
    ("account", "accounts", "code"),
    [
        (None, worlds.ACCOUNTS, Code.COMPANY_MISSING),
        (11, [{**worlds.ACCOUNTS[0], "deleted": True}], Code.COMPANY_MISSING),
        (11, [{**worlds.ACCOUNTS[0], "extId": None}], Code.COMPANY_NOT_IN_SAGE),
        (11, [{**worlds.ACCOUNTS[0], "extId": "GAMMA"}], Code.COMPANY_NOT_IN_SAGE),
        (99, worlds.ACCOUNTS, Code.COMPANY_NOT_IN_SAGE),
        (11, worlds.ACCOUNTS, None),
    ],
)
def test_r4_an_ssm_contact_needs_a_client_or_prospect_of_sage(account, accounts, code):
    known = worlds.mapper(known=worlds.companies(accounts=accounts))
    made = decide(worlds.world([], [worlds.ssm_row(accountId=account)], [], using=known))
    assert [p.code for p in made.problems] == ([code] if code else [])
    assert [w.side for w in made.writes] == ([] if code else [SAGE])


def test_r4_contacts_that_wait_for_a_company_are_told_once_with_their_number():
    rows = [worlds.sage_row(n, CT_Nom=f"Waiting{n}", CT_Num="BETA") for n in (1, 2, 3)]
    known = worlds.mapper(known=worlds.companies(accounts=worlds.ACCOUNTS[:1]))
    (problem,) = joined_by_cause(decide(worlds.world(rows, [], [], using=known)).problems)
    waiting = tuple(Subject("BETA", n, None, f"Ada Waiting{n}") for n in (1, 2, 3))
    assert (problem.subject, problem.facts) == (Subject("BETA"), CompanyNotInSsm(contacts=waiting))


# --- R3, P7, P12: new contacts


def test_r3_a_new_contact_of_sage_is_created_in_ssm_under_its_ext_id():
    made = decide(worlds.world([worlds.sage_row(CT_EMail="ada@x.example")], [], []))
    values = {"lastName": "Aubrelin", "firstName": "Ada", "email": "ada@x.example", "gender": 1}
    assert lines(made) == [("ssm", "create", values | {"accountId": 11, "extId": OURS})]
    assert made.writes[0].origin is SAGE


def test_r3_a_new_contact_of_ssm_is_created_in_sage_in_the_company_as_sage_writes_it():
    accounts = [{**worlds.ACCOUNTS[0], "extId": "alpha"}]
    known = worlds.mapper(known=worlds.companies(accounts=accounts))
    (write,) = decide(worlds.world([], [worlds.ssm_row(comment="stays")], [], using=known)).writes
    assert (write.side, write.action, write.origin) == (SAGE, Action.CREATE, SSM)
    told = {name: value for name, value in write.values.items() if value}
    assert told == {"CT_Nom": "Aubrelin", "CT_Prenom": "Ada", "CT_Civilite": 1, "CT_Num": "ALPHA", "CT_No": 1}


@pytest.mark.parametrize(
    ("fields", "created", "problems"),
    [
        ({"lastName": "Łukasz"}, False, ["value_not_representable last_name"]),
        ({"lastName": "x" * 36}, False, ["value_too_long last_name"]),
        ({"lastName": ""}, False, ["value_missing last_name"]),
        ({"firstName": "Łuk"}, False, ["value_not_representable first_name"]),
        ({"skype": "x" * 36}, True, ["value_too_long skype"]),
    ],
)
def test_p7_a_new_contact_of_which_sage_cannot_hold_a_name_is_not_created(fields, created, problems):
    made = decide(worlds.world([], [worlds.ssm_row(**fields)], []))
    assert (bool(made.writes), worlds.told(made)[0]) == (created, problems)


def test_p7_a_contact_without_first_name_waits_for_one():
    made = decide(worlds.world([worlds.sage_row(CT_Prenom="")], [], []))
    assert (made.writes, worlds.told(made)[0]) == ((), ["value_missing first_name"])


def test_p7_a_site_may_say_what_stands_for_no_first_name():
    known = worlds.mapper(policy=Policy(missing_first_name="-"))
    made = decide(worlds.world([worlds.sage_row(CT_Prenom="")], [], [], using=known))
    assert [w.values["firstName"] for w in made.writes] == ["-"]


def test_p12_of_two_namesakes_the_second_is_not_created_in_sage():
    made = decide(worlds.world([], [worlds.ssm_row(501), worlds.ssm_row(502)], []))
    assert [w.ssm.id for w in made.writes] == [501]
    assert [(p.subject.ssm_id, p.facts) for p in made.problems] == [(502, DuplicateInSage(ContactRef(SSM, 501)))]


@pytest.mark.parametrize(("last", "created"), [("Aubrelin", 0), ("AUBRELIN", 1), ("Aubrelín", 1)])
def test_p12_names_are_the_same_byte_for_byte(last, created):
    link = worlds.linked(HERE, THERE)
    made = decide(worlds.world([HERE], [THERE, worlds.ssm_row(502, lastName=last)], [link]))
    assert len(made.writes) == created


def test_p12_on_a_rename_only_the_two_names_wait():
    other = worlds.sage_row(2, CT_Nom="Martin", CT_Prenom="Eva")
    link = worlds.linked(HERE, THERE)
    renamed = THERE | {"lastName": "Martin", "firstName": "Eva", **EMAIL}
    made = decide(
        worlds.world([HERE, other], [renamed, worlds.ssm_row(502, lastName="Martin", firstName="Eva")], [link])
    )
    assert ("sage100", "update", {"CT_EMail": "new@x.example"}) in lines(made)
    assert "duplicate_in_sage last_name" in worlds.told(made)[0]


def test_p12_two_that_swap_their_names_wait_for_each_other():
    rows = [worlds.sage_row(1), worlds.sage_row(2, CT_Nom="Martin")]
    there = [worlds.ssm_row(501, extId=OURS), worlds.ssm_row(502, extId="sage100:TEST:2", lastName="Martin")]
    links = [worlds.linked(*pair) for pair in zip(rows, there, strict=True)]
    swapped = [there[0] | {"lastName": "Martin"}, there[1] | {"lastName": "Aubrelin"}]
    made = decide(worlds.world(rows, swapped, links))
    assert (lines(made), [p.code for p in made.problems]) == ([], [Code.DUPLICATE_IN_SAGE] * 2)


# --- P5: where a link moves


@pytest.mark.parametrize(
    ("live", "moves_to"),
    [
        ([], None),
        ([worlds.ssm_row(502, extId=OURS)], 502),
        ([worlds.ssm_row(502)], 502),
        ([worlds.ssm_row(502, extId=OURS), worlds.ssm_row(503)], 502),
        ([worlds.ssm_row(502), worlds.ssm_row(503)], None),
        ([worlds.ssm_row(502, lastName="Martin")], None),
        ([worlds.ssm_row(502, accountId=12)], None),
    ],
)
def test_p5_the_link_moves_to_a_living_contact_that_stands_for_it(live, moves_to):
    made = decide(worlds.world([HERE], [AWAY, *live], [worlds.linked(HERE, THERE)]))
    kept = worlds.links_of(made).get(1)
    restored = [w for w in made.writes if w.side is SSM and w.action is Action.CREATE and w.link]
    assert (kept.ssm_id if kept else None) == moves_to
    assert len(restored) == (0 if moves_to else 1)
    assert Code.DELETION_REFUSED in {*worlds.told(made)[1]}


def test_p5_p4_the_contact_that_the_link_moves_to_never_said_what_the_deleted_one_said():
    # With the base of the deleted one its empty e-mail would count as cleared.
    here, there = worlds.sage_row(CT_EMail="ada@x.example"), worlds.ssm_row(email="ada@x.example", extId=OURS)
    made = decide(worlds.world([here], [there | {"deleted": True}, worlds.ssm_row(502)], [worlds.linked(here, there)]))
    assert lines(made) == [("ssm", "update", {"email": "ada@x.example", "extId": OURS})]


def test_p5_what_is_restored_bears_all_that_the_deleted_row_still_shows():
    gone = AWAY | {
        "comment": "Prefers mornings",
        "salesRepId": {"id": 310, "value": ""},
        "Z_interests": [{"id": 1, "value": "Golf"}, {"id": 3, "value": "Chess"}],
        "salesRepIdCreated": 90,
        "dateDeleted": "2026-03-02T09:00:00Z",
        "readOnly": False,
    }
    (write,) = decide(worlds.world([HERE | {"CT_EMail": "new@x.example"}], [gone], [worlds.linked(HERE, THERE)])).writes
    assert write.values == {
        "lastName": "Aubrelin",
        "firstName": "Ada",
        "gender": 1,
        "email": "new@x.example",
        "comment": "Prefers mornings",
        "salesRepId": 310,
        "Z_interests": [1, 3],
        "accountId": 11,
        "extId": OURS,
    }


def test_p5_a_foreign_ext_id_is_restored_too():
    gone = AWAY | {"extId": "C-0001"}
    (write,) = decide(worlds.world([HERE], [gone], [worlds.linked(HERE, THERE)])).writes
    assert write.values["extId"] == "C-0001"


def test_a_plan_is_the_same_for_the_same_world_and_changes_nothing_in_it():
    made_from = company_world(base="ALPHA", here="BETA", there=11)
    assert decide(made_from).writes == decide(made_from).writes
    assert made_from.links == company_world(base="ALPHA", here="BETA", there=11).links


def test_a_first_match_takes_what_both_sides_say_for_the_base():
    made = decide(worlds.world([HERE], [THERE | {"extId": None}], []))
    (link,) = made.links
    assert isinstance(link, Link)
    assert replace(link, base=dict(link.base)).base == worlds.base_of(HERE, THERE, worlds.mapper())


@pytest.mark.parametrize("base", ["known", "none"])
def test_p1_what_both_sides_say_alike_becomes_the_base_without_a_write(base):
    here, there = HERE | {"CT_EMail": "new@x.example"}, THERE | {"email": "NEW@x.example"}
    link = worlds.linked(HERE, THERE, without=() if base == "known" else ("email",))
    made = decide(worlds.world([here], [there], [link]))
    assert (made.writes, worlds.links_of(made)[1].base["email"]) == ((), ValuePair("new@x.example", "NEW@x.example"))


def test_a_link_keeps_telling_its_company_and_name_for_people_to_read():
    link = worlds.linked(HERE, THERE)
    made = decide(worlds.world([HERE | {"CT_Nom": "Martin"}], [THERE | {"lastName": "Martin"}], [link]))
    assert (worlds.links_of(made)[1].contact, worlds.links_of(made)[1].company) == ("Ada Martin", "ALPHA")
