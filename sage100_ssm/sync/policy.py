"""A site's choices. The settings file is parsed into these classes, and the engine takes them as they are."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Le, MinLen


class ConflictPolicy(StrEnum):
    """Who wins where the same field changed on both sides (P1)."""

    SAGE100 = "sage100"
    SSM = "ssm"
    NEWEST = "newest"
    MANUAL = "manual"


class RefusedDeletion(StrEnum):
    """What becomes of a contact of origin Sage that was deleted in SSM (P5)."""

    RESTORE = "restore"
    LEAVE = "leave"


class TooLong(StrEnum):
    """What becomes of a text that is longer than its Sage column (P7)."""

    REFUSE = "refuse"
    TRUNCATE = "truncate"


class PossibleDuplicates(StrEnum):
    """What becomes of two contacts without a link that are likely the same person (P4)."""

    ASK = "ask"
    CREATE = "create"


class SiteDirection(StrEnum):
    """Which way contacts are synchronised (P18)."""

    BOTH = "both"
    TO_SSM = "to_ssm"
    """Nothing is written into Sage."""


@dataclass(frozen=True, slots=True)
class DeletionLimit:
    """How many deletions a run may carry out on a side before a person is asked (P9): more than both figures.

    Attributes:
        ratio: share of the links, from 0 to 1.
        floor: number of contacts.
    """

    ratio: Annotated[float, Ge(0), Le(1)] = 0.10
    floor: Annotated[int, Ge(0)] = 3


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the names and values of people are kept once they are not needed (P17).

    Attributes:
        ended_links_days: for how many days those of a link that has ended.
        journal_days: for how many days those of a closed problem, or of a notice.
        writes_days: for how many days the record of a write.
    """

    ended_links_days: Annotated[int, Ge(0)] = 30
    journal_days: Annotated[int, Ge(0)] = 365
    writes_days: Annotated[int, Ge(0)] = 90


@dataclass(frozen=True, slots=True)
class Policy:
    """What a site decides where the rules leave it the choice (P1, P4, P5, P7, P9, P18).

    Attributes:
        conflict: who wins a field that was changed on both sides (P1).
        refused_deletion: whether a contact whose deletion is refused is restored in SSM (P5).
        too_long: what becomes of a text that the Sage column cannot hold (P7).
        missing_first_name: the first name that SSM shows where Sage has none; never written back (P7).
        possible_duplicate: whether a person is asked about two contacts that are likely the same one (P4).
        max_deletions: how many deletions are carried out without asking (P9).
        direction: whether both sides are written, or SSM alone (P18).
    """

    conflict: ConflictPolicy = ConflictPolicy.SAGE100
    refused_deletion: RefusedDeletion = RefusedDeletion.RESTORE
    too_long: TooLong = TooLong.REFUSE
    missing_first_name: Annotated[str, MinLen(1)] | None = None
    possible_duplicate: PossibleDuplicates = PossibleDuplicates.ASK
    max_deletions: DeletionLimit = DeletionLimit()
    direction: SiteDirection = SiteDirection.BOTH
