"""A site's answers where the rules leave a choice."""

from dataclasses import dataclass
from dataclasses import field as default
from enum import StrEnum
from zoneinfo import ZoneInfo

from sage100_ssm.sync.contacts.fields import ConflictPolicy


class RefusedDeletion(StrEnum):
    """What becomes of a contact of origin Sage that was deleted in SSM (P5)."""

    RESTORE = "restore"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class DeletionLimit:
    """How many deletions a run may carry out on a side before a person is asked (P9).

    Attributes:
        ratio: share of the links, 0 to 1.
        floor: number of deletions that is always allowed.
    """

    ratio: float = 0.10
    floor: int = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """A site's answers to P1, P5 and P9, and the zone in which Sage tells the time.

    Attributes:
        conflict: who wins where the same field changed on both sides (P1).
        refused_deletion: what becomes of a refused deletion in SSM (P5).
        max_deletions: how many deletions are carried out without asking (P9).
        time_zone: the zone of ``cbModification``.
        ext_id_once: whether SSM takes an ``extId`` that a deleted contact bears for no other one.
    """

    conflict: ConflictPolicy = ConflictPolicy.SAGE100
    refused_deletion: RefusedDeletion = RefusedDeletion.RESTORE
    max_deletions: DeletionLimit = default(default_factory=DeletionLimit)
    time_zone: ZoneInfo = default(default_factory=lambda: ZoneInfo("Europe/Paris"))
    ext_id_once: bool = False
