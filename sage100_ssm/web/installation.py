"""What the pages work with: the installation's settings, who may use it, and what is under way."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.state.store import StateStore, stored_state
from sage100_ssm.sync.state.transaction import Transaction
from sage100_ssm.web.access import Access, Sessions
from sage100_ssm.web.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation, as its page serves it.

    Attributes:
        settings: its settings.
        access: who may use the page.
        sessions: who is logged in.
        jobs: the runs and looks that the page started.
    """

    settings: Settings
    access: Access
    sessions: Sessions = field(default_factory=Sessions)
    jobs: Jobs = field(default_factory=Jobs)

    @contextmanager
    def state(self) -> Iterator[Transaction]:
        """The state, to read.

        Raises:
            StateError: there is no state yet, or it cannot be used.
        """
        with stored_state(self.settings.state) as transaction:
            yield transaction

    @contextmanager
    def state_to_decide(self) -> Iterator[Transaction]:
        """The state, to store what a person decides; it is created where there is none yet.

        Raises:
            StateError: it cannot be used.
        """
        with StateStore.open(self.settings.state) as store, store.transaction() as transaction:
            yield transaction


def user_of_this_machine() -> str:
    """Who started the page."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "?"  # a container without an entry for its user
