"""The ODBC drivers of this machine, under the names that they have at customers.

Microsoft's driver comes with the wheel `mssql-python-odbc`, FreeTDS with Debian's `tdsodbc`. Both are named in an
`odbcinst.ini` that is written for the tests.
"""

import configparser
import ctypes
import importlib.util
import os
from functools import lru_cache
from pathlib import Path

MICROSOFT = "ODBC Driver 18 for SQL Server"
FREETDS = "FreeTDS"
_WHEEL = "mssql_python_odbc"
_FREETDS_LIBRARY = "libtdsodbc.so"
_SYSTEM = "/etc/odbcinst.ini"


def libraries() -> dict[str, Path]:
    """The drivers found, by name: those in the machine's `odbcinst.ini`, and those that come in packages."""
    known = configparser.ConfigParser(strict=False, interpolation=None)
    known.read(_SYSTEM)
    installed = {name: Path(known[name].get("Driver", "")) for name in known.sections()}
    found = {MICROSOFT: _in_the_wheel(), FREETDS: next(Path("/usr/lib").glob(f"*/odbc/{_FREETDS_LIBRARY}"), None)}
    return installed | {name: path for name, path in found.items() if path is not None}


def missing(driver: str) -> str | None:
    """Why a driver cannot be used here; None if it can."""
    if importlib.util.find_spec("pyodbc") is None:
        return "pyodbc is not installed"
    try:
        importlib.import_module("pyodbc")
    except ImportError as error:
        return f"the ODBC driver manager is not installed: {error}"
    if (library := libraries().get(driver)) is not None:
        return _unloadable(library)
    return {
        MICROSOFT: f"the wheel {_WHEEL} has no driver for this machine",
        FREETDS: f"{_FREETDS_LIBRARY} is not installed (Debian: tdsodbc)",
    }[driver]


@lru_cache
def _unloadable(library: Path) -> str | None:
    """Why a driver cannot be loaded; None if it can."""
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return f"the driver cannot be loaded: {error}"
    return None


def install(folder: Path) -> None:
    """Make the drivers known to this process, and to those that it starts; to be called before pyodbc is first used.

    Args:
        folder: where `odbcinst.ini` is written.
    """
    sections = [f"[{name}]\nDriver={path}\nUsageCount=1\n" for name, path in libraries().items()]
    (folder / "odbcinst.ini").write_text("\n".join(sections))
    os.environ["ODBCSYSINI"] = str(folder)


def _in_the_wheel() -> Path | None:
    if importlib.util.find_spec(_WHEEL) is None:
        return None
    folder = importlib.import_module(_WHEEL).get_libs_dir()
    found = sorted(Path(folder).glob("**/libmsodbcsql-18*.so*"))
    return found[0] if found else None
