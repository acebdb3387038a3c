"""Messages at the end of a run: once for each change and channel, and never in a run's way."""

import errno
import logging
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sage100_ssm.app import notify as module
from sage100_ssm.app.assemble import run_once
from sage100_ssm.app.channels import ChannelError
from sage100_ssm.app.notify import notify, send_test
from sage100_ssm.app.schedule import Schedule, remember_schedule
from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.journal import DeletionGuard, Entry, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.errors import StateDamaged, StateUnavailable
from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MAIL = {"kind": "email", "server": "smtp.bijou.example", "sender": "s@bijou.example", "to": ["it@bijou.example"]}
HOOK = {"kind": "webhook", "url": "https://hook.bijou.example/1"}
HELD = Entry(Subject(), DeletionGuard(Side.SSM, 9, 3))


@pytest.fixture
def sent(monkeypatch):
    """The messages that were sent, as (kind, title); channels whose kind is in ``sent.down`` do not take them."""

    class Sent(list):
        down = ()

    sent = Sent()

    def send(channel, title, body, severity):
        if channel.kind in sent.down:
            raise ChannelError("Connection refused")
        sent.append((channel.kind, title))

    monkeypatch.setattr(module, "send", send)
    return sent


@pytest.fixture
def settings(tmp_path):
    return Settings.model_validate(
        {
            "sage100": {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(tmp_path / "absent.db")}},
            "ssm": {"public_key": "p", "private_key": "k", "default_sales_rep_id": 1},
            "state": f"sqlite:///{tmp_path / 'state.db'}",
            "notify": [MAIL, HOOK],
        }
    )


def ended(settings, *problems, status=RunStatus.DONE, exit_code=0, at=NOON):
    """Let a run end in the state."""
    run_id = str(at)
    with StateStore.open(settings.state) as store, store.transaction() as transaction:
        transaction.start_run(RunRow(run_id, at))
        transaction.report_problems(problems, now=at, run_id=run_id, keep=lambda _: False)
        transaction.finish_run(RunRow(run_id, at, at, status, {}, exit_code))


def held(settings):
    ended(settings, HELD, status=RunStatus.HELD, exit_code=3)


def test_each_channel_hears_of_a_change_once_and_that_it_is_over(settings, sent):
    held(settings)
    notify(settings, NOON)
    notify(settings, NOON)
    assert sent == [(kind, "BIJOU : synchronisation retenue par une sécurité") for kind in ("email", "webhook")]

    ended(settings, at=NOON + timedelta(minutes=15))
    notify(settings, NOON)
    assert [title for _, title in sent[2:]] == ["BIJOU : tout est rentré dans l’ordre"] * 2


def test_a_message_that_another_process_is_sending_is_not_sent_twice(settings, monkeypatch):
    held(settings)
    sent = []

    def send(channel, *_):
        sent.append(channel.kind)
        # `serve` looks every minute, also while a run sends its messages.
        assert notify(settings, NOON) == []

    monkeypatch.setattr(module, "send", send)
    notify(settings, NOON)
    notify(settings, NOON)
    assert sent == ["email", "webhook"]


@pytest.mark.parametrize("later", [timedelta(minutes=6), timedelta(hours=-1)], ids=["killed", "clock put back"])
def test_a_process_that_died_while_it_sent_does_not_silence_the_messages(settings, sent, monkeypatch, later):
    held(settings)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "send", die)
        with pytest.raises(KeyboardInterrupt):
            notify(settings, NOON)
    notify(settings, NOON + later)
    assert [kind for kind, _ in sent] == ["email", "webhook"]


def test_a_channel_that_is_down_is_tried_again_and_the_others_are_not(settings, sent, caplog):
    held(settings)
    sent.down = ("email",)
    with caplog.at_level(logging.WARNING, "sage100_ssm"):
        outcomes = notify(settings, NOON)
    assert [kind for kind, _ in sent] == ["webhook"]
    assert [failure for _, failure in outcomes] == ["Connection refused", None]
    assert "smtp.bijou.example" in caplog.text

    sent.down = ()
    notify(settings, NOON)
    assert [kind for kind, _ in sent] == ["webhook", "email"]


def test_a_channel_that_is_new_hears_of_what_goes_on(settings, sent):
    held(settings)
    notify(settings.model_copy(update={"notify": settings.notify[:1]}), NOON)
    notify(settings, NOON)

    assert [kind for kind, _ in sent] == ["email", "webhook"]


def test_the_state_keeps_no_address_of_a_channel(settings, sent, tmp_path):
    held(settings)
    notify(settings, NOON)

    kept = (tmp_path / "state.db").read_bytes()
    assert b"hook.bijou" not in kept
    assert b"it@bijou" not in kept


def test_r2_a_run_that_serve_missed_is_noticed_and_so_is_the_next_one_that_begins(settings, sent):
    ended(settings)
    remember_schedule(settings.state, Schedule(NOON, timedelta(minutes=15)))
    notify(settings, NOON + timedelta(minutes=16))
    assert sent == []

    notify(settings, NOON + timedelta(minutes=45))
    assert sent[0] == ("email", "BIJOU : synchronisation en retard")

    ended(settings, at=NOON + timedelta(minutes=46))
    notify(settings, NOON + timedelta(minutes=46))
    assert sent[-1] == ("webhook", "BIJOU : tout est rentré dans l’ordre")


def test_r2_without_serve_a_watch_notices_that_there_was_no_run_for_an_hour(settings, sent):
    ended(settings)
    later = NOON + timedelta(minutes=61)

    assert notify(settings, later) == []
    notify(settings, later, is_watch=True)
    assert sent[0] == ("email", "BIJOU : synchronisation en retard")


def test_a_week_is_summed_up_from_the_runs_in_the_state(settings, sent):
    ended(settings)
    notify(settings, NOON)
    monday = NOON + timedelta(days=5)
    ended(settings, at=monday)
    notify(settings, monday)

    assert sent == [(kind, "BIJOU : la semaine du 02/03/2026 au 09/03/2026") for kind in ("email", "webhook")]


def test_a_test_message_goes_to_every_channel(settings, sent):
    sent.down = ("webhook",)

    assert [failure for _, failure in send_test(settings)] == [None, "Connection refused"]
    assert sent == [("email", "BIJOU : message d’essai")]


def test_without_channels_nothing_is_read_or_sent(settings, sent):
    assert notify(settings.model_copy(update={"notify": ()}), NOON) == []


def test_p9_a_run_that_a_guard_holds_sends_a_message_and_a_message_server_that_is_down_fails_no_run(tmp_path, sent):
    with sample_installation(tmp_path) as place:
        with place.settings.open("a") as file:
            file.write("notify: [{kind: webhook, url: 'https://hook.bijou.example/1'}]\n")
        settings = load_settings(place.settings)
        assert run_once(settings).exit_code == 0
        assert sent == []

        for row in place.sage.contacts()[:30]:
            place.sage.delete_contact(row["cbMarq"])
        sent.down = ("webhook",)
        assert run_once(settings).exit_code == 3
        sent.down = ()
        assert run_once(settings).exit_code == 3
        assert sent == [("webhook", "BIJOU : synchronisation retenue par une sécurité")]


def test_a_state_that_cannot_be_used_is_reported_once_a_day_and_again_when_it_works(
    tmp_path, sent, monkeypatch, caplog
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with sample_installation(tmp_path / "place") as place:
        with place.settings.open("a") as file:
            file.write("notify: [{kind: webhook, url: 'https://hook.bijou.example/1'}]\n")
        settings, clock = load_settings(place.settings), [NOON]
        monkeypatch.setattr("sage100_ssm.app.assemble.utc_now", lambda: clock[0])
        state = Path(settings.state.removeprefix("sqlite:///"))
        state.write_bytes(b"this is no database" * 100)

        for hours in (0, 1, 25):
            clock[0] = NOON + timedelta(hours=hours)
            with pytest.raises(StateDamaged):
                run_once(settings)
        assert sent == [("webhook", "BIJOU : base d’état inutilisable")] * 2

        state.unlink()
        run_once(settings)
        run_once(settings)
        assert sent[2:] == [("webhook", "BIJOU : tout est rentré dans l’ordre")]


def test_a_full_disk_is_reported_as_a_state_that_cannot_be_used(settings, sent, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    module.notify_after_run(settings, NOON, OSError(errno.ENOSPC, "No space left on device", "state.db"))

    assert sent == [(kind, "BIJOU : base d’état inutilisable") for kind in ("email", "webhook")]


def test_where_nothing_can_be_remembered_an_unusable_state_is_reported_each_time(settings, sent, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    failure = StateUnavailable("state.db", "disk I/O error")

    module.notify_after_run(settings, NOON, failure)
    module.notify_after_run(settings, NOON, failure)

    assert len(sent) == 4


def test_no_message_is_sent_where_no_recipient_is_set(settings, sent):
    module.notify_after_run(settings.model_copy(update={"notify": ()}), NOON, StateUnavailable("state.db", "?"))

    assert sent == []
