"""Two ``serve`` of one company's name on one Prefect server: the second does not replace the first."""

import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.runner import Runner

from sage100_ssm.app.companies import Company
from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import say_error
from sage100_ssm.orchestration import serve as serving
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.serve import serve
from sage100_ssm.orchestration.served_elsewhere import ServedElsewhereError, served_elsewhere, tag_of_machine

pytestmark = pytest.mark.xdist_group("prefect")

FILE = "/etc/sage100-ssm/sync.yaml"
OTHER_MACHINE = "machine:serveur-2"


def company(name, file=FILE):
    tree = {
        "sage100": {"company": name, "connection": {"kind": "sqlite", "path": "x"}},
        "ssm": {"public_key": "p", "private_key": "k", "default_sales_rep_id": 1},
    }
    return Company(Path(file), Settings.model_validate({**tree, "state": f"sqlite:///{name}.db"}))


@pytest.fixture
def served_as(prefect):
    """A deployment on the real server, as a ``serve`` registers it, for whose runs somebody asks, or asked before."""

    @contextmanager
    def served(name, tags, *, is_alive=True):
        runner = Runner(name="another", pause_on_shutdown=False)
        deployment_id = str(runner.add_flow(sync_contacts, name=name, parameters={"config": FILE}, tags=tags))
        stopped = threading.Event()

        def ask():
            while not stopped.wait(0.1):
                prefect.post("/deployments/get_scheduled_flow_runs", json={"deployment_ids": [deployment_id]})

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            while prefect.get(f"/deployments/{deployment_id}").json()["status"] != "READY":
                time.sleep(0.1)
            if not is_alive:
                stopped.set()
                asking.join()
                time.sleep(0.5)  # the server notes in the background that somebody asked
            yield
        finally:
            stopped.set()
            asking.join()

    return served


def test_one_that_another_machine_serves_is_named_with_its_machine_and_file(served_as):
    with served_as("AGATE", ["sage100-ssm", OTHER_MACHINE]):
        error = served_elsewhere([company("AGATE"), company("ONYX")], watched_seconds=60)["AGATE"]

    for language in ("fr", "en"):
        sentence = say_error(error.code, language, **error.params)
        assert "serveur-2" in sentence
        assert FILE in sentence
        assert "AGATE" in sentence
    assert error.exit_code == 5


def test_one_that_is_served_with_another_file_of_this_machine_is_left_alone(served_as):
    with served_as("BERYL", ["sage100-ssm", tag_of_machine()]):
        assert set(served_elsewhere([company("BERYL", "/srv/sync.yaml")], watched_seconds=60)) == {"BERYL"}


def test_this_installation_started_again_goes_on_at_once(served_as):
    with served_as("CITRINE", ["sage100-ssm", tag_of_machine()]):
        assert served_elsewhere([company("CITRINE")], watched_seconds=600) == {}


def test_one_that_was_served_on_another_machine_and_is_no_more_is_taken_over(served_as):
    with served_as("DIAMANT", ["sage100-ssm", OTHER_MACHINE], is_alive=False):
        assert served_elsewhere([company("DIAMANT")], watched_seconds=0.5) == {}


def test_one_that_was_never_served_is(prefect_api):
    assert served_elsewhere([company("JAMAIS")], watched_seconds=600) == {}


@pytest.fixture
def begun(monkeypatch):
    """What ``serve`` begins to serve, while another one has the company AGATE; it ends at once."""
    begun, said = [], []
    error = ServedElsewhereError("served_elsewhere", company="AGATE", file=FILE)
    monkeypatch.setattr(serving, "require_prefect_server", lambda: None)
    monkeypatch.setattr(serving, "served_elsewhere", lambda _, watching: watching() or {"AGATE": error})
    monkeypatch.setattr(serving, "start_runs_as_copies", lambda: None)
    monkeypatch.setattr(serving, "allow_configs", lambda _: None)
    monkeypatch.setattr(serving, "_registered", lambda scheduled: begun.extend(one.name for one, _ in scheduled))
    monkeypatch.setattr(serving, "_ran_until_stopped", lambda _: True)

    def serve_these(*companies):
        serve(companies, timedelta(minutes=15), lambda key, **named: said.append((key, named.get("company"))))
        return begun, said

    return serve_these


def test_serve_refuses_the_only_company_and_leaves_out_one_of_several(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ServedElsewhereError):
        begun(company("AGATE"))

    served, said = begun(company("AGATE"), company("ONYX"))

    assert served == ["ONYX"]
    assert said[-3:-1] == [("served_elsewhere_watched", None), ("served_elsewhere", "AGATE")]
