"""Why the state cannot be used, sorted by what the caller does about it.

StateError
├── StateMissing        nothing is stored yet: a first run is needed
├── StateDamaged        move it away and rebuild it with ``resync``
├── StateUnavailable    rights, disk, server or address: repair that and try again
│   └── StateOutdated   of an older version, which the next run brings up to date
├── AnotherRun          another run has the lease: leave the work to it
├── LeaseLost           another run took the lease over, or may: stop, write nothing more
└── AlreadyLinked       a second live link of one contact: a fault of the caller
"""

from datetime import datetime
from enum import StrEnum

from sage100_ssm.sync.state.records import Sighting


class StateError(Exception):
    """The state cannot be used as asked."""


class StateMissing(StateError):  # noqa: N818 - named for the state's condition, as the operator reads it
    """There is no state at that place yet.

    Attributes:
        place: the state's file or address, without its password.
    """

    def __init__(self, place: str) -> None:
        super().__init__(f"There is no synchronisation state at {place} yet: the first `sage100-ssm run` creates it.")
        self.place = place


class Damage(StrEnum):
    """What is wrong with a state."""

    BROKEN = "broken"
    """The file is damaged, or is no database."""
    NEWER = "newer"
    """A newer version of this product wrote it."""
    FOREIGN = "foreign"
    """It is the database of something else."""
    INCOMPLETE = "incomplete"
    """Tables are missing."""


_DAMAGE = {
    Damage.BROKEN: "it is damaged, or no database",
    Damage.NEWER: "a newer version of this product wrote it",
    Damage.FOREIGN: "it is the database of something else",
    Damage.INCOMPLETE: "tables are missing",
}


class StateDamaged(StateError):  # noqa: N818 - as above
    """What is at that place is no state that this version can work with.

    Attributes:
        place: the state's file or address, without its password.
        reason: what is wrong with it.
    """

    def __init__(self, place: str, reason: Damage) -> None:
        super().__init__(
            f"The synchronisation state {place} cannot be used: {_DAMAGE[reason]}. "
            "Run `sage100-ssm resync`, which puts it aside: links are rebuilt from both sides, nothing is deleted."
        )
        self.place = place
        self.reason = reason


class StateUnavailable(StateError):  # noqa: N818 - as above
    """The state cannot be reached, read or written for now.

    Attributes:
        place: the state's file or address, without its password.
        reason: the cause, as the end of a sentence.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The synchronisation state {place} is not available: {reason}.")
        self.place = place
        self.reason = reason


class StateOutdated(StateUnavailable):
    """It is of an older version, and was opened only to be read: the next run brings it up to date."""


class AnotherRun(StateError):  # noqa: N818 - as above
    """Another run has the lease.

    Attributes:
        owner: which one, for people to read.
        expires_at: when it may be taken over unless it is renewed.
        to_watch: the lease, where its expiry was written by another machine's clock: it may be taken over once it was
            watched for its whole duration and not renewed. None where the expiry is certain.
    """

    def __init__(self, owner: str, expires_at: datetime, to_watch: Sighting | None = None) -> None:
        super().__init__(f"Another run is under way ({owner}, until {expires_at.isoformat()} unless renewed).")
        self.owner = owner
        self.expires_at = expires_at
        self.to_watch = to_watch


class LeaseLost(StateError):  # noqa: N818 - as above
    """This run no longer has the lease: another run took it over or may do so, or it was released."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Lease {number} is lost: another run may have taken over, nothing more may be written.")
        self.number = number


class AlreadyLinked(StateError):  # noqa: N818 - as above
    """One of the two contacts already has a live link: links are one to one.

    Attributes:
        sage100_id: ``cbMarq`` of the refused link.
        ssm_id: SSM id of the refused link.
    """

    def __init__(self, sage100_id: int, ssm_id: int) -> None:
        super().__init__(f"Sage contact {sage100_id} or SSM contact {ssm_id} already has a live link.")
        self.sage100_id = sage100_id
        self.ssm_id = ssm_id
