"""What a service runs, the same on every system."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sage100_ssm.sync.failures import ConfigurationError

Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]
"""Runs a tool of the system; the caller looks at its exit code."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The service that is wanted.

    Attributes:
        name: of the service, one for each installation on a machine.
        company: for the description.
        config: the settings file.
        state: the file of the state; None where it is on a server.
        every: minutes between two runs.
        account: under which it runs.
    """

    name: str
    company: str
    config: Path
    state: Path | None
    every: int
    account: str

    def command(self, *options: str) -> list[str]:
        """The command that the service runs, with options of the program before it."""
        return [str(program()), *options, "serve", "--config", str(self.config), "--every", str(self.every)]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """How a service is.

    Attributes:
        is_installed: whether the system knows it.
        is_running: whether it runs now.
        words: the system's own words.
    """

    is_installed: bool
    is_running: bool
    words: str


class Service(Protocol):
    """A service by the means of one system."""

    def definition(self, wanted: Wanted) -> str:
        """The file that describes it to the system."""

    def install(self, wanted: Wanted) -> str:
        """Create or replace it, let it start with the machine, and start it.

        Returns:
            Where it is described.

        Raises:
            ConfigurationError: the system refuses.
        """

    def remove(self, name: str) -> None:
        """Stop it and delete it; the settings and the state stay.

        Raises:
            ConfigurationError: there is none, or the system refuses.
        """

    def status(self, name: str) -> ServiceStatus:
        """How it is."""


def program() -> Path:
    """The operator's command as it is installed.

    Raises:
        ConfigurationError: it is not installed, but called from its sources.
    """
    # Not resolved: the interpreter of a virtual environment is a link that leads out of it.
    beside = shutil.which("sage100-ssm", path=str(Path(sys.executable).parent))
    if found := beside or shutil.which("sage100-ssm"):
        return Path(found).absolute()
    raise ConfigurationError("service_no_program")


def run_tool(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool of the system. Windows' own write in the code page of its consoles.

    Raises:
        ConfigurationError: the system has no such tool.
    """
    encoding = "oem" if sys.platform == "win32" else "utf-8"
    try:
        return subprocess.run(  # noqa: S603 - a tool of the system
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding=encoding,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise ConfigurationError("service_no_tool", tool=command[0]) from None


def run_in_terminal(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool of the system that asks something on the terminal."""
    return subprocess.run(command, encoding="utf-8", check=False)  # noqa: S603 - a tool of the system


def require_done(done: subprocess.CompletedProcess[str]) -> None:
    """Make sure that a tool did its work.

    Raises:
        ConfigurationError: it did not; the error has its own words.
    """
    if done.returncode:
        words = " ".join((done.stdout or "").split())
        tool = " ".join(str(word) for word in done.args[:3])
        raise ConfigurationError("service_refused", tool=tool, text=words or done.returncode)
