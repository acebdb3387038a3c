"""Imports run downwards only, and each outside library stays where it belongs (docs/architecture.md)."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.syntax import parsed

ROOT = Path(__file__).parents[1]
SIDES = {"sage100", "ssm"}
CONNECTORS = {"source_sage100", "source_ssm", "destination_sage100", "destination_ssm"}
_BELOW_APP = {"exchange", *SIDES, "connectors", *CONNECTORS, "sync", "messages"}

MAY_IMPORT = {
    "exchange": set(),
    "sage100": {"exchange"},
    "ssm": {"exchange"},
    "connectors": {"exchange"},
    "source_sage100": {"exchange", "sage100", "connectors"},
    "source_ssm": {"exchange", "ssm", "connectors"},
    "destination_sage100": {"exchange", "sage100", "connectors"},
    "destination_ssm": {"exchange", "ssm", "connectors"},
    "sync": {"exchange"},
    "messages": {"sync"},
    "app": _BELOW_APP,
    "standins": _BELOW_APP,
    "source_contact_sync": {*_BELOW_APP, "app"},
    "orchestration": {*_BELOW_APP, "app"},
    "web": {*_BELOW_APP, "app", "orchestration"},
    "cli": {*_BELOW_APP, "app", "orchestration", "web"},
    "flows": {"orchestration"},
}
"""What each package may import of ours, besides itself and the modules at the top of `sage100_ssm`."""

LIBRARIES = {
    "sqlalchemy": {"sage100", "sync/state"},
    "alembic": {"sync/state"},
    "httpx": {"ssm"},
    "airbyte_cdk": {"connectors", *CONNECTORS, "source_contact_sync"},
    "boto3": {"connectors"},
    "botocore": {"connectors"},
    "airbyte_api": {"orchestration"},
    "prefect": {"orchestration", "flows"},
    "apprise": {"app"},
}
"""Where alone an outside library is imported. The stand-ins are apart: they play the other end of each."""

EXCEPTIONS = {
    ("cli/demo.py", "standins"): "the demo runs the product on the stand-ins",
    ("cli/demo_story.py", "standins"): "what people do in the demo, on the stand-ins",
    ("cli/sample.py", "standins"): "keeps the sample company open",
    ("standins/__main__.py", "cli"): "another way to call the command that keeps the sample company open",
    ("cli/demo.py", "prefect"): "flushes Prefect's log before the demo's server ends",
    ("orchestration/airbyte_api.py", "httpx"): "carries the requests of Airbyte's client",
    ("orchestration/local_server.py", "httpx"): "asks Prefect's own server whether it is up",
    ("orchestration/prefect_api.py", "httpx"): "sorts the errors of Prefect's client",
    ("orchestration/proxies.py", "httpx"): "asks which proxies Prefect's client can use",
    ("orchestration/serve.py", "httpx"): "the errors of Prefect's client end its runner",
    ("orchestration/local_server.py", "sqlalchemy"): "parses the state's URL; no statement",
    ("orchestration/blocks.py", "sqlalchemy"): "parses the state's URL; no statement",
    ("app/contact_sync/form.py", "sqlalchemy"): "parses the state's URL; no statement",
    ("app/settings.py", "sqlalchemy"): "parses the state's URL; no statement",
    ("app/first_settings.py", "sqlalchemy"): "parses the state's URL; no statement",
    ("source_sage100/deletions.py", "sqlalchemy"): "names the type of a table; no statement",
    ("source_sage100/incremental.py", "sqlalchemy"): "names the type of a table; no statement",
    ("source_sage100/schemas.py", "sqlalchemy"): "reads the types of columns; no statement",
    ("source_sage100/source.py", "sqlalchemy"): "names the type of a table; no statement",
}


@cache
def _imports(file: Path) -> set[str]:
    """The modules that a file imports, in functions too."""
    found = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            # `from sage100_ssm import cli` imports a package as `import sage100_ssm.cli` does.
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _package(module: str) -> str | None:
    """The package of ours that a module belongs to; None for others, and for the top of `sage100_ssm`."""
    first, _, rest = module.partition(".")
    name = rest.partition(".")[0] if first == "sage100_ssm" else first
    return name if name in MAY_IMPORT else None


def _files() -> Iterator[tuple[str, Path]]:
    """All our files, each with its path below `sage100_ssm`, or below the root."""
    for file in (ROOT / "sage100_ssm").rglob("*.py"):
        yield str(file.relative_to(ROOT / "sage100_ssm")), file
    for package in sorted(CONNECTORS | {"flows", "source_contact_sync"}):
        for file in (ROOT / package).rglob("*.py"):
            yield str(file.relative_to(ROOT)), file


FILES = dict(_files())


def _is_within(name: str, places: set[str]) -> bool:
    return any(name.startswith(f"{place}/") for place in places)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_downwards_only(package):
    allowed = MAY_IMPORT[package] | {package, None}
    upwards = {
        (name, module)
        for name, file in FILES.items()
        if _is_within(name, {package})
        for module in _imports(file)
        if _package(module) not in allowed and (name, _package(module)) not in EXCEPTIONS
    }
    assert not upwards


def test_every_package_has_its_place():
    below = {name.partition("/")[0] for name in FILES if "/" in name}
    assert below <= MAY_IMPORT.keys()


def test_what_all_share_imports_nothing_of_ours():
    shared = {name: file for name, file in FILES.items() if "/" not in name}
    assert not {(name, m) for name, file in shared.items() for m in _imports(file) if _package(m)}


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_library_stays_in_its_place(library):
    elsewhere = {
        name
        for name, file in FILES.items()
        if any(module.partition(".")[0] == library for module in _imports(file))
        and not _is_within(name, LIBRARIES[library] | {"standins"})
        and (name, library) not in EXCEPTIONS
    }
    assert not elsewhere


def test_every_exception_is_still_needed():
    for name, what in EXCEPTIONS:
        modules = _imports(FILES[name])
        assert what in {module.partition(".")[0] for module in modules} | set(map(_package, modules)), (name, what)


def test_messages_know_of_the_engine_its_model_and_the_journal_alone():
    modules = {m for name, file in FILES.items() if _is_within(name, {"messages"}) for m in _imports(file)}
    known = ("sage100_ssm.sync.model.", "sage100_ssm.sync.journal.")
    assert all(m.startswith(known) for m in modules if _package(m) == "sync")
