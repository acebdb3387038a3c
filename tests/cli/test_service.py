"""`service`: a systemd unit, and a scheduled task of Windows, which nobody can run here: its XML and its calls."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sage100_ssm.app.settings import Settings
from sage100_ssm.cli.service import commands, definition
from sage100_ssm.cli.service.definition import ServiceStatus, Wanted, program, require_done, run_tool
from sage100_ssm.cli.service.systemd import SystemdService
from sage100_ssm.cli.service.windows import WindowsTask
from sage100_ssm.sync.failures import ConfigurationError
from tests.support.pages import ROOT

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
ODD_FOLDER = 'société "d\'essai" 100% & <co> $x'


class Tool:
    """A tool of the system that notes its calls, and answers each with what was prepared for its words."""

    def __init__(self):
        self.calls, self.answers = [], {}

    def __call__(self, command):
        self.calls.append(list(command))
        code, text = next((self.answers[word] for word in command if word in self.answers), (0, ""))
        return subprocess.CompletedProcess(list(command), code, text)


@pytest.fixture
def tool():
    return Tool()


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """The program as installed for the whole machine."""
    monkeypatch.setattr(definition, "program", lambda: Path("/usr/local/bin/sage100-ssm"))
    monkeypatch.setattr("sys.prefix", "/opt/uv-tools/sage100-ssm")
    monkeypatch.setattr("sys.base_prefix", "/opt/uv-python")


def wanted(**changes):
    usual = {
        "name": "sage100-ssm",
        "company": "BIJOU",
        "config": Path("/etc/sage100-ssm/sync.yaml"),
        "state": Path("/var/lib/sage100-ssm/sync-state.db"),
        "every": 15,
        "account": "sage100-ssm",
    }
    return Wanted(**{**usual, **changes})


# --- systemd


@pytest.fixture
def systemd(tool, tmp_path):
    return SystemdService(of_user=False, run=tool, folder=tmp_path / "units")


def test_the_unit_in_the_repository_is_the_one_that_is_installed(systemd):
    assert systemd.definition(wanted()) == (ROOT / "deploy/sage100-ssm.service").read_text("utf-8")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze (Debian: systemd) is not installed")
@pytest.mark.parametrize("of_user", [False, True])
def test_systemd_understands_the_unit_and_calls_it_well_protected(tool, tmp_path, of_user):
    odd = Path("/srv") / ODD_FOLDER
    unit = SystemdService(of_user=of_user, run=tool).definition(wanted(config=odd / "sync.yaml", state=odd / "s.db"))
    # The command is looked for by systemd, which knows every quote and specifier in it.
    file = tmp_path / "tried.service"
    file.write_text(unit.replace("/usr/local/bin/sage100-ssm", "/bin/true").replace("User=sage100-ssm", "User=daemon"))
    scope = "--user" if of_user else "--system"
    verified = subprocess.run(["systemd-analyze", "verify", scope, file], capture_output=True, text=True, check=False)  # noqa: S603, S607 - systemd's own
    assert str(file.name) not in verified.stderr
    if not of_user:
        command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", file]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - systemd's own


def test_a_unit_escapes_what_systemd_would_read_into_a_path(systemd):
    unit = systemd.definition(wanted(config=Path("/srv") / ODD_FOLDER / "sync.yaml", state=None))
    assert r'--config "/srv/société \"d' in unit
    assert "100%% & <co> $$x/sync.yaml" in unit
    assert "& <co> $x" in next(line for line in unit.splitlines() if line.startswith('ReadWritePaths="/srv'))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "ProtectHome=yes"),
        ({"config": Path("/home/marie/sync.yaml")}, "ProtectHome=read-only"),
        ({"state": None}, "ReadWritePaths=/etc/sage100-ssm"),
        ({"company": "A%B"}, "Description=Contacts of Sage 100 and Sage Sales Management (A%%B)"),
        ({"every": 5}, "--every 5"),
    ],
)
def test_a_unit_fits_where_things_are(systemd, changes, line):
    assert any(one.endswith(line) for one in systemd.definition(wanted(**changes)).splitlines())


def test_a_unit_of_a_user_has_nothing_that_needs_an_administrator(tool):
    unit = SystemdService(of_user=True, run=tool).definition(wanted())
    assert "User=" not in unit
    assert "Protect" not in unit
    assert "NoNewPrivileges=yes" in unit
    assert "WantedBy=default.target" in unit


def test_installing_writes_the_unit_and_starts_it_and_may_be_repeated(systemd, tool, tmp_path):
    place = systemd.install(wanted())
    assert Path(place).read_text("utf-8") == systemd.definition(wanted())
    assert [call[1] for call in tool.calls] == ["daemon-reload", "enable", "restart"]
    systemd.install(wanted(every=5))
    assert "--every 5" in Path(place).read_text("utf-8")


def test_a_unit_of_somebody_else_is_left_alone(systemd, tool, tmp_path):
    file = tmp_path / "units/sage100-ssm.service"
    file.parent.mkdir()
    file.write_text("[Service]\nExecStart=/bin/mine\n")
    for action in (lambda: systemd.install(wanted()), lambda: systemd.remove("sage100-ssm")):
        with pytest.raises(ConfigurationError):
            action()
    assert "mine" in file.read_text()
    assert tool.calls == []


def test_where_there_is_no_systemd_nothing_is_left_behind(systemd, tool, tmp_path):
    tool.answers["daemon-reload"] = (1, "System has not been booted with systemd\n  as init system.")
    with pytest.raises(ConfigurationError) as caught:
        systemd.install(wanted())
    assert caught.value.params["text"] == "System has not been booted with systemd as init system."
    assert list((tmp_path / "units").iterdir()) == []


def test_a_folder_that_cannot_be_written_asks_for_an_administrator(tool, tmp_path):
    (tmp_path / "units").write_text("")
    with pytest.raises(ConfigurationError) as caught:
        SystemdService(of_user=False, run=tool, folder=tmp_path / "units").install(wanted())
    assert caught.value.code == "service_folder"


@pytest.mark.parametrize("variable", ["sys.prefix", "sys.base_prefix"])
def test_a_program_in_the_home_of_root_cannot_be_run_by_another_account(systemd, monkeypatch, variable):
    monkeypatch.setattr(variable, "/root/.local/share/uv")
    with pytest.raises(ConfigurationError) as caught:
        systemd.install(wanted())
    assert caught.value.code == "service_at_root"


def test_removing_stops_the_unit_and_deletes_it(systemd, tool):
    place = Path(systemd.install(wanted()))
    tool.calls.clear()
    systemd.remove("sage100-ssm")
    assert not place.exists()
    assert tool.calls == [
        ["systemctl", "disable", "--now", "sage100-ssm.service"],
        ["systemctl", "daemon-reload"],
    ]
    with pytest.raises(ConfigurationError):
        systemd.remove("sage100-ssm")


def test_the_status_of_a_unit(systemd, tool):
    tool.answers["is-active"] = (3, "inactive\n")
    assert systemd.status("sage100-ssm") == ServiceStatus(is_installed=False, is_running=False, words="inactive")
    systemd.install(wanted())
    tool.answers["is-active"] = (0, "active\n")
    assert systemd.status("sage100-ssm") == ServiceStatus(is_installed=True, is_running=True, words="active")


# --- Windows


WINDOWS = {
    "config": Path(r"C:\Données Sage\sync.yaml"),
    "account": r"DOMAINE\marie",
}


def texts(xml):
    return {element.tag.removeprefix(TASK): element.text for element in ET.fromstring(xml).iter()}  # noqa: S314 - our own


def test_a_task_starts_with_the_machine_again_where_it_ended_and_has_no_end(tool):
    found = texts(WindowsTask(run=tool).definition(wanted()))
    assert (found["Delay"], found["ExecutionTimeLimit"], found["MultipleInstancesPolicy"]) == (
        "PT1M",
        "PT0S",
        "IgnoreNew",
    )
    assert (found["Interval"], found["Count"]) == ("PT1M", "999")
    assert (found["StopIfGoingOnBatteries"], found["RunLevel"]) == ("false", "LeastPrivilege")


def test_a_task_keeps_blanks_accents_and_signs_of_xml_in_paths(tool, monkeypatch):
    monkeypatch.setattr(definition, "program", lambda: r"C:\Program Files\uv & co\sage100-ssm.exe")
    folder = Path(ODD_FOLDER.replace('"', ""))
    found = texts(WindowsTask(run=tool).definition(wanted(config=folder / "sync.yaml")))
    assert found["Command"] == r"C:\Program Files\uv & co\sage100-ssm.exe"
    assert f'serve --config "{folder / "sync.yaml"}" --every 15' in found["Arguments"]
    assert found["Arguments"].startswith(f'--log-file "{folder / "sage100-ssm.log"}"')
    assert found["WorkingDirectory"] == str(folder)


@pytest.mark.parametrize(
    ("account", "stores", "user", "logon"),
    [
        (r"DOMAINE\marie", False, r"DOMAINE\marie", "S4U"),
        (r"DOMAINE\marie", True, r"DOMAINE\marie", "Password"),
        ("local service", False, "S-1-5-19", None),
        ("SYSTEM", False, "S-1-5-18", None),
    ],
)
def test_a_task_runs_under_the_account_that_is_wanted(tool, account, stores, user, logon):
    found = texts(WindowsTask(stores_password=stores, run=tool).definition(wanted(account=account)))
    assert (found["UserId"], found.get("LogonType")) == (user, logon)


def test_installing_hands_the_task_over_in_utf_16_and_starts_it(tool):
    kept = []

    def create(command):
        if "/Create" in command:
            kept.append(Path(command[command.index("/XML") + 1]).read_bytes())
        return tool(command)

    WindowsTask(run=create).install(wanted(**WINDOWS))
    assert kept[0].startswith(b"\xff\xfe")
    assert "Données Sage" in kept[0].decode("utf-16")
    assert 'encoding="UTF-16"' in kept[0].decode("utf-16")
    assert [call[1] for call in tool.calls] == ["/Create", "/End", "/Run"]
    assert "/F" in tool.calls[0]


def test_a_password_is_asked_by_windows_and_in_no_command_line(tool):
    talk = Tool()
    WindowsTask(stores_password=True, run=tool, talk=talk).install(wanted(**WINDOWS))
    (created,) = talk.calls
    assert created[-4:] == ["/RU", r"DOMAINE\marie", "/RP", "*"]


def test_what_windows_refuses_is_said_in_its_words(tool):
    tool.answers["/Create"] = (1, "ERREUR : Accès refusé.\r\n")
    with pytest.raises(ConfigurationError) as caught:
        WindowsTask(run=tool).install(wanted(**WINDOWS))
    assert caught.value.params["text"] == "ERREUR : Accès refusé."
    assert "task.xml" not in caught.value.params["tool"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((1, "ERROR: The system cannot find the file specified."), ServiceStatus(False, False, "")),
        ((0, '"\\sage100-ssm","N/A","Running"\r\n'), ServiceStatus(True, True, "Running")),
        ((0, '"\\sage100-ssm","N/A","En cours d\'exécution"\n'), ServiceStatus(True, True, "En cours d'exécution")),
        ((0, '"\\sage100-ssm","N/A","Prêt"\n'), ServiceStatus(True, False, "Prêt")),
        ((0, ""), ServiceStatus(False, False, "")),
    ],
)
def test_the_status_of_a_task(tool, answer, status):
    tool.answers["/Query"] = answer
    assert WindowsTask(run=tool).status("sage100-ssm") == status


def test_removing_ends_the_task_and_deletes_it(tool):
    tool.answers["/Query"] = (0, '"\\sage100-ssm","N/A","Ready"\n')
    WindowsTask(run=tool).remove("sage100-ssm")
    assert [call[1] for call in tool.calls] == ["/Query", "/End", "/Delete"]
    tool.answers["/Query"] = (1, "")
    with pytest.raises(ConfigurationError):
        WindowsTask(run=tool).remove("sage100-ssm")


# --- the commands


@pytest.fixture
def linux(monkeypatch, tool, tmp_path):
    """The command on a Linux with systemd."""
    made = SystemdService(of_user=False, run=tool, folder=tmp_path / "units")
    monkeypatch.setattr(commands, "_system", lambda **_: made)


def test_the_commands_install_show_and_remove(linux, settings, tool, call, tmp_path):
    config = settings("en")
    shown = call("service", "install", "--show", "--account", "sync", "-c", config)
    assert f"serve --config {config}" in shown.stdout
    assert "User=sync" in shown.stdout
    assert tool.calls == []
    done = call("service", "install", "--account", "sync", "-c", config)
    assert done.exit_code == 0, done.stderr
    assert "journalctl -u sage100-ssm -f" in done.stderr
    tool.answers["is-active"] = (0, "active\n")
    assert call("service", "status").exit_code == 0
    assert call("service", "remove").exit_code == 0
    tool.answers["is-active"] = (3, "inactive\n")
    assert call("service", "status").exit_code == 1
    assert call("service", "remove").exit_code == 2


@pytest.mark.parametrize("options", [(), ("--show",)], ids=["install", "show"])
def test_a_service_does_not_run_as_root(linux, settings, monkeypatch, call, options):
    monkeypatch.setattr(commands, "_owner_of", lambda _: "root")
    refused = call("service", "install", *options, "-c", settings("en"))
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert "must not run under that account" in refused.stderr


def test_an_unknown_system_is_told_of_other_schedulers(settings, monkeypatch, call):
    monkeypatch.setattr("sys.platform", "sunos5")
    refused = call("service", "install", "-c", settings("en"))
    assert refused.exit_code == 2
    assert "every 15 minutes" in refused.stderr


def test_a_tool_that_is_missing_is_named():
    with pytest.raises(ConfigurationError) as caught:
        run_tool(["no-such-tool-here"])
    assert caught.value.params == {"tool": "no-such-tool-here"}


def test_a_tool_that_says_nothing_is_quoted_by_its_exit_code():
    with pytest.raises(ConfigurationError) as caught:
        require_done(subprocess.CompletedProcess(["systemctl", "enable"], 7, None))
    assert caught.value.params == {"tool": "systemctl enable", "text": 7}


def test_the_program_is_the_one_beside_the_interpreter(monkeypatch, tmp_path):
    monkeypatch.undo()
    assert program().name == "sage100-ssm"
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError):
        program()


def test_the_folder_of_a_state_on_a_server_is_none(settings):
    tree = {
        "sage100": {"company": "B", "connection": {"kind": "sqlite", "path": "x"}},
        "ssm": {"public_key": "p", "private_key": "k", "default_sales_rep_id": 1},
    }
    assert Settings.model_validate({**tree, "state": "postgresql+psycopg://h/d"}).state_file is None
    assert Settings.model_validate({**tree, "state": "sqlite:////x/y.db"}).state_file == Path("/x/y.db")
