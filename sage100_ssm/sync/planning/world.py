"""The world that a plan is made for: everything that one run knows when it decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime

from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Intent, Link, Side
from sage100_ssm.sync.policy import Policy


@dataclass(frozen=True, slots=True)
class World:
    """What one run knows.

    Attributes:
        database: the company database's name, part of every ``extId``.
        links: the live links.
        intents: the creates that were not confirmed.
        sage100: every Sage contact that was read, by ``cbMarq``.
        ssm: every SSM contact that is known, deleted ones included, by id.
        complete: whether each side was read to its end (P10).
        mapper: the field map at work.
        policy: the site's choices.
        disputed: the fields with an open ``conflict``, by side and the contact's id there (P1 ``manual``).
        ext_id_once: whether SSM refuses an ``extId`` that a deleted contact already has.
        identity_fell: whether Sage would now give a ``cbMarq`` that it has already given (P9).
        now: the time of the run; None where no stamp can be in the future.
    """

    database: str
    links: Sequence[Link]
    intents: Sequence[Intent]
    sage100: Mapping[int, Contact]
    ssm: Mapping[int, Contact]
    complete: Mapping[Side, bool]
    mapper: Mapper
    policy: Policy
    disputed: Mapping[tuple[Side, int], frozenset[str]] = default(default_factory=dict)
    ext_id_once: bool = False
    identity_fell: bool = False
    now: datetime | None = None
