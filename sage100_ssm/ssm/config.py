"""How to reach a Sage Sales Management instance."""

import ssl
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from sage100_ssm.ssm.loopback import is_loopback

HTTPS_REQUIRED = "https_required"
"""The kind of error of an address that would send the keys in clear."""
NO_CERTIFICATE = "no_certificate"
"""The kind of error of a text that is no certificate."""
PRIVATE_KEY = "private_key_given"
"""The kind of error of a private key among certificates."""


def _filled(key: SecretStr) -> SecretStr:
    """A key without the blanks and line ends that came along when it was copied."""
    text = key.get_secret_value().strip()
    if not text:
        raise ValueError("the key is empty")
    return SecretStr(text)


def _usable(address: str) -> str:
    """An address without a slash at its end, if keys may be sent there."""
    parts = urlsplit(address)
    _ = parts.port  # raises ValueError for a port that none can be
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise PydanticCustomError(HTTPS_REQUIRED, "must begin with https://, or the keys would be sent in clear")
    return address.rstrip("/")


def _certificates(text: str) -> str:
    """Certificates that can be trusted, or none."""
    if not text.strip():
        return ""
    if "PRIVATE KEY" in text:
        words = "there is a private key in it: give the certificates of the authority alone"
        raise PydanticCustomError(PRIVATE_KEY, words)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (TypeError, ValueError, ssl.SSLError) as error:
        words = "these are no certificates in PEM form (-----BEGIN CERTIFICATE-----)"
        raise PydanticCustomError(NO_CERTIFICATE, words) from error
    return text


_Key = Annotated[SecretStr, AfterValidator(_filled)]
_Address = Annotated[str, AfterValidator(_usable)]
_Certificates = Annotated[str, AfterValidator(_certificates)]

Owner = Annotated[
    int,
    Field(
        title="Default owner",
        description="Id of the user who owns what is created without an owner. The user must be active; the stream "
        "users of the Sage Sales Management source lists them.",
        examples=[310],
        json_schema_extra={"group": "new"},
    ),
]


class SsmConfig(BaseModel):
    """The settings of all that use SSM; each connector offers those that it needs."""

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        title="Sage Sales Management",
        json_schema_extra={
            "groups": [
                {"id": "access", "title": "Access"},
                {"id": "new", "title": "New records"},
                {"id": "map", "title": "Mapping from the source"},
                {"id": "refused", "title": "Refused records"},
                {"id": "advanced", "title": "Advanced"},
            ]
        },
    )

    public_key: _Key = Field(
        title="Public key",
        description="Public half of an API key, which an administrator of Sage Sales Management makes under "
        "Settings > Integrations > API key management.",
        json_schema_extra={"group": "access"},
    )
    private_key: _Key = Field(
        title="Private key",
        description="Private half of the same API key.",
        json_schema_extra={"group": "access"},
    )
    default_sales_rep_id: Owner | None = None
    default_branch_id: int | None = Field(
        default=None,
        title="Default branch",
        description="Id of the branch of accounts that are created without one. Needed only to create accounts.",
        examples=[16],
        json_schema_extra={"group": "new", "always_show": True},
    )
    requests_per_second: float = Field(
        default=4,
        gt=0,
        allow_inf_nan=False,
        title="Requests per second",
        description="Quota of your Sage Sales Management plan, reads and writes together: 4 or 13. If something else "
        "uses the API at the same time, leave it a share.",
        examples=[4, 13],
        json_schema_extra={"group": "advanced"},
    )
    base_url: _Address = Field(
        default="https://api.forcemanager.com/api/v4",
        title="API address",
        description="Address of the REST API, up to and including the version. It must begin with https://, unless it "
        "is this very machine.",
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        examples=["https://api.forcemanager.com/api/v4"],
        json_schema_extra={"group": "advanced", "pattern_descriptor": "https://api.forcemanager.com/api/v4"},
    )
    ca_certificates: _Certificates | None = Field(
        default=None,
        title="Certificate authorities",
        description="Certificates of a private authority to be trusted beside those of the system, as PEM text: for a "
        "proxy that opens the connections and signs with an authority of its own.",
        json_schema_extra={"group": "advanced", "multiline": True},
    )
    bulk_writes: bool = Field(
        default=False,
        title="Bulk writes",
        description="Send many records in one request: a first load of 1,000 contacts takes seconds, not minutes. "
        "Each is read back, and sent again alone where it was not written.",
        json_schema_extra={"group": "advanced"},
    )
    page_size: int = Field(
        default=100,
        ge=1,
        title="Page size",
        description="Rows asked for per request. Sage Sales Management may give fewer; nothing relies on it.",
        examples=[100],
        json_schema_extra={"group": "advanced"},
    )
    overlap_minutes: float = Field(
        default=10,
        ge=0,
        allow_inf_nan=False,
        title="Overlap in minutes",
        description="How far an incremental read goes back before the last one, for rows that are stamped late.",
        examples=[10],
        json_schema_extra={"group": "advanced"},
    )
    company_code_field: str = Field(
        default="extId",
        min_length=1,
        title="Field of the company code",
        description="Account field that holds the company's code in Sage (CT_Num), by which a contact's account is "
        "found.",
        examples=["extId"],
        json_schema_extra={"group": "advanced"},
    )
