"""The drivers of this machine and the databases of a server, for somebody who sets up the connection."""

from sqlalchemy import column, func, select, table

from sage100_ssm.sage100.config import SqlServer
from sage100_ssm.sage100.diagnosis import why_not_opened
from sage100_ssm.sage100.engine import engine_of, is_freetds
from sage100_ssm.sage100.errors import SageError, native_errors

_DATABASES = table("databases", column("name"), schema="sys")
_OF_THE_SERVER = ("master", "tempdb", "model", "msdb")


def drivers() -> list[str]:
    """The ODBC drivers for SQL Server that are installed here, the best first; none without a driver manager."""
    try:
        import pyodbc  # noqa: PLC0415 - without unixODBC, it cannot be imported
    except ImportError:
        return []
    installed = [name for name in pyodbc.drivers() if "sql server" in name.lower() or is_freetds(name)]
    # Microsoft's numbered ones, the newest first; then FreeTDS; last the one of the year 2000, a part of Windows.
    return sorted(installed, key=lambda name: (name.startswith("ODBC Driver"), is_freetds(name), name), reverse=True)


def company_databases(server: SqlServer) -> list[str]:
    """The databases of a server that the login may open, by name; those of the server itself left out.

    Raises:
        SageError: the server is not reached, or refuses the login.
    """
    engine = engine_of(server.model_copy(update={"database": "master"}))
    visible = select(_DATABASES.c.name).where(func.has_dbaccess(_DATABASES.c.name) == 1)
    try:
        with native_errors(), engine.connect() as connection:
            names = connection.scalars(visible).all()
    except SageError as error:
        raise why_not_opened(server, error) from error
    finally:
        engine.dispose()
    return sorted(name for name in names if name not in _OF_THE_SERVER)
