"""Back up the state of an installation: a verified copy that can be put back as it is."""

from dataclasses import dataclass
from pathlib import Path

from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.state.backup import Rows, copy_state, state_file


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the state that was compared with it.

    Attributes:
        file: the copy, a SQLite file.
        size: its bytes.
        rows: the number of rows of each table.
    """

    file: Path
    size: int
    rows: Rows


def back_up(settings: Settings, file: Path, *, overwrite: bool = False) -> Backup:
    """Copy the state to a file and verify the copy; a run may be under way. Neither side is asked or written.

    Args:
        settings: the settings of the installation.
        file: where the copy goes. Only its owner can read it: it contains personal data.
        overwrite: whether a file of that name may be replaced, once the new copy is verified.

    Raises:
        ConfigurationError: there is a file of that name, or it is the state itself.
        StateError: the state cannot be read, or the copy cannot be written (``BackupFailed``).
    """
    if _belongs_to_state(file, state_file(settings.state)):
        raise ConfigurationError("backup_is_state", file=str(file))
    if file.exists() and not overwrite:
        raise ConfigurationError("backup_exists", file=str(file))
    rows = copy_state(settings.state, file)
    return Backup(file, file.stat().st_size, rows)


def _belongs_to_state(file: Path, state: Path | None) -> bool:
    """Whether a file is the state's, or one of those that SQLite has beside it."""
    if state is None:
        return False
    parts = (state.with_name(f"{state.name}{part}") for part in ("", "-wal", "-shm"))
    return any(file.resolve() == part.resolve() for part in parts)
