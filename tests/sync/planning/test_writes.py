"""Writes as data, as records of docs/contract.md, and as `plan --json` and `run --json` print them."""

import json
from datetime import UTC, datetime

import pytest

from sage100_ssm.connectors.request import write_request
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.contact import Marks
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Code, CompanyChangeRefused, ConflictSettled, Entry, Subject
from sage100_ssm.sync.model import Change, Side
from sage100_ssm.sync.planning import writes
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.run.apply import record_of
from sage100_ssm.sync.run.report import Counts, RunReport, planned
from sage100_ssm.sync.state.records import RunStatus
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Subject("ALPHA", 1, 501, "Ada Aubrelin")
OURS = "sage100:TEST:1"


# --- records of docs/contract.md


@pytest.mark.parametrize(
    ("write", "record"),
    [
        (
            Write(SAGE, Action.UPDATE, ADA, {"CT_EMail": None}, {"CT_EMail": "a", "CT_No": 101}, target_id=1),
            {"cbMarq": 1, "CT_EMail": None, "_set": ["CT_EMail"], "_expected": {"CT_EMail": "a", "CT_No": 101}},
        ),
        (
            Write(SSM, Action.UPDATE, ADA, {"email": "b", "fax": None}, {"email": None, "fax": "1"}, target_id=501),
            {
                "id": 501,
                "email": "b",
                "fax": None,
                "_set": ["email", "fax"],
                "_expected": {"email": None, "fax": "1"},
            },
        ),
        (
            Write(SSM, Action.DELETE, ADA, expected={"email": "a"}, target_id=501),
            {"id": 501, "_ab_cdc_deleted_at": "2026-03-02T08:00:00+00:00", "_expected": {"email": "a"}},
        ),
        (
            Write(SSM, Action.CREATE, ADA, {"lastName": "Aubrelin", "extId": OURS}),
            {"lastName": "Aubrelin", "extId": OURS, "_set": ["lastName", "extId"], "_create": True},
        ),
    ],
)
def test_a_write_as_the_record_that_a_destination_takes(write, record):
    assert record_of(write, NOW) == record


@pytest.mark.parametrize("action", list(Action))
def test_a_record_is_read_as_the_action_that_was_meant(action):
    target = None if action is Action.CREATE else 501
    record = record_of(Write(SSM, action, ADA, {"email": "b"}, target_id=target), NOW)
    on_the_wire = {name: value for name, value in record.items() if value is not None}
    request = write_request(0, "contacts", on_the_wire, id_field="id", declared=(), rename={})
    assert (request.action, request.id) == (action, target)
    assert action is Action.DELETE or request.values == {"email": "b"}


def test_what_is_cleared_survives_a_wire_that_drops_nulls():
    record = record_of(Write(SSM, Action.UPDATE, ADA, {"email": None}, target_id=501), NOW)
    on_the_wire = {name: value for name, value in record.items() if value is not None}
    request = write_request(0, "contacts", on_the_wire, id_field="id", declared=(), rename={})
    assert request.values == {"email": None}


@pytest.mark.parametrize(("side", "target", "source"), [(SAGE, SAGE, SSM), (SSM, SSM, SAGE)])
def test_a_write_changes_the_contact_of_its_side_and_carries_over_that_of_the_other(side, target, source):
    contacts = worlds.contacts_of({SAGE: worlds.sage_row(), SSM: worlds.ssm_row()})
    write = Write(side, Action.UPDATE, ADA, sage100=contacts[SAGE], ssm=contacts[SSM])
    assert (write.target, write.source) == (contacts[target], contacts[source])


# --- what is restored, what is joined


@pytest.mark.parametrize(
    ("name", "value", "restored"),
    [
        ("comment", "Prefers mornings", {"comment": "Prefers mornings"}),
        ("Z_vip", False, {"Z_vip": False}),
        ("Z_score", 0, {"Z_score": 0}),
        ("countryId", {"id": 75, "value": "France"}, {"countryId": 75}),
        ("Z_list", [{"id": 1, "value": "a"}, 2], {"Z_list": [1, 2]}),
        ("UseCompanyAddress", True, {"UseCompanyAddress": True}),
        ("salesRepId", {"id": 310, "value": ""}, {"salesRepId": 310}),
        ("birthday", "2021-10-02T00:00:00Z", {"birthday": "2021-10-02T00:00:00Z"}),
        ("city", None, {}),
        ("id", 501, {}),
        ("deleted", True, {}),
        ("extId", OURS, {}),
        ("changed_at", "2026-03-02T08:00:00Z", {}),
        ("readOnly", True, {}),
        ("dateCreated", "2026-03-02T08:00:00Z", {}),
        ("dateUpdated", "2026-03-02T08:00:00Z", {}),
        ("dateDeleted", "2026-03-02T08:00:00Z", {}),
        ("salesRepIdCreated", 90, {}),
        ("salesRepIdUpdated", 90, {}),
        ("salesRepIdDeleted", 90, {}),
    ],
)
def test_p5_what_a_deleted_row_still_shows_and_a_new_one_may_bear(name, value, restored):
    assert writes.restorable_values({name: value}) == restored


def test_updates_of_one_row_are_a_single_write():
    told = [Entry(ADA, facts) for facts in (ConflictSettled(SSM), CompanyChangeRefused())]
    one = Write(
        SSM,
        Action.UPDATE,
        ADA,
        {"email": "b"},
        {"email": "a"},
        {"email": Change("a", "b")},
        501,
        carried=("email",),
        notices=(told[0],),
    )
    two = Write(
        SSM,
        Action.UPDATE,
        ADA,
        {"accountId": 11},
        {"accountId": 12},
        {"company": Change("BETA", "ALPHA")},
        501,
        carried=("company",),
        notices=(told[1],),
    )
    both = writes.joined([one, two])
    assert (both.values, both.expected) == ({"email": "b", "accountId": 11}, {"email": "a", "accountId": 12})
    assert (set(both.changes), both.carried, both.notices) == ({"email", "company"}, ("email", "company"), tuple(told))
    assert writes.joined([one]) == one


def test_p11_an_update_expects_the_raw_values_seen_and_in_sage_the_same_row():
    here, there = worlds.sage_row(CT_EMail="a@x.example"), worlds.ssm_row(email="a@x.example", extId=OURS)
    link = worlds.linked(here, there)
    (to_sage,) = decide(worlds.world([here], [there | {"email": "b@x.example"}], [link])).writes
    assert to_sage.expected == {"CT_EMail": "a@x.example", "CT_No": 101}
    (to_ssm,) = decide(worlds.world([here | {"CT_Civilite": 0}], [there], [link])).writes
    assert to_ssm.expected == {"gender": {"id": 1, "value": "Female"}}


def test_p11_a_deletion_expects_all_mapped_fields_as_seen():
    there = worlds.ssm_row(extId=OURS, email="a@x.example")
    (write,) = decide(worlds.world([], [there], [worlds.linked(worlds.sage_row(CT_EMail="a@x.example"), there)])).writes
    assert {f.ssm for f in worlds.mapper().fields} == set(write.expected)
    assert (write.expected["email"], write.expected["fax"]) == ("a@x.example", None)


# --- plan --json, run --json

PLANNED = {"action", "sage100_id", "ssm_id", "contact", "fields"}


def told(made, exit_code=Exit.DONE):
    return json.loads(json.dumps(planned(made, Marks(worlds.DATABASE), exit_code).as_json()))


def test_a_plan_tells_each_write_with_its_fields_before_and_after():
    here, there = worlds.sage_row(CT_Fonction="Acheteur"), worlds.ssm_row(typeId={"id": 1, "value": ""}, extId=OURS)
    link = worlds.linked(here, there)
    shown = told(decide(worlds.world([here | {"CT_Fonction": "Gérant"}], [there], [link])))
    assert (shown["sage100"], shown["held_back"]) == ([], [])
    (write,) = shown["ssm"]
    assert write.keys() >= PLANNED
    assert (write["action"], write["sage100_id"], write["ssm_id"], write["contact"]) == (
        "update",
        1,
        501,
        "Ada Aubrelin",
    )
    assert write["fields"] == {"job_title": ["Acheteur", "Gérant"]}


def test_a_plan_tells_an_ext_id_as_an_update_of_that_field():
    shown = told(decide(worlds.world([worlds.sage_row()], [worlds.ssm_row()], [worlds.linked()])))
    assert [(w["action"], w["fields"]) for w in shown["ssm"]] == [("update", {"ext_id": [None, OURS]})]


def test_a_plan_tells_the_ext_id_that_follows_a_create_in_sage():
    shown = told(decide(worlds.world([], [worlds.ssm_row(email="a@x.example")], [])))
    assert [(w["action"], w["sage100_id"], w["ssm_id"]) for w in shown["sage100"]] == [("create", None, 501)]
    fields = shown["sage100"][0]["fields"]
    assert (fields["last_name"], fields["email"], fields["company"]) == (
        [None, "Aubrelin"],
        [None, "a@x.example"],
        [None, "ALPHA"],
    )
    assert [w["fields"] for w in shown["ssm"]] == [{"ext_id": [None, "ssm:TEST:…"]}]


def test_a_plan_tells_no_ext_id_where_another_systems_stands():
    shown = told(decide(worlds.world([], [worlds.ssm_row(extId="C-0001")], [])))
    assert shown["ssm"] == []


def test_a_plan_tells_a_create_in_ssm_with_its_company_and_ext_id():
    shown = told(decide(worlds.world([worlds.sage_row()], [], [])))
    (write,) = shown["ssm"]
    assert (write["action"], write["sage100_id"], write["ssm_id"]) == ("create", 1, None)
    assert (write["fields"]["company"], write["fields"]["ext_id"]) == ([None, "ALPHA"], [None, OURS])


def test_a_plan_marks_what_is_destructive_and_what_is_held_back():
    made = decide(worlds.world([], [worlds.ssm_row(extId=OURS)], [worlds.linked()]))
    shown = told(made)
    assert [(w["action"], w["destructive"], w["ssm_id"]) for w in shown["ssm"]] == [("delete", True, 501)]
    shown = told(made.withhold(lambda _: Code.DELETION_GUARD), Exit.GUARD)
    assert (shown["ssm"], [w["reason"] for w in shown["held_back"]]) == ([], ["deletion_guard"])


def test_a_run_is_told_in_the_shape_of_the_contract():
    counts = Counts(read=5, created=1, updated=2, deleted=3, failed=4)
    report = RunReport("r1", NOW, NOW, RunStatus.HELD, Exit.GUARD, counts, Counts(), 17, 9, 1, 2, 3, 4, 5)
    assert json.loads(json.dumps(report.as_json())) == {
        "run_id": "r1",
        "started_at": "2026-03-02T08:00:00+00:00",
        "finished_at": "2026-03-02T08:00:00+00:00",
        "status": "held",
        "sage100": {"read": 5, "created": 1, "updated": 2, "deleted": 3, "failed": 4},
        "ssm": {"read": 0, "created": 0, "updated": 0, "deleted": 0, "failed": 0, "requests": 17},
        "linked": 9,
        "problems_opened": 1,
        "problems_closed": 2,
        "problems_open": 3,
        "notices": 4,
        "postponed": 5,
    }


@pytest.mark.parametrize(
    ("action", "name"), [(Action.CREATE, "created"), (Action.UPDATE, "updated"), (Action.DELETE, "deleted")]
)
def test_writes_done_are_counted_by_kind(action, name):
    counts = Counts()
    counts.add(action)
    assert (getattr(counts, name), counts.written, counts.failed) == (1, 1, 0)


@pytest.mark.parametrize("left_out", ["last_name", "first_name"])
def test_p1_without_one_name_the_other_is_not_written_either(left_out):
    here = worlds.sage_row(CT_Nom="Martin", CT_Prenom="Eva", CT_EMail="eva@x.example")
    link = worlds.linked(worlds.sage_row(), worlds.ssm_row())
    (write,) = decide(worlds.world([here], [worlds.ssm_row()], [link])).writes
    left = writes.without(write, [left_out], worlds.mapper())
    assert {"lastName", "firstName"}.isdisjoint(left.values)
    assert left.values["email"] == "eva@x.example"
