"""What the source needs to know."""

from pydantic import Field

from ssm.config import SsmConfig


class SourceSsmConfig(SsmConfig):
    """The settings of SSM, and a narrowing for those who ask for given contacts."""

    contact_ids: tuple[int, ...] = Field(
        default=(),
        title="Contacts",
        description="Only these contacts, by id; the stream `contacts` then keeps no state.",
        json_schema_extra={"airbyte_hidden": True},
    )
