"""The second step of a run: make the world that was seen, and the plan for it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sage100_ssm.exchange.reading import Row
from sage100_ssm.gc_pause import paused
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import fields_present
from sage100_ssm.sync.contacts.mapping import MalformedRowError, Mapper
from sage100_ssm.sync.journal import Code, Entry, IncompleteRead, Subject, ValueUnknown
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.decide import decide as plan_for
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.run.context import Context
from sage100_ssm.sync.run.observe import Seen
from sage100_ssm.sync.state.records import JournalEntry


@dataclass(frozen=True, slots=True)
class Decided:
    """What the step decided.

    Attributes:
        seen: what it was decided on.
        world: the same as the rules see it.
        plan: what is to be done.
        problems: rows that cannot be understood, reads that broke off.
        open_problems: the problems that were open before this run.
        fresh_types: rows of ``/contactTypes``, if they had to be read again; to be remembered.
    """

    seen: Seen
    world: World
    plan: Plan
    problems: tuple[Entry, ...]
    open_problems: Sequence[JournalEntry]
    fresh_types: Sequence[Row] | None = None


def decide(context: Context, seen: Seen) -> Decided:
    """Decide what is to be done."""
    decided = _decide(context, seen)
    unknown_label = any(p.code is Code.VALUE_UNKNOWN for p in decided.plan.problems)
    if unknown_label and not seen.observation.has_fresh_types:
        # A label may have been added to the list since it was read.
        reading = context.ssm.read({"contact_types": None})["contact_types"]
        if reading.complete:
            again = replace(seen, observation=seen.observation.with_types(reading))
            decided = replace(_decide(context, again), fresh_types=reading.rows)
    return replace(decided, plan=decided.plan.about(seen.alone)) if seen.alone else decided


def _decide(context: Context, seen: Seen) -> Decided:
    with paused():
        with context.store.transaction() as transaction:
            intents, open_problems = transaction.intents(), transaction.open_problems()
        site, observation = context.site, seen.observation
        fields = fields_present(site.fields, observation.columns)
        companies = Companies(observation.companies, observation.accounts, code_field=site.code_field, scope=site.scope)
        mapper = Mapper(fields, companies, observation.contact_types, observation.columns, site.locale, site.policy)
        ssm, odd = _understood(mapper, observation.ssm)
        world = World(
            site.database,
            seen.links,
            intents,
            {row["cbMarq"]: mapper.read(Side.SAGE100, row) for row in observation.sage100},
            ssm,
            observation.complete,
            mapper,
            site.policy,
            _disputed(open_problems),
            ext_id_once=site.ext_id_once,
            identity_fell=observation.identity is not None and observation.identity < seen.known.identity,
            now=context.now(),
        )
        plan = plan_for(world)
    incomplete = [
        Entry(Subject(), IncompleteRead(side, failure.text)) for side, failure in observation.failures.items()
    ]
    return Decided(seen, world, plan, (*odd, *incomplete), open_problems)


def _understood(mapper: Mapper, rows: Mapping[int, Row]) -> tuple[dict[int, Contact], list[Entry]]:
    """The SSM contacts that can be understood; one that cannot is held back by itself and stops nobody else."""
    contacts: dict[int, Contact] = {}
    odd: list[Entry] = []
    for ssm_id, row in rows.items():
        try:
            contacts[ssm_id] = mapper.read(Side.SSM, row)
        except MalformedRowError as error:
            subject = Subject(ssm_id=ssm_id, contact=str(row.get("lastName") or "") or None)
            odd.append(Entry(subject, ValueUnknown(str(error), side=None)))
    return contacts, odd


def _disputed(open_problems: Iterable[JournalEntry]) -> Mapping[tuple[Side, int], frozenset[str]]:
    """The fields that wait for a person to settle them, by side and the contact's id there (P1)."""
    fields: defaultdict[tuple[Side, int], set[str]] = defaultdict(set)
    for entry in (known.entry for known in open_problems if known.entry.code is Code.CONFLICT):
        for side, contact in ((Side.SAGE100, entry.subject.sage100_id), (Side.SSM, entry.subject.ssm_id)):
            if contact is not None and entry.field:
                fields[side, contact].add(entry.field)
    return {contact: frozenset(names) for contact, names in fields.items()}
