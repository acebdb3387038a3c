"""Messages for the administrator at the end of a run: only what changed since the last message, channel by channel."""

import hashlib
import json
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sage100_ssm.app.channels import Channel, ChannelError, send
from sage100_ssm.app.endings import ending_after, is_about_state
from sage100_ssm.app.news import Message, Newsroom, Reported, Situation, Week
from sage100_ssm.app.schedule import last_synchronisation, recall_schedule
from sage100_ssm.app.settings import Settings
from sage100_ssm.app.state_alarm import report_unusable, report_usable
from sage100_ssm.messages import say
from sage100_ssm.sync.state.errors import StateError
from sage100_ssm.sync.state.records import RunRow
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.transaction import Transaction

_KEY = "notified"
_SENDING_KEY = "notifying"
_SENDING_AT_MOST = timedelta(minutes=5)
"""How long one process is left to send; after that it is taken for dead."""
_RECENT_RUNS = 20
_LATE_AFTER = timedelta(hours=1)
"""Without the schedule of ``serve``, this long without a run counts as late."""

logger = logging.getLogger("sage100_ssm")

Outcome = tuple[Channel, str | None]
"""A channel to which a message was sent, and why it did not go; None where it went."""


def notify(settings: Settings, now: datetime, *, is_watch: bool = False) -> list[Outcome]:
    """Send through each channel what it has not reported yet; a channel that fails is tried again the next time.

    Args:
        settings: the settings of the installation.
        now: the time.
        is_watch: whether to look for runs that do not take place, where ``serve`` has no schedule in the state. The
            end of a run knows that one did.

    Returns:
        the channels to which there was something to send.

    Raises:
        StateError: the state cannot be read.
    """
    if not settings.notify:
        return []
    newsroom = _newsroom(settings)
    with StateStore.open(settings.state) as store:
        with store.transaction() as transaction:
            reported = {key: _reported(fact) for key, fact in (transaction.recall(_KEY) or {}).items()}
            known = [reported.get(_identity(channel), Reported()) for channel in settings.notify]
            if _is_sending(transaction, now):
                return []
            is_week_over = any(one.week != newsroom.week_of(now) for one in known)
            situation = _situation(transaction, now, is_watch=is_watch, with_week=is_week_over)
            news = [
                (channel, before, *newsroom.news(situation, before, names=channel.names, digest=channel.digest))
                for channel, before in zip(settings.notify, known, strict=True)
            ]
            if any(message for _channel, _before, message, _then in news):
                # `serve` watches while a run ends: what one of them sends, the other must not send, too.
                transaction.remember(_SENDING_KEY, (now + _SENDING_AT_MOST).isoformat())
        outcomes: list[Outcome] = []
        after: dict[str, Reported] = {}
        for channel, before, message, then in news:
            failure = None
            if message:
                failure = _sent(channel, message.title, message.body, message.severity)
                outcomes.append((channel, failure))
            after[_identity(channel)] = before if failure else then
        if outcomes or after != reported:
            with store.transaction() as transaction:
                transaction.remember(_KEY, {key: _fact(one) for key, one in after.items()})
                transaction.remember(_SENDING_KEY, None)
    return outcomes


def notify_after_run(settings: Settings, now: datetime, error: Exception | None = None) -> None:
    """Send what a run changed, or that the state could not be used. Nothing that goes wrong here fails the run.

    Args:
        settings: the settings of the installation.
        now: the time.
        error: what ended the run; None where it ran to its end.
    """
    if not settings.notify:
        return
    newsroom, send = _newsroom(settings), partial(_send_to_all, settings)
    if error is not None and is_about_state(error):
        report_unusable(settings.state, ending_after(error, settings.language).message, newsroom, send, now)
        return
    if error is None:
        report_usable(settings.state, newsroom, send)
    notify_if_readable(settings, now)


def notify_if_readable(settings: Settings, now: datetime) -> None:
    """Send what is new, unless the state cannot be read."""
    try:
        notify(settings, now)
    except StateError as error:
        logger.warning("No message was sent, because the state cannot be read: %r", error)


def send_test(settings: Settings) -> list[Outcome]:
    """Send a test message to every channel."""
    newsroom, language = _newsroom(settings), settings.language
    text = say("notify_test", language, company=settings.sage100.company)
    return _send_to_all(settings, newsroom.message("info", say("notify_title_test", language), text))


def _send_to_all(settings: Settings, message: Message) -> list[Outcome]:
    return [(channel, _sent(channel, message.title, message.body, message.severity)) for channel in settings.notify]


def _sent(channel: Channel, *message: Any) -> str | None:
    """Send a message; why it did not go, or None."""
    try:
        send(channel, *message)
    except ChannelError as error:
        logger.warning("A message was not sent to %s and is tried again at the next run: %s", channel.label, error)
        return str(error)
    return None


def _newsroom(settings: Settings) -> Newsroom:
    company, zone = settings.sage100.company, settings.locale.time_zone
    return Newsroom(company, socket.gethostname(), settings.language, zone, settings.web.address)


def _is_sending(transaction: Transaction, now: datetime) -> bool:
    """Whether another process is sending at this moment; what is left for us is sent the next time."""
    until = transaction.recall(_SENDING_KEY)
    # A clock that was put back must not silence the messages.
    return until is not None and timedelta(0) < datetime.fromisoformat(until) - now <= _SENDING_AT_MOST


def _situation(transaction: Transaction, now: datetime, *, is_watch: bool, with_week: bool) -> Situation:
    opened = transaction.open_problems()
    accepted = transaction.decisions.accepted(opened)
    recent = [run for run in transaction.runs(_RECENT_RUNS) if not run.is_retry]
    return Situation(
        now,
        [known for known in opened if known.id not in accepted],
        next((run for run in recent if run.finished_at), None),
        _late_since(transaction, now, is_watch=is_watch),
        _week(transaction, now) if with_week else None,
    )


def _late_since(transaction: Transaction, now: datetime, *, is_watch: bool) -> datetime | None:
    last_run, schedule = last_synchronisation(transaction), recall_schedule(transaction)
    if schedule:
        return schedule.late_since(last_run, now)
    is_late = is_watch and last_run is not None and now - last_run.started_at > _LATE_AFTER
    return last_run.started_at if is_late and last_run else None


def _week(transaction: Transaction, now: datetime) -> Week:
    since = now - timedelta(days=7)
    runs: Sequence[RunRow] = [r for r in transaction.runs() if since <= r.started_at and not r.is_retry]
    return Week(since, now, runs, transaction.count_links().total)


def _identity(channel: Channel) -> str:
    """The channel in the state, by a digest, since the address of a webhook is a secret."""
    given = channel.service()
    # Not the password of a mail server: of a word that people choose, a digest would tell whether a guess is right.
    service = given if isinstance(given, str) else {name: value for name, value in given.items() if name != "password"}
    return hashlib.sha256(f"{channel.kind} {json.dumps(service, sort_keys=True)}".encode()).hexdigest()[:16]


def _fact(reported: Reported) -> dict[str, Any]:
    at = reported.problems_at.isoformat() if reported.problems_at else None
    return asdict(reported) | {"problems": sorted(reported.problems), "problems_at": at}


def _reported(fact: Mapping[str, Any]) -> Reported:
    return Reported(
        troubles={key: (title, since) for key, (title, since) in fact["troubles"].items()},
        problems=frozenset(fact["problems"]),
        problems_at=datetime.fromisoformat(fact["problems_at"]) if fact["problems_at"] else None,
        week=fact["week"],
    )
