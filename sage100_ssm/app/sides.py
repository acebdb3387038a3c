"""The two sides as the engine sees them: the connectors of both sides, called in this process."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from destination_sage100.destination import DestinationSage100
from destination_ssm.destination import DestinationSsm
from sage100_ssm.connectors import in_process
from sage100_ssm.exchange.failure import Failure, SideError, SideFailedError
from sage100_ssm.exchange.reading import IdRange, Reading, Row, RowDigest, StreamState
from sage100_ssm.exchange.receipt import Sink
from sage100_ssm.sage100 import reading
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import Database, open_database
from sage100_ssm.sage100.diagnosis import DEFAULT_PORT
from sage100_ssm.sage100.errors import SageError
from sage100_ssm.sage100.inspection import Inspection, inspect_database, may_write_contacts, server_and_database
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.ssm import where
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import SsmError
from sage100_ssm.ssm.responses import SchemaField
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.ports import HandingOn, Location
from source_sage100.source import SourceSage100
from source_ssm.incremental import UNREAD_FROM
from source_ssm.source import SourceSsm

_CONTACTS = "contacts"
_TABLES = {"companies": F_COMPTET, _CONTACTS: F_CONTACTT}

BeforeWrite = Callable[[], None]
"""Called immediately before each write to a side; where it raises, nothing is written."""


class SageSide:
    """Sage 100, read and written over one database engine, opened when first needed.

    Args:
        config: the connectors' configuration.
        before_write: the run's check that it may still write.
    """

    def __init__(self, config: Sage100Config, before_write: BeforeWrite = lambda: None) -> None:
        self._before_write = before_write
        self._config, self._configuration = config, in_process.configuration_of(config)
        self._open: Database | None = None

    def close(self) -> None:
        """Close the database."""
        if self._open is not None:
            self._open.close()

    @property
    def database(self) -> Database:
        """The open database.

        Raises:
            SideFailedError: it cannot be opened.
        """
        if self._open is None:
            try:
                self._open = open_database(self._config, self._before_write)
            except SageError as error:
                raise SideFailedError(failure_of(error, _place(self._config))) from error
        return self._open

    def columns(self) -> Mapping[str, ColumnLimits]:
        """The columns of ``F_CONTACTT`` that can be written and what each can hold, from what the source discovers.

        Raises:
            SideFailedError: the database cannot be looked at.
        """
        schema = in_process.discover(SourceSage100(self.database), self._configuration)[_CONTACTS]
        fields = {name: p for name, p in schema["properties"].items() if not p.get("readOnly")}
        return {name: ColumnLimits(p.get("maxLength"), p.get("x-encoding")) for name, p in fields.items()}

    def last_identity(self) -> int | None:
        """The highest ``cbMarq`` ever given to a contact; None where the database does not say.

        Raises:
            SideFailedError: the database cannot be opened, or does not answer any more.
        """
        try:
            return self.database.last_identity(F_CONTACTT)
        except SageError as error:
            raise SideFailedError(failure_of(error, _place(self._config))) from error

    def may_write(self) -> bool:
        """Whether the login may write contacts; also true where the server does not say.

        Raises:
            SideFailedError: the database cannot be opened.
        """
        return may_write_contacts(self.database)

    def location(self) -> Location:
        """Where the database is, as the server says it, else as the settings do.

        Raises:
            SideFailedError: the database cannot be opened.
        """
        server, database = server_and_database(self.database)
        place = _place(self._config)
        return Location(server or place.get("host"), database or place.get("database") or place.get("path"))

    def read(self, streams: Mapping[str, StreamState | None]) -> Mapping[str, Reading]:
        """Read streams whole; a failure is part of the reading."""
        try:
            source = SourceSage100(self.database)
        except SideFailedError as error:
            return {name: Reading([], failure=error.failure) for name in streams}
        return in_process.read(source, self._configuration, streams)

    def digests(self, stream: str) -> Iterator[RowDigest]:
        """Every row of a stream, by ascending ``cbMarq``, reduced to its digest.

        Raises:
            SideFailedError: the rest could not be read.
        """
        try:
            yield from reading.digests(self.database, _TABLES[stream])
        except SageError as error:
            raise SideFailedError(failure_of(error, _place(self._config))) from error

    def find(self, stream: str, column: str, values: Collection[Any]) -> Reading:
        """Read the rows with these values of a column, with their digests; a failure is part of the reading."""
        rows: list[dict[str, Any]] = []
        digests: list[int] = []
        try:
            for page in reading.rows_with_digests(self.database, _TABLES[stream], list(values), column):
                rows += (dict(record) for record, _ in page)
                digests += (digest for _, digest in page)
        except SideFailedError as error:
            return Reading(rows, failure=error.failure)
        except SageError as error:
            return Reading(rows, failure=failure_of(error, _place(self._config)))
        return Reading(rows, digests=digests)

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts; one receipt each.

        Raises:
            SideFailedError: the database cannot be written any further.
        """
        in_process.write(DestinationSage100(sink, self.database), self._configuration, _CONTACTS, records)

    def inspection(self) -> Inspection:
        """What the database is like.

        Raises:
            SideFailedError: it cannot be opened.
        """
        return inspect_database(self.database)

    def check(self) -> Failure | None:
        """Why contacts cannot be written; None if they can.

        Raises:
            SideFailedError: the database cannot be opened.
        """
        return in_process.check(DestinationSage100(database=self.database), self._configuration)


class SsmSide:
    """SSM, read and written over one client: one login, one token bucket, one count of requests.

    Args:
        config: the connectors' configuration.
        before_write: the run's check that it may still write.
        reading_seconds: how long reading a list may take.
    """

    def __init__(
        self, config: SsmConfig, before_write: BeforeWrite = lambda: None, reading_seconds: float | None = None
    ) -> None:
        self._configuration = in_process.configuration_of(config)
        policy = RetryPolicy() if reading_seconds is None else RetryPolicy(reading_timeout=reading_seconds)
        self._client = SsmClient(config, retry_policy=policy, before_write=before_write)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def client(self) -> SsmClient:
        """The client."""
        return self._client

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        return self._client.requests

    @property
    def refusals(self) -> int:
        """How many of them SSM refused because there were too many."""
        return self._client.refusals

    @property
    def reduced_rate(self) -> float:
        """The requests per second that SSM took after it had refused some."""
        return self._client.reduced_rate

    def read(
        self, streams: Mapping[str, StreamState | None], handing_on: HandingOn | None = None
    ) -> Mapping[str, Reading]:
        """Read streams since their states; a failure is part of the reading."""
        seconds = handing_on.seconds if handing_on else None
        source = SourceSsm(self._client, None if seconds is None else time.monotonic() + seconds)
        receive = handing_on.receive if handing_on else None
        readings = in_process.read(source, self._configuration, streams, incremental=True, receive=receive)
        return {name: replace(r, covered=_covered(streams[name], r)) for name, r in readings.items()}

    def check(self) -> Failure | None:
        """Why contacts cannot be created: the owner or the branch of what is created is missing. None if they can."""
        return in_process.check(DestinationSsm(client=self._client), self._configuration)

    def contact_schema(self) -> Mapping[str, SchemaField] | None:
        """The fields of a contact; None where the instance does not describe them."""
        try:
            return self._client.schema(_CONTACTS)
        except SsmError:
            return None

    def find(self, ids: Collection[int]) -> Reading:
        """Read contacts by their ids, deleted ones included; a failure is part of the reading."""
        if not ids:
            return Reading([])
        configuration = self._configuration | {"contact_ids": list(ids)}
        return in_process.read(SourceSsm(self._client), configuration, {_CONTACTS: None})[_CONTACTS]

    def find_marked(self) -> Reading:
        """Read the contacts with an ``extId`` in our form, deleted ones included; a failure is part of the reading."""
        try:
            return Reading([dict(row) for row in self._client.rows(_CONTACTS, where.is_marked(Side))])
        except SsmError as error:
            return Reading([], failure=failure_of(error))

    def write(self, records: Iterable[Row], sink: Sink) -> None:
        """Write contacts; one receipt each.

        Raises:
            SideFailedError: SSM cannot be written any further.
        """
        in_process.write(DestinationSsm(sink, self._client), self._configuration, _CONTACTS, records)


def _covered(state: StreamState | None, reading: Reading) -> IdRange | None:
    """The ids of which every row was shown, by how far the stream was read before and is read now."""
    if not reading.complete or (state and UNREAD_FROM not in state):
        return None
    return IdRange((reading.state or {}).get(UNREAD_FROM), (state or {}).get(UNREAD_FROM))


def failure_of(error: SideError, place: Mapping[str, Any] | None = None) -> Failure:
    """A side's own error in the engine's form.

    Args:
        error: the error.
        place: where the side is, for the sentence.
    """
    return Failure(error.code, str(error), configuration=error.configuration, details=place or {})


def _place(config: Sage100Config) -> dict[str, Any]:
    """Where the database is, for a sentence that says why it is out of reach; no secret."""
    place = config.connection.model_dump(include={"host", "port", "instance", "database", "driver", "path"})
    if "host" in place and not (place["port"] or place["instance"]):
        place["port"] = DEFAULT_PORT
    return {name: value for name, value in place.items() if value is not None}


@contextmanager
def both_sides(
    sage100: Sage100Config,
    ssm: SsmConfig,
    before_write: BeforeWrite = lambda: None,
    reading_seconds: float | None = None,
) -> Iterator[tuple[SageSide, SsmSide]]:
    """Both sides, closed in the end; their secrets are masked in every log line of the process."""
    sage_side, ssm_side = SageSide(sage100, before_write), SsmSide(ssm, before_write, reading_seconds)
    try:
        with in_process.masked_secrets(sage100, ssm):
            yield sage_side, ssm_side
    finally:
        sage_side.close()
        ssm_side.close()
