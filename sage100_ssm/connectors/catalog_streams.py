"""The streams of a configured catalog, as a destination takes them."""

import logging
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteStream, DestinationSyncMode

from sage100_ssm.connectors.destination_settings import DestinationSettings, Scalar
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.protocol_input import StreamName
from sage100_ssm.connectors.request import MalformedRecord

logger = logging.getLogger("airbyte")

SYNC_MODES = [DestinationSyncMode.append, DestinationSyncMode.append_dedup]
"""Without overwrite: it would delete what other programs and people have entered."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How the records of one of the sender's streams are read.

    Attributes:
        stream: the side's stream that they are written to.
        declared: the fields that the catalog declares, in the sender's names.
        rename: the sender's name of a field to the side's.
        values: for a field of the sender, the side's value for each of its values.
    """

    stream: str
    declared: Sequence[str]
    rename: Mapping[str, str]
    values: Mapping[str, Mapping[str, Scalar]]


@dataclass(frozen=True, slots=True)
class CatalogStreams:
    """The streams of a catalog, by the sender's names.

    Attributes:
        formats: how the records of those that are appended are read.
        overwritten: those that the catalog wants overwritten: they may be cleared, which does nothing, not written.
    """

    formats: Mapping[StreamName, StreamFormat]
    overwritten: AbstractSet[StreamName]

    def known_name(self, stream: StreamName) -> StreamName:
        """A stream's name in the catalog: a sender that names no namespace means the only stream of that name."""
        if stream.namespace or stream in self.formats:
            return stream
        alike = [known for known in self.formats if known.name == stream.name]
        return alike[0] if len(alike) == 1 else stream

    def format_of(self, stream: StreamName) -> StreamFormat:
        """How the records of a stream are read.

        Raises:
            MalformedRecord: the catalog does not have the stream.
            ConnectorError: it is to be overwritten.
        """
        if stream in self.overwritten:
            raise _not_overwritten([str(stream)])
        try:
            return self.formats[stream]
        except KeyError:
            raise MalformedRecord(f"the stream {stream} is not in the catalog") from None


def catalog_streams(
    catalog: ConfiguredAirbyteCatalog, sides_streams: Collection[str], settings: DestinationSettings
) -> CatalogStreams:
    """The streams of a catalog. The settings name them without their namespace.

    Args:
        catalog: the catalog.
        sides_streams: the streams that the side takes.
        settings: the settings.

    Raises:
        ConnectorError: the catalog has a stream, or a sync mode, that the destination does not take.
    """
    streams = {_name(s): s for s in catalog.streams}
    # The platform clears a connection's data by a sync without records that overwrites.
    overwritten = {name for name, s in streams.items() if s.destination_sync_mode is DestinationSyncMode.overwrite}
    appended = {name: s for name, s in streams.items() if name not in overwritten}
    if wrong := sorted(str(name) for name, s in appended.items() if s.destination_sync_mode not in SYNC_MODES):
        raise _not_overwritten(wrong)
    targets = {name: settings.streams.get(name.name, name.name) for name in appended}
    if unknown := sorted(set(targets.values()) - set(sides_streams)):
        sentence = (
            f"This destination does not take the stream {', '.join(unknown)}. It takes: {', '.join(sides_streams)}. "
            "Deselect other streams in the connection, or say in the setting `streams` what they are called here."
        )
        raise ConnectorError("stream_unknown", sentence, configuration=True)
    formats = {
        name: StreamFormat(
            targets[name],
            list(s.stream.json_schema.get("properties") or {}),
            settings.rename.get(name.name, {}),
            settings.values.get(name.name, {}),
        )
        for name, s in appended.items()
    }
    if overwritten:
        words = "Nothing is cleared in %s: contacts and companies are not deleted because a connection is cleared."
        logger.warning(words, ", ".join(sorted(map(str, overwritten))))
    _warn_of_unknown_names(formats, settings, {name.name for name in streams})
    return CatalogStreams(formats, overwritten)


def _name(configured: ConfiguredAirbyteStream) -> StreamName:
    return StreamName(configured.stream.name, configured.stream.namespace or "")


def _not_overwritten(streams: Collection[str]) -> ConnectorError:
    sentence = f"The stream {', '.join(streams)} can be appended (append, append_dedup), not overwritten."
    return ConnectorError("sync_mode_unknown", sentence, configuration=True)


def _warn_of_unknown_names(
    formats: Mapping[StreamName, StreamFormat], settings: DestinationSettings, in_catalog: AbstractSet[str]
) -> None:
    if unknown := sorted({*settings.streams, *settings.rename, *settings.values} - in_catalog):
        logger.warning("The settings name streams that the catalog does not have: %s.", ", ".join(unknown))
    for stream, form in formats.items():
        if form.declared and (missing := sorted({*form.rename, *form.values} - set(form.declared))):
            logger.warning("The settings name fields that %s does not have: %s.", stream, ", ".join(missing))
