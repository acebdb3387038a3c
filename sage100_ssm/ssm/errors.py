"""What can go wrong with SSM, by what the caller does about it.

```
SsmError
├── LoginRefused        login_refused       stop: the keys are wrong
├── Forbidden           forbidden           stop reading, or refuse the record: a right is missing
├── Rejected            rejected            refuse the record, go on
└── PassingError                            try again, later if need be
    ├── Unreachable     unreachable
    ├── QuotaExhausted  quota
    └── MalformedAnswer malformed_answer
```

No message holds a key, a token, or a value that was written.
"""

from typing import ClassVar

from sage100_ssm.exchange.failure import SideError


class SsmError(SideError):
    """Something went wrong with SSM."""


class LoginRefused(SsmError):  # noqa: N818 - named for what happened
    """The keys are wrong, or SSM refuses a session that it has just opened."""

    code = "login_refused"
    configuration = True

    def __init__(self) -> None:
        super().__init__("Sage Sales Management refuses the login: check the public and the private key.")


class Forbidden(SsmError):  # noqa: N818 - named for what happened
    """The user of the keys has no right to the resource (HTTP 403)."""

    code = "forbidden"
    configuration = True

    def __init__(self, resource: str, detail: str) -> None:
        super().__init__(f"The keys give no right to {resource} of Sage Sales Management{_quoted(detail)}.")
        self.detail = detail


class Rejected(SsmError):  # noqa: N818 - named for what happened
    """SSM refuses this request; it would refuse it again.

    Attributes:
        status: the HTTP status; 400 also for an id that does not exist.
        detail: SSM's own words, in one line.
    """

    code = "rejected"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"Sage Sales Management refuses the request with HTTP {status}{_quoted(detail)}.")
        self.status, self.detail = status, detail


class PassingError(SsmError):
    """Passing, and worth another try.

    Attributes:
        sent: whether the request may have reached SSM and been carried out.
        detail: what happened, in a few words.
    """

    sentence: ClassVar[str]

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(f"{self.sentence}{_quoted(detail)}.")
        self.sent, self.detail = sent, detail


class Unreachable(PassingError):  # noqa: N818 - named for what happened
    """No connection, no answer in time, or a failure on the server's side (HTTP 408, 5xx)."""

    code = "unreachable"
    sentence = "Sage Sales Management cannot be reached or does not answer"


class QuotaExhausted(PassingError):  # noqa: N818 - named for what happened
    """SSM asks to wait (HTTP 429)."""

    code = "quota"
    sentence = "Sage Sales Management takes no more requests for now"


class MalformedAnswer(PassingError):  # noqa: N818 - named for what happened
    """The answer is not what the API gives: HTML, cut JSON, another shape."""

    code = "malformed_answer"
    sentence = "Sage Sales Management gives an answer that cannot be understood"


def _quoted(detail: str) -> str:
    return f": {detail.rstrip('.')}" if detail else ""
