"""The wheel, and what is installed from it beside foreign packages with general names."""

import base64
import csv
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sage100_ssm import __version__
from sage100_ssm.cli.demo_story import STORY

pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PACKAGES = {
    "destination_sage100", "destination_ssm", "sage100_ssm", "source_contact_sync", "source_sage100", "source_ssm"
}  # fmt: skip
CONNECTORS = ("source-sage100", "source-ssm", "destination-sage100", "destination-ssm")
"""Those that need no extra."""
FOREIGN = {"console": "0.9912", "flows": "1.2.1", "wiring": "0.1.2"}
"""Packages of others on the package index, each with an import name that anybody might choose."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build = ["build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, ROOT]
    subprocess.run([UV, "--quiet", *build], check=True)  # noqa: S603 - our own tool
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def content(wheel):
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="session")
def environment(wheel, tmp_path_factory):
    """A virtual environment with the wheel, all that it needs, and the foreign packages on top."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    uv("venv", "--python", sys.executable, folder)
    uv("pip", "install", "--python", folder, "--constraint", ROOT / "constraints.txt", f"{wheel}[flow]")
    # Without their dependencies: one that `flows` names cannot be built for Python 3.
    foreign = [f"{name}=={version}" for name, version in FOREIGN.items()]
    uv("pip", "install", "--python", folder, "--no-deps", *foreign)
    return folder


@pytest.fixture(scope="session")
def connectors_alone(wheel, tmp_path_factory):
    """A virtual environment with the wheel and no extra."""
    folder = tmp_path_factory.mktemp("connectors") / "venv"
    uv("venv", "--python", sys.executable, folder)
    uv("pip", "install", "--python", folder, "--constraint", ROOT / "constraints.txt", wheel)
    return folder


def uv(*words):
    """Run uv; skip the test where the package index cannot be reached."""
    done = subprocess.run([UV, "--quiet", *words], capture_output=True, text=True, check=False)  # noqa: S603 - our own tool
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory):
    """A folder of somebody else's modules with general names, which Python finds first."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("console.py", "flows/__init__.py", "sandbox.py", "wiring.py"):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    return folder


@pytest.fixture
def call_alone(connectors_alone, elsewhere):
    """A function that runs a command of the environment without extras from the other folder; what became of it."""

    def called(command, word):
        line = [connectors_alone / "bin" / command, word]
        return subprocess.run(line, cwd=elsewhere, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands

    return called


@pytest.fixture
def call(environment, elsewhere, tmp_path):
    """A function that runs a command of the environment from the other folder; its standard output."""

    def called(command, *words):
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": str(tmp_path),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "PYTHONPATH": str(elsewhere),
        }
        line = [environment / "bin" / command, *words]
        done = subprocess.run(line, cwd=elsewhere, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
        assert done.returncode == 0, done.stderr
        return done.stdout

    return called


def test_the_wheel_holds_the_package_the_connectors_and_nothing_else(content):
    assert {name.split("/")[0] for name in content} == PACKAGES | {f"sage100_ssm-{__version__}.dist-info"}


def test_the_wheel_holds_every_file_of_its_packages_that_the_repository_has(content):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - git
    sources = set(listed.stdout.splitlines())

    assert {name for name in content if ".dist-info/" not in name} == sources
    assert {Path(name).suffix for name in sources} == {
        ".py",
        ".typed",
        ".yaml",
        ".sql",
        ".mako",
        ".html",
        ".css",
        ".svg",
        ".service",
    }


def test_no_file_was_overwritten_by_a_package_of_the_same_name(environment):
    (packages,) = environment.glob("lib/python3.*/site-packages")
    records = [packages / f"sage100_ssm-{__version__}.dist-info" / "RECORD"]
    records += [packages / f"{name}-{version}.dist-info" / "RECORD" for name, version in FOREIGN.items()]

    changed = [name for record in records for name in _changed_files(packages, record)]
    assert changed == []


def _changed_files(packages, record):
    """The files whose content is not the one that was installed."""
    with record.open(newline="") as lines:
        for name, recorded, _ in csv.reader(lines):
            if recorded:
                digest = hashlib.sha256((packages / name).read_bytes()).digest()
                if recorded != f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}":
                    yield name


def test_a_foreign_package_of_the_working_folder_is_the_one_that_is_imported(call, elsewhere):
    assert call("python", "-c", "import flows; print(flows.__file__)").strip() == str(elsewhere / "flows/__init__.py")


def test_the_command_says_its_version(call):
    assert call("sage100-ssm", "--version") == f"sage100-ssm {__version__}\n"


@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_connector_that_is_installed_without_an_extra_says_its_specification(call_alone, connector):
    assert '"type":"SPEC"' in call_alone(connector, "spec").stdout


def test_without_the_extra_the_command_says_what_is_not_installed(call_alone):
    refused = call_alone("sage100-ssm", "status")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert [line.count("sage100-ssm[flow]") for line in refused.stderr.splitlines()] == [1, 1]


def test_the_demo_plays_to_its_end(call):
    assert f"{len(STORY)}. " in call("sage100-ssm", "demo", "--language", "en")


def test_prefect_registers_the_block_of_settings(call):
    assert "Sage 100 SSM settings" in call(
        "prefect", "block", "register", "--module", "sage100_ssm.orchestration.blocks"
    )


def test_the_deployed_flow_is_loaded_by_its_path(call):
    load = "import sys, prefect.flows; print(prefect.flows.load_flow_from_entrypoint(sys.argv[1]).name)"

    assert call("python", "-c", load, f"{ROOT}/flows/sync_contacts.py:sync_contacts").strip() == "sage100-ssm"


def test_every_module_but_the_sql_server_for_tests_and_the_extras_needs_nothing_else(call):
    missing = call("python", "-c", IMPORT_ALL, *sorted(PACKAGES)).split()
    known = r"sage100_ssm\.(standins\.sql_server\.\w+:sqlglot|connectors\.refused_records_bucket:boto3)"

    assert missing
    assert [line for line in missing if not re.fullmatch(known, line)] == []


IMPORT_ALL = """
import importlib, pkgutil, sys

for package in sys.argv[1:]:
    for module in pkgutil.walk_packages([importlib.import_module(package).__path__[0]], f"{package}."):
        if module.name.rpartition(".")[2] not in ("__main__", "env"):  # what is run, by Python and by Alembic
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                print(f"{module.name}:{error.name}")
"""
