"""The commands that mend: one contact tried again alone, links rebuilt from both sides."""

import json
from pathlib import Path

import pytest

from sage100_ssm.messages import say
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.sync.run.course import Step


@pytest.fixture
def here(tmp_path):
    with sample_installation(tmp_path / "place") as place:
        yield place


@pytest.fixture
def told(here, call):
    """Run a command that prints JSON and give what it printed."""
    return lambda command: json.loads(call(command, "-c", str(here.settings), "--json").stdout)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("step", list(Step))
def test_each_step_has_words(step, language):
    assert say(f"step_{step}", language)


def refused_twice(here, call, told):
    """Two contacts whose update SSM refuses, each with its open problem."""
    call("run", "-c", str(here.settings))
    people = [row["cbMarq"] for row in here.sage.contacts("NACRE")[:2]]
    here.api.faults.add(Fault(CannedResponse(400, {"Message": "refused"}), "PUT", "/contacts/*", times=None))
    for marq in people:
        here.sage.edit_contact(marq, CT_EMail=f"neu{marq}@nacre.example")
    call("run", "-c", str(here.settings))
    here.api.faults.clear()
    return [p for p in told("problems") if p["code"] == "value_refused"]


def test_retry_tries_one_contact_alone_and_leaves_the_others_as_they_were(here, call, told):
    one, two = refused_twice(here, call, told)
    result = call("retry", str(one["id"]), "-c", str(here.settings))
    assert result.exit_code == 0
    assert here.ssm.contact(one["ssm_id"])["email"] == f"neu{one['sage100_id']}@nacre.example"
    assert here.ssm.contact(two["ssm_id"])["email"] != f"neu{two['sage100_id']}@nacre.example"
    left = {p["id"] for p in told("problems")}
    assert (one["id"] in left, two["id"] in left) == (False, True)
    assert f"{one['contact']} ({one['company']})\N{NO-BREAK SPACE}: modifié dans" in result.stdout


def test_retry_says_that_and_why_a_contact_is_refused_again(here, call, told):
    one, _ = refused_twice(here, call, told)
    here.api.faults.add(Fault(CannedResponse(400, {"Message": "refused"}), "PUT", "/contacts/*", times=None))
    result = call("retry", str(one["id"]), "-c", str(here.settings))
    assert result.exit_code == 0
    assert "refusé de nouveau" in result.stdout
    assert "refused" in result.stdout
    printed = json.loads(call("retry", str(one["id"]), "-c", str(here.settings), "--json").stdout)["retried"]
    assert (printed["became"], [c["contact"] for c in printed["contacts"]]) == ("refused", [one["contact"]])
    assert [(p["id"], p["code"]) for p in printed["problems"]] == [(one["id"], one["code"])]


def test_retry_is_no_run_for_status(here, call, told):
    one, _ = refused_twice(here, call, told)
    before = told("status")["last_run"]
    call("retry", str(one["id"]), "-c", str(here.settings))
    assert told("status")["last_run"] == before
    assert told("run")["run_id"] == told("status")["last_run"]["run_id"]


def test_retry_does_not_wait_for_the_pause_of_a_write_that_was_refused(here, call, told):
    one, _ = refused_twice(here, call, told)
    here.api.faults.add(Fault(CannedResponse(400, {"Message": "refused"}), "PUT", "/contacts/*", times=None))
    for _ in range(3):
        call("run", "-c", str(here.settings))
    here.api.faults.clear()
    assert told("run")["ssm"]["updated"] == 0
    assert call("retry", str(one["id"]), "-c", str(here.settings)).exit_code == 0
    assert here.ssm.contact(one["ssm_id"])["email"] == f"neu{one['sage100_id']}@nacre.example"


def test_retry_of_no_open_problem_ends_with_2_and_asks_neither_side(here, call):
    call("run", "-c", str(here.settings))
    asked = len(here.api.requests)
    result = call("retry", "4711", "-c", str(here.settings))
    assert (result.exit_code, "4711" in result.stderr) == (2, True)
    assert len(here.api.requests) == asked


def test_retry_of_a_solved_problem_says_so(here, call, told):
    one, _ = refused_twice(here, call, told)
    call("retry", str(one["id"]), "-c", str(here.settings))
    result = call("retry", str(one["id"]), "-c", str(here.settings))
    assert (result.exit_code, "déjà résolu" in result.stderr) == (2, True)


def test_resync_of_a_damaged_state_puts_it_aside_and_links_again_without_a_write(here, call, told):
    call("run", "-c", str(here.settings))
    before = len(told("links"))
    state = here.settings.parent / "sync-state.db"
    for part in state.parent.glob(f"{state.name}-*"):
        part.unlink()
    state.write_bytes(b"no database at all" * 100)
    sides = (here.sage.snapshot(), here.ssm.snapshot())
    result = call("resync", "-c", str(here.settings))
    assert (result.exit_code, (here.sage.snapshot(), here.ssm.snapshot()) == sides) == (0, True)
    assert len(told("links")) == before
    assert len(list(Path(state.parent).glob("sync-state.db.damaged-*"))) == 1
    assert told("run")["ssm"]["created"] == 0


def test_p9_without_its_state_nothing_is_written_until_resync_which_says_what_it_found(here, call, told):
    call("run", "-c", str(here.settings))
    linked = len(told("links"))
    (here.settings.parent / "sync-state.db").unlink()
    held = call("run", "-c", str(here.settings))
    assert (held.exit_code, "sage100-ssm resync" in held.stderr) == (3, True)
    result = call("resync", "-c", str(here.settings))
    shown = " ".join(result.stdout.replace("\N{NO-BREAK SPACE}", " ").split())
    assert (result.exit_code, f"Liens retrouvés : {linked}, avec le dossier" in shown) == (0, True)
    assert here.database.name in shown
    assert call("run", "-c", str(here.settings)).exit_code == 0


def test_p9_resync_that_a_guard_holds_back_says_so(here, call, told):
    call("run", "-c", str(here.settings))
    for row in here.sage.contacts():
        here.sage.rename_contact(row["cbMarq"], f"Autre{row['cbMarq']}", "Zoé")
    result = call("resync", "-c", str(here.settings))
    assert (result.exit_code, "changé à la fois de nom et de prénom" in result.stderr) == (3, True)


def test_one_retry_tries_all_contacts_that_wait_for_a_cause(here, call, told):
    call("run", "-c", str(here.settings))
    people = [row["cbMarq"] for row in here.sage.contacts("NACRE")[:2]]
    for marq in people:
        here.sage.edit_contact(marq, CT_Fonction="Zouave")
    call("run", "-c", str(here.settings))
    (problem,) = [p for p in told("problems") if "Zouave" in p["message"]]
    assert {one["sage100_id"] for one in problem["contacts"]} == set(people)
    for marq in people:
        here.sage.edit_contact(marq, CT_Fonction=None)
    assert call("retry", str(problem["id"]), "-c", str(here.settings)).exit_code == 0
    assert problem["id"] not in {p["id"] for p in told("problems")}
