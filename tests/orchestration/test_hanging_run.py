"""A run that never ends: its process is ended, so that its company has runs again."""

import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from sage100_ssm.orchestration import flow

pytestmark = pytest.mark.xdist_group("prefect")

SETTINGS = SimpleNamespace(time_budget_minutes=14)


@pytest.fixture
def armed(monkeypatch):
    armed = []
    clock = SimpleNamespace(
        dump_traceback_later=lambda seconds, **options: armed.append((seconds, options)),
        cancel_dump_traceback_later=lambda: armed.append("cancelled"),
    )
    monkeypatch.setattr(flow, "faulthandler", clock)
    return armed


def test_a_run_of_a_deployment_is_ended_after_twice_its_time_budget(armed, monkeypatch):
    monkeypatch.setattr(flow, "deployment", SimpleNamespace(id="1"))
    with suppress(ZeroDivisionError), flow._ended_if_it_hangs(SETTINGS):
        assert armed == [(28 * 60, {"exit": True})]
        raise ZeroDivisionError

    assert armed[-1] == "cancelled"


def test_a_program_that_calls_the_flow_itself_is_never_ended(armed, monkeypatch):
    monkeypatch.setattr(flow, "deployment", SimpleNamespace(id=None))
    with flow._ended_if_it_hangs(SETTINGS):
        assert armed == []


def test_what_ends_it_does_not_wait_for_python():
    """As a driver that never returns, and holds Python's lock."""
    hold_the_lock = "re.match('(a?){40}a{40}', 'a' * 40)"
    code = f"import faulthandler, re; faulthandler.dump_traceback_later(0.2, exit=True); {hold_the_lock}"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - own code

    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
