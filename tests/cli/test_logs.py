"""The log: lines of JSON, or a file, with ids, codes and figures and no name of a contact (P17)."""

import json
import logging

import pytest

from sage100_ssm.cli import run_log
from sage100_ssm.cli.logs import LogFormat, LogWanted, log_wanted, set_up_log
from sage100_ssm.standins.sample_installation import sample_installation

NAMES = ("Aubrelin", "Cassagrel", "Fontbrune", "Ygrandel", "@")


@pytest.fixture(autouse=True)
def log_as_before():
    root = logging.getLogger()
    level = root.level
    yield
    set_up_log(LogWanted())
    root.setLevel(level)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    with sample_installation(tmp_path_factory.mktemp("sample"), language="en") as opened:
        yield opened


def lines(result):
    return [json.loads(line) for line in result.stderr.splitlines()]


def test_a_run_is_a_line_of_json_with_its_figures_and_without_a_name(sample, call):
    result = call("--log-format", "json", "run", "-c", sample.settings)
    assert result.exit_code == 0
    found = lines(result)
    assert {"time", "level", "logger", "message", "event"} <= found[-1].keys()
    ended = found[-1]
    assert (ended["event"], ended["status"], ended["exit_code"], ended["level"]) == ("run_ended", "done", 0, "INFO")
    assert ended["ssm"]["created"] > 0
    assert ended["seconds"] > 0
    assert not any(name in result.stderr for name in NAMES)
    assert "Synchronisation done" in result.stdout


def test_an_error_is_a_line_with_its_exit_code(tmp_path, call):
    (error,) = lines(call("--log-format", "json", "status", "-c", tmp_path / "absent.yaml"))
    assert (error["event"], error["level"], error["exit_code"]) == ("command_failed", "ERROR", 2)
    assert "absent.yaml" in error["message"]


def test_a_file_gets_what_the_standard_error_would_have(sample, tmp_path, call):
    file = tmp_path / "journal é" / "sync.log"
    result = call("--log-file", file, "plan", "-c", sample.settings)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Reading both sides" in file.read_text("utf-8")
    assert not any(name in file.read_text("utf-8") for name in NAMES)


def test_a_file_that_cannot_be_written_is_a_wrong_option(tmp_path, call):
    (tmp_path / "file").write_text("")
    result = call("--log-file", tmp_path / "file" / "sync.log", "status")
    assert result.exit_code == 2
    assert "--log-file" in result.stderr


def test_the_names_that_explain_proposes_are_for_the_user_alone(settings, state, call):
    result = call("--log-format", "json", "explain", "Claire Moral", "--no-live", "-c", settings("en"))
    assert "Did you mean" in result.stderr
    assert not any("Claire" in json.dumps(one) for one in map(_json, result.stderr.splitlines()) if one)


def _json(line):
    return json.loads(line) if line.startswith("{") else None


def test_a_log_is_no_longer_wanted_once_a_command_does_not_ask_for_it(settings, state, call):
    call("--log-format", "json", "status", "-c", settings())
    assert log_wanted().form is LogFormat.JSON
    call("status", "-c", settings())
    assert log_wanted() == LogWanted()
    assert sum(handler.name == "sage100_ssm" for handler in logging.getLogger().handlers) == 1


def test_of_others_only_warnings_are_logged(capfd):
    set_up_log(LogWanted(LogFormat.JSON))
    logging.getLogger("httpx").info("GET https://ssm.example/contacts?where=lastName='Morel'")
    logging.getLogger("ssm").warning("Trying again")
    logging.getLogger("sage100_ssm.web").info("ours")
    logged = capfd.readouterr().err
    assert "Morel" not in logged
    assert logged.count("\n") == 2


def test_runs_of_other_processes_are_logged_once_each_when_they_have_ended(state, caplog):
    seen = set()
    with caplog.at_level(logging.INFO, "sage100_ssm"):
        run_log.log_new_runs(state, "BIJOU", seen)
        run_log.log_new_runs(state, "BIJOU", seen)
    (record,) = caplog.records
    assert (record.event, record.run_id, record.linked) == ("run_ended", "r1", 2)


def test_runs_before_the_service_started_are_not_logged_again(state, caplog):
    with caplog.at_level(logging.INFO, "sage100_ssm"), run_log.logged_runs(state, "BIJOU"):
        pass
    assert caplog.records == []


def test_a_state_that_is_not_there_yet_has_no_runs(tmp_path):
    with run_log.logged_runs(f"sqlite:///{tmp_path / 'absent.db'}", "BIJOU"):
        pass
