"""The examples for monitoring systems: the Nagios plugin judges what the status says."""

import importlib.util
import json
import sys

import pytest

from tests.support.pages import ROOT

FILE = ROOT / "deploy/monitoring/check_sage100_ssm.py"
QUIET = {
    "last_run": {"started_at": "2026-03-02T12:00:00+00:00", "exit_code": 0},
    "late_since": None,
    "ahead_of_clock": None,
    "problems": {"value_too_long": 2},
    "links": {"status": {"active": 79, "asleep": 2}, "origin": {}},
}


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location("check_sage100_ssm", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check(plugin, tmp_path, monkeypatch, capsys):
    """A function that calls the plugin with a command in place of ours: its exit code, and the line."""

    def called(prints, code=0, *options):
        stand_in = tmp_path / "stand_in.py"
        stand_in.write_text(
            f"import sys\nsys.stdout.write({prints!r})\nsys.stderr.write('refused\\n')\nsys.exit({code})"
        )
        command = f"{sys.executable} {stand_in}"
        monkeypatch.setattr("sys.argv", ["check", "--config", "sync.yaml", "--command", command, *options])
        return plugin.main(), capsys.readouterr().out

    return called


def test_a_quiet_synchronisation_is_ok_with_its_figures(check):
    code, line = check(json.dumps(QUIET))
    assert (code, line) == (
        0,
        "SYNC OK - last run 2026-03-02T12:00:00+00:00, 2 open problems | problems=2;20;0 links=81\n",
    )


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"late_since": "2026-03-02T12:15:00+00:00"}, 2, "does the service run"),
        ({"last_run": {"started_at": "", "exit_code": 2}}, 2, "sage100-ssm check"),
        ({"last_run": {"started_at": "", "exit_code": 3}}, 2, "sage100-ssm plan"),
        ({"last_run": {"started_at": "", "exit_code": 4}}, 1, "not reached"),
        ({"last_run": {"started_at": "", "exit_code": None}}, 0, "last run"),
        ({"last_run": None}, 1, "no run yet"),
        ({"ahead_of_clock": "2026-03-02T12:15:00+00:00"}, 1, "clock"),
        ({"problems": {"value_too_long": 25}}, 1, "25 open problems"),
        ({"problems": {"value_too_long": 25}, "late_since": "x"}, 2, "late since x: does the service run?; 25"),
    ],
)
def test_what_is_wrong_is_judged_and_named(check, changes, code, words):
    found, line = check(json.dumps({**QUIET, **changes}))
    assert found == code
    assert words in line
    assert line.count("\n") == 1


def test_the_limits_are_given_by_an_option(check):
    assert check(json.dumps(QUIET), 0, "--problems", "1:2")[0] == 2
    assert check(json.dumps(QUIET), 0, "--problems", "0")[0] == 0


@pytest.mark.parametrize(("prints", "code"), [("", 2), ("no json", 0)])
def test_what_cannot_be_asked_is_unknown(check, prints, code):
    found, line = check(prints, code)
    assert found == 3
    assert line.startswith("SYNC UNKNOWN - ")


def test_a_program_that_is_missing_is_unknown(plugin, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["check", "--command", "no-such-program"])
    assert plugin.main() == 3
