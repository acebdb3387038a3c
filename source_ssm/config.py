"""What the source needs to know."""

from pydantic import Field

from sage100_ssm.ssm.config import SsmConfig


class SourceSsmConfig(SsmConfig):
    """The settings of SSM, how deletions are told, and a narrowing for those who ask for given contacts."""

    emit_deletions: bool = Field(
        default=False,
        title="Tell deletions as a database does",
        description="Give accounts and contacts that are marked as deleted the field _ab_cdc_deleted_at, by which "
        "destinations remove rows. Otherwise they come with deleted = true alone, and stay.",
        json_schema_extra={"group": "advanced"},
    )

    contact_ids: tuple[int, ...] = Field(
        default=(),
        title="Contacts",
        description="Only these contacts, by id; the stream `contacts` then keeps no state.",
        json_schema_extra={"airbyte_hidden": True},
    )
