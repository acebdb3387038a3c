"""The entry point of a source's console script: it writes records page by page."""

import re
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

from sage100_ssm.connectors.command_line import protocol_process
from sage100_ssm.connectors.source import Page, PagedSource

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_WITH_REPLACEMENTS = "Texts of %s contain characters that cannot be stored; U+FFFD is in their place, as in: %s."
_NUL = re.compile(rb"((?<!\\)(?:\\\\)*)\\u0000")
"""A NUL in JSON; what is before it may be backslashes, two for each one that is meant."""


class Entrypoint(cdk.AirbyteEntrypoint):
    """The CDK's entry point, which also takes pages of records."""

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:
        """Do nothing: the source validates, and names the wrong setting; the CDK would quote its value."""

    @staticmethod
    def handle_record_counts(
        message: AirbyteMessage, stream_message_count: defaultdict[HashableStreamDescriptor, float]
    ) -> AirbyteMessage:
        """Count records; add to each STATE the number of records since the stream's last one."""
        if isinstance(message, Page):
            stream_message_count[HashableStreamDescriptor(message.stream)] += len(message.records)
            return message
        return cdk.AirbyteEntrypoint.handle_record_counts(message, stream_message_count)

    def read_as_lines(self, config_path: str, catalog_path: str, state_path: str) -> Iterator[bytes | bytearray]:
        """Read the streams of a catalog file: messages as lines of JSON, several of them at once."""
        config, catalog = self.source.read_config(config_path), self.source.read_catalog(catalog_path)
        state = self.source.read_state(state_path)
        noted: set[str] = set()
        for message in self.read(self.source.spec(self.logger), config, catalog, state):
            if isinstance(message, Page):
                lines = _lines(message)
                if message.stream not in noted and _REPLACEMENT.encode() in lines:
                    noted.add(message.stream)
                    self.logger.warning(
                        _WITH_REPLACEMENTS, message.stream, ", ".join(_fields_with_replacements(message))
                    )
                yield lines
            else:
                yield f"{self.airbyte_message_to_string(message)}\n".encode()


def launch(source: PagedSource, arguments: list[str]) -> None:
    """Speak the Airbyte protocol on the standard streams.

    Args:
        source: the source.
        arguments: the command line without the program's name.
    """
    with protocol_process():
        parsed = Entrypoint.parse_args(arguments)
        if parsed.command == "read":
            _read(source, parsed)
            return
        for line in Entrypoint(source).run(parsed):
            sys.stdout.write(f"{line}\n")


def _read(source: PagedSource, parsed: Namespace) -> None:
    getLogger("airbyte").setLevel(DEBUG if parsed.debug or is_platform_debug_log_enabled() else INFO)
    source.in_pages = True
    # Not through the CDK's own output, which buffers a tenth of a second of lines: memory, and a late first record.
    for lines in Entrypoint(source).read_as_lines(parsed.config, parsed.catalog, parsed.state):
        sys.stdout.buffer.write(lines)
        sys.stdout.buffer.flush()


def _lines(page: Page) -> bytearray:
    """The RECORD messages of a page, one a line, nulls included."""
    stream, emitted_at = page.stream, page.emitted_at
    lines = bytearray()
    for data in page.records:
        # Appended at once: orjson allocates a multiple of a text's length, which a list of texts would keep.
        lines += orjson.dumps(
            {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": emitted_at}},
            option=orjson.OPT_APPEND_NEWLINE,
        )
    # PostgreSQL stores no NUL; Sage's tables may contain some.
    return bytearray(_NUL.sub(rb"\1", lines)) if rb"\u0000" in lines else lines


def _fields_with_replacements(page: Page) -> list[str]:
    """The fields of a page in which characters were replaced."""
    return sorted(
        {name for record in page.records for name, value in record.items() if _REPLACEMENT in f"{name}{value}"}
    )
