"""The message that the state cannot be used: the one trouble that the state itself cannot remember as reported.

A file in the folder for temporary files remembers it instead. It is empty, because the disk may be full.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sage100_ssm.app.news import Message, Newsroom

_REPEATED_AFTER = timedelta(days=1)

Send = Callable[[Message], object]
"""Sends a message through every channel."""


def report_unusable(state: str, sentence: str, newsroom: Newsroom, send: Send, now: datetime) -> None:
    """Report that the state cannot be used, once a day while that lasts.

    Args:
        state: its address.
        sentence: why, and what to do.
        newsroom: puts it into words.
        send: sends it.
        now: the time.
    """
    mark = _mark(state)
    reported = _reported_at(mark)
    # Where no file can be made, it is reported each time: too often is better than never.
    if reported is None or not timedelta() <= now - reported < _REPEATED_AFTER:
        _remember(mark, now)
        send(newsroom.about_state(sentence))


def report_usable(state: str, newsroom: Newsroom, send: Send) -> None:
    """Report that the state can be used again, if the contrary was reported."""
    mark = _mark(state)
    if (reported := _reported_at(mark)) is not None:
        with suppress(OSError):
            mark.unlink()
        send(newsroom.about_state_again(reported))


def _mark(state: str) -> Path:
    # A digest, since the address may contain a password.
    return Path(tempfile.gettempdir(), f"sage100-ssm-{hashlib.sha256(state.encode()).hexdigest()[:16]}.reported")


def _reported_at(mark: Path) -> datetime | None:
    """When it was reported; None for no file, or one that somebody else put there."""
    try:
        found = mark.lstat()
    except OSError:
        return None
    is_ours = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return datetime.fromtimestamp(found.st_mtime, UTC) if is_ours else None


def _remember(mark: Path, now: datetime) -> None:
    with suppress(OSError):
        if _reported_at(mark) is None:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.utime(mark, (now.timestamp(), now.timestamp()))
