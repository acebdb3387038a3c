"""The settings of every destination about the records that it receives."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = bool | int | float | str | None


class LogRefused(BaseModel):
    """Say in the log which record was refused and why, without its values."""

    model_config = ConfigDict(frozen=True, title="Log only")

    kind: Literal["log"] = Field(title="Kind")


class FileRefused(BaseModel):
    """Log them, and keep each with its values and the reason in a file."""

    model_config = ConfigDict(frozen=True, title="File (JSON lines)")

    kind: Literal["file"] = Field(title="Kind")
    path: str = Field(
        title="Path",
        description="File that refused records are appended to, one JSON object a line; where the connector runs in a "
        "container, on a volume that outlives it. It holds the records' values: who may read it may read them.",
        min_length=1,
        examples=["/local/refused.jsonl"],
    )


RefusedRecords = Annotated[LogRefused | FileRefused, Field(discriminator="kind")]


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
