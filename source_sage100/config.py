"""The configuration of the source."""

from pydantic import Field

from sage100_ssm.sage100.config import Sage100Config


class SourceSage100Config(Sage100Config):
    """The settings of a Sage 100 company, and whether deletions are reported."""

    emit_deletions: bool = Field(
        default=False,
        title="Report deletions",
        description="In incremental syncs of companies and contacts, send a record with the key and "
        "_ab_cdc_deleted_at for each row that is gone from the database. Sage logs no deletion: each sync then "
        "reads the keys of all rows and compares them with those that it sent before.",
        json_schema_extra={"group": "advanced"},
    )
