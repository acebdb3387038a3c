"""The sides that the suite runs against: how each is built, used by its own people, looked at and disturbed.

A test gets one adapter. What it hands to ``access`` goes through the implementation under test, as the engine's records
do; everything else goes round it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any, Generic, TypeVar

import pytest
from sqlalchemy import Connection, Select, select

from sage100_ssm.app.sides import SageSide, SsmSide
from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.exchange.reading import Reading, Row
from sage100_ssm.exchange.receipt import Receipt
from sage100_ssm.sage100 import reading
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.errors import UnreachableError
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.sage100.writing import Contacts
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.standins.sql_server.server import Fault as SqlFault
from sage100_ssm.standins.sql_server.server import TdsServer
from sage100_ssm.standins.ssm_api import faults
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP
from sage100_ssm.sync.run.ports import Access, SageAccess, SsmAccess
from tests.support.memory_sides import Clock, Fate, MemorySage, MemorySsm, Weather
from tests.support.sage100_databases import Company, Front, SqliteCompany, only_here
from tests.support.ssm_side import HASTE

AccessT = TypeVar("AccessT", bound=Access)

LONG_AGO = datetime(2026, 3, 2, 10, 0)  # noqa: DTZ001 - the Sage server's local time
"""When the rows that a Sage user creates are stamped: before anything that the tests write."""
_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_TEXTS = ("CT_Fonction", "CT_Telephone", "CT_TelPortable", "CT_Telecopie", "CT_EMail", "CT_LinkedIn", "CT_Skype")

_KEEPING_ON_SQLITE = """
CREATE TRIGGER ZZ_UPD AFTER UPDATE OF CT_Fonction ON F_CONTACTT WHEN NEW.CT_Fonction <> OLD.CT_Fonction
BEGIN UPDATE F_CONTACTT SET CT_Fonction = OLD.CT_Fonction WHERE cbMarq = NEW.cbMarq; END"""
_KEEPING_ON_SQL_SERVER = """
CREATE TRIGGER ZZ_UPD ON dbo.F_CONTACTT AFTER UPDATE AS
BEGIN SET NOCOUNT ON; UPDATE dbo.F_CONTACTT SET CT_Fonction = '' WHERE cbMarq IN (SELECT cbMarq FROM inserted); END"""
"""A trigger of some other maker that has job titles stay as they are: here, empty."""


class Adapter(ABC, Generic[AccessT]):
    """A side, with a way round the implementation under test.

    Attributes:
        access: the side as the engine gets it.
        is_a_product_side: whether it is the product's own implementation, and not the double.
    """

    access: AccessT
    is_a_product_side: bool = True

    @abstractmethod
    def create(self, **values: Any) -> int:
        """A user creates a contact. Returns its id."""

    @abstractmethod
    def delete(self, id_: int) -> None:
        """A user deletes a contact."""

    @abstractmethod
    def rows(self) -> Mapping[int, Row]:
        """All rows of contacts as they are stored, by id; references as ids."""

    @abstractmethod
    def cut_reading(self) -> None:
        """The next reading of the contacts breaks off after a few of them."""

    @abstractmethod
    def down(self) -> AbstractContextManager[object]:
        """While the context is open, a side that answered before answers nothing."""

    @abstractmethod
    def keep_job_titles(self) -> None:
        """From now on the side accepts a job title, or none, and keeps the one that was there."""

    def row(self, id_: int) -> Row:
        """One row as it is stored."""
        return self.rows()[id_]

    def write(self, *records: Row) -> list[Receipt]:
        """Hand records to the implementation; the receipts, by index."""
        receipts: list[Receipt] = []
        self.access.write(records, receipts.append)
        return sorted(receipts, key=lambda receipt: receipt.index)

    def write_until_failure(self, records: Iterable[Row]) -> tuple[list[Receipt], SideFailedError]:
        """Hand over records to a side that fails; the receipts that came, and the failure."""
        receipts: list[Receipt] = []
        with pytest.raises(SideFailedError) as caught:
            self.access.write(records, receipts.append)
        return sorted(receipts, key=lambda receipt: receipt.index), caught.value

    @abstractmethod
    def reading(self, stream: str = "contacts", state: Mapping[str, Any] | None = None) -> Reading:
        """Read one stream through the implementation."""

    def close(self) -> None:
        """Release what it holds."""


# --- Sage


class SageAdapter(Adapter[SageAccess]):
    """A Sage company database, with two clients and a supplier.

    Attributes:
        absent: the columns that this generation of Sage lacks.
    """

    absent: frozenset[str] = frozenset()

    def reading(self, stream: str = "contacts", state: Mapping[str, Any] | None = None) -> Reading:
        """Read one stream through the implementation: which rows there are, then these."""
        assert state is None, "Sage is read whole"
        digests, failure = [], None
        try:
            for digest in self.access.digests(stream):
                digests.append(digest)  # noqa: PERF402 - those before a failure are kept
        except SideFailedError as error:
            failure = error.failure
        found = self.access.find(stream, "CT_Num", {digest.company for digest in digests})
        ids = {digest.id for digest in digests}
        rows = [row for row in found.rows if row.get("cbMarq", 0) in ids]
        return Reading(rows, failure=failure or found.failure)

    @abstractmethod
    def add_company(self, code: str, kind: int = 0) -> None:
        """A company of that code and ``CT_Type``."""

    @abstractmethod
    def being_edited(self, marq: int) -> AbstractContextManager[object]:
        """While the context is open, a Sage user has changed the contact and not committed."""

    @abstractmethod
    def stop_answering(self) -> None:
        """The database answers no write any more."""


class MemorySageAdapter(SageAdapter):
    """The double that the property tests run on."""

    is_a_product_side = False

    def __init__(self) -> None:
        self.access: MemorySage = MemorySage(Clock(_NOON))

    def add_company(self, code: str, kind: int = 0) -> None:
        self.access.companies[code] = kind

    def create(self, **values: Any) -> int:
        marq: int = self.access.insert(values)["cbMarq"]
        self.access.clock.advance(hours=1)
        return marq

    def delete(self, id_: int) -> None:
        self.access.removed(self.access.contacts[id_])

    def rows(self) -> Mapping[int, Row]:
        return {marq: dict(row) for marq, row in self.access.contacts.items()}

    @contextmanager
    def being_edited(self, marq: int) -> Iterator[None]:
        self.access.weather = Weather(iter([Fate.LOCKED]))
        yield
        self.access.weather = Weather()

    def stop_answering(self) -> None:
        self.access.weather = Weather(repeat(Fate.BROKEN))

    def cut_reading(self) -> None:
        self.access.weather = Weather(read_to=2, cut_streams=["contacts"])

    @contextmanager
    def down(self) -> Iterator[None]:
        self.access.weather = Weather(is_down=True)
        yield
        self.access.weather = Weather()

    def keep_job_titles(self) -> None:
        self.access.deaf_to = {"CT_Fonction"}


class DatabaseSageAdapter(SageAdapter):
    """The connectors on a database.

    Args:
        company: the database.
        server: the SQL Server stand-in, if it is there; of any other server faults cannot be ordered.
        monkeypatch: for what a SQLite file cannot be made to do.
    """

    def __init__(self, company: Company, server: Front | None, monkeypatch: pytest.MonkeyPatch) -> None:
        self.access: SageSide = SageSide(Sage100Config.model_validate(company.config))
        self.absent = company.absent
        self._company, self._server, self._monkeypatch = company, server, monkeypatch
        self._is_a_file = isinstance(company, SqliteCompany)

    def add_company(self, code: str, kind: int = 0) -> None:
        self._company.add(F_COMPTET, {"CT_Num": code, "CT_Type": kind})

    def create(self, **values: Any) -> int:
        row = dict.fromkeys(_TEXTS, "") | {"cbModification": LONG_AGO, "cbCreation": LONG_AGO} | values
        numbers = [other["CT_No"] for other in self.rows().values()]
        self._company.add(F_CONTACTT, {"CT_No": max(numbers, default=0) + 1, **row})
        return max(self.rows())

    def delete(self, id_: int) -> None:
        self._company.run(f"DELETE FROM F_CONTACTT WHERE cbMarq = {id_}")  # noqa: S608 - a number

    def rows(self) -> Mapping[int, Row]:
        columns = [column for column in F_CONTACTT.columns if column.name not in self.absent]
        with self._company.engine.connect() as connection:
            return {row["cbMarq"]: dict(row) for row in connection.execute(select(*columns)).mappings()}

    def being_edited(self, marq: int) -> AbstractContextManager[object]:
        self._monkeypatch.setattr("sage100_ssm.sage100.engine._LOCK_MILLISECONDS", 20)
        return self._company.somebody_changes(marq)

    def stop_answering(self) -> None:
        if not self._is_a_file:
            self._cut_off_at("^(INSERT|UPDATE|DELETE)")
            return
        for write in ("insert", "update", "delete"):
            self._monkeypatch.setattr(Contacts, write, _unreachable)

    def cut_reading(self) -> None:
        self._monkeypatch.setattr(reading, "_PAGE", 2)
        if not self._is_a_file:
            self._cut_off_at(r"FROM dbo\.\[F_CONTACTT\]\s+WHERE.* > ")
            return
        fetched = reading._fetched

        def cut(connection: Connection, query: Select[Any]) -> Any:
            is_second_page = "F_CONTACTT" in str(query) and " > " in str(query)
            return (_unreachable if is_second_page else fetched)(connection, query)

        self._monkeypatch.setattr(reading, "_fetched", cut)

    @contextmanager
    def down(self) -> Iterator[None]:
        self.access.columns()
        if not self._is_a_file:
            server = self._cut_off_at("")
            yield
            server.faults.clear()
            return
        with self._monkeypatch.context() as patch:
            for use in ("reading", "writing"):
                patch.setattr(Database, use, _unreachable)
            yield

    def keep_job_titles(self) -> None:
        self._company.run(_KEEPING_ON_SQLITE if self._is_a_file else _KEEPING_ON_SQL_SERVER)

    def close(self) -> None:
        self.access.close()
        self._company.engine.dispose()

    def _cut_off_at(self, statement: str) -> TdsServer:
        """Have the server cut the connection at each statement in which a pattern is found."""
        only_here(self._company)
        assert self._server is not None
        self._server.order(SqlFault(statement, times=1000))
        return self._server.server


def _unreachable(*_: object) -> None:
    raise UnreachableError("link failure")


# --- SSM


class SsmAdapter(Adapter[SsmAccess]):
    """An SSM tenant with one account.

    Attributes:
        account: the account's id.
        clock: the time on the side.
        asks_for_changes_alone: whether a reading since a state leaves out what did not change.
    """

    account: int
    clock: Clock
    asks_for_changes_alone: bool = True

    def reading(self, stream: str = "contacts", state: Mapping[str, Any] | None = None) -> Reading:
        """Read one stream through the implementation."""
        return self.access.read({stream: state})[stream]

    @abstractmethod
    def edit(self, id_: int, **values: Any) -> None:
        """A user changes a contact."""

    @abstractmethod
    def open_account(self, code: str) -> int:
        """A new account. Returns its id."""

    @abstractmethod
    def stop_answering(self, after: int = 0) -> None:
        """The side cannot be written any more, after a number of writes of which each is read back before the next."""

    @abstractmethod
    def lose_answers(self) -> None:
        """The next write arrives; its answer does not."""

    @abstractmethod
    def hide(self, id_: int) -> None:
        """The tenant does not show the contact to this login any more."""


class MemorySsmAdapter(SsmAdapter):
    """The double that the property tests run on."""

    is_a_product_side = False

    def __init__(self) -> None:
        self.clock = Clock(_NOON)
        self.access: MemorySsm = MemorySsm(self.clock)
        self.account = self.open_account("CARAT")

    def open_account(self, code: str) -> int:
        return self.access.open_account(code)

    def create(self, **values: Any) -> int:
        id_: int = self.access.insert({"accountId": self.account, **values})["id"]
        return id_

    def edit(self, id_: int, **values: Any) -> None:
        self.access.updated(self.access.contacts[id_], values)

    def delete(self, id_: int) -> None:
        self.access.removed(self.access.contacts[id_])

    def rows(self) -> Mapping[int, Row]:
        return {id_: dict(row) for id_, row in self.access.contacts.items()}

    def stop_answering(self, after: int = 0) -> None:
        self.access.weather = Weather(chain(repeat(Fate.DONE, after), repeat(Fate.BROKEN)))

    def lose_answers(self) -> None:
        self.access.weather = Weather(iter([Fate.LOST_AFTER]))

    def cut_reading(self) -> None:
        self.access.weather = Weather(read_to=2, cut_streams=["contacts"])

    @contextmanager
    def down(self) -> Iterator[None]:
        self.access.weather = Weather(is_down=True)
        yield
        self.access.weather = Weather()

    def hide(self, id_: int) -> None:
        self.access.invisible.add(id_)

    def keep_job_titles(self) -> None:
        self.access.deaf_to = {"typeId"}


class ApiSsmAdapter(SsmAdapter):
    """The connectors on the SSM stand-in.

    Args:
        api: the stand-in, just reset.
        clock: its clock.
        in_bulk: whether many contacts are written in one request.
    """

    def __init__(self, api: SsmApiServer, clock: Clock, *, in_bulk: bool = False) -> None:
        settings = {
            "base_url": api.base_url,
            "public_key": api.public_key,
            "private_key": api.private_key,
            "default_sales_rep_id": SALES_REP,
            "requests_per_second": 10_000,
            "page_size": 3,
            "bulk_writes": in_bulk,
        }
        config = SsmConfig.model_validate(settings)
        self.access: SsmSide = SsmSide(config)
        # The side has no setting for how long it waits between tries, and the suite has no time.
        self.access._client.close()
        self.access._client = SsmClient(config, HASTE)
        self._api, self.clock = api, clock
        # Where SSM takes dates to be later than they say, the source reads everything.
        self.asks_for_changes_alone = not api.store.quirks.where_dates_ahead
        self.account = self.open_account("CARAT")

    def open_account(self, code: str) -> int:
        values = {"name": code.title(), "extId": code, "branchId": BRANCH, "salesRepId1": SALES_REP}
        return self._api.store.create("accounts", values, user=SALES_REP)

    def create(self, **values: Any) -> int:
        row = {"accountId": self.account, "salesRepId": SALES_REP, **values}
        return self._api.store.create("contacts", row, user=SALES_REP)

    def edit(self, id_: int, **values: Any) -> None:
        self._api.store.update("contacts", id_, values, user=SALES_REP)

    def delete(self, id_: int) -> None:
        self._api.store.delete("contacts", id_, user=SALES_REP)

    def rows(self) -> Mapping[int, Row]:
        return {row["id"]: row for row in self._api.store.rows("contacts")}

    def stop_answering(self, after: int = 0) -> None:
        # Before and after each write the row is looked up.
        self._api.faults.add(
            faults.Fault(faults.CannedResponse(500), "GET", "/contacts", nth=1 + 2 * after, times=None)
        )

    def lose_answers(self) -> None:
        self._api.faults.add(faults.Fault(faults.Reset(after=True), "POST", "/contacts"))

    def cut_reading(self) -> None:
        self._api.faults.add(faults.Fault(faults.CannedResponse(500), "GET", "/contacts", nth=2, times=None))

    @contextmanager
    def down(self) -> Iterator[None]:
        self._api.faults.add(faults.Fault(faults.CannedResponse(500), times=None))
        yield
        self._api.faults.clear()

    def hide(self, id_: int) -> None:
        del self._api.store._tables["contacts"][id_]

    def keep_job_titles(self) -> None:
        quirks = self._api.store.quirks
        self._api.store.quirks = replace(quirks, null_clears=False, null_refused=False)

    def close(self) -> None:
        self.access.close()
