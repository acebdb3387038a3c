"""The second step of a run: make the world that was seen, and the plan for it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sage100_ssm.exchange.reading import Row
from sage100_ssm.gc_pause import paused
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import Companies, MalformedRowError
from sage100_ssm.sync.contacts.contact import Contact, Marks
from sage100_ssm.sync.contacts.fields import FieldKind, fields_present
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Code, Entry, IncompleteRead, Subject, ValueUnknown
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.backoff import refused_values
from sage100_ssm.sync.planning.decide import decide as plan_for
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import Unreadable, World
from sage100_ssm.sync.run.context import Context
from sage100_ssm.sync.run.deletions import recent_deletions
from sage100_ssm.sync.run.observe import Seen
from sage100_ssm.sync.state.records import JournalEntry


@dataclass(frozen=True, slots=True)
class _MalformedRow:
    """A row that cannot be understood, and why."""

    id: int
    row: Row
    reason: str


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
    labels = {f.name for f in decided.world.mapper.fields if f.kind is FieldKind.LABEL}
    unknown_label = any(p.code is Code.VALUE_UNKNOWN and p.field in labels for p in decided.plan.problems)
    if unknown_label and not seen.observation.has_fresh_types:
        # A label may have been added to the list since it was read.
        reading = context.ssm.read({"contact_types": None})["contact_types"]
        if reading.complete:
            again = replace(seen, observation=seen.observation.with_types(reading))
            decided = replace(_decide(context, again), fresh_types=reading.rows)
    return decided


def _decide(context: Context, seen: Seen) -> Decided:
    with paused():
        with context.store.transaction() as transaction:
            intents, open_problems = transaction.intents(), transaction.open_problems()
            deleted_today = recent_deletions(transaction, context.now())
            decisions = transaction.decisions.current()
        site, observation = context.site, seen.observation
        fields = fields_present(site.fields, observation.columns)
        companies = Companies(observation.companies, observation.accounts, code_field=site.code_field, scope=site.scope)
        mapper = Mapper(fields, companies, observation.contact_types, observation.columns, site.locale, site.policy)
        sage100, odd_in_sage100 = _understood(
            mapper, Side.SAGE100, ((row["cbMarq"], row) for row in observation.sage100)
        )
        ssm, odd_in_ssm = _understood(mapper, Side.SSM, observation.ssm.items())
        world = World(
            site.database,
            seen.links,
            intents,
            sage100,
            ssm,
            observation.complete,
            mapper,
            site.policy,
            _unreadable(odd_in_sage100, odd_in_ssm, Marks(site.database, site.formerly)),
            _disputed(open_problems),
            refused_values(open_problems),
            ext_id_once=site.ext_id_once,
            may_delete=seen.may_delete,
            deleted_today=deleted_today,
            identity_fell=observation.identity is not None and observation.identity < seen.known.identity,
            is_rebuilt=seen.known.is_rebuilt,
            now=context.now(),
            formerly=site.formerly,
            decisions=decisions,
        )
        plan = plan_for(world)
    incomplete = [
        Entry(Subject(), IncompleteRead(side, failure.text)) for side, failure in observation.failures.items()
    ]
    malformed = _malformed_problems(odd_in_sage100, odd_in_ssm, companies.malformed_accounts)
    return Decided(seen, world, plan, (*malformed, *incomplete), open_problems)


def _understood(
    mapper: Mapper, side: Side, rows: Iterable[tuple[int, Row]]
) -> tuple[dict[int, Contact], list[_MalformedRow]]:
    """The contacts of a side by id; a row that cannot be understood is held back by itself and stops nobody else."""
    contacts: dict[int, Contact] = {}
    malformed: list[_MalformedRow] = []
    for id_, row in rows:
        try:
            contacts[id_] = mapper.read(side, row)
        except MalformedRowError as error:
            malformed.append(_MalformedRow(id_, row, str(error)))
    return contacts, malformed


def _malformed_problems(
    sage100: Iterable[_MalformedRow], ssm: Iterable[_MalformedRow], accounts: Mapping[int, str]
) -> Iterator[Entry]:
    for row in sage100:
        subject = Subject(sage100_id=row.id, contact=str(row.row.get("CT_Nom") or "") or None)
        yield Entry(subject, ValueUnknown(row.reason, side=None))
    for row in ssm:
        subject = Subject(ssm_id=row.id, contact=str(row.row.get("lastName") or "") or None)
        yield Entry(subject, ValueUnknown(row.reason, side=None))
    if accounts:
        reasons = ", ".join(f"account {account}: {reason}" for account, reason in sorted(accounts.items()))
        yield Entry(Subject(), ValueUnknown(reasons, side=None))


def _unreadable(sage100: Sequence[_MalformedRow], ssm: Sequence[_MalformedRow], marks: Marks) -> Unreadable:
    """What can still be known of the rows that cannot be understood."""
    texts = [row.row.get("extId") for row in ssm]
    ext_ids = (marks.ours(text) for text in texts if isinstance(text, str))
    names = ((row.row.get("lastName"), row.row.get("firstName")) for row in ssm)
    return Unreadable(
        frozenset(row.id for row in sage100),
        frozenset(row.id for row in ssm),
        frozenset(ext_id.sage100_id for ext_id in ext_ids if ext_id),
        frozenset(normalise.name_key(str(last or ""), str(first or "")) for last, first in names),
    )


def _disputed(open_problems: Iterable[JournalEntry]) -> Mapping[tuple[Side, int], frozenset[str]]:
    """The fields that wait for a person to settle them, by side and the contact's id there (P1)."""
    fields: defaultdict[tuple[Side, int], set[str]] = defaultdict(set)
    for entry in (known.entry for known in open_problems if known.entry.code is Code.CONFLICT):
        for side, contact in ((Side.SAGE100, entry.subject.sage100_id), (Side.SSM, entry.subject.ssm_id)):
            if contact is not None and entry.field:
                fields[side, contact].add(entry.field)
    return {contact: frozenset(names) for contact, names in fields.items()}
