"""The file of secrets that a settings file may name under ``secrets``: lines of ``NAME='value'``."""

import getpass
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from sage100_ssm.app.invalid_settings import SECRETS, InvalidSetting

_HEADING = (
    "# Passwords and keys of the contact synchronisation. For its owner alone: never copy it into a mail or a ticket."
)


class SecretsError(Exception):
    """The file of secrets cannot be used.

    Attributes:
        invalid: why, for the user.
    """

    def __init__(self, reason: str, file: Path) -> None:
        super().__init__(reason)
        self.invalid = InvalidSetting(SECRETS, reason, {"file": str(file)})


def read_secrets(file: Path) -> Mapping[str, str]:
    """The variables that a file of secrets sets.

    Raises:
        SecretsError: it does not exist, cannot be read, or every account of the machine can read it.
    """
    try:
        # Windows has no mode to look at; there the file has the rights that `write_secrets` gave it.
        if sys.platform != "win32" and file.stat().st_mode & stat.S_IRWXO:
            raise SecretsError("secrets_open", file)
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise SecretsError("secrets_missing", file) from None
    except (OSError, UnicodeDecodeError):
        raise SecretsError("secrets_unreadable", file) from None
    # Only now: the Airbyte source that synchronises reads settings too, has no such file, and is installed without it.
    from dotenv import dotenv_values  # noqa: PLC0415

    # A password may contain a dollar sign: nothing is replaced within a value.
    variables = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in variables.items() if value is not None}


def write_secrets(file: Path, variables: Mapping[str, str]) -> None:
    """Write a file of secrets that its owner alone can read; one that is there is replaced at once and whole."""
    lines = [_HEADING, *(f"{name}={_quoted(value)}" for name, value in variables.items())]
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        if sys.platform == "win32":
            _close_to_others(new)
        handle.write("\n".join(lines) + "\n")
    new.replace(file)


def _quoted(value: str) -> str:
    """A value in the form in which python-dotenv, systemd and Docker Compose read the same; those alone escape."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def account_of_windows() -> str:
    """This account, as Windows' own tools know it."""
    return f"{os.environ.get('USERDOMAIN', '.')}\\{getpass.getuser()}"


def _close_to_others(file: Path) -> None:
    """Let this account, the system's and administrators alone read a file of Windows.

    Raises:
        OSError: Windows refused.
    """
    # By their numbers, since the names of the system's accounts differ from language to language.
    grants = [f"{account_of_windows()}:F", "*S-1-5-18:F", "*S-1-5-32-544:F"]
    command = ["icacls", str(file), "/inheritance:r", "/grant:r", *grants]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a tool of Windows
    if done.returncode:
        raise PermissionError(0, "icacls", str(file))
