"""P17: ``export`` hands out all that is kept of one person, and as little as can be of anybody else."""

import json

import pytest

from sage100_ssm.app.assemble import utc_now
from sage100_ssm.sync.journal import AmbiguousMatch, Entry, Named, RejectedBySsm, Subject, ValueUnknown
from sage100_ssm.sync.model import Change, Intent, Side, ValuePair
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.state.decisions import Decision
from sage100_ssm.sync.state.records import WriteAction, WriteRecord
from sage100_ssm.sync.state.store import StateStore

CLAIRE = Subject("CARAT", 12, 340, "Claire Morel")
PAUL = Subject("CARAT", 13, 341, "Paul Durand")


@pytest.fixture
def full(state):
    """Claire in every table of the state, some of it together with Paul."""
    now = utc_now()
    entries = [
        Entry(CLAIRE, ValueUnknown("Zouave", Side.SSM), "job_title", "Zouave").about(CLAIRE, PAUL),
        Entry(PAUL, RejectedBySsm("claire@carat.example is in use")),
        Entry(CLAIRE, AmbiguousMatch((Named(12, "Claire Morel"),), (Named(340, "Claire Morel"),), by_ext_id=False)),
    ]
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.save_observed("contacts", [{"id": 340, "lastName": "Morel", "comments": "likes tea", "fax": ""}])
        memory.report_problems(entries, now=now, run_id="r2", keep=lambda _: True)
        memory.save_intent(Intent(Side.SSM, 12, base={"phone": ValuePair("01 99 00 10 77", None)}))
        change = {"mobile": Change("06 00 00 00 01", "06 00 00 00 02")}
        memory.writes.save(WriteRecord("r2", now, Side.SSM, WriteAction.UPDATE, CLAIRE, change, is_confirmed=True))
        memory.decisions.add([Decision(Choice.DIFFERENT, "marie", now, sage100_id=12, ssm_id=399)])
    return state


def test_scripts_get_all_that_any_table_has_of_the_person(settings, full, call):
    data = json.loads(call("export", "claire", "--json", "-c", settings("en")).stdout)

    assert data["person"] == {"names": ["Claire Morel", "Morel"], "sage100_ids": [12], "ssm_ids": [340]}
    [link] = data["links"]
    assert (link["contact"], link["fields"]["last_name"]) == ("Claire Morel", ["Morel", "Morel"])
    assert data["ssm_rows"] == [{"fields": {"id": 340, "lastName": "Morel", "comments": "likes tea", "fax": ""}}]
    assert {entry["code"] for entry in data["journal"]} >= {"record_locked", "value_too_long", "ambiguous_match"}
    assert [write["fields"] for write in data["writes"]] == [{"mobile": ["06 00 00 00 01", "06 00 00 00 02"]}]
    assert [creation["fields"] for creation in data["creations"]] == [{"phone": ["01 99 00 10 77", None]}]
    assert [(decision["choice"], decision["by"]) for decision in data["decisions"]] == [("different", "marie")]
    assert [place["side"] for place in data["lives_on"]] == ["sage100", "ssm"]
    assert set(data["elsewhere"]) == {"sides", "prefect", "logs", "files", "copies"}


def test_nothing_of_anybody_else_is_handed_out(settings, full, call):
    for form in ((), ("--json",)):
        shown = call("export", "claire", *form, "-c", settings("en")).stdout
        assert "Durand" not in shown
        assert "341" not in shown
        assert "in use" not in shown
    data = json.loads(call("export", "claire", "--json", "-c", settings()).stdout)
    assert [entry["code"] for entry in data["quoted_in"]] == ["rejected_by_ssm"]


@pytest.mark.parametrize(("language", "words"), [("fr", "aucun nom ni valeur"), ("en", "no name and no value")])
def test_people_get_it_as_a_text_that_says_where_else_the_person_may_be(settings, full, call, language, words):
    result = call("export", "claire", "-c", settings(language))

    text = " ".join(result.stdout.replace("\N{NO-BREAK SPACE}", " ").split())
    assert result.exit_code == 0
    for part in ("likes tea", "Claire@carat.example", "06 00 00 00 01", "01 99 00 10 77", "marie", "Zouave", words):
        assert part in text


def test_of_somebody_who_was_forgotten_numbers_codes_and_times_are_left(settings, full, call):
    call("forget", "claire", "--yes", "-c", settings())

    data = json.loads(call("export", "ssm:340", "--json", "-c", settings("en")).stdout)

    assert data["person"] == {"names": [], "sage100_ids": [], "ssm_ids": [340]}
    assert {entry["contact"] for entry in data["journal"]} == {None}
    assert [data[part] for part in ("links", "ssm_rows", "writes", "creations", "decisions")] == [[]] * 5
    assert "Morel" not in json.dumps(data)


def test_of_several_people_or_nobody_nothing_is_handed_out(settings, full, call):
    several = call("export", "l", "--json", "-c", settings("en"))
    assert several.exit_code == 2
    assert json.loads(several.stdout)["person"] is None
    assert "contacts answer" in several.stderr

    nobody = call("export", "Nobody", "--json", "-c", settings())
    assert (nobody.exit_code, json.loads(nobody.stdout)) == (0, {"person": None, "contacts": []})
