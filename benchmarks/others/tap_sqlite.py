"""A Singer tap over SQLite, run in the environment of the others.

The package index has no such tap. This one is what Singer's SDK makes of a SQLAlchemy address: its own classes for SQL
databases do all, as they do in the taps that are built on them.
"""

from typing import Any

from singer_sdk import typing as th
from singer_sdk.sql import SQLConnector, SQLStream, SQLTap


class SQLiteConnector(SQLConnector):
    """Knows the address."""

    def get_sqlalchemy_url(self, config: dict[str, Any]) -> str:
        """The address of the file."""
        return f"sqlite:///{config['path']}"


class SQLiteTable(SQLStream):
    """A table."""

    connector_class = SQLiteConnector


class TapSQLite(SQLTap):
    """The tables of a SQLite file."""

    name = "tap-sqlite"
    default_stream_class = SQLiteTable
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType, required=True)).to_dict()


if __name__ == "__main__":
    TapSQLite.cli()
