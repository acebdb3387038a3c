"""How to reach a Sage Sales Management instance."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _filled(key: SecretStr) -> SecretStr:
    if not key.get_secret_value().strip():
        raise ValueError("the key is empty")
    return key


def _without_slash(address: str) -> str:
    _ = urlsplit(address).port  # raises ValueError for a port that none can be
    return address.rstrip("/")


_Key = Annotated[SecretStr, AfterValidator(_filled)]
_Address = Annotated[str, AfterValidator(_without_slash)]


class SsmConfig(BaseModel):
    """The settings that all who speak to SSM share; the connectors narrow them to what they need."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="Sage Sales Management")

    base_url: _Address = Field(
        default="https://api.forcemanager.com/api/v4",
        title="API address",
        description="Address of the REST API v4, without a resource at its end.",
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
    )
    public_key: _Key = Field(
        title="Public key",
        description="Public API key, made by an administrator under Settings > Integrations > API key management.",
    )
    private_key: _Key = Field(
        title="Private key",
        description="Private API key that belongs to the public one.",
    )
    requests_per_second: float = Field(
        default=4,
        gt=0,
        allow_inf_nan=False,
        title="Requests per second",
        description="Quota of the instance, reads and writes together: 4 or 13 by its API plan.",
    )
    page_size: int = Field(
        default=100,
        ge=1,
        title="Page size",
        description="Rows asked for per page. SSM may give fewer; nothing relies on it.",
    )
    overlap_minutes: float = Field(
        default=10,
        ge=0,
        allow_inf_nan=False,
        title="Overlap in minutes",
        description="How far a read of changes goes back before the last one, for rows that SSM stamps late.",
    )
    default_sales_rep_id: int | None = Field(
        default=None,
        title="Default owner",
        description="Id of the active SSM user who owns what is created without an owner.",
    )
    default_branch_id: int | None = Field(
        default=None,
        title="Default branch",
        description="Id of the branch of accounts created without one; needed only to create accounts.",
    )
    company_code_field: str = Field(
        default="extId",
        min_length=1,
        title="Field of the company code",
        description="Account field that holds the Sage company code (CT_Num).",
    )
