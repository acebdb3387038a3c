"""The API key of an installation's own Prefect server, in a file that its owner alone can read."""

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from sage100_ssm.sync.failures import ConfigurationError

_KEY = re.compile(r"sage100-ssm:[\w-]{43}")


def key_file(home: Path) -> Path:
    """Where the key is."""
    return home / "dashboard.key"


def api_key(home: Path) -> str:
    """The key, created if there is none yet.

    A key that other accounts could read, or that was not written to its end, is replaced by a new one.

    Args:
        home: the folder of the server, which is created if need be and closed to other accounts.

    Raises:
        ConfigurationError: the folder belongs to another account, which could replace the key.
    """
    private_folder(home)
    file = key_file(home)
    with suppress(FileNotFoundError):
        key = file.read_text("ascii", errors="replace")
        if _KEY.fullmatch(key) and not _is_open_to_others(file):
            return key
        file.unlink()
    key = f"sage100-ssm:{secrets.token_urlsafe(32)}"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
        new.write(key)
    return key


def private_folder(folder: Path) -> None:
    """Create a folder if need be, and close it to other accounts.

    Raises:
        ConfigurationError: it belongs to another account.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Windows has no owner and no mode to look at: there the rights of the parent folder are inherited.
    if hasattr(os, "geteuid"):
        if os.geteuid() not in (0, folder.stat().st_uid):
            raise ConfigurationError("folder_of_another_account", folder=str(folder))
        folder.chmod(0o700)


def _is_open_to_others(file: Path) -> bool:
    return hasattr(os, "geteuid") and bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
