"""Who uses the page, and who may settle: by password, by a proxy that knows the user, or by the key."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from sage100_ssm.app.web_settings import Role, WebSettings

SESSION = "session"
"""Under which name the cookie has the id of a session."""
_IDLE_SECONDS = 8 * 3600
"""A session ends after a working day without a click."""
_OF_A_NAME = RateLimitItemPerMinute(5)
_OF_ALL = RateLimitItemPerMinute(30)
"""Behind a proxy all logins come from one address, so that addresses say nothing."""
_HASHER = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Visitor(BaseUser):
    """Somebody who uses the page.

    Attributes:
        name: the name, which decisions are stored with.
        role: what the visitor may do.
    """

    name: str
    role: Role

    @property
    def is_authenticated(self) -> bool:
        """True."""
        return True

    @property
    def display_name(self) -> str:
        """The name."""
        return self.name

    @property
    def identity(self) -> str:
        """The name."""
        return self.name

    @property
    def scopes(self) -> list[str]:
        """The roles whose pages the visitor may open: who settles may look, too."""
        return [Role.LOOK, Role.SETTLE] if self.role is Role.SETTLE else [Role.LOOK]


class TooManyLoginsError(Exception):
    """So many logins failed within a minute that no more are checked."""


class Access:
    """Checks who somebody is.

    Args:
        settings: the settings of the page.
        key: the installation's key, which is asked for where the settings name no users; None where it is not.
        owner: the name of whoever logs in by the key.
    """

    def __init__(self, settings: WebSettings, key: str | None = None, owner: str = "?") -> None:
        self._proxy, self._key, self._owner = settings.proxy, key, owner
        self._users = {
            name: (user.role, _hashed(user.password.get_secret_value())) for name, user in settings.users.items()
        }
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    @property
    def asks_for_key(self) -> bool:
        """Whether the key is asked for instead of a name and a password."""
        return not self._users and self._key is not None

    @property
    def has_login(self) -> bool:
        """Whether anybody can log in; else only the proxy says who somebody is."""
        return bool(self._users) or self.asks_for_key

    def logged_in(self, name: str, password: str) -> Visitor | None:
        """The visitor with that name and password; None if they are wrong.

        Raises:
            TooManyLoginsError: too many were tried.
        """
        if not self._limiter.hit(_OF_ALL, "all") or not self._limiter.hit(_OF_A_NAME, name[:100]):
            raise TooManyLoginsError
        if self.asks_for_key:
            known = hmac.compare_digest(password.strip().encode(), (self._key or "").encode())
            return Visitor(self._owner, Role.SETTLE) if known else None
        role, hashed = self._users.get(name) or (None, _nobodys_hash())
        try:
            _HASHER.verify(hashed, password)
        except (VerificationError, InvalidHashError):  # a wrong password, or a hash that is damaged
            return None
        return Visitor(name, role) if role else None

    def named_by_proxy(self, peer: str | None, headers: Headers) -> Visitor | None:
        """The visitor that a trusted proxy names; None where there is no proxy, or another address uses its header."""
        if self._proxy is None or peer not in self._proxy.trusted:
            return None
        names = headers.getlist(self._proxy.user_header)
        # Named twice, once by the browser: the proxy adds its header where it should replace it.
        if len(names) != 1 or not (name := names[0].strip()):
            return None
        return Visitor(name, Role.SETTLE if name in self._proxy.settle else Role.LOOK)


def password_hash(password: str) -> str:
    """The Argon2 hash of a password, for the settings."""
    return _HASHER.hash(password)


@cache
def _nobodys_hash() -> str:
    """What is checked for a name that nobody has, so that it takes as long as for one that somebody has."""
    return _HASHER.hash(secrets.token_urlsafe())


def _hashed(password: str) -> str:
    return password if password.startswith("$argon2") else _HASHER.hash(password)


class Sessions:
    """Who is logged in, by a random id that the browser has in a cookie. A restart of the page ends them all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[Visitor, float]] = {}

    def begin(self, visitor: Visitor) -> str:
        """The id of a new session."""
        now = self._clock()
        self._open = {id_: known for id_, known in self._open.items() if now - known[1] < _IDLE_SECONDS}
        id_ = secrets.token_urlsafe(32)
        self._open[id_] = (visitor, now)
        return id_

    def visitor(self, id_: str) -> Visitor | None:
        """Whose session it is; None for one that has ended."""
        visitor, used = self._open.get(id_, (None, 0.0))
        if visitor is None or self._clock() - used >= _IDLE_SECONDS:
            return None
        self._open[id_] = (visitor, self._clock())
        return visitor

    def end(self, id_: str) -> None:
        """End a session, also for whoever copied its cookie."""
        self._open.pop(id_, None)


class VisitorBackend(AuthenticationBackend):
    """Who sends a request, as Starlette asks for it.

    Args:
        access: knows the user that a proxy names.
        sessions: knows who is logged in.
    """

    def __init__(self, access: Access, sessions: Sessions) -> None:
        self._access, self._sessions = access, sessions

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """The visitor with the roles, or None."""
        peer = conn.client.host if conn.client else None
        visitor = self._access.named_by_proxy(peer, conn.headers)
        visitor = visitor or self._sessions.visitor(str(conn.session.get(SESSION, "")))
        return (AuthCredentials(visitor.scopes), visitor) if visitor else None
