"""The world that a plan is made for: everything that one run knows when it decides."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.contact import Contact, ExtId, Marks
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Intent, Link, Side
from sage100_ssm.sync.planning.plan import Figures
from sage100_ssm.sync.policy import Policy
from sage100_ssm.sync.rules.decisions import Decisions, Pair
from sage100_ssm.sync.rules.refused_values import RefusedValues


@dataclass(frozen=True, slots=True)
class PartlyRead:
    """What can be read of a row without a link that cannot be understood, as P4 compares it; None where it cannot.

    Attributes:
        last: the last name.
        first: the first name.
        company: the company's code.
    """

    last: str | None = None
    first: str | None = None
    company: str | None = None

    def may_be(self, contact: Contact) -> bool:
        """Whether it may be the same person as a contact: in doubt it is."""
        last, first = contact.name_key
        if self.last is not None:
            return self.last == last and (not self.first or not first or self.first == first)
        return self.company is None or self.company == normalise.company_code(contact.company)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Contacts whose rows cannot be understood: they, their links and who may be the same opposite are left alone.

    Attributes:
        sage100_ids: the ``cbMarq`` of such rows of Sage.
        sage100_numbers: their ``CT_No``.
        ssm_ids: the ids of such rows of SSM.
        named: the ``cbMarq`` that the ``extId`` of such rows of SSM name.
        in_sage100: what can be read of those of Sage that have no link.
        in_ssm: what can be read of those of SSM that have no link, nor an ``extId`` of ours.
    """

    sage100_ids: frozenset[int] = frozenset()
    sage100_numbers: frozenset[int] = frozenset()
    ssm_ids: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()
    in_sage100: tuple[PartlyRead, ...] = ()
    in_ssm: tuple[PartlyRead, ...] = ()

    def may_be_in_ssm(self, row: Contact) -> bool:
        """Whether one of the rows of SSM may be a contact of Sage."""
        return row.id in self.named or any(partly.may_be(row) for partly in self.in_ssm)

    def may_be_in_sage100(self, contact: Contact) -> bool:
        """Whether one of the rows of Sage may be a contact of SSM."""
        return any(partly.may_be(contact) for partly in self.in_sage100)


@dataclass(frozen=True, slots=True)
class Beyond:
    """What is known of the contacts that a plan does not look at: nothing has changed, or another round plans them.

    Attributes:
        links: the number of their live links.
        sage100: whether Sage has any of them.
        lives_in_ssm: whether SSM has any that live.
        highest_number: their highest ``CT_No``.
    """

    links: int = 0
    sage100: bool = False
    lives_in_ssm: bool = False
    highest_number: int = 0


@dataclass(frozen=True, slots=True)
class AllRounds:
    """What each round of a run must know of all of them; nothing where it has one.

    Attributes:
        figures: what the guards count in the plans (P9).
        marks: how many live contacts of SSM carry an ``extId`` in our form, by company database; counted only where
            there is no link.
        links: the number of live links before the first round: what is counted is measured by it.
        partly_read: what can be read of the contacts of SSM that cannot be understood (P4).
    """

    figures: Figures = default(default_factory=Figures)
    marks: Mapping[str, int] = default(default_factory=dict)
    links: int = 0
    partly_read: tuple[PartlyRead, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What one run knows of the contacts that it looks at: whole companies, and whoever is named by a key.

    Attributes:
        database: the company database's name, part of every ``extId``.
        links: their live links.
        intents: the creates that were not confirmed.
        sage100: their Sage contacts, by ``cbMarq``.
        ssm: their SSM contacts, deleted ones included, by id.
        unreadable: the contacts that cannot be understood.
        complete: whether each side was read to its end (P10).
        mapper: the field map at work.
        policy: the site's choices.
        disputed: the fields with an open ``conflict``, by side and the contact's id there (P1 ``manual``).
        refused: the values that a side is known to refuse (P7).
        ext_id_once: whether SSM refuses an ``extId`` that a deleted contact already has.
        may_delete: whether deletions are derived: not in the run that first sees a changed field map or scope (P9).
        deleted_today: per side, the deletions of the last 24 hours that nobody let through expressly (P9).
        identity_fell: whether Sage would now give a ``cbMarq`` that it has already given (P9).
        is_rebuilt: whether a person has had the links rebuilt in this state (``resync``), however many there were (P9).
        now: the time of the run; None where no stamp can be in the future.
        formerly: the names that the company database had before (P15).
        decisions: what people decided about pairs and fields (P16).
        observed_at: when the sides were read, where the run has written since: what it began then cannot show yet.
        asked: the pairs about which an open problem asks a person (P4, P16).
        beyond: what is known of all others.
        all_rounds: what each round of the run must know of all of them.
    """

    database: str
    links: Sequence[Link]
    intents: Sequence[Intent]
    sage100: Mapping[int, Contact]
    ssm: Mapping[int, Contact]
    complete: Mapping[Side, bool]
    mapper: Mapper
    policy: Policy
    unreadable: Unreadable = default(default_factory=Unreadable)
    disputed: Mapping[tuple[Side, int], frozenset[str]] = default(default_factory=dict)
    refused: RefusedValues = frozenset()
    ext_id_once: bool = False
    may_delete: bool = True
    deleted_today: Mapping[Side, int] = default(default_factory=dict)
    identity_fell: bool = False
    is_rebuilt: bool = False
    now: datetime | None = None
    formerly: frozenset[str] = frozenset()
    decisions: Decisions = default(default_factory=Decisions)
    observed_at: datetime | None = None
    asked: frozenset[Pair] = frozenset()
    beyond: Beyond = Beyond()
    all_rounds: AllRounds = default(default_factory=AllRounds)

    @property
    def number_of_links(self) -> int:
        """The number of all live links."""
        return len(self.links) + self.beyond.links

    @property
    def number_before(self) -> int:
        """The number of live links before the run wrote: what the guards measure their figures by."""
        return self.all_rounds.links or self.number_of_links

    def both_live(self, pair: Pair) -> bool:
        """Whether both contacts of a pair live, as far as can be seen (P16)."""
        card = self.ssm.get(pair.ssm_id)
        in_sage100 = pair.sage100_id in self.sage100 or pair.sage100_id in self.unreadable.sage100_ids
        in_ssm = (card is not None and not card.deleted) or pair.ssm_id in self.unreadable.ssm_ids
        return in_sage100 and in_ssm

    @property
    def marks(self) -> Marks:
        """Which ``extId`` are ours."""
        return Marks(self.database, self.formerly)

    def marks_by_database(self) -> Counter[str]:
        """How many live contacts of SSM carry an ``extId`` in our form, by the company database that it names."""
        ext_ids = (ExtId.parse(contact.ext_id) for contact in self.ssm.values() if not contact.deleted)
        return Counter(ext_id.database for ext_id in ext_ids if ext_id)
