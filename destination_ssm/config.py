"""What the destination needs to know."""

from collections.abc import Mapping

from pydantic import Field

from ssm.config import SsmConfig


class DestinationSsmConfig(SsmConfig):
    """The settings of SSM, with an owner for what is created."""

    default_sales_rep_id: int = Field(
        title="Default owner",
        description="Id of the active SSM user who owns what is created without an owner.",
    )
    rename: Mapping[str, Mapping[str, str]] = Field(
        default_factory=dict,
        title="Field names",
        description="Per stream, the sender's field name and the SSM name that it stands for.",
    )
