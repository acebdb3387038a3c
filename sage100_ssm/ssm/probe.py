"""Questions about SSM that its documentation leaves open, each answered by a few requests.

Numbers are those of the open questions in docs/facts/ssm-api.md. Some questions are settled by looking; others by a
scratch contact, which is deleted again whatever happens.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime, timedelta
from typing import Any

import httpx

from sage100_ssm.ssm import where
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Forbidden, MalformedAnswer, Rejected
from sage100_ssm.ssm.values import Row, ext_id, is_deleted, parse_stamp

NOT_ASKED = "not_asked"
"""The answer where finding out would take a write, or more than a request can do."""

SETTLED_BY_LOOKING = frozenset({1, 2, 3, 4, 5, 6, 7, 10})
SETTLED_BY_WRITING = frozenset({6, 7, 8, 9, 11, 12, 13})
"""The numbers of the questions; for those in both, only a scratch contact gives a certain answer."""

_LAST_NAME, _FIRST_NAME = "SYNC-PROBE", "Scratch"
_EXT_ID_PREFIX = "probe:"
_NOBODY = 0
"""An id that no row has."""
_FEW, _MANY = 2, 500
_ZONES = timedelta(hours=14)
_STEP = timedelta(minutes=15)
_FAR_OFF = "2999-01-01T00:00:00Z"
_LONG_AGO = "2000-01-01T00:00:00Z"
_PHONE, _OTHER_PHONE = "01 99 00 00 01", "01 99 00 00 02"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question.

    Attributes:
        number: of the question.
        answer: its short name, such as ``inclusive``.
        facts: the values that the sentence about it names.
        settings: settings of SSM that follow from it; empty where the product works with every answer.
    """

    number: int
    answer: str
    facts: Mapping[str, Any] = default(default_factory=dict)
    settings: Mapping[str, Any] = default(default_factory=dict)


class ScratchLeftError(Exception):
    """A scratch contact could not be deleted.

    Attributes:
        ids: of the contacts that remain.
    """

    def __init__(self, ids: list[int]) -> None:
        super().__init__(f"scratch contacts left: {ids}")
        self.ids = ids


class Probe:
    """Puts the questions to an instance.

    Args:
        client: the client.
        page_size: the page size of the settings.
        overlap_minutes: the overlap of the settings.
    """

    def __init__(self, client: SsmClient, *, page_size: int, overlap_minutes: float) -> None:
        self._client, self._page_size, self._overlap = client, page_size, overlap_minutes

    # --- answered by reading

    def look(self) -> Iterator[Verdict]:
        """The answers that need no write.

        Raises:
            SsmError: the instance is not reached, or refuses the login.
        """
        self._client.log_in()
        yield self._schema()
        yield self._errors()
        yield self._sessions()
        yield self._pages()
        yield self._dates()
        yield self._deletion_stamps()
        yield self._deleted_row()
        yield self._hooks()

    def _schema(self) -> Verdict:
        try:
            schema = self._client.schema("contacts")
        except (Rejected, Forbidden, MalformedAnswer):
            return Verdict(1, "unreadable")
        long = schema["extId"].max_length if "extId" in schema else None
        required = ", ".join(sorted(name for name, field in schema.items() if field.required)) or None
        return Verdict(1, "readable", {"fields": len(schema), "length": long, "required": required})

    def _errors(self) -> Verdict:
        answers = {
            "id": self._ask("GET", f"contacts/{_NOBODY}"),
            "where": self._ask("GET", "contacts", params={"where": "("}),
            "session": self._ask("GET", "contacts", headers={"X-Session-Key": "none"}),
        }
        return Verdict(2, "told", {name: _shape(answer) for name, answer in answers.items()})

    def _sessions(self) -> Verdict:
        first, second = self._client.new_session(), self._client.new_session()
        answer = self._ask("GET", "users", params={"page": 0}, headers={"X-Session-Key": first})
        lives = answer.is_success
        return Verdict(3, "several" if lives or first == second else "one")

    def _pages(self) -> Verdict:
        if len(self._first("contacts")) <= _FEW:
            return Verdict(4, "few")
        obeyed = [name for name in ("Count", "X-FM-Entity-Count") if self._rows_with({name: str(_FEW)}) == _FEW]
        largest = self._rows_with(dict.fromkeys(("Count", "X-FM-Entity-Count"), str(_MANY)))
        facts = {"headers": ", ".join(obeyed) or None, "largest": largest}
        if not obeyed:
            return Verdict(4, "none", facts)
        settings = {"page_size": largest} if largest > self._page_size else {}
        return Verdict(4, "obeyed", facts, settings)

    def _rows_with(self, headers: Mapping[str, str]) -> int:
        return len(_rows(self._ask("GET", "contacts", params={"page": 0}, headers=headers)))

    def _dates(self) -> Verdict:
        row = next((r for r in self._first("contacts") if parse_stamp(r.get("dateCreated"))), None)
        if row is None:
            return Verdict(5, "nobody")
        if self._where(f"dateCreated > '{_FAR_OFF}'"):
            return Verdict(5, "ignored")
        deletions = self._ask("GET", "contacts", params={"page": 0, "where": f"dateDeleted > '{_LONG_AGO}'"}).is_success
        shift = self._shift(row)
        if shift is None:
            return Verdict(5, "unsettled")
        minutes = round(shift.total_seconds() / 60)
        inclusive = bool(self._where(f"dateCreated > '{row['dateCreated']}' AND {where.is_id(row['id'])}"))
        facts = {"minutes": abs(minutes), "inclusive": inclusive, "deletions": deletions}
        if minutes > 0:
            overlap = self._overlap if self._overlap > minutes else minutes + self._overlap
            return Verdict(5, "ahead", facts, {"overlap_minutes": overlap} if overlap != self._overlap else {})
        if minutes < 0:
            return Verdict(5, "behind", facts)
        return Verdict(5, "inclusive" if inclusive else "exclusive", facts)

    def _shift(self, row: Row) -> timedelta | None:
        """How far SSM shifts dates in conditions: found by bisection, as the latest date that a row still follows."""
        stamp = parse_stamp(row["dateCreated"])
        assert stamp is not None, "the row was chosen by its stamp"

        def follows(steps: int) -> bool:
            moment = stamp + steps * _STEP - timedelta(seconds=1)
            return bool(self._where(f"dateCreated > '{_written(moment)}' AND {where.is_id(row['id'])}"))

        low, high = -(_ZONES // _STEP), _ZONES // _STEP
        if not follows(low) or follows(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if follows(middle) else (low, middle)
        return -low * _STEP

    def _deletion_stamps(self) -> Verdict:
        deleted = [
            row for row in self._where("deleted=true") if is_deleted(row) and parse_stamp(row.get("dateDeleted"))
        ]
        if not deleted:
            return Verdict(6, "nobody")
        return Verdict(6, "bumps" if all(map(_bumped, deleted)) else "leaves")

    def _deleted_row(self) -> Verdict:
        row = next((row for row in self._where("deleted=true") if is_deleted(row)), None)
        if row is None:
            return Verdict(7, "nobody")
        return Verdict(7, "readable" if self._ask("GET", f"contacts/{row['id']}").is_success else "gone")

    def _hooks(self) -> Verdict:
        answer = self._ask("GET", "hooks")
        return Verdict(10, "listed", {"number": len(_rows(answer))}) if answer.is_success else Verdict(10, NOT_ASKED)

    # --- answered by a scratch contact

    def write(self, account: int, owner: int) -> Iterator[Verdict]:
        """The other answers, by a scratch contact that is deleted again whatever happens.

        Args:
            account: the id of the account under which it is created.
            owner: the id of the user who owns it.

        Raises:
            SsmError: the instance is not reached, or refuses the scratch contact.
            ScratchLeftError: it could not be deleted.
        """
        scratch_ext_id = f"{_EXT_ID_PREFIX}{secrets.token_hex(6)}"
        fields = {"lastName": _LAST_NAME, "firstName": _FIRST_NAME, "accountId": account, "salesRepId": owner}
        with self._scratch({**fields, "extId": scratch_ext_id}) as scratch:
            yield self._null(scratch)
            yield self._key_case(scratch)
            yield self._bulk(scratch)
            yield self._unknown_key(scratch)
            unique = not scratch.twin()
            yield self._deletion_of(scratch)
            yield self._deleted_readable(scratch)
            yield self._write_to_deleted(scratch)
            yield _uniqueness(among_living=unique, among_all=not scratch.twin())

    @contextmanager
    def _scratch(self, fields: Mapping[str, Any]) -> Iterator["Scratch"]:
        scratch = Scratch(self._client, fields)
        scratch.clear_away()
        try:
            scratch.create()
            yield scratch
        finally:
            scratch.clear_away()

    def _null(self, scratch: "Scratch") -> Verdict:
        scratch.put({"phone1": _PHONE})
        accepted = scratch.put({"phone1": None}).is_success
        if accepted and not scratch.row().get("phone1"):
            return Verdict(8, "null_clears")
        scratch.put({"phone1": _PHONE})
        empties = scratch.put({"phone1": ""}).is_success and not scratch.row().get("phone1")
        return Verdict(8, ("passed_over" if accepted else "refused") + ("" if empties else "_no_way"))

    def _key_case(self, scratch: "Scratch") -> Verdict:
        scratch.put({"phone2": _PHONE})
        accepted = scratch.put({"PHONE2": _OTHER_PHONE}).is_success
        changed = scratch.row().get("phone2") != _PHONE and accepted
        return Verdict(11, "any_case" if changed else "passed_over" if accepted else "refused")

    def _bulk(self, scratch: "Scratch") -> Verdict:
        items = [
            {"guid": "probe-1", "id": scratch.id, "phone2": _PHONE},
            {"guid": "probe-2", "id": _NOBODY, "phone2": _PHONE},
        ]
        answer = self._ask("PUT", "contacts/bulk", json=items)
        results = _rows(answer)
        if not answer.is_success or not results:
            return Verdict(12, "refused", {"shape": _shape(answer)})
        item = next((one for one in results if one.get("guid") == "probe-2"), {})
        place = "item" if scratch.row().get("phone2") == _PHONE else "data"
        # In the form that the destination sends.
        self._ask(
            "PUT", "contacts/bulk", json=[{"guid": "probe-3", "data": {"id": scratch.id, "phone2": _OTHER_PHONE}}]
        )
        settings = {"bulk_writes": True} if scratch.row().get("phone2") == _OTHER_PHONE else {}
        facts = {"keys": ", ".join(sorted(item)) or None, "code": item.get("code"), "place": place}
        return Verdict(12, "told", facts, settings)

    def _unknown_key(self, scratch: "Scratch") -> Verdict:
        return Verdict(13, "passed_over" if scratch.put({"zzzUnknown": "1"}).is_success else "refused")

    def _deletion_of(self, scratch: "Scratch") -> Verdict:
        before = scratch.row().get("dateUpdated")
        scratch.delete()
        row = scratch.row()
        return Verdict(6, "leaves" if not is_deleted(row) or row.get("dateUpdated") == before else "bumps")

    def _deleted_readable(self, scratch: "Scratch") -> Verdict:
        return Verdict(7, "readable" if self._ask("GET", f"contacts/{scratch.id}").is_success else "gone")

    def _write_to_deleted(self, scratch: "Scratch") -> Verdict:
        if not scratch.put({"phone1": _PHONE}).is_success:
            return Verdict(8, "deleted_refused")
        scratch.put({"deleted": False})
        if is_deleted(scratch.row()):
            return Verdict(8, "deleted_writable")
        scratch.delete()
        return Verdict(8, "deleted_comes_back")

    # --- requests

    def _ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        return self._client.ask(method, path, **content)

    def _first(self, resource: str) -> list[Row]:
        return _rows(self._ask("GET", resource, params={"page": 0, "order": "id"}))

    def _where(self, condition: str) -> list[Row]:
        return _rows(self._ask("GET", "contacts", params={"page": 0, "where": condition}))


class Scratch:
    """The scratch contact, and others with its name.

    Args:
        client: the client.
        fields: the fields that it is created with.

    Attributes:
        id: of the contact.
    """

    id: int

    def __init__(self, client: SsmClient, fields: Mapping[str, Any]) -> None:
        self._client, self._fields = client, fields

    def create(self) -> None:
        """Create it.

        Raises:
            SsmError: SSM refuses it.
        """
        self.id = self._client.create("contacts", self._fields)

    def put(self, fields: Mapping[str, Any]) -> httpx.Response:
        """Try an update."""
        return self._client.ask("PUT", f"contacts/{self.id}", json=dict(fields))

    def row(self) -> Row:
        """The contact as SSM shows it now; empty where it is not shown."""
        return next(self._client.find("contacts", ids=(self.id,)), {})

    def delete(self) -> None:
        """Delete it."""
        self._client.delete("contacts", self.id)

    def twin(self) -> bool:
        """Whether SSM creates a second contact with its ``extId``; that one is deleted at once."""
        answer = self._client.ask("POST", "contacts", json=dict(self._fields))
        if answer.is_success:
            self._delete_living(except_id=getattr(self, "id", None))
        return answer.is_success

    def clear_away(self) -> None:
        """Delete all contacts of its name, those that an earlier probe left behind included.

        Raises:
            SsmError: the instance is not reached.
            ScratchLeftError: some remain.
        """
        self._delete_living()
        if left := [row["id"] for row in self._living()]:
            raise ScratchLeftError(left)

    def _delete_living(self, except_id: int | None = None) -> None:
        for row in self._living():
            if row["id"] != except_id:
                self._client.ask("DELETE", f"contacts/{row['id']}")

    def _living(self) -> list[Row]:
        found = self._client.rows("contacts", f"lastName='{_LAST_NAME}'")
        return [row for row in found if not is_deleted(row) and _is_scratch(row)]


def _is_scratch(row: Row) -> bool:
    """Whether it is really one of ours: SSM may have ignored the condition."""
    return (ext_id(row) or "").startswith(_EXT_ID_PREFIX) and str(row.get("lastName")).upper() == _LAST_NAME


def _uniqueness(*, among_living: bool, among_all: bool) -> Verdict:
    if among_all:
        return Verdict(9, "once", settings={"ext_id_once": True})
    return Verdict(9, "among_living" if among_living else "free")


def _bumped(row: Row) -> bool:
    """Whether a deletion changed ``dateUpdated``."""
    # A second less: the clocks within SSM may differ.
    updated, deleted = parse_stamp(row.get("dateUpdated")), parse_stamp(row.get("dateDeleted"))
    return updated is not None and deleted is not None and updated >= deleted - timedelta(seconds=1)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _rows(answer: httpx.Response) -> list[Row]:
    try:
        body = answer.json() if answer.is_success else []
    except ValueError:
        return []
    return [row for row in body if isinstance(row, dict)] if isinstance(body, list) else []


def _shape(answer: httpx.Response) -> str:
    """An answer's status and the keys of its body, without its values."""
    try:
        body = answer.json()
    except ValueError:
        kind = "" if not answer.content else " text"
        return f"{answer.status_code}{kind}"
    if isinstance(body, dict):
        return f"{answer.status_code} {{{', '.join(sorted(map(str, body)))}}}"
    return f"{answer.status_code} {type(body).__name__}"
