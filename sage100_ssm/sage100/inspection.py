"""What a company database is like: the server, its version, its triggers, the login's rights.

Nothing here is needed to synchronise. Any answer may be missing: a login may not see everything, and servers of other
makers lack some views and functions. What cannot be seen is None, never an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, String, case, cast, column, func, select, table

from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import SageError
from sage100_ssm.sage100.rights import (
    LISTS,
    NEEDLESS,
    NEEDLESS_DATABASE_ROLES,
    NEEDLESS_SERVER_ROLE,
    SCHEMA,
    TO_READ,
    TO_WRITE,
    Right,
)
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT

_TRIGGERS = table("triggers", column("name"), column("parent_id"), column("is_disabled"), schema="sys")
_SAGE_PREFIX = "TG_"
_TABLES = (F_COMPTET, F_CONTACTT)


class Generation(StrEnum):
    """How old the company database's layout is, by its columns (docs/facts/sage100.md, "Generations")."""

    CORE = "core"
    """Sage 100 v16, i7, 100c up to v2: no prospects, neither LinkedIn nor Skype."""
    PROSPECTS = "prospects"
    """100c v3: prospects."""
    NETWORKS = "networks"
    """100c from about v3 or v4: LinkedIn, Skype and Facebook of a contact."""
    CREATION = "creation"
    """100cloud, Sage 100 from about v7: when and by whom a row was created."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger on one of the two tables.

    Attributes:
        table: the table.
        name: its name.
        is_disabled: whether somebody switched it off.
    """

    table: str
    name: str
    is_disabled: bool

    @property
    def is_sage_own(self) -> bool:
        """Whether it is the vendor's, by its name."""
        return self.name.upper().startswith(_SAGE_PREFIX)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of the database; None is what the login or the server does not show.

    Attributes:
        is_sample: whether it is the sample database: without triggers and rights.
        version: of the server, such as ``16.0.1135.2``.
        edition: of the server.
        driver: name and version of the ODBC driver.
        generation: how old the layout is.
        collation: of the company's texts.
        encoding: their code page, as Python names it.
        clock: the server's local time.
        triggers: on the tables of companies and contacts; None also where the login is shown none and might not be
            shown any.
        missing_rights: the rights that the login needs and does not have.
        needless_rights: the rights and roles that it should not have.
    """

    is_sample: bool
    version: str | None
    edition: str | None
    driver: str | None
    generation: Generation
    collation: str | None
    encoding: str
    clock: datetime | None
    triggers: tuple[Trigger, ...] | None
    missing_rights: tuple[Right, ...] | None
    needless_rights: tuple[str, ...] | None

    @property
    def is_read_only(self) -> bool:
        """Whether the login may only read contacts."""
        return self.missing_rights is not None and set(TO_WRITE) <= set(self.missing_rights)


def server_and_database(database: Database) -> tuple[str | None, str | None]:
    """The names of the server, with its instance, and of the database on it; None where the server does not say."""
    if not database.on_sql_server:
        return None, None
    names = _ask(database, {"server": _text(func.serverproperty("ServerName")), "database": func.db_name()})
    return names["server"], names["database"]


def may_write_contacts(database: Database) -> bool:
    """Whether the login has any of the rights to write contacts; also true where the server does not say."""
    if not database.on_sql_server:
        return True
    questions = {
        right.name: func.has_perms_by_name(f"{SCHEMA}.{right.table}", "OBJECT", right.name) for right in TO_WRITE
    }
    return any(answer != 0 for answer in _ask(database, questions).values())


def inspect_database(database: Database) -> Inspection:
    """Look at a company database; nothing is written."""
    layout = database.layout(F_CONTACTT)
    if not database.on_sql_server:
        return Inspection(
            is_sample=True,
            version=_ask(database, {"version": func.sqlite_version()})["version"],
            edition="SQLite",
            driver=None,
            generation=_generation(database),
            collation=layout.collation,
            encoding=database.encoding,
            clock=database.now(),
            triggers=None,
            missing_rights=(),
            needless_rights=(),
        )
    server = _ask(
        database,
        {
            "version": _text(func.serverproperty("ProductVersion")),
            "edition": _text(func.serverproperty("Edition")),
            "clock": func.getdate(type_=DateTime()),
        },
    )
    held = _rights_held(database)
    return Inspection(
        is_sample=False,
        version=server["version"],
        edition=server["edition"],
        driver=_driver(database),
        generation=_generation(database),
        collation=layout.collation,
        encoding=database.encoding,
        clock=server["clock"],
        triggers=_triggers(database),
        missing_rights=_missing(held),
        needless_rights=_needless(held),
    )


def _driver(database: Database) -> str | None:
    try:
        return database.driver()
    except SageError:
        return None


def _ask(database: Database, questions: Mapping[str, ColumnElement[Any]]) -> dict[str, Any]:
    """The answers by name: asked for in one statement; where that fails, one by one, those that fail being None."""
    try:
        with database.reading() as connection:
            row = connection.execute(select(*(answer.label(name) for name, answer in questions.items()))).one()
            return dict(zip(questions, row, strict=True))
    except SageError:
        if len(questions) == 1:
            return dict.fromkeys(questions)
        return {name: _ask(database, {name: answer})[name] for name, answer in questions.items()}


def _text(value: Any) -> ColumnElement[str]:
    """A ``sql_variant``, which the drivers do not support, as text."""
    return cast(value, String(128))


def _generation(database: Database) -> Generation:
    companies, contacts = database.layout(F_COMPTET).columns, database.layout(F_CONTACTT).columns
    if "cbCreation" in contacts:
        return Generation.CREATION
    if "CT_LinkedIn" in contacts:
        return Generation.NETWORKS
    return Generation.PROSPECTS if "CT_Prospect" in companies else Generation.CORE


def _triggers(database: Database) -> tuple[Trigger, ...] | None:
    place = [func.object_id(f"{SCHEMA}.{one.name}") for one in _TABLES]
    name = case(*((_TRIGGERS.c.parent_id == number, one.name) for number, one in zip(place, _TABLES, strict=True)))
    query = select(name, _TRIGGERS.c.name, cast(_TRIGGERS.c.is_disabled, Integer)).where(
        _TRIGGERS.c.parent_id.in_(place)
    )
    try:
        with database.reading() as connection:
            rows = connection.execute(query).all()
    except SageError:
        return None
    found = (Trigger(place, name, bool(off)) for place, name, off in rows)
    if not rows and not _sees_every_trigger(database):
        return None
    return tuple(sorted(found, key=lambda trigger: (trigger.table, trigger.name)))


def _sees_every_trigger(database: Database) -> bool:
    """Whether a login that is shown no trigger can be sure that there is none."""
    # SQL Server hides triggers from a login without VIEW DEFINITION: no error, only no rows.
    objects = {one.name: f"{SCHEMA}.{one.name}" for one in _TABLES}
    rights = _ask(
        database, {name: func.has_perms_by_name(place, "OBJECT", "VIEW DEFINITION") for name, place in objects.items()}
    )
    fires = _ask(
        database, {"fires": func.objectproperty(func.object_id(objects["F_CONTACTT"]), "TableHasInsertTrigger")}
    )
    return all(right == 1 for right in rights.values()) and not fires["fires"]


def _rights_held(database: Database) -> Mapping[Right | str, bool | None]:
    rights: Sequence[Right] = (*TO_READ, *TO_WRITE, *LISTS, *NEEDLESS)
    questions: dict[Right | str, ColumnElement[Any]] = {
        right: func.has_perms_by_name(f"{SCHEMA}.{right.table}", "OBJECT", right.name) for right in rights
    }
    questions |= {role: func.is_rolemember(role) for role in NEEDLESS_DATABASE_ROLES}
    questions[NEEDLESS_SERVER_ROLE] = func.is_srvrolemember(NEEDLESS_SERVER_ROLE)
    answers = _ask(database, {f"r{number}": answer for number, answer in enumerate(questions.values())})
    return {
        right: None if answer is None else answer == 1
        for right, answer in zip(questions, answers.values(), strict=True)
    }


def _missing(held: Mapping[Right | str, bool | None]) -> tuple[Right, ...] | None:
    needed = (*TO_READ, *TO_WRITE)
    if all(held[right] is None for right in needed):
        return None
    return tuple(right for right in (*needed, *LISTS) if held[right] is False)


def _needless(held: Mapping[Right | str, bool | None]) -> tuple[str, ...] | None:
    """The roles that the login should not have; without any, the rights."""
    roles = (NEEDLESS_SERVER_ROLE, *NEEDLESS_DATABASE_ROLES)
    checked: tuple[Right | str, ...] = (*roles, *NEEDLESS)
    if all(held[one] is None for one in checked):
        return None
    # A role implies rights: to name those too would bury it.
    if has := tuple(role for role in roles if held[role]):
        return has
    return tuple(str(right) for right in NEEDLESS if held[right])
