"""The configuration of the destination."""

from typing import ClassVar

from pydantic import ConfigDict

from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.sage100.config import Sage100Config


class DestinationSage100Config(DestinationSettings, Sage100Config):
    """The settings of the destination."""

    model_config = ConfigDict(title="Sage 100 destination")
    streams_here: ClassVar[tuple[str, ...]] = ("contacts",)
