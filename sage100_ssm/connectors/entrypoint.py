"""The entry of a source's console script: a page of records becomes lines in one go."""

import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Mapping
from logging import DEBUG, INFO, getLogger
from typing import Any

import orjson
from airbyte_cdk import entrypoint as cdk
from airbyte_cdk.logger import is_platform_debug_log_enabled
from airbyte_cdk.models import AirbyteMessage, ConnectorSpecification
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor

from sage100_ssm.connectors.command_line import put_in_words
from sage100_ssm.connectors.source import Page, PagedSource


class Entrypoint(cdk.AirbyteEntrypoint):
    """The CDK's entrypoint, for pages too."""

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:
        """Leave it to the source, which names the setting at fault; the CDK quotes what stands there instead."""

    @staticmethod
    def handle_record_counts(
        message: AirbyteMessage, stream_message_count: defaultdict[HashableStreamDescriptor, float]
    ) -> AirbyteMessage:
        """Count records; put the count since a stream's last STATE into its STATE."""
        if isinstance(message, Page):
            stream_message_count[HashableStreamDescriptor(message.stream)] += len(message.records)
            return message
        return cdk.AirbyteEntrypoint.handle_record_counts(message, stream_message_count)

    def read_as_lines(self, config_path: str, catalog_path: str, state_path: str) -> Iterator[bytes | bytearray]:
        """Read what the files tell to; give whole lines."""
        config, catalog = self.source.read_config(config_path), self.source.read_catalog(catalog_path)
        state = self.source.read_state(state_path)
        for message in self.read(self.source.spec(self.logger), config, catalog, state):
            yield _lines(message) if isinstance(message, Page) else self._line(message)

    def _line(self, message: AirbyteMessage) -> bytes:
        return f"{self.airbyte_message_to_string(message)}\n".encode()


def launch(source: PagedSource, arguments: list[str]) -> None:
    """Speak the Airbyte protocol on the standard streams.

    Args:
        source: the source.
        arguments: the command line, less its first word.
    """
    parsed = Entrypoint.parse_args(arguments)
    with put_in_words():
        if parsed.command == "read":
            _read(source, parsed)
            return
        for line in Entrypoint(source).run(parsed):
            sys.stdout.write(f"{line}\n")


def _read(source: PagedSource, parsed: Namespace) -> None:
    getLogger("airbyte").setLevel(DEBUG if parsed.debug or is_platform_debug_log_enabled() else INFO)
    source.in_pages = True
    # Page by page, and past the CDK's buffer, which gathers the texts of a tenth of a second, in memory and late.
    for lines in Entrypoint(source).read_as_lines(parsed.config, parsed.catalog, parsed.state):
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()


def _lines(page: Page) -> bytearray:
    """The RECORD messages of a page, one a line, nulls included."""
    stream, emitted_at = page.stream, page.emitted_at
    lines = bytearray()
    for data in page.records:
        # Added at once: each text that orjson gives takes up a multiple of its length while it is kept.
        lines += orjson.dumps(
            {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": emitted_at}},
            option=orjson.OPT_APPEND_NEWLINE,
        )
    return lines
