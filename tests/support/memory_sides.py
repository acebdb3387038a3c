"""Both sides in memory: they keep the write rules of docs/contract.md, and fail on order.

Users act on the rows directly and within their program's own rules; the product comes in through ``read``,
``find`` and ``write`` alone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sage100_ssm.connectors.request import WriteRequest, write_request
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import Reading, Row, StreamState
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from tests.support import worlds

PARIS = ZoneInfo("Europe/Paris")
_LOST = Failure("unreachable", "the line went dead")
_REFERENCES = frozenset({"accountId", "typeId", "gender"})
_SSM_REQUIRED = ("firstName", "lastName", "accountId")
_NAME = ("CT_Num", "CT_Nom", "CT_Prenom")


class Fate(StrEnum):
    """What becomes of one write."""

    DONE = "done"
    REFUSED = "refused"
    LOCKED = "locked"
    LOST_BEFORE = "lost_before"
    """It never arrived, and nobody knows."""
    LOST_AFTER = "lost_after"
    """It was carried out, and nobody knows."""
    BROKEN = "broken"
    """It never arrived, nobody knows, and the side cannot be written any further."""
    KILLED_BEFORE = "killed_before"
    """The run is killed before it arrives."""
    KILLED_AFTER = "killed_after"
    """The run is killed once it is carried out, before its receipt."""


_NOT_CARRIED_OUT = frozenset({Fate.REFUSED, Fate.LOCKED, Fate.LOST_BEFORE, Fate.BROKEN, Fate.KILLED_BEFORE})


class Killed(BaseException):
    """The run's process is no more."""


class RefusedError(Exception):
    """A side does not take a record."""

    def __init__(self, cause: Cause, name: str | None = None, row: Row | None = None) -> None:
        super().__init__(cause, name)
        self.cause, self.field, self.row = cause, name, row


@dataclass
class Clock:
    """The time, which stands still until it is moved."""

    time: datetime

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **units: float) -> None:
        """Let time go by."""
        self.time += timedelta(**units)


@dataclass
class Weather:
    """What goes wrong on a side: the fates of its next writes, and where its next reading is cut off."""

    fates: Iterator[Fate] = field(default_factory=lambda: iter(()))
    read_to: int | None = None


class MemorySide:
    """What both sides share: the fates of writes, one receipt each, and ``_expected``.

    Args:
        clock: the time.

    Attributes:
        contacts: the rows, by id.
        born_here: the ids of those that users created.
        deleted_here: the ids of those that users deleted.
        weather: what goes wrong.
        deaf_to: the names that a write may hold, and that keep the value from before.
        asked: what was asked of this side, in its order.
    """

    id_field: str

    def __init__(self, clock: Clock) -> None:
        self.clock, self.weather = clock, Weather()
        self.contacts: dict[int, dict[str, Any]] = {}
        self.born_here: set[int] = set()
        self.deleted_here: set[int] = set()
        self.deaf_to: set[str] = set()
        self.asked: list[Action] = []

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts; one receipt each."""
        for index, record in enumerate(records):
            request = write_request(index, "contacts", record, id_field=self.id_field, declared=(), rename={})
            self._meet(request, next(self.weather.fates, Fate.DONE), sink)

    def _meet(self, request: WriteRequest, fate: Fate, sink: Sink) -> None:
        action = request.action or Action.UPDATE
        self.asked.append(action)
        receipt = None if fate in _NOT_CARRIED_OUT else self._receipt(request, action)
        match fate:
            case Fate.KILLED_BEFORE | Fate.KILLED_AFTER:
                raise Killed
            case Fate.REFUSED:
                receipt = _told(request, Outcome.REFUSED, request.id, cause=Cause.REJECTED, detail="no")
            case Fate.LOCKED:
                receipt = _told(request, Outcome.RETRY, request.id, cause=Cause.LOCKED)
            case Fate.LOST_BEFORE | Fate.LOST_AFTER | Fate.BROKEN:
                receipt = _told(request, Outcome.UNCERTAIN, request.id, cause=Cause.CONNECTION)
        assert receipt is not None
        sink(receipt)
        if fate is Fate.BROKEN:
            raise SideFailedError(_LOST)

    def _receipt(self, request: WriteRequest, action: Action) -> Receipt:
        """Carry a request out and tell what came of it."""
        try:
            if action is Action.CREATE:
                row = self.created(request)
                return _told(request, Outcome.APPLIED, row[self.id_field], record=self.shown(row), wrote=True)
            return self._on_row(request, action, self.contacts.get(request.id or 0, {}))
        except RefusedError as error:
            id_ = error.row[self.id_field] if error.row else request.id
            words = {"cause": error.cause, "field": error.field, "detail": "refused"}
            return _told(request, Outcome.REFUSED, id_, record=error.row, **words)

    def _on_row(self, request: WriteRequest, action: Action, row: dict[str, Any]) -> Receipt:
        """Update or delete a row, if it still is what was seen."""
        id_ = request.id
        if not self.lives(row):
            if action is Action.UPDATE:
                return _told(request, Outcome.REFUSED, id_, cause=Cause.NOT_FOUND)
            return _told(request, Outcome.APPLIED, id_, record=self.shown(row) if row else None)
        if not self._holds(row, request.expected or {}):
            return _told(request, Outcome.CHANGED, id_, record=self.shown(row))
        if action is Action.DELETE:
            left = self.removed(row)
            self.deleted_here.discard(row[self.id_field])
            return _told(request, Outcome.APPLIED, id_, record=left, wrote=True)
        wrote = self.updated(row, request.values)
        return _told(request, Outcome.APPLIED, id_, record=self.shown(row), wrote=wrote)

    def _holds(self, row: Row, expected: Row) -> bool:
        return all(plain(row.get(name)) == plain(value) for name, value in expected.items())

    def _heard(self, values: Row) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in self.deaf_to}

    def _cut(self, rows: list[dict[str, Any]], state: StreamState | None = None) -> Reading:
        """A stream as it is read in this weather."""
        if self.weather.read_to is None:
            return Reading(rows, state)
        return Reading(rows[: self.weather.read_to], failure=_LOST)

    def living(self) -> dict[int, dict[str, Any]]:
        """The contacts that users see, by id."""
        return {id_: row for id_, row in sorted(self.contacts.items()) if self.lives(row)}

    def lives(self, row: Row) -> bool:
        """Whether users see the contact."""
        return bool(row) and not row.get("deleted")

    def shown(self, row: Row) -> dict[str, Any]:
        """A row as it is read."""
        return dict(row)

    def created(self, request: WriteRequest) -> dict[str, Any]:
        """Create a contact."""
        raise NotImplementedError

    def updated(self, row: dict[str, Any], values: Row) -> bool:
        """Write the fields that differ; whether there were any."""
        raise NotImplementedError

    def removed(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Delete a contact; what still can be read of it."""
        raise NotImplementedError


class MemorySage(MemorySide):
    """Sage: unique names byte for byte, column lengths in bytes of cp1252, empty texts for none.

    Attributes:
        companies: ``CT_Num`` to ``CT_Type``; 0 is a client.
    """

    id_field = "cbMarq"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.companies: dict[str, int] = {}
        self._last_marq = self._highest_number = 0

    def columns(self) -> Mapping[str, ColumnLimits]:
        """A newer database's columns."""
        return worlds.COLUMNS

    def last_identity(self) -> int:
        """The highest ``cbMarq`` ever given."""
        return self._last_marq

    def read(self, streams: Mapping[str, StreamState | None]) -> Mapping[str, Reading]:
        """Clients; every contact, whatever its company's type."""
        clients = [{"CT_Num": code, "CT_Prospect": 0} for code, kind in self.companies.items() if kind == 0]
        return {"companies": Reading(clients), "contacts": self._cut([dict(row) for row in self.living().values()])}

    def created(self, request: WriteRequest) -> dict[str, Any]:
        """Create a contact, under the ``CT_No`` wished for if it is free."""
        return self.insert({**request.values, "CT_No": request.identity.get("CT_No")})

    def insert(self, values: Row) -> dict[str, Any]:
        """A new row, or a refusal."""
        row = dict.fromkeys(worlds.COLUMNS, "") | {"CT_Civilite": 0, "N_Service": 0} | self._stored(values)
        self._check(row, _NAME)
        self._last_marq += 1
        row |= {"cbMarq": self._last_marq, "CT_No": self._number(values.get("CT_No")), "cbModification": self._stamp()}
        self.contacts[self._last_marq] = row
        return row

    def _number(self, wish: int | None) -> int:
        """The number wished for if it is free; Sage's own go up: by one used again P14 takes the new for the old."""
        taken = {other["CT_No"] for other in self.contacts.values()}
        number = wish if wish and wish not in taken else self._highest_number + 1
        self._highest_number = max(self._highest_number, number)
        return number

    def updated(self, row: dict[str, Any], values: Row) -> bool:
        """Write the columns that differ."""
        changed = {name: value for name, value in self._stored(values).items() if row[name] != value}
        self._check({**row, **changed}, tuple(changed))
        if changed:
            row.update(self._heard(changed), cbModification=self._stamp())
        return bool(changed)

    def removed(self, row: dict[str, Any]) -> None:
        """Delete the row."""
        self.deleted_here.add(row["cbMarq"])
        del self.contacts[row["cbMarq"]]

    def _stored(self, values: Row) -> dict[str, Any]:
        stored = {name: value for name, value in values.items() if name not in ("cbMarq", "CT_No")}
        for name, value in stored.items():
            if value is None:
                stored[name] = 0 if name == "CT_Civilite" else ""
            if isinstance(value, str):
                self._check_text(name, value)
        return stored

    def _check_text(self, name: str, value: str) -> None:
        try:
            size = len(value.encode("cp1252"))
        except UnicodeEncodeError:
            raise RefusedError(Cause.NOT_REPRESENTABLE, name) from None
        if size > (worlds.COLUMNS[name].max_bytes or size):
            raise RefusedError(Cause.TOO_LONG, name)

    def _check(self, row: Row, changed: Collection[str]) -> None:
        for name in ("CT_Num", "CT_Nom"):
            if name in changed and not str(row[name]).strip():
                raise RefusedError(Cause.VALUE_MISSING, name)
        if row["CT_Num"] not in self.companies:
            raise RefusedError(Cause.COMPANY_MISSING, "CT_Num")
        for other in self.contacts.values():
            if other["cbMarq"] != row.get("cbMarq") and all(other[n] == row[n] for n in _NAME):
                raise RefusedError(Cause.DUPLICATE, row=dict(other))

    def _stamp(self) -> str:
        return self.clock().astimezone(PARIS).isoformat(timespec="seconds")


class MemorySsm(MemorySide):
    """SSM: soft deletion, references read as objects, no condition on a write but what the destination makes.

    Attributes:
        accounts: rows, by id.
        types: rows of ``/contactTypes``.
        unlisted: the contacts that lists leave out, and that are given by their id.
        invisible: the contacts that are not given at all.
        requests: how often it was asked.
    """

    id_field = "id"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.accounts: dict[int, dict[str, Any]] = {}
        self.types = [dict(row) for row in worlds.CONTACT_TYPES]
        self.unlisted: set[int] = set()
        self.invisible: set[int] = set()
        self.requests = 0
        self._last_id = 500
        self._serial = 0

    def read(self, streams: Mapping[str, StreamState | None]) -> Mapping[str, Reading]:
        """Rows changed since the state, deleted ones included; the contact types whole."""
        self.requests += len(streams)
        tables = {"accounts": self.accounts, "contacts": self.contacts}
        return {
            name: self._since(list(tables[name].values()), state)
            if name in tables
            else Reading([dict(row) for row in self.types])
            for name, state in streams.items()
        }

    def find(self, ids: Collection[int]) -> Reading:
        """Contacts by their ids, deleted ones included."""
        self.requests += 1
        return Reading([self.shown(self.contacts[id_]) for id_ in self.contacts.keys() & set(ids) - self.invisible])

    def open_account(self, code: str) -> int:
        """A new account of that code."""
        self._last_id += 1
        self.accounts[self._last_id] = {
            "id": self._last_id,
            "extId": code,
            "name": code.title(),
            "deleted": False,
            **self._created_now(),
        }
        return self._last_id

    def touch(self, row: dict[str, Any], **changes: Any) -> None:
        """Change a row, and its stamp with it."""
        stamp = "dateDeleted" if changes.get("deleted") else "dateUpdated"
        row.update(changes, **{stamp: self._stamp()})

    def created(self, request: WriteRequest) -> dict[str, Any]:
        """Create a contact, unless a living one bears the ``extId``."""
        if bears := request.identity.get("extId"):
            for other in self.living().values():
                if other["extId"] == bears:
                    raise RefusedError(Cause.DUPLICATE, row=self.shown(other))
        return self.insert(request.values)

    def insert(self, values: Row) -> dict[str, Any]:
        """A new row, or a refusal."""
        row = {"extId": None, "comment": None, **self._stored(values), "deleted": False}
        self._check(row)
        self._last_id += 1
        self.contacts[self._last_id] = row | {"id": self._last_id, **self._created_now()}
        return self.contacts[self._last_id]

    def updated(self, row: dict[str, Any], values: Row) -> bool:
        """Write the fields that differ."""
        changed = {name: value for name, value in self._stored(values).items() if row.get(name) != value}
        self._check({**row, **changed})
        if changed:
            self.touch(row, **self._heard(changed))
        return bool(changed)

    def removed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Mark the row as deleted."""
        self.deleted_here.add(row["id"])
        self.touch(row, deleted=True)
        return self.shown(row)

    def shown(self, row: Row) -> dict[str, Any]:
        """A row as it is read: references as objects."""
        return {n: {"id": v, "value": ""} if n in _REFERENCES and v is not None else v for n, v in row.items()}

    def _stored(self, values: Row) -> dict[str, Any]:
        """Phone numbers lose their spaces on the way in; empty is null."""
        stored = {name: plain(value) for name, value in values.items() if name not in ("id", "deleted")}
        phones = {n: str(stored[n]).replace(" ", "") for n in ("phone1", "phone2", "fax") if stored.get(n)}
        return stored | phones

    def _check(self, row: Row) -> None:
        for name in _SSM_REQUIRED:
            if row.get(name) in (None, ""):
                raise RefusedError(Cause.VALUE_MISSING, name)
        if row["accountId"] not in self.accounts:
            raise RefusedError(Cause.REJECTED, "accountId")

    def _since(self, rows: list[dict[str, Any]], state: StreamState | None) -> Reading:
        stamps = {row["id"]: _changed_at(row) for row in rows}
        cursor = state["changed_at"] if state else ""
        listed = [row for row in rows if row["id"] not in self.unlisted | self.invisible]
        shown = [self.shown(row) for row in listed if stamps[row["id"]] >= cursor]
        return self._cut(shown, {"changed_at": max(stamps.values(), default=cursor)})

    def _created_now(self) -> dict[str, Any]:
        return {"dateCreated": self._stamp(), "dateUpdated": None, "dateDeleted": None}

    def _stamp(self) -> str:
        self._serial += 1
        stamp = self.clock() + timedelta(milliseconds=self._serial)
        return stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value: Any) -> Any:
    """A value as it is compared: a reference by its id, empty text as null."""
    bare = value.get("id") if isinstance(value, Mapping) else value
    return None if bare == "" else bare


def _told(request: WriteRequest, outcome: Outcome, id_: int | None, **others: Any) -> Receipt:
    return Receipt(request.index, request.stream, request.action or Action.UPDATE, outcome, id_, **others)


def _changed_at(row: Row) -> str:
    return max(row[name] or "" for name in ("dateCreated", "dateUpdated", "dateDeleted"))
