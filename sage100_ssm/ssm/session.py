"""The session with SSM that all threads share."""

import threading
from collections.abc import Callable


class Session:
    """A token, obtained when first needed and again once it is refused.

    Args:
        login: obtains a new token.
    """

    def __init__(self, login: Callable[[], str]) -> None:
        self._login = login
        self._token: str | None = None
        self._watchers: list[Callable[[str], None]] = []
        self._lock = threading.Lock()

    def token(self, refused: str | None = None) -> str:
        """A token other than the refused one; of several threads that need one, a single one logs in.

        Raises:
            SsmError: the login failed.
        """
        with self._lock:
            if self._token is None or self._token == refused:
                self._token = self._login()
                for watcher in self._watchers:
                    watcher(self._token)
            return self._token

    def forget(self, refused: str) -> None:
        """Give up a token that was refused: whoever needs one next logs in."""
        with self._lock:
            if self._token == refused:
                self._token = None

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Have a function called with each token, the present one at once, so that logs can mask it."""
        with self._lock:
            if watcher not in self._watchers:
                self._watchers.append(watcher)
            if self._token is not None:
                watcher(self._token)
