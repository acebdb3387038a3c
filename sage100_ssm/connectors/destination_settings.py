"""The settings of every destination about the records that it receives."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Scalar = bool | int | float | str | None


class LogRefused(BaseModel):
    """Say in the log which record was refused and why, without its values."""

    model_config = ConfigDict(frozen=True, title="Log only")

    kind: Literal["log"] = Field(title="Kind")


class FileRefused(BaseModel):
    """Log them, and keep each with its values and the reason in a file. In Kubernetes, use object storage."""

    model_config = ConfigDict(frozen=True, title="File (JSON lines)")

    kind: Literal["file"] = Field(title="Kind")
    path: str = Field(
        title="Path",
        description="File that refused records are appended to, one JSON object a line. Its folder must be one that "
        "the connector may write to and that outlives it: the pods of Airbyte on Kubernetes have none. It holds the "
        "records' values: who may read it may read them.",
        min_length=1,
        examples=["/var/lib/sage100-ssm/refused.jsonl"],
    )


class S3Refused(BaseModel):
    """Log them, and keep each with its values and the reason in a bucket of Amazon S3, or of a storage with its API."""

    # The names are those that Airbyte's own destinations have for the same.
    model_config = ConfigDict(frozen=True, title="Object storage (S3)", hide_input_in_errors=True)

    kind: Literal["s3"] = Field(title="Kind")
    s3_bucket_name: str = Field(
        title="Bucket",
        description="Name of the bucket. Its objects hold the records' values: who may read them may read those.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$",
        examples=["refused-records"],
        json_schema_extra={"pattern_descriptor": "refused-records"},
    )
    bucket_path: str = Field(
        default="",
        title="Folder",
        description="Folder in the bucket. Below it, each object is named by stream, day and time: "
        "contacts/2026-11-26/031500-… .jsonl.",
        examples=["airbyte/refused"],
        json_schema_extra={"always_show": True},
    )
    access_key_id: SecretStr | None = Field(
        default=None,
        title="Access key",
        description="Id of an access key that may put objects into the bucket. Leave both keys empty where the pod has "
        "an identity of its own that may, such as a role of its service account.",
        json_schema_extra={"always_show": True},
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        title="Secret key",
        description="The secret of that access key.",
        json_schema_extra={"always_show": True},
    )
    s3_bucket_region: str | None = Field(
        default=None,
        title="Region",
        description="Region of the bucket, as its provider names it. Amazon, OVHcloud and Scaleway need it, MinIO does "
        "not.",
        pattern=r"^[A-Za-z0-9-]+$",
        examples=["eu-west-3", "gra", "fr-par"],
        json_schema_extra={"always_show": True, "pattern_descriptor": "eu-west-3"},
    )
    s3_endpoint: str | None = Field(
        default=None,
        title="Endpoint",
        description="Address of the storage. Leave it empty for Amazon S3.",
        pattern=r"^https?://[^\s/?#@]+/?$",
        examples=["https://s3.gra.io.cloud.ovh.net", "https://s3.fr-par.scw.cloud", "https://minio.example.com:9000"],
        json_schema_extra={"always_show": True, "pattern_descriptor": "https://s3.fr-par.scw.cloud"},
    )

    @property
    def keys(self) -> tuple[str, ...]:
        """The access key and its secret; empty where the pod's own identity counts."""
        given = (self.access_key_id, self.secret_access_key)
        return tuple(key.get_secret_value() for key in given if key is not None and key.get_secret_value())

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> Self:
        if len(self.keys) == 1:
            raise ValueError("give both the access key and the secret key, or neither")
        return self


RefusedRecords = Annotated[LogRefused | FileRefused | S3Refused, Field(discriminator="kind")]


class DestinationSettings(BaseModel):
    """How a sender's records are read, and what happens to those that are refused. The names are the sender's."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    streams: Mapping[str, str] = Field(
        default={},
        title="Stream names",
        description="The sender's streams that are named otherwise here: from, to.",
        examples=[{"companies": "accounts"}],
        json_schema_extra={"group": "advanced"},
    )
    rename: Mapping[str, Mapping[str, str]] = Field(
        default={},
        title="Field names",
        description="Per stream of the sender, its fields that are named otherwise here: from, to.",
        examples=[{"people": {"last_name": "CT_Nom"}}],
        json_schema_extra={"group": "advanced"},
    )
    values: Mapping[str, Mapping[str, Mapping[str, Scalar]]] = Field(
        default={},
        title="Values",
        description="Per stream and field of the sender, the value here for each of its values; the empty text "
        "is the key for no value. A record with any other value in such a field is refused.",
        examples=[{"companies": {"CT_Prospect": {"0": 1, "1": 2}}}],
        json_schema_extra={"group": "advanced"},
    )
    refused_records: RefusedRecords = Field(
        default=LogRefused(kind="log"),
        title="Refused records",
        description="What becomes of a record that is refused: it never stops the others.",
        json_schema_extra={"group": "refused"},
    )
