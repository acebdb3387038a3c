"""What the destination needs to know."""

from connector_base.settings import DestinationSettings
from ssm.config import Owner, SsmConfig


class DestinationSsmConfig(DestinationSettings, SsmConfig):
    """The settings of SSM, with an owner for what is created."""

    default_sales_rep_id: Owner
