"""Messages and catalogs of the Airbyte protocol, as a destination is given them."""

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

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
    StreamDescriptor,
    SyncMode,
    Type,
)

from sage100_ssm.connectors.destination import RecordDestination


class Destination(RecordDestination):
    """A destination of which only the writing counts."""

    def check(self, *_):
        raise NotImplementedError

    def spec(self, *_):
        raise NotImplementedError


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


def state(stream="contacts", **blob):
    stream = AirbyteStreamState(StreamDescriptor(name=stream), AirbyteStateBlob(**blob))
    return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=stream))
