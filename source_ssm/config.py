"""The configuration of the source."""

from pydantic import Field

from sage100_ssm.ssm.config import SsmConfig


class SourceSsmConfig(SsmConfig):
    """The settings of SSM, how deletions are reported, and which contacts alone to read."""

    emit_deletions: bool = Field(
        default=False,
        title="Report deletions as a database does",
        description="Add to accounts and contacts that are marked as deleted the field _ab_cdc_deleted_at, by which "
        "destinations remove rows. Otherwise they come with deleted = true alone, and stay.",
        json_schema_extra={"group": "advanced"},
    )

    contact_ids: tuple[int, ...] = Field(
        default=(),
        title="Contacts",
        description="Only these contacts, by id; the stream `contacts` then keeps no state.",
        json_schema_extra={"airbyte_hidden": True},
    )
