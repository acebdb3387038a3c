"""The source: one synchronisation per read, then what is stored of it."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConnectorSpecification,
)
from airbyte_cdk.sources.streams import Stream

from sage100_ssm.app.check.check import check_sides
from sage100_ssm.app.check.findings import Finding, Level
from sage100_ssm.app.contact_sync.form import ContactSyncConfig
from sage100_ssm.app.contact_sync.streams import StateStreams
from sage100_ssm.app.contact_sync.synchronisation import quiet_sides, state_failure, synchronise_once, today
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.connectors.source import PagedSource
from sage100_ssm.connectors.spec import connection_specification, documentation_url
from sage100_ssm.messages import plain_spaces
from sage100_ssm.sync.state.errors import StateError
from sage100_ssm.sync.state.store import StateStore


class SourceContactSync(PagedSource):
    """Synchronises the contacts of Sage 100 and Sage Sales Management once per read, and emits what was done."""

    settings_model = ContactSyncConfig

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:  # noqa: ARG002 - the CDK's signature
        """The configuration that the source takes."""
        return ConnectorSpecification(
            documentationUrl=documentation_url("source-contact-sync"),
            connectionSpecification=connection_specification(ContactSyncConfig),
        )

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:
        """Look at both sides and the state, as the command ``check`` does; nothing is written.

        Raises:
            ConnectorError: something has to be mended. Whatever the cause, here it is a matter of configuration:
                Airbyte shows a passing error of a check as a trace.
        """
        given = parse_configuration(ContactSyncConfig, config)
        settings = given.settings
        given.run_options(today(settings))
        with quiet_sides():
            findings = check_sides(settings).findings
        if to_mend := [finding for finding in findings if finding.level is Level.MEND]:
            raise ConnectorError("check", "\n".join(map(_words, to_mend)), configuration=True)
        for finding in findings:
            logger.log(logging.WARNING if finding.level is Level.ADVICE else logging.INFO, _words(finding))
        return True, None

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Synchronise once, whatever streams are selected, then read them.

        Raises:
            ConnectorError: the synchronisation could not do its work; what the streams have of it was read before.
            AirbyteTracedException: a stream could not be read.
        """
        given = parse_configuration(ContactSyncConfig, config)
        if not self._is_wanted(logger, config, catalog):
            return
        failure = synchronise_once(given)
        yield from super().read(logger, config, catalog, state)
        if failure is not None:
            raise failure

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """The streams; neither a side nor the state is opened for it."""
        given = parse_configuration(ContactSyncConfig, config)
        address, language = given.state.get_secret_value(), given.language

        def open_state() -> StateStore:
            try:
                return StateStore.open(address, read_only=True)
            except StateError as error:
                raise state_failure(error, language) from error

        return [*StateStreams(open_state, language, with_personal_data=given.include_personal_data).streams()]

    def _is_wanted(self, logger: logging.Logger, config: Mapping[str, Any], catalog: ConfiguredAirbyteCatalog) -> bool:
        """Whether a stream is to be read: for none, nothing is synchronised.

        Raises:
            ConnectorError: the catalog has a stream that this source does not have.
        """
        selected = {configured.stream.name for configured in catalog.streams}
        if unknown := sorted(selected - {stream.name for stream in self.streams(config)}):
            sentence = f"This source has no stream {', '.join(unknown)}. Refresh the schema of the connection."
            raise ConnectorError("stream_unknown", sentence, configuration=True)
        if not selected:
            logger.warning("No stream is selected: nothing is synchronised.")
        return bool(selected)


def _words(finding: Finding) -> str:
    return plain_spaces(" → ".join(filter(None, (finding.text, finding.remedy))))
