"""What a search finds: one contact, whether it is synchronised, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from datetime import datetime
from enum import StrEnum

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import LeftOut
from sage100_ssm.sync.journal import Entry, Subject
from sage100_ssm.sync.model import Link, Side, Value
from sage100_ssm.sync.state.records import JournalEntry, WriteRecord


class Standing(StrEnum):
    """Whether a contact is synchronised, and if not, in what way."""

    SYNCHRONISED = "synchronised"
    EXCEPT_FIELDS = "except_fields"
    """It is linked, and some of its fields wait for something."""
    WAITING = "waiting"
    """Something holds the whole contact back; the problem says what."""
    ASLEEP = "asleep"
    """Its link sleeps (P13): nothing is written or deleted while the reason lasts."""
    LEFT_OUT = "left_out"
    """It takes no part: its company is no client, or the settings leave it out."""
    OTHER_DATABASE = "other_database"
    """It carries the mark of another company database (P15)."""
    STAYS_IN_SSM = "stays_in_ssm"
    """It was created in SSM, and nothing is written into Sage (P18)."""
    DELETED = "deleted"
    """It was deleted."""
    DELETED_SINCE = "deleted_since"
    """It was deleted on one side after the last run: the next one decides what follows (R7, R8, R9)."""
    NOT_SEEN_YET = "not_seen_yet"
    """It was typed after the last run: the next one takes it."""
    UNKNOWN = "unknown"
    """It is not synchronised, and the state alone does not say why: a look at both sides may."""


Card = Mapping[str, Value]
"""The filled fields of a contact on one side, for people to read."""


@dataclass(frozen=True, slots=True)
class Found:
    """One contact that answers to a search.

    Attributes:
        subject: its ids, the code of its company and its name, as far as they are known.
        standing: whether it is synchronised.
        company_name: its company's name; None where it is not known.
        link: its link, a live one rather than an ended one.
        synchronised_since: since when the link has been there; None where it is not known, or without a link.
        waiting_fields: the fields that wait, of a contact that is synchronised but for them.
        edited_fields: the fields that somebody edited after the last run, of a linked contact; known by a look at the
            sides.
        differing_fields: the fields whose two values are neither the same nor what the last run left there.
        problems: what holds it back, or one of its fields; also the open problems of a whole side, such as a guard.
        foreseen: the problem that the next run will report about a contact that no run has seen yet.
        left_out: why it takes no part.
        other_database: the company database whose mark it carries.
        deleted_on: the side on which a person deleted it; None where it is not known.
        next_run: when the next run is due; None where nothing is scheduled.
        cards: per side, its fields as they were last seen there.
        entries: its journal entries, newest first.
        writes: what was written of it, newest first.
    """

    subject: Subject
    standing: Standing
    company_name: str | None = None
    link: Link | None = None
    synchronised_since: datetime | None = None
    waiting_fields: tuple[str, ...] = ()
    edited_fields: tuple[str, ...] = ()
    differing_fields: frozenset[str] = frozenset()
    problems: tuple[JournalEntry, ...] = ()
    foreseen: Entry | None = None
    left_out: LeftOut | None = None
    other_database: str | None = None
    deleted_on: Side | None = None
    next_run: datetime | None = None
    cards: Mapping[Side, Card] = default(default_factory=dict)
    entries: tuple[JournalEntry, ...] = ()
    writes: tuple[WriteRecord, ...] = ()

    @property
    def is_synchronised(self) -> bool:
        """Whether changes are carried over."""
        return self.standing in (Standing.SYNCHRONISED, Standing.EXCEPT_FIELDS)

    @property
    def history(self) -> list[JournalEntry | WriteRecord]:
        """What happened to it, newest first: its journal entries and what was written of it."""
        both: list[JournalEntry | WriteRecord] = [*self.entries, *self.writes]
        return sorted(both, key=lambda one: one.at if isinstance(one, WriteRecord) else one.last_seen, reverse=True)


@dataclass(frozen=True, slots=True)
class Look:
    """What both sides show of those who may be meant, where they were asked themselves.

    Attributes:
        contacts: rows of contacts, per side that could be asked.
        companies: rows of the clients and prospects among their companies.
        company_names: the name of each of their companies, suppliers too, by its code as codes are compared.
        accounts: rows of their accounts in SSM.
        failures: per side that could not be asked, why.
    """

    contacts: Mapping[Side, Sequence[Row]]
    companies: Sequence[Row] = ()
    company_names: Mapping[str, str] = default(default_factory=dict)
    accounts: Sequence[Row] = ()
    failures: Mapping[Side, Failure] = default(default_factory=dict)

    def company_name(self, code: str | None) -> str | None:
        """The name of a company in Sage; None where it was not seen."""
        return self.company_names.get(normalise.company_code(code)) or None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search finds.

    Attributes:
        found: the contacts that answer, those that are synchronised first.
        nearest: where nobody answers, names that are spelled nearly like what was asked for.
        is_cut: whether more contacts answer than are shown.
        looked_at: the sides that were asked themselves.
        failures: per side that was to be asked and could not be, why.
    """

    found: tuple[Found, ...] = ()
    nearest: tuple[str, ...] = ()
    is_cut: bool = False
    looked_at: frozenset[Side] = frozenset()
    failures: Mapping[Side, Failure] = default(default_factory=dict)
