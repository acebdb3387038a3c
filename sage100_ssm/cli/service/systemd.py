"""The service as a unit of systemd: of the machine, or of one user."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from sage100_ssm.cli.service.definition import Run, ServiceStatus, Wanted, require_done, run_tool
from sage100_ssm.sync.failures import ConfigurationError

_MARK = '# Written by "sage100-ssm service install".'
_OF_THE_SYSTEM = Path("/etc/systemd/system")
_ROOT = Path("/root")
_HOMES = (Path("/home"), _ROOT, Path("/run/user"))
_NOT_FOR_USERS = (
    *("User=", "Private", "Protect", "ReadWritePaths=", "DevicePolicy=", "RemoveIPC="),
    *("CapabilityBoundingSet=", "AmbientCapabilities="),
)
"""What a user's own systemd cannot do, or has no need of."""


class SystemdService:
    """The service as a unit of systemd.

    Args:
        of_user: whether it is one of the user's own systemd, which needs no administrator.
        run: runs ``systemctl``.
        folder: where the units are.
    """

    def __init__(self, *, of_user: bool, run: Run = run_tool, folder: Path | None = None) -> None:
        self._of_user, self._run = of_user, run
        own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
        self._folder = folder or (own if of_user else _OF_THE_SYSTEM)

    def definition(self, wanted: Wanted) -> str:
        """The unit."""
        folder = wanted.config.parent
        # Beside the settings where the state is on a server: the files of the dashboard.
        written = folder if wanted.state is None else wanted.state.parent
        used = (folder, written, Path(wanted.command()[0]), Path(sys.prefix), Path(sys.base_prefix))
        is_at_home = any(path.is_relative_to(home) for path in used for home in _HOMES)
        filled = {
            "COMPANY": wanted.company.replace("%", "%%"),
            "ACCOUNT": wanted.account,
            "FOLDER": _escaped(str(folder)),
            "COMMAND": " ".join(_quoted(word).replace("$", "$$") for word in wanted.command()),
            "WRITABLE": _quoted(str(written)),
            "HOME": "read-only" if is_at_home else "yes",
        }
        unit = files("sage100_ssm.cli.service").joinpath("sage100-ssm.service").read_text("utf-8")
        for name, value in filled.items():
            unit = unit.replace(f"@{name}@", value)
        return _for_user(unit) if self._of_user else unit

    def install(self, wanted: Wanted) -> str:
        """Write the unit, let it start with the machine, and start it, again if it was running.

        Raises:
            ConfigurationError: there is another unit of that name, the folder cannot be written, or systemd refuses.
        """
        file = self._file(wanted.name)
        is_new = not file.exists()
        if not is_new and not file.read_text("utf-8").startswith(_MARK):
            raise ConfigurationError("service_foreign", file=str(file))
        self._require_reachable(wanted)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.definition(wanted), "utf-8")
        except OSError as error:
            raise ConfigurationError("service_folder", file=str(file.parent), text=error.strerror) from None
        try:
            require_done(self._systemctl("daemon-reload"))
        except ConfigurationError:
            if is_new:
                file.unlink()  # there is no systemd that would ever read it
            raise
        for word in ("enable", "restart"):
            require_done(self._systemctl(word, file.name))
        return str(file)

    def remove(self, name: str) -> None:
        """Stop the unit and delete it.

        Raises:
            ConfigurationError: there is none of ours, or it cannot be deleted.
        """
        file = self._file(name)
        if not file.exists() or not file.read_text("utf-8").startswith(_MARK):
            raise ConfigurationError("service_none", name=name)
        require_done(self._systemctl("disable", "--now", file.name))
        try:
            file.unlink()
        except OSError as error:
            raise ConfigurationError("service_folder", file=str(file.parent), text=error.strerror) from None
        require_done(self._systemctl("daemon-reload"))

    def status(self, name: str) -> ServiceStatus:
        """How the unit is."""
        file = self._file(name)
        words = self._systemctl("is-active", file.name).stdout.strip()
        return ServiceStatus(file.exists(), words == "active", words)

    def _require_reachable(self, wanted: Wanted) -> None:
        """Make sure that the account can reach the program and the interpreter that it runs in.

        Raises:
            ConfigurationError: they are in the home of root, which is closed to all others.
        """
        programs = (Path(wanted.command()[0]), Path(sys.prefix), Path(sys.base_prefix))
        if wanted.account != "root" and not self._of_user and any(path.is_relative_to(_ROOT) for path in programs):
            raise ConfigurationError("service_at_root", file=sys.prefix)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.service"

    def _systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._run(["systemctl", *(["--user"] if self._of_user else []), *words])


def _for_user(unit: str) -> str:
    """A unit without what only the system's own systemd can do."""
    lines = [line for line in unit.splitlines() if not line.startswith(_NOT_FOR_USERS)]
    return "\n".join(lines).replace("multi-user.target", "default.target") + "\n"


def _escaped(text: str) -> str:
    """A text in which systemd sees no specifier."""
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """A word as a list in a unit takes it, with its blanks, quotes and percent signs."""
    text = _escaped(word).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if any(sign in text for sign in " \t'\"\\;") else text
