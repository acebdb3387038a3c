"""What is done to a state once a night: who may be forgotten is, the state is copied, and its file made smaller."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sage100_ssm.app.assemble import lease_owner, utc_now
from sage100_ssm.app.backup import Backup, back_up
from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.run.lease import Waiting, leased
from sage100_ssm.sync.state.backup import state_file
from sage100_ssm.sync.state.store import StateStore

_TIME = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What was done.

    Attributes:
        forgotten: of how many links, problems and notices the names and values were forgotten.
        backup: the copy of the state; None where the settings name no folder for one.
        removed: how many older copies were removed.
        is_compact: whether the file was written anew; another program that reads the state prevents it.
    """

    forgotten: int
    backup: Backup | None
    removed: int
    is_compact: bool


def keep_house(settings: Settings, now: datetime, waiting: Waiting = lambda _: None) -> Housekeeping:
    """Forget what is due, copy the state and verify the copy, remove old copies, and make the file smaller.

    Neither side is asked or written. No run begins meanwhile.

    Args:
        settings: the settings of the installation.
        now: the time.
        waiting: called where it has to be found out first whether a run on another machine is alive.

    Raises:
        AnotherRun: a run is under way.
        StateError: the state cannot be used, or not be copied; the older copies are all there then.
    """
    # A state that is lost is not to be found empty the next morning.
    StateStore.open(settings.state, read_only=True).close()
    folder = backup_folder(settings)
    with StateStore.open(settings.state) as store, leased(store, lease_owner(), utc_now, waiting) as held:
        with store.transaction(held.lease) as transaction:
            forgotten = transaction.forget_expired(settings.retention, now)
        backup = back_up(settings, _new_file(folder, settings.sage100.company, now)) if folder else None
        removed = _remove_older(folder, settings) if folder else 0
        return Housekeeping(forgotten, backup, removed, store.erase_leftovers(whole=True))


def backup_folder(settings: Settings) -> Path | None:
    """Where the copies are: beside a state in a file, unless the settings say otherwise; None for none."""
    if settings.backups.folder is not None:
        return Path(settings.backups.folder)
    file = state_file(settings.state)
    return file.with_name(f"{file.name}.backups") if file else None


def _new_file(folder: Path, company: str, now: datetime) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{_name(company)}-{now.strftime(_TIME)}.db"


def _remove_older(folder: Path, settings: Settings) -> int:
    """Remove all copies but the latest; how many those were. Other files in the folder stay."""
    own = re.compile(rf"{re.escape(_name(settings.sage100.company))}-\d{{8}}-\d{{6}}\.db")
    copies = sorted(file for file in folder.iterdir() if own.fullmatch(file.name))
    older = copies[: -settings.backups.keep]
    for file in older:
        file.unlink()
    return len(older)


def _name(company: str) -> str:
    """A company as part of a file's name."""
    return quote(company, safe=" ")
