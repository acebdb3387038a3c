"""The sample company and SSM, in a process of the product; its connectors, driven by PyAirbyte."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import airbyte as ab
import pytest

from tests.support import postgresql

ROOT = Path(__file__).parents[2]
COMMANDS = ROOT / ".venv" / "bin"


class Place:
    """A sample company database, an SSM that answers on loopback, and the connectors on them."""

    def __init__(self, folder: Path, printed: dict[str, str]) -> None:
        self.folder, self.database = folder, folder / "bijou.db"
        self.ssm_config = {
            "base_url": printed["base_url"],
            "public_key": printed["public_key"],
            "private_key": printed["private_key"],
            "requests_per_second": 500,
        }
        self.new = {"default_sales_rep_id": 310, "default_branch_id": 16}

    @staticmethod
    def sage_config(database: Path) -> dict[str, Any]:
        """The configuration of a Sage 100 connector."""
        return {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(database)}}

    def source(self, name: str) -> ab.Source:
        """A source connector."""
        config = self.ssm_config if name == "source-ssm" else self.sage_config(self.database)
        return ab.get_source(name, config=config, local_executable=COMMANDS / name, install_if_missing=False)

    def contact_sync(self, state: str) -> ab.Source:
        """The source that synchronises."""
        owner = {"default_sales_rep_id": self.new["default_sales_rep_id"]}
        config = {**self.sage_config(self.database), **self.ssm_config, **owner, "state": state, "language": "en"}
        return ab.get_source(
            "source-contact-sync",
            config=config,
            local_executable=COMMANDS / "source-contact-sync",
            install_if_missing=False,
        )

    def destination(self, name: str, **settings: Any) -> ab.Destination:
        """A destination connector, with settings of its own."""
        config = {**self.ssm_config, **self.new} if name == "destination-ssm" else self.sage_config(self.database)
        return ab.get_destination(
            name, config={**config, **settings}, local_executable=COMMANDS / name, install_if_missing=False
        )

    def cache(self, name: str) -> ab.DuckDBCache:
        """A local cache, which keeps states too."""
        return ab.new_local_cache(cache_name=name, cache_dir=self.folder / name, cleanup=False)

    def sql(self, statement: str, *values: Any, database: Path | None = None) -> list[tuple[Any, ...]]:
        """What people see, or do, in Sage."""
        with closing(sqlite3.connect(database or self.database)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def emptied_copy(self) -> Path:
        """A company database with the same companies and no contacts."""
        copy = self.folder / "copy.db"
        shutil.copy(self.database, copy)
        self.sql("DELETE FROM F_CONTACTT", database=copy)
        return copy


@contextmanager
def _opened(*arguments: object) -> Iterator[dict[str, str]]:
    """Run a stand-in for SSM by the product's Python; yield what it prints: its address and its keys."""
    with subprocess.Popen(  # noqa: S603 - our own code
        [COMMANDS / "python", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            printed = dict(next(process.stdout).split(maxsplit=1) for _ in range(3))
            yield {name.rstrip(":"): value.strip() for name, value in printed.items()}
        finally:
            process.terminate()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The sample, open while the test lasts."""
    folder = tmp_path / "company"
    with _opened("-m", "sage100_ssm.standins", "--dir", folder) as printed:
        yield Place(folder, printed)


@pytest.fixture
def state() -> Iterator[str]:
    """The address of a state in PostgreSQL."""
    with postgresql.running() as server, postgresql.new_database(server) as url:
        yield url


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Place]:
    """An SSM with fields of its own, open while the test lasts; there is no company database."""
    with _opened(Path(__file__).parent / "tenant_with_own_fields.py") as printed:
        yield Place(tmp_path, printed)


@pytest.fixture(scope="session")
def companies_to_accounts() -> dict[str, Any]:
    """The map of the example pipeline."""
    example = json.loads((ROOT / "examples" / "companies" / "ssm.json").read_text("utf-8"))
    return {name: example[name] for name in ("streams", "rename", "values")}
