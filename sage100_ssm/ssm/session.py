"""The session with SSM that all threads share."""

import threading
from collections.abc import Callable


class Session:
    """A token, earned when first needed and again when it is refused.

    Args:
        login: earns a new token.
    """

    def __init__(self, login: Callable[[], str]) -> None:
        self._login = login
        self._token: str | None = None
        self._watchers: list[Callable[[str], None]] = []
        self._lock = threading.Lock()

    def token(self, refused: str | None = None) -> str:
        """Give a token other than the refused one; of many threads that ask, one logs in.

        Raises:
            SsmError: the login failed.
        """
        with self._lock:
            if self._token is None or self._token == refused:
                self._token = self._login()
                for tell in self._watchers:
                    tell(self._token)
            return self._token

    def watch(self, tell: Callable[[str], None]) -> None:
        """Have each token told, the present one at once: for whoever masks secrets in logs."""
        with self._lock:
            if tell not in self._watchers:
                self._watchers.append(tell)
            if self._token is not None:
                tell(self._token)
