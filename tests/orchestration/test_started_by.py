"""A guard that is lifted by a parameter of a flow run is noted with who started the run."""

import logging
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest

from sage100_ssm.orchestration import flow, started_by
from sage100_ssm.sync.run.context import RunOptions


@pytest.fixture
def prefect_knows(monkeypatch):
    """Lets Prefect know a creator of the run, or raise an error instead of an answer."""

    def knows(creator):
        def read_flow_run(_):
            if isinstance(creator, Exception):
                raise creator
            return SimpleNamespace(created_by=creator)

        @contextmanager
        def client(**_):
            yield SimpleNamespace(read_flow_run=read_flow_run)

        monkeypatch.setattr(started_by, "get_client", client)
        monkeypatch.setattr(started_by, "flow_run", SimpleNamespace(id=uuid4()))

    return knows


@pytest.mark.parametrize(
    ("creator", "said"),
    [
        (SimpleNamespace(display_value="Marie Leroy", type="USER"), "Marie Leroy (Prefect)"),
        (SimpleNamespace(display_value=None, type="USER"), "quelqu'un dans Prefect"),
        (None, "quelqu'un dans Prefect"),
        (httpx.ConnectError("away"), "quelqu'un dans Prefect"),
    ],
    ids=["named", "nameless", "unknown", "away"],
)
def test_who_started_a_run_is_as_prefect_knows_it(prefect_knows, creator, said):
    prefect_knows(creator)

    assert started_by.started_by("fr").replace("’", "'") == said


class _StoppedError(Exception):
    pass


@pytest.mark.parametrize(
    ("options", "by"),
    [
        (RunOptions(), None),
        (RunOptions(allow_deletions=True), "Marie (Prefect)"),
        (RunOptions(allow_mass_change=True), "Marie (Prefect)"),
    ],
)
def test_p9_a_run_that_lifts_a_guard_names_who_started_it(prefect_knows, monkeypatch, options, by):
    prefect_knows(SimpleNamespace(display_value="Marie", type="USER"))
    opened = []

    def open_run(_, options, *__):
        opened.append(options)
        raise _StoppedError

    monkeypatch.setattr(flow, "open_run", open_run)
    monkeypatch.setattr(flow, "get_run_logger", lambda: logging.getLogger("run"))
    settings = SimpleNamespace(language="fr", time_budget_minutes=14)
    with pytest.raises(_StoppedError):
        flow._synchronisation(options, settings, None)

    assert opened[0].by == by
