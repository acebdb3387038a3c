"""`status --metrics`: figures for Prometheus."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from sage100_ssm.app.schedule import Schedule, remember_schedule
from tests.cli.conftest import NOON
from tests.support.pages import ROOT

RULES = Path(ROOT / "deploy/monitoring/prometheus-rules.yaml").read_text("utf-8")


@pytest.fixture
def figures(settings, state, call):
    """A function that calls the command: the values by name and labels, but for the company."""

    def called():
        result = call("status", "--metrics", "-c", settings())
        assert (result.exit_code, result.stderr) == (0, "")
        found = {}
        for family in text_string_to_metric_families(result.stdout):
            for sample in family.samples:
                labels = {name: value for name, value in sample.labels.items() if name != "company"}
                assert sample.labels["company"] == "BIJOU"
                found[sample.name, frozenset(labels.items())] = sample.value
        return found

    return called


def one(figures, name, **labels):
    return figures.get((f"sage100_ssm_{name}", frozenset(labels.items())))


def test_the_figures_are_those_of_the_status(figures):
    found = figures()
    assert one(found, "open_problems") == 2
    assert one(found, "open_problems_by_code", code="value_too_long") == 1
    assert one(found, "links", status="active", origin="sage100") == 1
    assert one(found, "links", status="asleep", origin="ssm") == 1
    assert one(found, "links", status="asleep", origin="sage100") == 0
    assert one(found, "last_run_exit_code") == 0
    assert one(found, "last_run_contacts", side="ssm", action="failed") == 1
    assert one(found, "last_run_ssm_requests") == 9
    assert one(found, "last_run_start_timestamp_seconds") == NOON.timestamp()
    assert one(found, "late") == 0
    assert one(found, "next_run_timestamp_seconds") is None


def test_a_run_that_did_not_take_place_shows(figures, state):
    remember_schedule(state, Schedule(NOON, timedelta(minutes=15)))
    found = figures()
    assert one(found, "late") == 1
    assert one(found, "next_run_timestamp_seconds") > NOON.timestamp()


def test_the_alerts_are_on_figures_that_there_are(figures):
    yaml.safe_load(RULES)
    assert set(re.findall(r"sage100_ssm_\w+", RULES)) <= {name for name, _ in figures()}


def test_no_password_is_needed(tmp_path, state, call):
    file = tmp_path / "sync.yaml"
    file.write_text(
        "secrets: sync.env\nsage100: {company: BIJOU, connection: {kind: odbc, connection_string: '${X}'}}\n"
        "ssm: {public_key: '${Y}', private_key: '${Z}', default_sales_rep_id: 310}\n"
    )
    for words in (["status", "--metrics"], ["status"], ["problems"], ["journal"], ["links"], ["explain", "claire"]):
        result = call(*words, "-c", file)
        assert result.exit_code == 0, result.stderr
    assert call("explain", "claire", "--live", "-c", file).exit_code == 2
    assert call("explain", "nobody", "-c", file).exit_code == 1
    assert call("plan", "-c", file).exit_code == 2
