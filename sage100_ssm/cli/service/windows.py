"""The service as a scheduled task of Windows, which starts with the machine and again where it ended."""

import csv
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from sage100_ssm.cli.service.definition import Run, ServiceStatus, Wanted, require_done, run_in_terminal, run_tool
from sage100_ssm.sync.failures import ConfigurationError

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_ACCOUNTS_OF_WINDOWS = {"SYSTEM": "S-1-5-18", "LOCAL SERVICE": "S-1-5-19", "NETWORK SERVICE": "S-1-5-20"}
"""The accounts that have no password, by their English names, which each Windows translates, and their numbers."""
_RUNNING = ("running", "en cours")
"""How the status begins of a task that runs, in English and French."""


class WindowsTask:
    """The service as a scheduled task.

    Args:
        stores_password: whether Windows keeps the account's password, which it asks for: without it the task cannot
            show itself to another machine as that account (Windows authentication on SQL Server).
        run: runs ``schtasks``.
        talk: runs it where it asks for a password.
    """

    def __init__(self, *, stores_password: bool = False, run: Run = run_tool, talk: Run = run_in_terminal) -> None:
        self._stores_password, self._run, self._talk = stores_password, run, talk

    def definition(self, wanted: Wanted) -> str:
        """The task in the form of the Task Scheduler."""
        ET.register_namespace("", _NAMESPACE)
        task = _element("Task", version="1.2")
        about = _added(task, "RegistrationInfo")
        _added(about, "Description", f"Contacts of Sage 100 and Sage Sales Management ({wanted.company})")
        trigger = _added(_added(task, "Triggers"), "BootTrigger")
        # The network and SQL Server come up after Windows.
        _added(trigger, "Delay", "PT1M")
        self._add_principal(task, wanted.account)
        settings = _added(task, "Settings")
        for name, value in (
            ("MultipleInstancesPolicy", "IgnoreNew"),
            ("DisallowStartIfOnBatteries", "false"),
            ("StopIfGoingOnBatteries", "false"),
            ("AllowHardTerminate", "true"),
            ("StartWhenAvailable", "true"),
            ("ExecutionTimeLimit", "PT0S"),  # without it, Windows ends a task after three days
        ):
            _added(settings, name, value)
        again = _added(settings, "RestartOnFailure")
        _added(again, "Interval", "PT1M")
        _added(again, "Count", "999")
        action = _added(_added(task, "Actions", Context="Author"), "Exec")
        folder = wanted.config.parent
        program, *words = wanted.command("--log-file", str(folder / f"{wanted.name}.log"))
        _added(action, "Command", program)
        _added(action, "Arguments", subprocess.list2cmdline(words))
        _added(action, "WorkingDirectory", str(folder))
        ET.indent(task)
        return '<?xml version="1.0" encoding="UTF-16"?>\n' + ET.tostring(task, encoding="unicode") + "\n"

    def _add_principal(self, task: ET.Element, account: str) -> None:
        principal = _added(_added(task, "Principals"), "Principal", id="Author")
        of_windows = _ACCOUNTS_OF_WINDOWS.get(account.upper())
        _added(principal, "UserId", of_windows or account)
        if of_windows is None:
            _added(principal, "LogonType", "Password" if self._stores_password else "S4U")
        _added(principal, "RunLevel", "LeastPrivilege")

    def install(self, wanted: Wanted) -> str:
        """Create or replace the task, and start it.

        Raises:
            ConfigurationError: Windows refuses.
        """
        with tempfile.TemporaryDirectory(prefix="sage100-ssm-") as folder:
            file = Path(folder) / "task.xml"
            # The encoding that the Task Scheduler itself exports: others it may take for a broken file.
            file.write_text(self.definition(wanted), "utf-16")
            create = ["schtasks", "/Create", "/TN", wanted.name, "/XML", str(file), "/F"]
            if self._stores_password:
                # The asterisk makes Windows ask: a password in a command line can be read by others.
                require_done(self._talk([*create, "/RU", wanted.account, "/RP", "*"]))
            else:
                require_done(self._run(create))
        self._run(["schtasks", "/End", "/TN", wanted.name])
        require_done(self._run(["schtasks", "/Run", "/TN", wanted.name]))
        return f"schtasks /Query /TN {wanted.name}"

    def remove(self, name: str) -> None:
        """End the task and delete it.

        Raises:
            ConfigurationError: there is none, or Windows refuses.
        """
        if not self.status(name).is_installed:
            raise ConfigurationError("service_none", name=name)
        self._run(["schtasks", "/End", "/TN", name])
        require_done(self._run(["schtasks", "/Delete", "/TN", name, "/F"]))

    def status(self, name: str) -> ServiceStatus:
        """How the task is."""
        done = self._run(["schtasks", "/Query", "/TN", name, "/FO", "CSV", "/NH"])
        # Name, next time, status: the last is in the language of Windows.
        rows = [row for row in csv.reader(done.stdout.splitlines()) if len(row) > 2]  # noqa: PLR2004 - as above
        if done.returncode or not rows:
            return ServiceStatus(is_installed=False, is_running=False, words="")
        words = rows[-1][2]
        return ServiceStatus(is_installed=True, is_running=words.lower().startswith(_RUNNING), words=words)


def _element(name: str, **attributes: str) -> ET.Element:
    return ET.Element(f"{{{_NAMESPACE}}}{name}", attributes)


def _added(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = _element(name, **attributes)
    element.text = text
    parent.append(element)
    return element
