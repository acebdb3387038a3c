"""A PostgreSQL server of one's own on loopback, of Debian's package, that can be restarted in the middle of work."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text


class PostgresqlServer:
    """A server in a temporary folder.

    Args:
        folder: the folder, which belongs to the account that the server runs under.
        programs: where its programs are.
        account: that account, where it is another one: PostgreSQL refuses to run as root.
    """

    def __init__(self, folder: Path, programs: Path, account: dict[str, Any]) -> None:
        self._folder, self._programs, self._account = folder, programs, account
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._call("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")

    def url(self, database: str, driver: str = "psycopg") -> str:
        """The URL of one of its databases."""
        return f"postgresql+{driver}://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # Prefect's server and each run that is under way have a few connections.
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c max_connections=300"
        self._call("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is what a power failure does."""
        self._call("pg_ctl", "stop", "-D", "data", "-m", mode)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute a statement outside a transaction."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def size(self, database: str) -> int:
        """The bytes that a database takes."""
        engine = create_engine(self.url(database))
        with engine.connect() as connection:
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        engine.dispose()
        return int(size)

    def _call(self, program: str, *words: str) -> None:
        line: Sequence[str] = [str(self._programs / program), *words]
        subprocess.run(line, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, **self._account)  # noqa: S603


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A server while the block lasts.

    Raises:
        SystemExit: Debian's `postgresql` is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise SystemExit("This needs PostgreSQL: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    server = PostgresqlServer(folder, programs[-1].parent, account)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
