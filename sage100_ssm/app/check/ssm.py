"""The SSM side: its users, its contact types, the fields of its contacts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage100_ssm.app.check.finding import Finding, Teller, some
from sage100_ssm.app.sides import SsmSide
from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.ssm.responses import SchemaField
from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.contacts.fields import Direction, Field, FieldKind
from sage100_ssm.sync.contacts.mapping import Column
from sage100_ssm.sync.model import Side

_STREAMS = ("accounts", "users", "contact_types")
_GIVEN = frozenset({"firstName", "lastName", "accountId", "salesRepId"})
"""What every create fills."""
_HIGHEST_ID = 2**31 - 1
_NOBODY = 0
"""An id that no contact has: it is asked for to see that contacts may be read."""


@dataclass(frozen=True, slots=True)
class SsmSeen:
    """What was read of SSM.

    Attributes:
        accounts: rows of accounts, deleted ones included.
        users: rows of users.
        contact_types: rows of ``/contactTypes``.
        schema: the fields of a contact; None where the instance does not tell.
    """

    accounts: Sequence[Mapping[str, Any]]
    users: Sequence[Mapping[str, Any]]
    contact_types: Sequence[Mapping[str, Any]]
    schema: Mapping[str, SchemaField] | None


def look(side: SsmSide) -> SsmSeen:
    """Read SSM, without its contacts: they would take a request per hundred.

    Raises:
        SideFailedError: it cannot be read, or the owner of what is created is not there.
    """
    readings = {"contacts": side.find([_NOBODY]), **side.read(dict.fromkeys(_STREAMS))}
    if failure := next((reading.failure for reading in readings.values() if reading.failure), None) or side.check():
        raise SideFailedError(failure)
    accounts, users, contact_types = (readings[stream].rows for stream in _STREAMS)
    return SsmSeen(accounts, users, contact_types, side.contact_schema())


def about_instance(seen: SsmSeen, tell: Teller) -> Iterator[Finding]:
    """That it answers, and who and what is there."""
    active = sum(not row.get("deleted") and row.get("isActive") is not False for row in seen.users)
    accounts = sum(not row.get("deleted") for row in seen.accounts)
    yield tell.ok("ssm", users=len(seen.users), active=active, accounts=accounts)


def about_map(
    fields: tuple[Field, ...], columns: Mapping[str, Column], seen: SsmSeen, company: str, tell: Teller
) -> Iterator[Finding]:
    """The fields that the map names, and those that SSM demands.

    Args:
        fields: the field map, as far as it travels.
        columns: what the columns of Sage can hold.
        seen: what was read.
        company: the company database's name, part of every ``extId``.
        tell: puts it into words.
    """
    if seen.schema is None:
        yield tell.unseen("schema")
        return
    schema = seen.schema
    if missing := [f.ssm for f in fields if f.ssm not in schema]:
        yield tell.mend("fields_missing", fields=some(missing))
    longest = len(str(ExtId(Side.SAGE100, company, _HIGHEST_ID)))
    room = schema["extId"].max_length if "extId" in schema else None
    if room is not None and room < longest:
        yield tell.mend("ext_id_short", limit=room, length=longest)
    written = _GIVEN | {f.ssm for f in fields if f.direction in (Direction.BOTH, Direction.TO_SSM)}
    demanded = [name for name, told in schema.items() if told.required and not told.read_only and name not in _GIVEN]
    if unmet := sorted(set(demanded) - written):
        yield tell.mend("required_unmet", fields=some(unmet))
    if maybe := sorted(set(demanded) & written):
        yield tell.advice("required_maybe", fields=some(maybe))
    if shorter := list(_shorter(fields, columns, schema)):
        yield tell.advice("fields_shorter", fields=some(shorter))
    if not (missing or unmet):
        yield tell.ok("map", number=len(fields))


def _shorter(
    fields: tuple[Field, ...], columns: Mapping[str, Column], schema: Mapping[str, SchemaField]
) -> Iterator[str]:
    for field in fields:
        room = schema[field.ssm].max_length if field.ssm in schema else None
        length = columns.get(field.sage100, Column()).max_length
        travels = field.direction in (Direction.BOTH, Direction.TO_SSM)
        if travels and field.kind is not FieldKind.LABEL and room is not None and length is not None and room < length:
            yield f"{field.name} ({field.ssm}: {room} < {field.sage100}: {length})"
