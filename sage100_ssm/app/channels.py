"""Where messages for the administrator go: e-mail, Teams, Slack, a webhook, or any other service that Apprise knows."""

import html
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Thread
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

Severity = Literal["warning", "success", "info"]
"""How a service shows a message, where it has icons or colours for it."""

_LONGEST_SECONDS = 60
_HTTP_PORTS = {"http": 80, "https": 443}


class ChannelError(Exception):
    """A message could not be sent; the text is the reason, in the words of the library."""


def _web_address(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in _HTTP_PORTS or not parts.hostname:
        raise ValueError("https://…")
    return url


def _known_to_apprise(url: SecretStr) -> SecretStr:
    if urlsplit(url.get_secret_value()).scheme == "":
        raise ValueError("ntfys://…, tgram://…")
    return url


def _mail_address(address: str) -> str:
    if "@" not in address.strip("@"):
        raise ValueError("name@company.example")
    return address


MailAddress = Annotated[str, AfterValidator(_mail_address)]
WebAddress = Annotated[SecretStr, AfterValidator(_web_address)]


class _Channel(BaseModel):
    """What all channels have in common."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    names: bool = Field(
        default=False,
        title="Name contacts",
        description="Whether messages may name contacts. Without it they contain figures and causes alone.",
    )
    digest: bool = Field(
        default=True, title="Weekly summary", description="Whether the summary of the week is sent there, too."
    )

    def service(self) -> Mapping[str, Any] | str:
        """What Apprise makes a service of: its parameters by name, or an address."""
        raise NotImplementedError

    def as_text(self, body: str) -> str:
        """A message in the form in which the service shows it as it is: a name in it is no link and calls nobody."""
        return body

    @property
    def label(self) -> str:
        """The channel for the operator, without a secret."""
        raise NotImplementedError


class Email(_Channel):
    """E-mail through an SMTP server."""

    model_config = ConfigDict(title="E-mail")

    kind: Literal["email"] = Field(title="Kind")
    server: str = Field(
        title="SMTP server", description="Name of the machine that takes the messages.", examples=["smtp.example.com"]
    )
    port: int = Field(default=587, title="Port", description="Its port.", gt=0, lt=65536, examples=[587, 465, 25])
    security: Literal["starttls", "ssl", "none"] = Field(
        default="starttls",
        title="Encryption",
        description="How the connection is encrypted; none is for a relay in the house.",
    )
    user: str | None = Field(
        default=None, title="User name", description="Login. Leave it empty for none.", examples=["sync@example.com"]
    )
    password: SecretStr | None = Field(default=None, title="Password", description="Password of that login.")
    sender: MailAddress | None = Field(
        default=None,
        title="Sender",
        description="Whom the messages are from. Leave it empty for the user name, where that is an address.",
        examples=["sync@example.com"],
    )
    to: tuple[MailAddress, ...] = Field(
        title="Recipients",
        description="The addresses that get the messages.",
        min_length=1,
        examples=["it@example.com"],
    )

    @model_validator(mode="after")
    def _has_a_sender(self) -> Self:
        if self.sender is None and "@" not in (self.user or ""):
            raise ValueError("sender")
        return self

    def service(self) -> Mapping[str, Any]:
        """The parameters of Apprise's e-mail service."""
        return {
            "schema": "mailto" if self.security == "none" else "mailtos",
            "host": self.server,
            "smtp_host": self.server,
            "port": self.port,
            "user": self.user,
            "password": self.password.get_secret_value() if self.password else None,
            "secure_mode": "insecure" if self.security == "none" else self.security,
            "from_addr": self.sender or self.user,
            "targets": list(self.to),
            "format": "text",
        }

    @property
    def label(self) -> str:
        """The server and the recipients."""
        return f"email {', '.join(self.to)} ({self.server}:{self.port})"


class _Address(_Channel):
    """A channel that is one address; whoever knows it can write there, so it is a secret."""

    kind: str = Field(title="Kind")
    url: WebAddress = Field(
        title="Address", description="Address that takes the messages; who knows it can write there."
    )

    def service(self) -> Mapping[str, Any] | str:
        """The address."""
        return self.url.get_secret_value()

    @property
    def label(self) -> str:
        """The kind and the machine."""
        return f"{self.kind} {urlsplit(self.url.get_secret_value()).hostname or ''}".strip()


class Teams(_Address):
    """A channel of Microsoft Teams, by the address of a Power Automate workflow ("webhook request received")."""

    model_config = ConfigDict(title="Microsoft Teams")

    kind: Literal["teams"] = Field(title="Kind")

    def as_text(self, body: str) -> str:
        """The message without a link of Markdown."""
        return body.replace("](", "] (")


class Slack(_Address):
    """A channel of Slack, by the address of an incoming webhook."""

    model_config = ConfigDict(title="Slack")

    kind: Literal["slack"] = Field(title="Kind")

    def as_text(self, body: str) -> str:
        """The message with the three signs escaped that mean something to Slack."""
        return html.escape(body, quote=False)


class Webhook(_Address):
    """Any other program: a POST with title, message and type as JSON."""

    model_config = ConfigDict(title="Webhook")

    kind: Literal["webhook"] = Field(title="Kind")

    def service(self) -> Mapping[str, Any]:
        """The parameters of Apprise's JSON service."""
        parts = urlsplit(self.url.get_secret_value())
        return {
            "schema": "jsons" if parts.scheme == "https" else "json",
            "host": parts.hostname,
            "port": parts.port or _HTTP_PORTS[parts.scheme],
            "user": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "fullpath": parts.path or "/",
            "params": dict(parse_qsl(parts.query, keep_blank_values=True)),
        }


class OtherService(_Address):
    """Any service that Apprise knows, by Apprise's own form of its address (ntfys://…, tgram://…)."""

    model_config = ConfigDict(title="Another service (Apprise)")

    kind: Literal["apprise"] = Field(title="Kind")
    url: Annotated[SecretStr, AfterValidator(_known_to_apprise)] = Field(
        title="Address", description="Address of the service, as Apprise writes it."
    )


Channel = Annotated[Email | Teams | Slack | Webhook | OtherService, Field(discriminator="kind")]


def send(channel: Channel, title: str, body: str, severity: Severity = "info") -> None:
    """Send one message.

    Raises:
        ChannelError: the service did not take it, or not within a minute.
    """
    done: Future[None] = Future()

    def attempt() -> None:
        try:
            _send(channel, title, channel.as_text(body), severity)
        except ChannelError as error:
            done.set_exception(error)
        except Exception as error:  # noqa: BLE001 - whatever a service answers, the run that sends goes on
            done.set_exception(ChannelError(type(error).__name__))
        else:
            done.set_result(None)

    # The library's own limit is one of silence: a byte now and then would hold the run up for ever.
    Thread(target=attempt, name="notify", daemon=True).start()
    try:
        done.result(_LONGEST_SECONDS)
    except TimeoutError:
        raise ChannelError(f"no answer within {_LONGEST_SECONDS} s") from None


def _send(channel: Channel, title: str, body: str, severity: Severity) -> None:
    # Loading it takes a fifth of a second; most runs have nothing to send.
    from apprise import Apprise, AppriseAsset, LogCapture, NotifyFormat  # noqa: PLC0415

    # A service that leads elsewhere would have names sent to an address that nobody chose.
    given, services = channel.service(), Apprise(asset=AppriseAsset(http_redirects=False))
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        if not services.add(given if isinstance(given, str) else dict(given)):
            raise ChannelError("unknown address")
        # A name from SSM may contain half a surrogate pair, which cannot be sent.
        body = body.encode(errors="replace").decode()
        if not services.notify(body=body, title=title, notify_type=severity, body_format=NotifyFormat.TEXT):
            # Its debug log would say more, and quotes addresses with their keys.
            raise ChannelError("; ".join(said.getvalue().splitlines()))
