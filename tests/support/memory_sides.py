"""Both sides in memory, for tests that run the engine thousands of times; they fail on order.

They do what the connectors do over a database and over SSM's API: ``tests/sides`` holds them to the same tests. Users
act on the rows directly, within the rules of their own program; the product comes in through ``read``, ``find`` and
``write`` alone.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sage100_ssm.connectors.request import MalformedRecord, WriteRequest, intended_action, write_request
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import IdRange, Reading, Row, RowDigest, StreamState
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt, Sink, changed_detail
from sage100_ssm.standins.ssm_api.resources import CONTACT, ApiType
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from sage100_ssm.sync.run.ports import HandingOn, Location
from tests.support import worlds

PARIS = ZoneInfo("Europe/Paris")
_LOST = Failure("unreachable", "the line went dead")

_NAME = ("CT_Num", "CT_Nom", "CT_Prenom")
_SAGES_OWN = "cb"
_NUMBER = "CT_No"
_UNMAPPED = {"N_Service": ColumnLimits(), "N_Contact": ColumnLimits()}
_SAGE_COLUMNS = {n: c for n, c in {**worlds.COLUMNS, **_UNMAPPED}.items() if not n.startswith(_SAGES_OWN)}

_REFERENCES = frozenset({"accountId", "typeId", "gender"})
_PHONES = ("phone1", "phone2", "fax")
_SSM_REQUIRED = ("firstName", "lastName", "accountId")
_SSM_STAMPS = ("dateCreated", "dateUpdated", "dateDeleted")
_SSMS_OWN = frozenset({"id", "deleted", "changed_at", *_SSM_STAMPS})
_SSM_LENGTHS = {f.name: f.max_length for f in CONTACT if f.type is ApiType.TEXT}
_GENDERS = frozenset({0, 1})


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
    FROZEN_BEFORE = "frozen_before"
    """The run is frozen before it is sent, and another run passes by."""
    FROZEN_AFTER = "frozen_after"
    """The run is frozen once it is carried out, and another run passes by before the receipt."""
    LATE = "late"
    """SSM answers with an error, and carries it out later, unless somebody has changed the row by then."""
    EDITED = "edited"
    """It is carried out, and a user of SSM edits the row before it is read back."""
    NOT_SHOWN = "not_shown"
    """SSM confirms the creation with an id, and does not show the contact for some minutes."""
    WRONG_ID = "wrong_id"
    """SSM confirms the creation with an id that no contact has."""


_NOT_CARRIED_OUT = frozenset({Fate.REFUSED, Fate.LOCKED, Fate.LOST_BEFORE, Fate.BROKEN, Fate.KILLED_BEFORE, Fate.LATE})
_OF_CREATIONS = frozenset({Fate.NOT_SHOWN, Fate.WRONG_ID})
_OF_SSM = frozenset({Fate.LATE, Fate.EDITED, *_OF_CREATIONS})
_SHOWN_AFTER = timedelta(minutes=8)
_LATE_CREATION = timedelta(minutes=8)
_LATE = (timedelta(minutes=2), timedelta(minutes=25), timedelta(hours=2))
"""How late SSM carries out what it answered with an error. A creation is waited for ten minutes (P11)."""
_NO_ID = 999_999


class Killed(BaseException):
    """The run's process has been killed."""


class RefusedError(Exception):
    """A side does not take a record.

    Attributes:
        cause: why.
        field: the field at fault, where the side names it.
        row: the row that is in the way.
    """

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
    """What goes wrong on a side.

    Attributes:
        fates: what becomes of its next writes.
        read_to: after how many rows a reading breaks off.
        cut_streams: the streams whose reading breaks off.
        is_down: whether the side answers nothing at all.
    """

    fates: Iterator[Fate] = field(default_factory=lambda: iter(()))
    read_to: int | None = None
    cut_streams: Collection[str] = ("accounts", "contacts")
    is_down: bool = False


class MemorySide:
    """What both sides share: the fates of writes, one receipt each, and ``_expected``.

    Args:
        clock: the time.

    Attributes:
        contacts: the rows, by id.
        born_here: the ids of those that users created.
        deleted_here: the ids of those that users deleted.
        weather: what goes wrong.
        deaf_to: the fields that are accepted in a write and keep the value from before.
        asked: the actions that the product asked for, in their order.
        check: called immediately before each write is sent, as a run checks its lease.
        meanwhile: called while a run is frozen.
        edit: called with a row of SSM that a user edits before it is read back.
        refused: the fields that the last write was done without, each with the side's words (P7).
    """

    id_field: str

    def __init__(self, clock: Clock) -> None:
        self.clock, self.weather = clock, Weather()
        self.contacts: dict[int, dict[str, Any]] = {}
        self.born_here: set[int] = set()
        self.deleted_here: set[int] = set()
        self.deaf_to: set[str] = set()
        self.asked: list[Action] = []
        self.check: Callable[[], object] = _nothing
        self.meanwhile: Callable[[], object] = _nothing
        self.edit: Callable[[dict[str, Any]], object] = _nothing
        self.refused: dict[str, str] = {}

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts; one receipt each.

        Raises:
            SideFailedError: the side cannot be written any further.
        """
        for index, record in enumerate(records):
            self._be_up()
            try:
                request = write_request(index, "contacts", record, id_field=self.id_field, declared=(), rename={})
            except MalformedRecord as error:
                action, words = intended_action(record), str(error)
                sink(Receipt(index, "contacts", action, Outcome.REFUSED, cause=Cause.MALFORMED, detail=words))
            else:
                self._meet(request, next(self.weather.fates, Fate.DONE), sink)

    def _meet(self, request: WriteRequest, fate: Fate, sink: Sink) -> None:
        action = request.action or Action.UPDATE
        if fate in _OF_SSM:
            fate = Fate.DONE
        if fate is Fate.FROZEN_BEFORE:
            self.meanwhile()
        self.check()
        self.asked.append(action)
        receipt = None if fate in _NOT_CARRIED_OUT else self.carried_out(request, action)
        match fate:
            case Fate.KILLED_BEFORE | Fate.KILLED_AFTER:
                raise Killed
            case Fate.FROZEN_AFTER:
                self.meanwhile()
            case Fate.REFUSED:
                receipt = _receipt(request, Outcome.REFUSED, request.id, cause=Cause.REJECTED, detail="no")
            case Fate.LOCKED:
                receipt = _receipt(request, Outcome.RETRY, request.id, cause=Cause.LOCKED)
            case Fate.LOST_BEFORE | Fate.LOST_AFTER | Fate.BROKEN:
                receipt = _receipt(request, Outcome.UNCERTAIN, request.id, cause=Cause.CONNECTION)
        assert receipt is not None
        sink(receipt)
        if fate is Fate.BROKEN:
            raise SideFailedError(_LOST)

    def carried_out(self, request: WriteRequest, action: Action) -> Receipt:
        """The receipt of a request that arrives."""
        self.refused = {}
        try:
            if action is Action.CREATE:
                row = self.created(request)
                done = {"record": self.shown(row), "wrote": True, "refused": self.refused}
                return _receipt(request, Outcome.APPLIED, row[self.id_field], **done)
            return self._on_row(request, action, self.found(request.id or 0))
        except RefusedError as error:
            id_ = error.row[self.id_field] if error.row else request.id
            refused = self.refused if error.cause is Cause.VALUE_REFUSED else {}
            words = {"cause": error.cause, "field": error.field, "detail": "refused", "refused": refused}
            return _receipt(request, Outcome.REFUSED, id_, record=error.row, **words)

    def _on_row(self, request: WriteRequest, action: Action, row: dict[str, Any] | None) -> Receipt:
        """Update or delete a row, if it still holds what was expected."""
        id_ = request.id
        if row is None or not self.lives(row):
            is_done = action is Action.DELETE and (row is not None or self.is_gone_if_not_found)
            outcome, cause = (Outcome.APPLIED, None) if is_done else (Outcome.REFUSED, Cause.NOT_FOUND)
            return _receipt(request, outcome, id_, record=None if row is None else self.shown(row), cause=cause)
        changed = next((n for n, value in (request.expected or {}).items() if plain(row.get(n)) != plain(value)), None)
        if changed is not None:
            words = changed_detail(changed)
            return _receipt(request, Outcome.CHANGED, id_, record=self.shown(row), field=changed, detail=words)
        if action is Action.DELETE:
            left = self.removed(row)
            self.deleted_here.discard(row[self.id_field])
            return _receipt(request, Outcome.APPLIED, id_, record=left, wrote=True)
        wrote = self.updated(row, request.values)
        return _receipt(request, Outcome.APPLIED, id_, record=self.shown(row), wrote=wrote, refused=self.refused)

    def _be_up(self) -> None:
        if self.weather.is_down:
            raise SideFailedError(_LOST)

    def _heard(self, values: Row) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in self.deaf_to}

    def _cut(self, stream: str, rows: list[dict[str, Any]], state: StreamState | None = None) -> Reading:
        """A stream as it is read in this weather."""
        if self.weather.is_down:
            return Reading([], failure=_LOST)
        if self.weather.read_to is None or stream not in self.weather.cut_streams:
            return Reading(rows, state)
        return Reading(rows[: self.weather.read_to], failure=_LOST)

    def living(self) -> dict[int, dict[str, Any]]:
        """The contacts that users see, by id."""
        return {id_: row for id_, row in sorted(self.contacts.items()) if self.lives(row)}

    def lives(self, row: Row) -> bool:
        """Whether users see the contact."""
        return not row.get("deleted")

    def found(self, id_: int) -> dict[str, Any] | None:
        """The row that the product finds under an id."""
        return self.contacts.get(id_)

    is_gone_if_not_found: bool
    """Whether a row that is not found is deleted for sure (P10)."""

    def shown(self, row: Row) -> dict[str, Any]:
        """A row as it is read."""
        return dict(row)

    def created(self, request: WriteRequest) -> dict[str, Any]:
        """Create a contact.

        Raises:
            RefusedError: the side does not take it.
        """
        raise NotImplementedError

    def updated(self, row: dict[str, Any], values: Row) -> bool:
        """Write the fields that differ; whether there were any.

        Raises:
            RefusedError: the side does not take them.
        """
        raise NotImplementedError

    def removed(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Delete a contact; what can still be read of it."""
        raise NotImplementedError


class MemorySage(MemorySide):
    """Sage: unique names byte for byte, column lengths in bytes of cp1252, empty texts for none.

    Attributes:
        companies: ``CT_Num`` to ``CT_Type``; 0 is a client.
        gives_numbers_again: whether a new contact may get the ``CT_No`` of one that was deleted, as in Sage: the
            next one is one above the highest that is there.
        is_read_only: whether the login may only read contacts.
    """

    id_field = "cbMarq"
    is_gone_if_not_found = True

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.companies: dict[str, int] = {}
        self.gives_numbers_again = True
        self.is_read_only = False
        self._last_marq = self._highest_number = 0

    def columns(self) -> Mapping[str, ColumnLimits]:
        """The columns of a newer database."""
        return _SAGE_COLUMNS

    def may_write(self) -> bool:
        """Whether the login may write contacts."""
        return not self.is_read_only

    def location(self) -> Location:
        """Where the database is: in memory."""
        return Location("SRV-MEMORY", "TEST")

    def last_identity(self) -> int:
        """The highest ``cbMarq`` ever given.

        Raises:
            SideFailedError: the database cannot be looked at.
        """
        self._be_up()
        return self._last_marq

    def digests(self, stream: str) -> Iterator[RowDigest]:
        """Clients; every contact, whatever its company's type."""
        reading = self._cut(stream, self._rows(stream))
        for row in reading.rows:
            yield RowDigest(row.get("cbMarq", 0), row["CT_Num"], row.get(_NUMBER, 0), _digest(row))
        if reading.failure:
            raise SideFailedError(reading.failure)

    def find(self, stream: str, column: str, values: Collection[Any]) -> Reading:
        """The rows with these values, of those that can be read, with their digests."""
        rows = [row for row in self._cut(stream, self._rows(stream)).rows if row.get(column) in values]
        return Reading(rows, failure=_LOST if self.weather.is_down else None, digests=[*map(_digest, rows)])

    def shown_contacts(self) -> list[Row]:
        """All contacts that can be read."""
        return list(self._cut("contacts", self._rows("contacts")).rows)

    def _rows(self, stream: str) -> list[dict[str, Any]]:
        if stream == "companies":
            return [{"CT_Num": code, "CT_Prospect": 0} for code, kind in self.companies.items() if kind == 0]
        return [dict(row) for row in self.living().values()]

    def created(self, request: WriteRequest) -> dict[str, Any]:
        """Create a contact, under the ``CT_No`` wished for if it is free."""
        return self.insert({**self._heard(request.values), _NUMBER: request.identity.get(_NUMBER)})

    def insert(self, values: Row, marq: int | None = None) -> dict[str, Any]:
        """A new row, or a refusal; under a ``cbMarq`` that is free, if one is given."""
        numbers = {name: 0 for name, column in _SAGE_COLUMNS.items() if column.max_bytes is None}
        row = dict.fromkeys(_SAGE_COLUMNS, "") | numbers | self._stored(values)
        self._check(row, _NAME)
        self._last_marq += marq is None
        row |= {"cbMarq": marq or self._last_marq, _NUMBER: self._number(values.get(_NUMBER))}
        row |= dict.fromkeys(("cbModification", "cbCreation"), self._stamp())
        self.contacts[row["cbMarq"]] = row
        return row

    def continue_after(self, marq: int) -> None:
        """Give the next contact the ``cbMarq`` after this one."""
        self._last_marq = marq

    def _number(self, wish: int | None) -> int:
        """The number wished for if it is free, else the next."""
        taken = {other[_NUMBER] for other in self.contacts.values()}
        highest = max(taken, default=0) if self.gives_numbers_again else self._highest_number
        number = wish if wish and wish not in taken else highest + 1
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
        """What the columns would hold; what is no column, or Sage's own, is left out."""
        return {n: self._value(n, value) for n, value in values.items() if n in _SAGE_COLUMNS and n != _NUMBER}

    def _value(self, name: str, value: Any) -> str | int:
        column = _SAGE_COLUMNS[name]
        if column.max_bytes is None:
            if not isinstance(value, int | None):
                raise RefusedError(Cause.MALFORMED, name)
            return value or 0
        text = value or ""
        try:
            size = len(text.encode(column.encoding or "utf-8"))
        except UnicodeEncodeError:
            raise RefusedError(Cause.NOT_REPRESENTABLE, name) from None
        if size > column.max_bytes:
            raise RefusedError(Cause.TOO_LONG, name)
        return self._company(text) or text if name == "CT_Num" else text

    def _company(self, code: str) -> str | None:
        """A company code as F_COMPTET has it: Sage's collation compares without case and trailing blanks (P8)."""
        same = (known for known in self.companies if known.casefold() == code.rstrip(" ").casefold())
        return code if code in self.companies else next(same, None)

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
        refuses: pairs of a field and a value that it does not take.
        unlisted: the contacts that lists leave out, and that are found by their id.
        invisible: the contacts that are not shown at all.
        odd: the values that rows are shown with instead of their own, by id.
        read_at_once: how many rows a reading of everything takes before its time is over.
        requests: how often it was asked.
    """

    id_field = "id"
    is_gone_if_not_found = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.accounts: dict[int, dict[str, Any]] = {}
        self.read_at_once = 1000
        self.types = [dict(row) for row in worlds.CONTACT_TYPES]
        self.refuses: set[tuple[str, Any]] = set()
        self.unlisted: set[int] = set()
        self.invisible: set[int] = set()
        self.odd: dict[int, dict[str, Any]] = {}
        self._late: list[tuple[datetime, WriteRequest]] = []
        self._not_shown_before: dict[int, datetime] = {}
        self.requests = self.refusals = 0
        self.reduced_rate = 4.0
        self._last_id = 500
        self._serial = 0

    def read(
        self, streams: Mapping[str, StreamState | None], handing_on: HandingOn | None = None
    ) -> Mapping[str, Reading]:
        """Rows changed since the state, deleted ones included; the contact types whole."""
        self.requests += len(streams)
        self.let_pass()
        tables = {"accounts": self.accounts, "contacts": self.contacts}
        readings = {}
        for name, state in streams.items():
            if name not in tables:
                readings[name] = self._cut(name, [dict(row) for row in self.types])
                readings[name] = replace(readings[name], covered=None if readings[name].failure else IdRange())
                continue
            reading = self._since(name, list(tables[name].values()), state, handing_on)
            if handing_on:
                for row in reading.rows:
                    handing_on.receive(name, [row])
                reading = replace(reading, rows=[], handed_on=reading.ids)
            readings[name] = reading
        return readings

    def find(self, ids: Collection[int]) -> Reading:
        """Contacts by their ids, deleted ones included."""
        self.requests += 1
        self.let_pass()
        if self.weather.is_down:
            return Reading([], failure=_LOST)
        asked = self.contacts.keys() & set(ids) - self.invisible
        return _with_unreadable(Reading([self.shown(self.contacts[id_]) for id_ in asked]))

    def found(self, id_: int) -> dict[str, Any] | None:
        """The contact of an id, unless it is not shown, or not with that id."""
        is_shown = id_ not in self.invisible and "id" not in self.odd.get(id_, {})
        return self.contacts.get(id_) if is_shown else None

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

    def _meet(self, request: WriteRequest, fate: Fate, sink: Sink) -> None:
        self.requests += 1
        self.let_pass()
        action = request.action or Action.UPDATE
        if fate not in _OF_SSM or (fate in _OF_CREATIONS and action is not Action.CREATE):
            super()._meet(request, fate, sink)
            return
        self.check()
        self.asked.append(action)
        if fate is Fate.LATE:
            wait = _LATE_CREATION if action is Action.CREATE else _LATE[len(self.asked) % len(_LATE)]
            self._late.append((self.clock() + wait, request))
            sink(_receipt(request, Outcome.UNCERTAIN, request.id, cause=Cause.CONNECTION))
            return
        receipt = self.carried_out(request, action)
        if receipt.outcome is Outcome.APPLIED and receipt.id is not None:
            receipt = self._in_doubt(request, receipt, fate)
        sink(receipt)

    def _in_doubt(self, request: WriteRequest, receipt: Receipt, fate: Fate) -> Receipt:
        """The receipt of a write that was carried out, and whose row is not shown as it was written."""
        id_ = receipt.id or 0
        row = self.contacts[id_]
        if fate is Fate.EDITED:
            if self.lives(row):
                self.edit(row)
            return replace(receipt, record=self.shown(row))
        if fate is Fate.WRONG_ID:
            return _receipt(request, Outcome.UNCERTAIN, _NO_ID, cause=Cause.NOT_CONFIRMED)
        self._not_shown_before[id_] = self.clock() + _SHOWN_AFTER
        (self.unlisted if id_ % 2 else self.invisible).add(id_)
        return _receipt(request, Outcome.UNCERTAIN, id_, cause=Cause.NOT_CONFIRMED)

    def let_pass(self) -> None:
        """Carry out what was late, and show what was not shown yet, once its time has come."""
        now = self.clock()
        due = [request for at, request in self._late if at <= now]
        self._late = [(at, request) for at, request in self._late if at > now]
        for request in due:
            if request.action is Action.CREATE:
                self.insert(request.values)
            else:
                self.carried_out(request, request.action or Action.UPDATE)
        for id_ in [id_ for id_, at in self._not_shown_before.items() if at <= now]:
            del self._not_shown_before[id_]
            self.unlisted.discard(id_)
            self.invisible.discard(id_)

    def created(self, request: WriteRequest) -> dict[str, Any]:
        """Create a contact, unless a living one has the ``extId``."""
        if ext_id := request.identity.get("extId"):
            for other in self.living().values():
                if other["extId"] == ext_id and "id" in self.odd.get(other["id"], {}):
                    raise RefusedError(Cause.UNREADABLE)
                if other["extId"] == ext_id and other["id"] not in self.unlisted | self.invisible:
                    raise RefusedError(Cause.DUPLICATE, row=self.shown(other))
        if missing := next((n for n in _SSM_REQUIRED if plain(request.values.get(n)) is None), None):
            raise RefusedError(Cause.VALUE_MISSING, missing)
        self.refused = self._refused(request.values)
        if needed := [name for name in ("lastName", "firstName", "accountId", "extId") if name in self.refused]:
            self.refused = {name: self.refused[name] for name in needed}
            raise RefusedError(Cause.VALUE_REFUSED, needed[0])
        heard = self._heard(request.values)
        return self.insert({name: value for name, value in heard.items() if name not in self.refused})

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
        self.refused = self._refused(changed)
        if self.refused and changed.keys() == self.refused.keys():
            is_one = len(changed) == 1 or changed.keys() == {"lastName", "firstName"}
            raise RefusedError(
                Cause.VALUE_REFUSED if is_one else Cause.REJECTED, next(iter(changed)) if is_one else None
            )
        changed = {name: value for name, value in changed.items() if name not in self.refused}
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
        shown = {n: {"id": v, "value": ""} if n in _REFERENCES and v is not None else v for n, v in row.items()}
        return shown | self.odd.get(row.get("id", 0), {})

    def _stored(self, values: Row) -> dict[str, Any]:
        """What the fields would hold: phone numbers lose their spaces, an empty text is null."""
        stored = {name: plain(value) for name, value in values.items() if name not in _SSMS_OWN}
        phones = {name: str(stored[name]).replace(" ", "") for name in _PHONES if stored.get(name)}
        return stored | phones

    def _refused(self, values: Row) -> dict[str, str]:
        """The fields whose values SSM refuses; a contact's names together (P7)."""
        refused = {name for name, value in values.items() if self._refuses(name, plain(value))}
        if refused & {"lastName", "firstName"}:
            refused |= {"lastName", "firstName"} & values.keys()
        return dict.fromkeys(sorted(refused, reverse=True), "no")

    def _refuses(self, name: str, value: Any) -> bool:
        references = {"accountId": self.accounts, "typeId": {t["id"] for t in self.types}, "gender": _GENDERS}
        is_unknown = name in references and value is not None and value not in references[name]
        is_too_long = name in _SSM_LENGTHS and len(value or "") > _SSM_LENGTHS[name]
        return is_unknown or is_too_long or (name, value) in self.refuses

    def _check(self, row: Row) -> None:
        """Refuse what SSM refuses as a whole."""
        if any(row.get(name) in (None, "") for name in _SSM_REQUIRED):
            raise RefusedError(Cause.REJECTED)

    def _since(
        self, stream: str, rows: list[dict[str, Any]], state: StreamState | None, handing_on: HandingOn | None
    ) -> Reading:
        """What a state does not cover: the ids that were not read yet, and what has changed since."""
        stamps = {row["id"]: _changed_at(row) for row in rows}
        cursor, unread_from = (state["changed_at"], state.get("unread_from")) if state else ("", None)
        listed = sorted(
            (row for row in rows if row["id"] not in self.unlisted | self.invisible), key=lambda row: -row["id"]
        )
        unread = [row for row in listed if not state or (unread_from is not None and row["id"] <= unread_from)]
        lowest = None
        if handing_on and handing_on.seconds is not None and len(unread) > self.read_at_once:
            unread = unread[: self.read_at_once]
            lowest = unread[-1]["id"]
        ids = {row["id"] for row in unread}
        changed = [row for row in listed if state and stamps[row["id"]] >= cursor and row["id"] not in ids]
        reached = max(stamps.values(), default=cursor)
        now = {"changed_at": reached} | ({} if lowest is None else {"unread_from": lowest})
        reading = _with_unreadable(self._cut(stream, [self.shown(row) for row in [*unread, *changed]], now))
        is_covered = not reading.failure and (not state or unread_from is not None)
        return replace(reading, covered=IdRange(lowest, unread_from) if is_covered else None)

    def _created_now(self) -> dict[str, Any]:
        return {"dateCreated": self._stamp(), "dateUpdated": None, "dateDeleted": None}

    def _stamp(self) -> str:
        self._serial += 1
        stamp = self.clock() + timedelta(milliseconds=self._serial)
        return stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _nothing(*_: Any) -> None:
    """Nothing happens."""


def _with_unreadable(reading: Reading) -> Reading:
    """A reading as the connector returns it: of a row without a usable id, only what is known of it."""
    left_out = [row for row in reading.rows if not isinstance(row["id"], int)]
    names = ("extId", "lastName", "firstName", "deleted")
    known = [{name: row[name] for name in names if isinstance(row[name], str | bool)} for row in left_out]
    return replace(reading, rows=[row for row in reading.rows if row not in left_out], unreadable=known)


def plain(value: Any) -> Any:
    """A value as it is compared: a reference by its id, an empty text as null."""
    bare = value.get("id") if isinstance(value, Mapping) else value
    return None if bare == "" else bare


def _receipt(request: WriteRequest, outcome: Outcome, id_: int | None, **others: Any) -> Receipt:
    return Receipt(request.index, request.stream, request.action or Action.UPDATE, outcome, id_, **others)


def _changed_at(row: Row) -> str:
    return max(row[name] or "" for name in _SSM_STAMPS)


def _digest(row: Mapping[str, Any]) -> int:
    """A row of Sage reduced to a number."""
    text = repr(sorted(row.items())).encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1
