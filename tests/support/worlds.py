"""Small worlds to plan for: two companies on both sides, and contacts as the sides' own rows."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from sage100_ssm.sync.contacts.codecs import Locale
from sage100_ssm.sync.contacts.companies import Companies, Scope
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import STANDARD, Field, FieldChange, field_map
from sage100_ssm.sync.contacts.mapping import ColumnLimits, Mapper
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Intent, Link, Side, ValuePair
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.policy import Policy

DATABASE = "TEST"
LOCALE = Locale("FR", "fr", ZoneInfo("Europe/Paris"))
COLUMNS: Mapping[str, ColumnLimits] = {
    "cbMarq": ColumnLimits(),
    "CT_No": ColumnLimits(),
    "cbModification": ColumnLimits(),
    "CT_Civilite": ColumnLimits(),
    "CT_Num": ColumnLimits(17, "cp1252"),
    "CT_Nom": ColumnLimits(35, "cp1252"),
    "CT_Prenom": ColumnLimits(35, "cp1252"),
    "CT_Fonction": ColumnLimits(35, "cp1252"),
    "CT_Telephone": ColumnLimits(21, "cp1252"),
    "CT_TelPortable": ColumnLimits(21, "cp1252"),
    "CT_Telecopie": ColumnLimits(21, "cp1252"),
    "CT_EMail": ColumnLimits(69, "cp1252"),
    "CT_LinkedIn": ColumnLimits(35, "cp1252"),
    "CT_Skype": ColumnLimits(35, "cp1252"),
}
FREE_JOB_TITLES = field_map({"job_title": FieldChange(ssm="Z_job")})
"""The field map of a site whose job titles are a free text in SSM."""

CLIENTS = ({"CT_Num": "ALPHA", "CT_Prospect": 0}, {"CT_Num": "BETA", "CT_Prospect": 1})
ACCOUNTS = (
    {"id": 11, "extId": "ALPHA", "name": "Alpha", "deleted": False},
    {"id": 12, "extId": "BETA", "name": "Beta", "deleted": False},
)
CONTACT_TYPES = (
    {"id": 1, "descriptionFR": "Acheteur", "descriptionEN": "Buyer"},
    {"id": 2, "descriptionFR": "Gérant", "descriptionEN": "Manager"},
    {"id": 3, "descriptionFR": "Retraité", "deleted": True},
)


def companies(
    clients: Iterable[Mapping[str, Any]] = CLIENTS,
    accounts: Iterable[Mapping[str, Any]] = ACCOUNTS,
    scope: Scope | None = None,
    code_field: str = "extId",
) -> Companies:
    """Companies, ALPHA and BETA on both sides unless said otherwise."""
    return Companies(clients, accounts, code_field=code_field, scope=scope or Scope())


def mapper(
    fields: tuple[Field, ...] = STANDARD,
    known: Companies | None = None,
    columns: Mapping[str, ColumnLimits] = COLUMNS,
    policy: Policy | None = None,
) -> Mapper:
    """The standard field map over a newer database, unless said otherwise."""
    return Mapper(fields, known or companies(), CONTACT_TYPES, columns, LOCALE, policy or Policy())


def sage_row(marq: int = 1, **columns: Any) -> dict[str, Any]:
    """Ada Aubrelin of ALPHA as ``F_CONTACTT`` holds her."""
    ada = {
        "CT_Num": "ALPHA",
        "CT_Nom": "Aubrelin",
        "CT_Prenom": "Ada",
        "CT_Fonction": "",
        "CT_Telephone": "",
        "CT_TelPortable": "",
        "CT_Telecopie": "",
        "CT_EMail": "",
        "CT_Civilite": 1,
        "CT_LinkedIn": "",
        "CT_Skype": "",
        "N_Service": 4,
    }
    return {"cbMarq": marq, "CT_No": 100 + marq, "cbModification": "2026-03-02T09:00:00+01:00", **ada, **columns}


def ssm_row(id_: int = 501, **fields: Any) -> dict[str, Any]:
    """Ada Aubrelin of ALPHA as SSM shows her."""
    ada = {
        "accountId": {"id": 11, "value": ""},
        "lastName": "Aubrelin",
        "firstName": "Ada",
        "gender": {"id": 1, "value": "Female"},
        "extId": None,
        "deleted": False,
        "comment": "Prefers mornings",
        "dateCreated": "2026-03-01T08:00:00.027Z",
        "dateUpdated": None,
    }
    return {"id": id_, **ada, **fields}


def base_of(sage100: Mapping[str, Any], ssm: Mapping[str, Any], known: Mapper) -> dict[str, ValuePair]:
    """The base of a link whose two rows read back like this."""
    here, there = known.read(Side.SAGE100, sage100), known.read(Side.SSM, ssm)
    return {f.name: ValuePair(here.values[f.name], there.values[f.name]) for f in known.fields}


def linked(
    sage100: Mapping[str, Any] | None = None,
    ssm: Mapping[str, Any] | None = None,
    *,
    using: Mapper | None = None,
    origin: Side = Side.SAGE100,
    without: tuple[str, ...] = (),
    **changes: Any,
) -> Link:
    """A link whose base is what the two rows say, less the fields ``without`` one."""
    here, there = sage100 or sage_row(), ssm or ssm_row()
    base = base_of(here, there, using or mapper())
    link = Link(
        here["cbMarq"],
        here["CT_No"],
        there["id"],
        here["CT_Num"],
        f"{here['CT_Prenom']} {here['CT_Nom']}",
        origin,
        {name: pair for name, pair in base.items() if name not in without},
        here["cbModification"],
        there["dateUpdated"] or there["dateCreated"],
        id=here["cbMarq"],
    )
    return replace(link, **changes)


def world(
    sage100: Iterable[Mapping[str, Any]] = (),
    ssm: Iterable[Mapping[str, Any]] = (),
    links: Iterable[Link] = (),
    *,
    using: Mapper | None = None,
    policy: Policy | None = None,
    intents: Iterable[Intent] = (),
    incomplete: frozenset[Side] = frozenset(),
) -> World:
    """What a run knows, read from rows of both sides."""
    known = using or mapper()
    return World(
        DATABASE,
        list(links),
        list(intents),
        {row["cbMarq"]: known.read(Side.SAGE100, row) for row in sage100},
        {row["id"]: known.read(Side.SSM, row) for row in ssm},
        {side: side not in incomplete for side in Side},
        known,
        policy or Policy(),
    )


def contacts_of(row_by_side: Mapping[Side, Mapping[str, Any]], using: Mapper | None = None) -> dict[Side, Contact]:
    """Rows of both sides as contacts."""
    known = using or mapper()
    return {side: known.read(side, row) for side, row in row_by_side.items()}


def links_of(plan: Plan) -> dict[int | None, Link]:
    """The links that a plan saves, by their key; a new one has none."""
    return {link.id: link for link in plan.links}


def told(plan: Plan) -> tuple[list[str], list[str]]:
    """The plan's problems, and its notices wherever they are told, as ``code`` or ``code field``."""
    notices = [*plan.notices, *(notice for write in plan.writes for notice in write.notices)]
    return [_told(p.code, p.field) for p in plan.problems], [_told(n.code, n.field) for n in notices]


def _told(code: Code, field: str | None) -> str:
    return f"{code} {field}" if field else code.value
