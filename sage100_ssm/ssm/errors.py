"""What can go wrong with SSM, sorted by its reach: what the caller does about it.

```
SsmError
├── LoginRefused        login_refused       stop: the keys are wrong
├── Forbidden           forbidden           stop: a right is missing
├── MisconfiguredWay    api_certificate, …  stop: a person must mend the way to SSM, or its address
├── Rejected            rejected            refuse the record, go on
└── PassingError                            try again, later if need be
    ├── Unreachable     unreachable, …
    ├── QuotaExhausted  quota
    ├── MalformedAnswer malformed_answer
    ├── UnexpectedStatus unexpected_answer
    ├── SessionExpired  session_expired
    └── TooLate         too_late
```

Only what is known to be about the record is `Rejected`. No message holds a key, a token, or a value that was written.
"""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from sage100_ssm.exchange.failure import SideError


class SsmError(SideError):
    """Something went wrong with SSM."""


class LoginRefused(SsmError):  # noqa: N818 - named for what happened
    """The keys are wrong, or SSM takes none of the sessions that it gives."""

    code = "login_refused"
    configuration = True

    def __init__(self) -> None:
        super().__init__("Sage Sales Management refuses the login: check the public and the private key.")


class Forbidden(SsmError):  # noqa: N818 - named for what happened
    """The user of the keys has no right (HTTP 403, in the API's own form).

    Attributes:
        resource: what it is a right to.
        detail: SSM's own words, in one line.
    """

    code = "forbidden"
    configuration = True

    def __init__(self, resource: str, detail: str) -> None:
        super().__init__(f"The keys give no right to {resource} of Sage Sales Management{_quoted(detail)}.")
        self.resource, self.detail = resource, detail


class MisconfiguredWay(SsmError):  # noqa: N818 - named for what it is
    """Between here and SSM is something that only a person can mend: nothing was sent.

    Args:
        code: one of `WAY_CODES`, whose sentence it takes.
        details: the `host` or `proxy`, and in `why` the words of whoever refused.
    """

    configuration = True

    def __init__(self, code: str, details: Mapping[str, Any]) -> None:
        super().__init__(_sentence(WAY_CODES[code], details))
        self.code, self.details = code, details


class Rejected(SsmError):  # noqa: N818 - named for what happened
    """SSM refuses this request; it would refuse it again.

    Attributes:
        status: the HTTP status; 400 also for an id that does not exist.
        detail: SSM's own words, in one line.
        words: all words of the answer, names of its JSON fields included, in lower case: it may name a field.
        codes: the vendor's error codes in it.
    """

    code = "rejected"

    def __init__(self, status: int, detail: str, words: Collection[str] = (), codes: Collection[int] = ()) -> None:
        super().__init__(f"Sage Sales Management refuses the request with HTTP {status}{_quoted(detail)}.")
        self.status, self.detail = status, detail
        self.words, self.codes = frozenset(words), sorted({*codes} - {status})


class PassingError(SsmError):
    """Worth another try.

    Attributes:
        sent: whether the request may have reached SSM and been carried out.
        detail: what happened, in a few words.
    """

    sentence: ClassVar[str]

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(f"{self.sentence}{_quoted(detail)}.")
        self.sent, self.detail = sent, detail


class Unreachable(PassingError):  # noqa: N818 - named for what happened
    """No connection, no answer in time, or a failure on the server's side (HTTP 408, 5xx).

    Args:
        detail: what happened, in a few words.
        sent: as of `PassingError`.
        code: where the reason is known, one of `UNREACHABLE_CODES`, whose sentence it takes.
        details: the `host` or `proxy`, and the `port`.
    """

    code = "unreachable"
    sentence = "Sage Sales Management cannot be reached or does not answer"

    def __init__(
        self, detail: str, *, sent: bool, code: str = "unreachable", details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail, sent=sent)
        if code in UNREACHABLE_CODES:
            self.args = (_sentence(UNREACHABLE_CODES[code], details or {}),)
        self.code, self.details = code, details or {}


class QuotaExhausted(PassingError):  # noqa: N818 - named for what happened
    """SSM asks for patience (HTTP 429)."""

    code = "quota"
    sentence = "Sage Sales Management takes no more requests for now"


class MalformedAnswer(PassingError):  # noqa: N818 - named for what happened
    """The answer is not what the API gives: HTML, cut JSON, another shape."""

    code = "malformed_answer"
    sentence = "Sage Sales Management gives an answer that cannot be understood"


class UnexpectedStatus(PassingError):  # noqa: N818 - named for what happened
    """A status that the API does not have for a record (404, 409, 423…), or the refusal of a gateway in between.

    Attributes:
        status: the HTTP status.
    """

    code = "unexpected_answer"
    sentence = "Sage Sales Management, or something between here and there, refuses the request"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"HTTP {status} {detail}".strip(), sent=True)
        self.status = status


class SessionExpired(PassingError):  # noqa: N818 - named for what happened
    """A write came with a session that SSM takes no more. It was not carried out; the next reading logs in again."""

    code = "session_expired"
    sentence = "Sage Sales Management does not take the session any more"

    def __init__(self) -> None:
        super().__init__("", sent=False)


class TooLate(PassingError):  # noqa: N818 - named for what happened
    """A write had to wait until what it rests upon was too old: it was not sent (P11)."""

    code = "too_late"
    sentence = "What was read before the write is too old by now"

    def __init__(self) -> None:
        super().__init__("", sent=False)


UNREACHABLE_CODES: Mapping[str, str] = {
    "api_host_unknown": "The address of Sage Sales Management ({host}) is not known in this network: check base_url,"
    " and that this machine can look up names on the Internet, or set its proxy (HTTPS_PROXY)",
    "api_port_closed": "Nobody answers at the address of Sage Sales Management ({host}, port {port}): check base_url,"
    " and that no firewall is in between",
    "api_silent": "Sage Sales Management ({host}) does not answer in time: check that no firewall is in between, or set"
    " the machine's proxy (HTTPS_PROXY)",
    "api_too_long": "Reading {why} of Sage Sales Management takes too long, and was broken off: check that it has an"
    " end, or give it more time (time_budget_minutes)",
    "proxy_unreachable": "The proxy {proxy} on the way to Sage Sales Management cannot be reached ({why}): check"
    " HTTPS_PROXY, or that it runs",
}
"""The codes of `Unreachable` where the reason is known, each with the sentence that says it."""

WAY_CODES: Mapping[str, str] = {
    "api_missing": "There is no API at this address ({host}), check it (base_url): {why}",
    "api_certificate": "The certificate of {host} is not trusted on this machine ({why}): if a proxy opens the"
    " connections, give the certificate of the authority that it signs with in ca_certificates, or install it among the"
    " system's certificates",
    "api_certificate_name": "The certificate shown for {host} is made out to another name ({why}): check base_url, and"
    " whether a proxy or a sign-in page answers in its stead",
    "api_encryption": "No encrypted connection to {host} comes about ({why}): check that nothing in between breaks TLS",
    "proxy_password": "The proxy {proxy} wants a user name and a password: give them in HTTPS_PROXY"
    " (http://user:password@proxy:port)",
    "proxy_refused": "The proxy {proxy} lets nobody through to {host} ({why}): have this address allowed there",
    "proxy_settings": "The proxy settings of this machine (HTTPS_PROXY, ALL_PROXY) cannot be used: {why}",
}
"""The codes of `MisconfiguredWay`, each with the sentence that says it."""


def _sentence(text: str, details: Mapping[str, Any]) -> str:
    return text.format(**{"host": "?", "port": "?", "proxy": "?", "why": "?", **details}) + "."


def _quoted(detail: str) -> str:
    return f": {detail.rstrip('.')}" if detail else ""
