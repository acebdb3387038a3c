"""Write requests: what one incoming Airbyte record asks of a side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sage100_ssm.connectors.destination_settings import Scalar
from sage100_ssm.connectors.protocol_input import is_too_deep
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.exchange.record import COMPANY, CREATE, DELETED_AT, EXPECTED, RESERVED, SET

_TRUTH = {None: False, "": False, 0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
"""What a truth value may be written as; to Python, a 1 is a true."""
_YEARS_OF_DELETIONS = range(1971, 2099)
"""Dates before and after stand for "never" in many systems: 0001, 1900, 1970 (an empty number), 2099, 9999."""
_CLOCKS_DIFFER = timedelta(days=1)
"""How far ahead of ours the sender's clock may be, and its time where it does not state the zone."""
_LARGEST_ID = 2**63 - 1
_LONGEST_ID = 100
"""Digits of a number in a text, leading zeros included."""


class MalformedRecord(ValueError):  # noqa: N818 - named for what it is, a record
    """A record does not have the shape that the destinations take.

    Attributes:
        field: the sender's field at fault, where there is one.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """What one record asks for. All names are the side's.

    Attributes:
        index: the record's position in the input, from 0.
        stream: the sender's stream.
        action: ``DELETE`` with a delete marker, ``CREATE`` with ``_create``, ``UPDATE`` where the side's id is
            given, else None: update the row that matches, create one where none does.
        id: the side's id, where given.
        values: the fields to write; a declared field that the record does not contain is None.
        identity: all fields of the record, of which matching takes those that it needs.
        expected: the values that the row must still hold (P11); None for an unconditional write.
        company: the company database whose ids the record carries, where it names one.
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
    now: datetime | None = None,
) -> WriteRequest:
    """Parse a record.

    Example:
        With ``declared=["CT_Nom", "CT_EMail"]``, the record ``{"cbMarq": 7, "CT_Nom": "Durand"}`` asks to update the
        contact 7: to set ``CT_Nom``, and to clear ``CT_EMail``, whose null the protocol's serializer dropped.

    Args:
        index: the record's position in the input.
        stream: the stream's name.
        data: the record as it came, nulls possibly dropped on the way.
        id_field: the side's own id (``cbMarq`` or ``id``).
        declared: the fields that the configured catalog declares for the stream, in the sender's names;
            empty where it declares none: then the record's own fields count as declared.
        rename: sender's name to side's name, for the fields that differ.
        values: for some of the sender's fields, the side's value for each of their values.
        now: the time, after which nothing is deleted yet; None where the sender is sure what it deletes.

    Raises:
        MalformedRecord: a reserved field or the id has the wrong form, or a value has no counterpart in `values`.
    """
    translations = values or {}
    spelling = {name.lower(): name for name in (*RESERVED, *declared)}
    data = _with_names_as_declared(data, spelling)
    sender_fields = [f for f in (declared or data) if f not in RESERVED]
    # A deletion may contain a key alone: a field that it does not contain was not cleared.
    action = requested_action(data, now)
    present = {*data} if action is Action.DELETE else {*sender_fields, *data}
    # Those that are renamed last: where the sender also has a field of the side's name, it is another one.
    in_order = sorted(present - RESERVED, key=lambda f: f in rename)
    row = {rename.get(f, f): _translated(f, data.get(f), translations) for f in in_order}
    if (narrowed := _instruction(data.get(SET))) is not None:
        if not isinstance(narrowed, list):
            raise MalformedRecord(f"{SET} must be a list of field names, or JSON text of one", SET)
        sender_fields = [spelling.get(name.lower(), name) for name in map(str, narrowed)]
        # A name that is misspelt, or another spelling of a field, would clear what it names.
        if declared and not {*sender_fields} <= {*declared, *data, *row}:
            raise MalformedRecord(f"{SET} names a field that neither the record nor its catalog has", SET)
    fields = [rename.get(f, f) for f in sender_fields]
    expected = _expected(data.get(EXPECTED), spelling, rename, translations)
    identifier = _identifier(row.get(id_field), id_field)
    company = data.get(COMPANY)
    return WriteRequest(
        index=index,
        stream=stream,
        action=action or (None if identifier is None else Action.UPDATE),
        id=identifier,
        values={f: row.get(f) for f in fields if f != id_field},
        identity=row,
        expected=expected,
        company=None if company is None else str(company),
    )


def requested_action(data: Mapping[str, Any], now: datetime | None = None) -> Action | None:
    """The action that a record's reserved fields ask for; None where it depends on what exists.

    Raises:
        MalformedRecord: they contain something else than a moment, or yes or no.
    """
    # An empty text is no value: files and some databases write a null so.
    if (deleted_at := data.get(DELETED_AT)) not in (None, ""):
        _require_moment(deleted_at, now)
        return Action.DELETE
    create = data.get(CREATE)
    try:
        creates = _TRUTH[create.strip().lower() if isinstance(create, str) else create]
    except (KeyError, TypeError):
        raise MalformedRecord(f"{CREATE} must be true or false", CREATE) from None
    return Action.CREATE if creates else None


def intended_action(data: Mapping[str, Any]) -> Action:
    """The action that a record seems to ask for, whatever is wrong with it: for the report of its refusal."""
    return Action.DELETE if data.get(DELETED_AT) else Action.CREATE if data.get(CREATE) else Action.UPDATE


def _require_moment(value: Any, now: datetime | None) -> None:
    """Make sure that a marker is a moment at which a row can have been deleted.

    Raises:
        MalformedRecord: it is not.
    """
    # A column of flags, or the word by which a program writes no value, must delete nobody.
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise MalformedRecord(f"{DELETED_AT} must be a date and time (ISO 8601)", DELETED_AT) from None
    if moment.year not in _YEARS_OF_DELETIONS:
        raise MalformedRecord(f"{DELETED_AT} is a date that stands for none", DELETED_AT)
    # 2079 for "never", or the end of a contract: whoever is deleted later is there today.
    if now and moment.replace(tzinfo=moment.tzinfo or UTC) > now + _CLOCKS_DIFFER:
        raise MalformedRecord(f"{DELETED_AT} is a date to come", DELETED_AT)


def _instruction(given: Any) -> Any:
    """An instruction that may be JSON text, as a database's json column sends it; None for an empty text."""
    if not isinstance(given, str):
        return given
    try:
        instruction = orjson.loads(given) if given.strip() else None
    except ValueError:
        return given
    return given if is_too_deep(instruction) else instruction


def _expected(
    given: Any,
    spelling: Mapping[str, str],
    rename: Mapping[str, str],
    translations: Mapping[str, Mapping[str, Scalar]],
) -> Mapping[str, Any] | None:
    """The expected values in the side's names; None where the record names none."""
    given = _instruction(given)
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise MalformedRecord(f"{EXPECTED} must be an object of fields and values, or JSON text of one", EXPECTED)
    values = _with_names_as_declared(given, spelling)
    return {rename.get(f, f): _translated(f, value, translations) for f, value in values.items()}


def _with_names_as_declared(data: Mapping[str, Any], spelling: Mapping[str, str]) -> Mapping[str, Any]:
    """A record with its names in the case of the catalog and of the reserved fields.

    Args:
        data: the record.
        spelling: the right names, by name in lower case.
    """
    # Some databases keep all names in one case, while their catalog has them as the source declared. Taken literally,
    # each of their records would lack all fields and so clear them, and none of their deletions would be one.
    right = {*spelling.values()}
    if data.keys() <= right:
        return data
    # Where a record has a name in both cases, the right one counts and the other is left as it is.
    others = {name for name in data if name not in right and spelling.get(name.lower(), name) not in data}
    return {spelling.get(name.lower(), name) if name in others else name: value for name, value in data.items()}


def _translated(field: str, value: Any, translations: Mapping[str, Mapping[str, Scalar]]) -> Any:
    """The side's value for a value of the sender: the same, unless the settings list the field's values."""
    if field not in translations:
        return value
    key = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    try:
        return translations[field][key]
    except KeyError:
        raise MalformedRecord("its value has no counterpart here: see the setting `values`", field) from None


def _identifier(value: Any, id_field: str) -> int | None:
    """The side's id: a whole number, also as a float or a text of digits; None where none is given."""
    match value:
        case None:
            return None
        case str() if (text := value.strip()).isdecimal():
            # Of some thousand digits, Python makes no number.
            number = int(text) if len(text) <= _LONGEST_ID else _LARGEST_ID + 1
        case int() if not isinstance(value, bool):
            number = value
        case float() if value.is_integer():
            number = int(value)
        case _:
            raise MalformedRecord(f"{id_field} must be a whole number")
    if abs(number) > _LARGEST_ID:
        raise MalformedRecord(f"{id_field} is too high for a number of a row")
    return number
