"""Write requests: what one incoming Airbyte record asks of a side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage100_ssm.connectors.destination_settings import Scalar
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.exchange.record import COMPANY, CREATE, DELETED_AT, EXPECTED, RESERVED, SET

_YES = frozenset({"true", "1"})
_HIGHEST = 2**63 - 1


class MalformedRecord(ValueError):  # noqa: N818 - named for what it is, a record
    """The record is not of the shape that the destinations take.

    Attributes:
        field: the sender's field at fault, where one is.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One record, read as an instruction.

    Attributes:
        index: the record's position in the input, from 0.
        stream: the stream it came in.
        action: ``DELETE`` with a delete marker, ``CREATE`` with ``_create``, ``UPDATE`` where the side's id is
            given, else None: update what matches, create where nothing does.
        id: the side's id, where given.
        values: the fields to write, in the side's names; a declared field that the record lacks is None.
        identity: the whole record in the side's names, of which matching takes the fields it needs.
        expected: the values that the row must still hold, or None for an unconditional write.
        company: the company database whose ids the record bears, where it tells.
    """

    index: int
    stream: str
    action: Action | None
    id: int | None
    values: Mapping[str, Any]
    identity: Mapping[str, Any]
    expected: Mapping[str, Any] | None
    company: str | None = None


def write_request(
    index: int,
    stream: str,
    data: Mapping[str, Any],
    *,
    id_field: str,
    declared: Sequence[str],
    rename: Mapping[str, str],
    values: Mapping[str, Mapping[str, Scalar]] | None = None,
) -> WriteRequest:
    """Read a record as an instruction.

    Args:
        index: the record's position in the input.
        stream: the stream's name.
        data: the record as it came, nulls possibly dropped on the wire.
        id_field: the side's own id (``cbMarq`` or ``id``).
        declared: the fields that the configured catalog declares for the stream, in the sender's names;
            empty where it declares none, which then stands for the record's own fields.
        rename: sender's name to side's name, for the fields that differ.
        values: for some of the sender's fields, what each value stands for on the side.

    Raises:
        MalformedRecord: an instruction or the id has the wrong type, or a value stands for nothing.
    """
    known = values or {}
    spelling = {name.lower(): name for name in (*RESERVED, *declared)}
    data = _as_spelt(data, spelling)
    sender_fields = [f for f in (declared or data) if f not in RESERVED]
    # A deletion may hold a key alone, and writes nothing: what it lacks stands for no value.
    told = {*data} if asked_of(data) is Action.DELETE else {*sender_fields, *data}
    given = {f: _meant(f, data.get(f), known) for f in told if f not in RESERVED}
    row = {rename.get(f, f): value for f, value in given.items()}
    fields = [rename.get(f, f) for f in sender_fields]
    if (narrowed := data.get(SET)) is not None:
        if not isinstance(narrowed, list):
            raise MalformedRecord(f"{SET} must be a list of field names")
        names = [spelling.get(name.lower(), name) for name in map(str, narrowed)]
        fields = [rename.get(f, f) for f in names]
    expected = data.get(EXPECTED)
    if expected is not None and not isinstance(expected, Mapping):
        raise MalformedRecord(f"{EXPECTED} must be an object of fields and values")
    held = None if expected is None else _as_spelt(expected, spelling)
    identifier = _identifier(row.get(id_field), id_field)
    company = data.get(COMPANY)
    return WriteRequest(
        index=index,
        stream=stream,
        action=asked_of(data) or (None if identifier is None else Action.UPDATE),
        id=identifier,
        values={f: row.get(f) for f in fields if f != id_field},
        identity=row,
        expected=None if held is None else {rename.get(f, f): _meant(f, v, known) for f, v in held.items()},
        company=None if company is None else str(company),
    )


def _as_spelt(data: Mapping[str, Any], spelling: Mapping[str, str]) -> Mapping[str, Any]:
    """Give a record the spelling of the catalog, and of the instructions.

    Senders who keep records in a database of their own put all names in one case there, and hand over the source's
    catalog with them: taken at its word, each record would lack all fields and clear them, and a deletion be none.

    Args:
        data: the record.
        spelling: the names in lower case to what they are.
    """
    right = {*spelling.values()}
    if data.keys() <= right:
        return data
    others = {name for name in data if name not in right and spelling.get(name.lower(), name) not in data}
    return {spelling.get(name.lower(), name) if name in others else name: value for name, value in data.items()}


def _meant(field: str, value: Any, known: Mapping[str, Mapping[str, Scalar]]) -> Any:
    """Give what a value stands for on the side: itself, unless the field's values are set."""
    if field not in known:
        return value
    key = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    try:
        return known[field][key]
    except KeyError:
        raise MalformedRecord("its value stands for none here: see the setting `values`", field) from None


def _identifier(value: Any, id_field: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, float)) or not _is_whole(value):
        raise MalformedRecord(f"{id_field} must be a whole number")
    if abs(number := int(value)) > _HIGHEST:
        raise MalformedRecord(f"{id_field} is too high for a number of a row")
    return number


def _is_whole(value: float | str) -> bool:
    return value.strip().isdecimal() if isinstance(value, str) else float(value).is_integer()


def asked_of(data: Mapping[str, Any]) -> Action | None:
    """Give the action that a record asks for by an instruction; None where it leaves it to what is there.

    Nothing is deleted for an empty text, which is how files and some databases keep a null.
    """
    if data.get(DELETED_AT):
        return Action.DELETE
    return Action.CREATE if str(data.get(CREATE)).lower() in _YES else None
