"""A PostgreSQL server for tests: the one that TEST_POSTGRESQL names, else one of our own where Debian's is installed.

TEST_POSTGRESQL is a SQLAlchemy URL (``postgresql+psycopg://user@host/postgres``) whose user may create schemas. A
server of our own lives in a temporary folder, listens on a socket in it alone, and runs under a user who is not root.
Where there is neither, the tests are skipped; with TEST_REQUIRES_POSTGRESQL=1, as in CI, they fail.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateSchema, DropSchema

GIVEN = os.environ.get("TEST_POSTGRESQL")
REQUIRED = os.environ.get("TEST_REQUIRES_POSTGRESQL") == "1"
USER = "postgres"
_PATIENCE = 30.0


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server; the test is skipped where there is none, and fails where there must be one."""
    if GIVEN:
        yield GIVEN
        return
    programs = _programs()
    if programs is None:
        reason = "no PostgreSQL: TEST_POSTGRESQL names no server, and Debian's postgresql is not installed"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        with _server(programs, folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of tables of one's own, which are gone afterwards: a schema is made in no time, a database is not."""
    engine, name = create_engine(server, isolation_level="AUTOCOMMIT"), f"state_{uuid4().hex}"
    with engine.connect() as connection:
        connection.execute(CreateSchema(name))
        own = make_url(server).update_query_dict({"options": f"-csearch_path={name}"})
        yield own.render_as_string(hide_password=False)
        connection.execute(DropSchema(name, cascade=True))
    engine.dispose()


def _programs() -> Path | None:
    """Where ``initdb`` and ``postgres`` are: Debian keeps them out of the path."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *filter(None, [shutil.which("initdb")])]
    return Path(found[-1]).parent if found else None


@contextmanager
def _server(programs: Path, folder: Path) -> Iterator[str]:
    data, other = folder / "data", {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        other = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, **other}
    init = ["initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run([programs / init[0], *init[1:]], check=True, **quiet)  # noqa: S603 - Debian's own program
    serve = [programs / "postgres", "-D", data, "-k", folder, "-F", "-c", "listen_addresses="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(serve, stderr=log, **quiet)  # noqa: S603 - as above
    try:
        yield _answering(f"postgresql+psycopg://{USER}@/postgres?host={folder}", folder / "log")
    finally:
        process.send_signal(signal.SIGINT)  # at once, whoever is connected
        process.wait(_PATIENCE)


def _answering(url: str, log: Path) -> str:
    """The URL, once somebody answers there."""
    engine, until = create_engine(url), time.monotonic() + _PATIENCE
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if time.monotonic() > until:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            engine.dispose()
            return url
