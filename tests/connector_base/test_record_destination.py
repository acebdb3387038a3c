"""What both destinations do alike: the catalog, the order of receipts and STATE, records that are no records."""

from contextlib import contextmanager

import pytest

import connector_base.quiet  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStream,
    AirbyteStreamState,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    FailureType,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from connector_base.destination import RecordDestination
from connector_base.receipt import Action, Cause, Outcome, Receipt


class Shelf:
    """A writer that keeps what it is given, three records at a time."""

    id_field, batch_size = "id", 3

    def __init__(self, log):
        self._log = log

    def write(self, requests):
        for request in requests:
            self._log.append(request.values)
            yield Receipt(request.index, request.stream, request.action or Action.CREATE, Outcome.APPLIED, wrote=True)


class Shelves(RecordDestination):
    def __init__(self, log):
        super().__init__(log.append)
        self._log = log

    def check(self, logger, config):
        raise NotImplementedError

    def spec(self, *args):
        raise NotImplementedError

    @contextmanager
    def writers(self, config):
        yield {"contacts": Shelf(self._log)}


def catalog(*streams, mode=DestinationSyncMode.append, fields=("id", "name")):
    schema = {"properties": {field: {"type": "string"} for field in fields}}
    return ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=AirbyteStream(name=name, json_schema=schema, supported_sync_modes=[SyncMode.full_refresh]),
                sync_mode=SyncMode.full_refresh,
                destination_sync_mode=mode,
            )
            for name in streams
        ]
    )


def record(stream="contacts", **data):
    return AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream=stream, data=data, emitted_at=0))


def state(**blob):
    stream = AirbyteStreamState(StreamDescriptor(name="contacts"), AirbyteStateBlob(**blob))
    return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=stream))


def written(messages, configured=None, config=None):
    """What was written, reported and given back, in the order in which it happened."""
    log = []
    for message in Shelves(log).write(config or {}, configured or catalog("contacts"), messages):
        log.append(message.state.stream.stream_state.__dict__)  # noqa: PERF401 - the writer appends to it, too
    return log


def outcomes(log):
    return [entry.outcome for entry in log if isinstance(entry, Receipt)]


@pytest.mark.parametrize(
    ("configured", "named"),
    [
        (catalog("contacts", "invoices"), "invoices"),
        (catalog("contacts", mode=DestinationSyncMode.overwrite), "append_dedup"),
    ],
    ids=["stream that it does not take", "overwrite"],
)
def test_what_the_destination_does_not_offer_is_refused_before_anything_is_written(configured, named):
    with pytest.raises(AirbyteTracedException) as caught:
        written([record(name="a")], configured)
    assert (caught.value.failure_type, named in caught.value.message) == (FailureType.config_error, True)


def test_state_is_given_back_after_all_that_came_before_it_is_written():
    log = written([record(name="a"), record(name="b"), state(at=1), record(name="c"), state(at=2)])
    assert [entry for entry in log if not isinstance(entry, Receipt)] == [
        {"name": "a"},
        {"name": "b"},
        {"at": 1},
        {"name": "c"},
        {"at": 2},
    ]


def test_a_declared_field_that_the_wire_dropped_counts_as_null_and_set_narrows():
    assert written([record(id=4)])[0] == {"name": None}
    assert written([record(id=4, _set=[])])[0] == {}


def test_a_record_that_is_none_is_reported_and_stops_nothing():
    broken = [record(_set="name"), record(_expected=[1]), record(id="x"), record(stream="other", name="a")]
    log = written([*broken, record(name="b")])
    assert outcomes(log) == [Outcome.REFUSED] * 4 + [Outcome.APPLIED]
    assert {entry.cause for entry in log if isinstance(entry, Receipt)} == {Cause.MALFORMED, None}


def test_a_sender_s_own_names_are_led_to_the_side_s():
    config = {"rename": {"contacts": {"prenom": "name"}}}
    assert written([record(prenom="Ada")], catalog("contacts", fields=("prenom",)), config)[0] == {"name": "Ada"}
