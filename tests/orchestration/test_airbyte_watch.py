"""A job of an Airbyte connection, from its start to its end, against an imitation of Airbyte's API."""

import threading
import time
from datetime import timedelta

import pytest
from airbyte_api.models import JobStatusEnum

from sage100_ssm.app.endings import ending_after
from sage100_ssm.orchestration import airbyte_watch
from sage100_ssm.orchestration.airbyte_api import Airbyte
from sage100_ssm.orchestration.airbyte_watch import Watch
from sage100_ssm.sync.failures import SyncError
from tests.support.airbyte_api import CLIENT_ID, CLIENT_SECRET, CONNECTION, AirbyteApi

pytestmark = pytest.mark.xdist_group("prefect")  # the conftest of this folder starts a server


@pytest.fixture
def imitation():
    with AirbyteApi() as imitation:
        yield imitation


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(airbyte_watch, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(airbyte_watch, "_LONGEST_PAUSE", 0.05)


@pytest.fixture
def followed(imitation):
    """A function that runs a sync, and returns the job after its end with the keys of what was said."""

    def followed(url=None, secret=CLIENT_SECRET, connection=CONNECTION, limit=60, is_being_cancelled=lambda: False):
        said = []
        with Airbyte(url or imitation.url, CLIENT_ID, secret) as airbyte:
            known = airbyte.connection(connection)
            watch = Watch(
                airbyte, known, timedelta(minutes=limit), lambda key, **_: said.append(key), is_being_cancelled
            )
            return watch.followed(), said

    return followed


def test_a_job_is_started_and_followed_to_its_end_with_its_figures(imitation, followed):
    imitation.course = ("pending", "queued", "running", "incomplete", "running", "succeeded")

    job, said = followed()

    assert (job.rows, job.size, job.duration) == (12, 20480, timedelta(seconds=41))
    assert said == ["airbyte_started", "airbyte_queued", "airbyte_running", "airbyte_incomplete", "airbyte_running"]


def test_a_job_that_is_running_already_is_waited_for_and_none_is_started_beside_it(imitation, followed):
    imitation.runs("running", "running", "succeeded")

    job, said = followed()

    assert (job.status, said[0]) == (JobStatusEnum.SUCCEEDED, "airbyte_running_already")
    assert len(imitation.jobs) == 1


def test_while_data_is_being_cleared_the_sync_waits_and_is_started_after_it(imitation, followed):
    imitation.runs("running", "succeeded")
    imitation.jobs[0].kind = "clear"

    job, said = followed()

    assert (job.status, said[0]) == (JobStatusEnum.SUCCEEDED, "airbyte_started")
    assert [one.kind for one in imitation.jobs] == ["clear", "sync"]
    assert job.number == imitation.jobs[1].number


def test_a_job_that_begins_at_the_same_moment_is_found_after_the_refusal(imitation, followed, monkeypatch):
    started = imitation._started
    monkeypatch.setattr(imitation, "_started", lambda body: (imitation.runs(), started(body))[1])

    assert followed()[0].status is JobStatusEnum.SUCCEEDED
    assert len(imitation.jobs) == 1


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_may_end_otherwise(imitation, followed, status):
    imitation.course = ("running", status)

    assert followed()[0].status.value == status


def _wrong_path(imitation):
    return {"url": imitation.url.replace("/public", "")}


UNKNOWN = CONNECTION.replace("9", "1")
FAULTS = {
    "wrong secret": (lambda _: {"secret": "wr0ng"}, 2, "refuse le client ID", "refuses the client ID"),
    "unknown connection": (lambda _: {"connection": UNKNOWN}, 2, "n’a pas de connexion 1", "has no connection 1"),
    "no id": (lambda _: {"connection": "Contacts"}, 2, "n’a pas de connexion Cont", "has no connection Cont"),
    "wrong path": (_wrong_path, 2, "n’est pas l’API publique", "is not Airbyte’s public API"),
    "no address": (lambda _: {"url": "airbyte:8000/v1"}, 2, "n’est pas l’API publique", "is not Airbyte’s public API"),
    "closed port": (lambda _: {"url": "http://127.0.0.1:1/v1"}, 4, "n’a pas pu être joint", "could not be reached"),
}
ANSWERS = {
    "a connection of others": ("connections/", (403, {"title": "forbidden"}), 2, "has no connection"),
    "a right refused": ("jobs", (403, {"title": "forbidden"}), 2, "it has no such right"),
    "a page": ("jobs", (200, b"<html>"), 2, "is not Airbyte’s public API"),
    "a fault": ("jobs", (500, {"message": "Internal Server Error"}), 4, "HTTP 500: Internal Server Error"),
    "too many requests": ("jobs", (429, {}), 4, "HTTP 429: Too Many Requests"),
    "too many logins": ("applications/token", (429, {}), 4, "HTTP 429: Too Many Requests"),
    "nothing now": ("jobs", (409, {"detail": "State conflict"}), 5, "starts no sync at the moment"),
    "another refusal": (
        "jobs",
        (422, {"detail": "No such thing"}),
        2,
        "refuses the request. (Technical detail: HTTP",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_a_sentence_of_its_own_which_contains_no_secret(imitation, followed, fault):
    options, exit_code, french, english = FAULTS[fault]

    with pytest.raises(SyncError) as caught:
        followed(**options(imitation))

    for language, words in (("fr", french), ("en", english)):
        ending = ending_after(caught.value, language)
        assert (ending.exit_code, words in ending.message) == (exit_code, True), ending.message
        assert "wr0ng" not in ending.message
    assert imitation.jobs == []


@pytest.mark.parametrize("answer", ANSWERS)
def test_each_refusal_of_airbyte_has_a_sentence_of_its_own(imitation, followed, answer):
    path, refusal, exit_code, words = ANSWERS[answer]
    imitation.refusals[path] = refusal

    with pytest.raises(SyncError) as caught:
        followed()

    ending = ending_after(caught.value, "en")
    assert (ending.exit_code, words in ending.message) == (exit_code, True), ending.message


def test_a_connection_that_is_switched_off_is_not_run(imitation, followed):
    imitation.connection_status = "inactive"

    with pytest.raises(SyncError, match="airbyte_connection_inactive"):
        followed()

    assert imitation.jobs == []


def test_a_job_that_hangs_is_cancelled(imitation, followed):
    imitation.course = ("running",)

    with pytest.raises(SyncError) as caught:
        followed(limit=0)

    assert "took more than 0 minutes: it was cancelled" in ending_after(caught.value, "en").message
    assert imitation.cancelled == [1]


def test_a_job_of_somebody_else_that_hangs_is_not_cancelled(imitation, followed):
    imitation.runs("running")

    with pytest.raises(SyncError) as caught:
        followed(limit=0)

    assert "started elsewhere, is still running" in ending_after(caught.value, "en").message
    assert imitation.cancelled == []


@pytest.mark.parametrize("answer", [(503, {"message": "starting"}), (404, b"404 page not found"), (200, b"<html>")])
def test_airbyte_may_be_restarted_meanwhile(imitation, followed, answer):
    imitation.course = ("running", "running", "running", "succeeded")
    imitation.refusals["jobs/"] = answer
    threading.Timer(0.1, imitation.refusals.clear).start()

    assert followed()[0].status is JobStatusEnum.SUCCEEDED


def test_an_airbyte_that_stays_away_is_not_waited_for_for_ever(imitation, followed, monkeypatch):
    monkeypatch.setattr(airbyte_watch, "_AWAY_AT_MOST", timedelta(seconds=0))
    imitation.refusals["jobs/"] = (503, {"message": "starting"})

    with pytest.raises(SyncError, match="airbyte_unavailable"):
        followed()


def test_a_token_that_ends_meanwhile_is_renewed(imitation, followed):
    imitation.uses_of_token = 2

    assert followed()[0].status is JobStatusEnum.SUCCEEDED
    assert imitation.tokens > 1


@pytest.mark.parametrize(("is_cancelled", "cancelled"), [(True, [1]), (False, [])])
def test_work_that_is_cancelled_cancels_its_job_and_work_that_is_merely_stopped_lets_it_go_on(
    imitation, followed, monkeypatch, is_cancelled, cancelled
):
    class Stopped(BaseException):
        """As Prefect's TerminationSignal."""

    def stop(_):
        raise Stopped

    imitation.course = ("running",)
    monkeypatch.setattr(time, "sleep", stop)

    with pytest.raises(Stopped):
        followed(is_being_cancelled=lambda: is_cancelled)

    assert imitation.cancelled == cancelled
