"""A Singer tap over SQLite, run in the environment for comparisons.

The package index has no such tap. This one consists of the classes for SQL databases of Singer's SDK and a SQLAlchemy
address, as the taps that are built on them do.
"""

from typing import Any

from singer_sdk import typing as th
from singer_sdk.sql import SQLConnector, SQLStream, SQLTap


class SQLiteConnector(SQLConnector):
    """Builds the address."""

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
