"""A read of an SSM source in this process, with its messages sorted by kind."""

import logging

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer, TraceType, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

LOGGER = logging.getLogger("airbyte")
URL = "https://ssm.example/api/v4"
KEYS = {"public_key": "public-key-of-ours", "private_key": "private-key-of-ours"}


def catalog(*names, mode="incremental"):
    return ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": name,
                        "json_schema": {},
                        "supported_sync_modes": ["full_refresh", "incremental"],
                    },
                    "sync_mode": mode,
                    "destination_sync_mode": "append",
                }
                for name in names
            ]
        }
    )


class Reading:
    """The records, states and errors of a read."""

    def __init__(self, source, config, *names, states=(), mode="incremental"):
        self.records, self.states, self.last, self.order, self.traces = {}, {}, {}, [], []
        entrypoint = AirbyteEntrypoint(source)
        self.error = None
        try:
            for message in entrypoint.read(source.spec(LOGGER), config, catalog(*names, mode=mode), list(states)):
                self._take(message)
        except AirbyteTracedException as error:
            self.error = error

    def _take(self, message):
        if message.type is Type.RECORD:
            self.records.setdefault(message.record.stream, []).append(message.record.data)
            self.order.append("R")
        elif message.type is Type.STATE:
            name = message.state.stream.stream_descriptor.name
            self.states[name] = message.state.stream.stream_state.__dict__.get("changed_at")
            self.last[name] = message.state
            self.order.append("S")
        elif message.type is Type.TRACE and message.trace.type is TraceType.ERROR:
            self.traces.append(message.trace.error)
