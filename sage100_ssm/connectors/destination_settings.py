"""The settings of every destination about the records that it receives."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)

Scalar = bool | int | float | str | None
# A name in the source may begin or end with a blank (the heading of a spreadsheet's column), one here does not.
_NameHere = Annotated[str, StringConstraints(strip_whitespace=True)]

_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_NOT_OF_ITS_TYPE = {
    "text": "the destination value is missing; to clear the field, choose the type none",
    "number": "the destination value is not a number",
    "boolean": "the destination value is neither true nor false",
    "none": "there is a destination value, although its type is none",
}


class _Entry(BaseModel, ABC):
    """One line of the sender's map, as Airbyte's form has it: the form has no input for keys of one's own."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    stream: str = Field(
        title="Source stream", description="Name of the stream in the source.", min_length=1, examples=["people"]
    )

    @property
    def path(self) -> tuple[str, ...]:
        """The keys under which the mapping has the entry."""
        return (self.stream,)

    @property
    @abstractmethod
    def target(self) -> Scalar:
        """What the mapping has there."""


class _StreamName(_Entry):
    model_config = ConfigDict(title="Stream name")

    here: _NameHere = Field(
        title="Destination stream",
        description="Name of the stream that it is written to.",
        min_length=1,
        examples=["contacts"],
    )

    @property
    def target(self) -> Scalar:
        return self.here


class _FieldName(_Entry):
    model_config = ConfigDict(title="Field name")

    field: str = Field(
        title="Source field", description="Name of the field in the source.", min_length=1, examples=["last_name"]
    )
    here: _NameHere = Field(
        title="Destination field",
        description="Name of the field that it is written to.",
        min_length=1,
        examples=["lastName", "CT_Nom"],
    )

    @property
    def path(self) -> tuple[str, ...]:
        return (self.stream, self.field)

    @property
    def target(self) -> Scalar:
        return self.here


class _ValuePair(_Entry):
    model_config = ConfigDict(title="Value")

    field: str = Field(
        title="Source field", description="Name of the field in the source.", min_length=1, examples=["title"]
    )
    value: str = Field(
        default="",
        title="Source value",
        description="A value of the field in the source. Leave it empty for records without a value.",
        examples=["Mr"],
        json_schema_extra={"always_show": True},
    )
    here: str = Field(
        default="",
        title="Destination value",
        description="What is written instead.",
        examples=["0"],
        json_schema_extra={"always_show": True},
    )
    type: Literal["text", "number", "boolean", "none"] = Field(
        default="text",
        title="Type of the destination value",
        description="Whether it is written as a text, a number (an id is one) or a boolean (true or false). To clear "
        "the field, choose none and leave the destination value empty.",
        json_schema_extra={"always_show": True},
    )

    @property
    def path(self) -> tuple[str, ...]:
        return (self.stream, self.field, self.value)

    @property
    def target(self) -> Scalar:
        here = self.here.strip()
        match self.type:
            case "text" if self.here:
                return self.here
            case "number" if _NUMBER.fullmatch(here):
                return float(here) if "." in here else int(here)
            case "boolean" if here.lower() in _BOOLEANS:
                return _BOOLEANS[here.lower()]
            case "none" if not here:
                return None
        raise ValueError(_NOT_OF_ITS_TYPE[self.type])

    @model_validator(mode="after")
    def _of_its_type(self) -> Self:
        _ = self.target
        return self


def _listed(entry: type[_Entry]) -> BeforeValidator:
    """Takes a mapping as a list of entries, too; in the specification it is that list."""
    entries = TypeAdapter(list[entry])  # type: ignore[valid-type]

    def mapping_of(given: Any) -> Any:
        return _nested(entries.validate_python(given)) if isinstance(given, list) else given

    return BeforeValidator(mapping_of, json_schema_input_type=list[entry])  # type: ignore[valid-type]


def _nested(entries: Iterable[_Entry]) -> dict[str, Any]:
    """The mapping that entries stand for.

    Example:
        ``[{stream: people, field: name, here: CT_Nom}]`` is ``{people: {name: CT_Nom}}``.
    """
    whole: dict[str, Any] = {}
    for number, entry in enumerate(entries, start=1):
        *outer, last = entry.path
        inner = reduce(lambda level, name: level.setdefault(name, {}), outer, whole)
        if last in inner:
            raise ValueError(f"entry {number} is about the same as one before it")
        inner[last] = entry.target
    return whole


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
        description="Folder in the bucket. Below it, objects are named by stream, day and time.",
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
        description="Address of the storage; over http:// the records travel in clear. Leave it empty for Amazon S3.",
        pattern=r"^https?://[^\s/?#@]+/?$",
        examples=["https://s3.gra.io.cloud.ovh.net", "https://s3.fr-par.scw.cloud", "https://minio.example.com:9000"],
        json_schema_extra={"always_show": True, "pattern_descriptor": "https://s3.fr-par.scw.cloud"},
    )

    @property
    def keys(self) -> tuple[str, ...]:
        """The access key and its secret; empty where the pod's own identity counts."""
        given = [key.get_secret_value().strip() for key in (self.access_key_id, self.secret_access_key) if key]
        return tuple(filter(None, given))

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> Self:
        if len(self.keys) == 1:
            raise ValueError("give both the access key and the secret key, or neither")
        return self


RefusedRecords = Annotated[LogRefused | FileRefused | S3Refused, Field(discriminator="kind")]


class DestinationSettings(BaseModel):
    """How a sender's records are read, and what happens to those that are refused. The names are the sender's.

    Attributes:
        streams_here: the streams that the destination takes, so that a check finds a misspelt one; empty where any
            name is accepted.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    streams_here: ClassVar[tuple[str, ...]] = ()

    streams: Annotated[Mapping[str, str], _listed(_StreamName)] = Field(
        default_factory=dict,
        title="Stream names",
        description="The streams of the source that have another name in the destination, one entry for each.",
        json_schema_extra={"group": "map", "always_show": True},
    )
    rename: Annotated[Mapping[str, Mapping[str, str]], _listed(_FieldName)] = Field(
        default_factory=dict,
        title="Field names",
        description="The fields of the source that have another name in the destination, one entry for each.",
        json_schema_extra={"group": "map", "always_show": True},
    )
    values: Annotated[Mapping[str, Mapping[str, Mapping[str, Scalar]]], _listed(_ValuePair)] = Field(
        default_factory=dict,
        title="Values",
        description="For a field whose values are others in the destination, such as the ids of a list: one entry for "
        "each of its values. A record with a value that is not listed is refused.",
        json_schema_extra={"group": "map", "always_show": True},
    )
    refused_records: RefusedRecords = Field(
        default=LogRefused(kind="log"),
        title="Refused records",
        description="What becomes of a record that is refused: it never stops the others.",
        json_schema_extra={"group": "refused", "always_show": True, "display_type": "dropdown"},
    )

    @field_validator("streams")
    @classmethod
    def _to_known_streams(cls, streams: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(streams.values()) - set(cls.streams_here))
        if cls.streams_here and unknown:
            raise ValueError(f"no stream here is named {', '.join(unknown)}: choose {' or '.join(cls.streams_here)}")
        return streams

    @field_validator("rename")
    @classmethod
    def _to_a_field_each(cls, rename: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
        for stream, fields in rename.items():
            for here, number in Counter(fields.values()).items():
                if number > 1:
                    both = " and ".join(name for name, target in fields.items() if target == here)
                    raise ValueError(f"{both} of {stream} would be written to one field, {here}")
        return rename
