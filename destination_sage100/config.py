"""What the destination needs to know."""

from collections.abc import Mapping

from pydantic import ConfigDict, Field

from sage100.config import Sage100Config


class DestinationSage100Config(Sage100Config):
    """The settings of the destination."""

    model_config = ConfigDict(title="Sage 100 destination")

    rename: Mapping[str, Mapping[str, str]] = Field(
        default={},
        title="Rename",
        description="Per stream, the record's fields that are named otherwise than Sage's columns: from, to.",
        examples=[{"contacts": {"last_name": "CT_Nom"}}],
    )
