"""The configuration of the destination."""

from typing import ClassVar

from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.ssm.config import Owner, SsmConfig


class DestinationSsmConfig(DestinationSettings, SsmConfig):
    """The settings of SSM, with an owner for what is created."""

    streams_here: ClassVar[tuple[str, ...]] = ("accounts", "contacts")

    default_sales_rep_id: Owner
