"""What makes databases quick in tests, which open thousands of them for a few statements each.

A statement is compiled once for each kind of database, not once for each engine; and SQLite does not wait for the disk,
because no test switches off the power.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

_MOST = 1000


class CompiledStatements(dict[Any, Any]):
    """Compiled statements as an engine keeps them, for all engines: equal dialects compile alike."""

    def get(self, key: Any, default: Any = None) -> Any:
        """The statement that some engine of this dialect compiled."""
        return super().get(_of_all_engines(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= _MOST:  # a table that was reflected brings statements that nobody asks for again
            self.clear()
        super().__setitem__(_of_all_engines(key), compiled)


def _of_all_engines(key: Any) -> Any:
    dialect, *statement = key
    return type(dialect), dialect.server_version_info, *statement


_STATEMENTS = CompiledStatements()


@event.listens_for(Engine, "engine_connect")
def _share_statements(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_STATEMENTS)


@event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: DBAPIConnection, _: Any) -> None:
    if "sqlite" in type(connection).__module__:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=OFF")  # of Prefect's asynchronous driver this returns nothing
        cursor.close()
