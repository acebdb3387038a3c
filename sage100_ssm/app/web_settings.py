"""The settings of the page: where it answers, who may look and who may settle."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from sage100_ssm.ssm.loopback import is_loopback

SHORTEST_PASSWORD = 12
"""Characters: a password that is typed at a page of the network is guessed by programs, too."""


class Role(StrEnum):
    """What a user of the page may do."""

    LOOK = "look"
    """Search, and read problems, runs and pairs."""
    SETTLE = "settle"
    """Besides, answer questions, try contacts again, start runs and lift guards."""


def _long_enough(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value()) < SHORTEST_PASSWORD:
        raise PydanticCustomError("password_short", "too short")
    return password


def _page_address(address: str) -> str:
    parts = urlsplit(address)
    _ = parts.port  # raises ValueError for a port that none can be
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ValueError("https://contacts.example.com")
    return address.rstrip("/")


def _ip_address(text: str) -> str:
    return str(ip_address(text))


class WebUser(BaseModel):
    """A user of the page.

    Attributes:
        role: what the user may do.
        password: an Argon2 hash of the password (``sage100-ssm web --hash``), or the password itself, which belongs
            into an environment variable.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    role: Role = Role.LOOK
    password: Annotated[SecretStr, AfterValidator(_long_enough)]


class WebProxy(BaseModel):
    """A reverse proxy that has checked who somebody is.

    Attributes:
        user_header: the header in which it names the user.
        trusted: the addresses from which that header is believed.
        settle: the users who may settle; all others may look.
    """

    model_config = ConfigDict(frozen=True)

    user_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    trusted: tuple[Annotated[str, AfterValidator(_ip_address)], ...] = ("127.0.0.1", "::1")
    settle: tuple[str, ...] = ()


class WebSettings(BaseModel):
    """The page.

    Attributes:
        host: the address on which it listens.
        port: the port.
        address: the address that browsers use, where that is another one: a reverse proxy's.
        users: the users by their names. Without any, and without a proxy, the page asks for the installation's key.
        proxy: a reverse proxy that says who the user is.
    """

    model_config = ConfigDict(frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 4210
    address: Annotated[str, AfterValidator(_page_address)] | None = None
    users: Mapping[str, WebUser] = Field(default_factory=dict)
    proxy: WebProxy | None = None

    @model_validator(mode="after")
    def _open_to_the_network_only_with_a_password(self) -> Self:
        if not is_loopback(self.host) and not self.users and self.proxy is None:
            raise PydanticCustomError("password_required", "users or a proxy are required")
        return self

    @property
    def is_https(self) -> bool:
        """Whether browsers reach it over HTTPS alone."""
        return self.address is not None and self.address.startswith("https:")

    @property
    def host_names(self) -> list[str]:
        """The names under which browsers may call it; any other is refused (DNS rebinding)."""
        named = urlsplit(self.address).hostname if self.address else None
        names = ["127.0.0.1", "localhost", "::1", self.host, *([named] if named else [])]
        # In an address of a page, IPv6 is in brackets.
        return list(dict.fromkeys(f"[{name}]" if ":" in name else name for name in names))
