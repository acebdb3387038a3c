"""Findings about SSM: its users, its accounts, the fields of its contacts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage100_ssm.app.check.findings import Finding, SideFindings, first_few
from sage100_ssm.app.sides import SsmSide
from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.ssm.responses import SchemaField
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.contacts.fields import Direction, Field, FieldKind
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from sage100_ssm.sync.model import Side

_STREAMS = ("accounts", "users", "contact_types")
_FILLED_BY_EVERY_CREATE = frozenset({"firstName", "lastName", "accountId", "salesRepId"})
_HIGHEST_CBMARQ = 2**31 - 1
_NO_CONTACT = 0
"""An id that no contact has."""
_TO_SSM = (Direction.BOTH, Direction.TO_SSM)


@dataclass(frozen=True, slots=True)
class SsmSnapshot:
    """What a check reads of SSM.

    Attributes:
        accounts: rows of accounts, deleted ones included.
        users: rows of users.
        contact_types: rows of ``/contactTypes``.
        schema: the fields of a contact; None where the instance does not describe them.
    """

    accounts: Sequence[Mapping[str, Any]]
    users: Sequence[Mapping[str, Any]]
    contact_types: Sequence[Mapping[str, Any]]
    schema: Mapping[str, SchemaField] | None


def read(side: SsmSide) -> SsmSnapshot:
    """Read SSM, without its contacts: they would take a request per hundred.

    Raises:
        SideFailedError: it cannot be read, or the owner of new contacts does not exist.
    """
    # Asked for one contact that cannot exist, SSM still refuses a login that may not read contacts.
    readings = {"contacts": side.find([_NO_CONTACT]), **side.read(dict.fromkeys(_STREAMS))}
    if failure := next((reading.failure for reading in readings.values() if reading.failure), None) or side.check():
        raise SideFailedError(failure)
    accounts, users, contact_types = (readings[stream].rows for stream in _STREAMS)
    return SsmSnapshot(accounts, users, contact_types, side.contact_schema())


def content_findings(ssm: SsmSnapshot, findings: SideFindings) -> Iterator[Finding]:
    """How many users and accounts there are."""
    active = sum(not row.get("deleted") and row.get("isActive") is not False for row in ssm.users)
    accounts = sum(not row.get("deleted") for row in ssm.accounts)
    yield findings.ok("ssm", users=len(ssm.users), active=active, accounts=accounts)


def field_map_findings(
    fields: tuple[Field, ...],
    columns: Mapping[str, ColumnLimits],
    ssm: SsmSnapshot,
    company: str,
    findings: SideFindings,
) -> Iterator[Finding]:
    """The fields that the field map names, and those that SSM requires.

    Args:
        fields: the fields of the map that are synchronised.
        columns: what the columns of Sage can hold.
        ssm: what was read of SSM.
        company: the company database's name, part of every ``extId``.
        findings: creates the findings.
    """
    if ssm.schema is None:
        yield findings.unseen("schema")
        return
    schema = ssm.schema
    if missing := [f.ssm for f in fields if f.ssm not in schema]:
        yield findings.mend("fields_missing", fields=first_few(missing))
    needed = len(str(ExtId(Side.SAGE100, company, _HIGHEST_CBMARQ)))
    limit = schema["extId"].max_length if "extId" in schema else None
    if limit is not None and limit < needed:
        yield findings.mend("ext_id_short", limit=limit, length=needed)
    required = {name for name, field in schema.items() if field.required and not field.read_only}
    required -= _FILLED_BY_EVERY_CREATE
    written = {f.ssm for f in fields if f.direction in _TO_SSM}
    if unmet := sorted(required - written):
        yield findings.mend("required_unmet", fields=first_few(unmet))
    # They are written, but the Sage column may be empty.
    if at_risk := sorted(required & written):
        yield findings.advice("required_maybe", fields=first_few(at_risk))
    if shorter := list(_shorter_than_in_sage(fields, columns, schema)):
        yield findings.advice("fields_shorter", fields=first_few(shorter))
    if not (missing or unmet):
        yield findings.ok("map", number=len(fields))


def _shorter_than_in_sage(
    fields: tuple[Field, ...], columns: Mapping[str, ColumnLimits], schema: Mapping[str, SchemaField]
) -> Iterator[str]:
    for field in fields:
        limit = schema[field.ssm].max_length if field.ssm in schema else None
        length = columns.get(field.sage100, ColumnLimits()).max_bytes
        # A label is written as the id of a contact type, whose text has no part in it.
        is_text_to_ssm = field.direction in _TO_SSM and field.kind is not FieldKind.LABEL
        if is_text_to_ssm and limit is not None and length is not None and limit < length:
            yield f"{field.name} ({field.ssm}: {limit} < {field.sage100}: {length})"
