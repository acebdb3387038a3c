"""The second step of a run: make the world that was seen, and the plan for it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from datetime import datetime

from sage100_ssm.exchange.reading import Row
from sage100_ssm.gc_pause import paused
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import Companies, MalformedRowError
from sage100_ssm.sync.contacts.contact import Contact, Marks
from sage100_ssm.sync.contacts.fields import FieldKind, fields_present
from sage100_ssm.sync.contacts.keys import account_id_of, named_by
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import (
    Code,
    Entry,
    IncompleteRead,
    Sage100ReadOnly,
    Subject,
    ValueUnknown,
    WhoIsWho,
)
from sage100_ssm.sync.model import Intent, Link, Side
from sage100_ssm.sync.planning.backoff import refused_values
from sage100_ssm.sync.planning.decide import decide as plan_for
from sage100_ssm.sync.planning.one_way import OneWay, Reason, left_in_ssm, to_ssm_alone
from sage100_ssm.sync.planning.part import Part, Seeds, at_rest, connected, gathered
from sage100_ssm.sync.planning.plan import Figures, Plan
from sage100_ssm.sync.planning.world import AllRounds, Beyond, PartlyRead, Unreadable, World
from sage100_ssm.sync.policy import SiteDirection
from sage100_ssm.sync.rules.decisions import Decisions, Pair
from sage100_ssm.sync.run.context import Context
from sage100_ssm.sync.run.observation import Observation
from sage100_ssm.sync.run.observe import Seen
from sage100_ssm.sync.run.shown import Shown
from sage100_ssm.sync.state.lookups import StoredLookups
from sage100_ssm.sync.state.records import JournalEntry


@dataclass(frozen=True, slots=True)
class _MalformedRow:
    """A row that cannot be understood, and why."""

    id: int | None
    row: Row
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """What one decision is about: a run makes one, or several if it must look at very many companies.

    Attributes:
        companies: the keys of the companies that are looked at.
        all_rounds: what the guards count in all rounds of the run together.
        deleted_today: per side, the deletions of the 24 hours before the run.
        observed_at: when the sides were read; None in the first round.
        settled: the companies that need no look at all, with the digests that vouch for them.
    """

    companies: frozenset[str]
    all_rounds: AllRounds = default(default_factory=AllRounds)
    deleted_today: Mapping[Side, int] = default(default_factory=dict)
    observed_at: datetime | None = None
    settled: Mapping[str, int] = default(default_factory=dict)

    @property
    def is_first(self) -> bool:
        """Whether it is also about whoever the state names: contacts of open problems, creations, decisions."""
        return self.observed_at is None


@dataclass(frozen=True, slots=True)
class Decided:
    """What the step decided.

    Attributes:
        seen: what it was decided on.
        round: what it is about.
        world: the part of it that was looked at, as the rules see it.
        plan: what is to be done.
        problems: rows that cannot be understood, reads that broke off.
        open_problems: the problems that were open before this run.
        companies: the companies that were looked at, or need no look; those at rest with the digest that vouches for
            them.
        one_way: whether nothing is written into Sage, and why (P18); None where both sides are written.
        fresh_types: rows of ``/contactTypes``, if they had to be read again; to be remembered.
    """

    seen: Seen
    round: Round
    world: World
    plan: Plan
    problems: tuple[Entry, ...]
    open_problems: Sequence[JournalEntry]
    companies: Mapping[str, int | None]
    one_way: OneWay | None = None
    fresh_types: Sequence[Row] | None = None


def decide(context: Context, seen: Seen, about: Round) -> Decided:
    """Decide what is to be done."""
    with paused():
        return _decide(context, seen, about)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is known of companies before a round looks at them.

    Attributes:
        seen: what was seen, as far as rows of theirs could be read.
        companies: all that were looked at, those at rest with the digest that vouches for them.
        connected: those that a key leads into or out of, and the companies where these keys come from, or lead.
        figures: what the guards count in a plan for them.
    """

    seen: Seen
    companies: Mapping[str, int | None]
    connected: frozenset[str]
    figures: Figures


def foresee(context: Context, seen: Seen, about: Round) -> Foreseen:
    """Decide for companies, and keep what must be known before any round is carried out."""
    with paused():
        known = _known(context, seen, about)
        decided = _decided(context, known)
    return Foreseen(decided.seen, decided.companies, connected(known.part), decided.plan.figures)


def _decide(context: Context, seen: Seen, about: Round) -> Decided:
    known = _known(context, seen, about)
    decided = _decided(context, known)
    labels = {f.name for f in decided.world.mapper.fields if f.kind is FieldKind.LABEL}
    unknown_label = any(p.code is Code.VALUE_UNKNOWN and p.field in labels for p in decided.plan.problems)
    if unknown_label and not seen.observation.has_fresh_types:
        # A label may have been added to the list since it was read.
        reading = context.ssm.read({"contact_types": None})["contact_types"]
        if reading.complete:
            observation = known.seen.observation.with_types(reading)
            again = replace(known, seen=replace(known.seen, observation=observation))
            decided = replace(_decided(context, again), fresh_types=reading.rows)
    return decided


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is decided on.

    Attributes:
        seen: what was seen.
        about: what is to be decided.
        part: the contacts that are looked at.
        companies: their companies in Sage.
        accounts: their companies in SSM.
        intents: the creates that were not confirmed.
        open_problems: the problems that were open before.
        decisions: what people decided, and asked back.
        left_out: the rows of SSM that could not be stored.
        beyond: what is known of the contacts that are not looked at.
        digests: by the keys of companies, the sum of the digests of their rows, as they were looked at.
    """

    seen: Seen
    about: Round
    part: Part
    companies: Sequence[Row]
    accounts: Sequence[Row]
    intents: Sequence[Intent]
    open_problems: Sequence[JournalEntry]
    decisions: Decisions
    left_out: Sequence[_MalformedRow]
    beyond: Beyond
    digests: Mapping[str, int]


def _known(context: Context, seen: Seen, about: Round) -> _Known:
    """Look up what must be looked at."""
    observation = seen.observation
    with context.store.reading() as transaction:
        stored = transaction.lookup
        shown = shown_by(context, seen, stored)
        intents, open_problems = transaction.intents(), transaction.open_problems()
        decisions = replace(transaction.decisions.current(), undos=transaction.writes.undos())
        left_out = tuple(_left_out(observation, shown))
        seeds = Seeds(about.companies)
        if about.is_first:
            in_doubt = [record.subject for record in transaction.writes.in_doubt()]
            in_doubt += [notice.entry.subject for notice in transaction.pending_notices()]
            asleep = [Subject(None, link.sage100_id, link.ssm_id) for link in stored.sleeping_links()]
            astray = [Subject(ssm_id=id_) for id_ in shown.linked_and_astray()]
            contacts = [contact for known in open_problems for contact in (known.entry.subject, *known.entry.contacts)]
            ids = [row.id for row in left_out if row.id is not None]
            seeds = replace(
                seeds,
                sage100_ids=frozenset(i.source_id for i in intents if i.side is Side.SSM),
                numbers=frozenset(i.sage100_no for i in intents if i.side is Side.SAGE100 and i.sage100_no),
                ssm_ids=frozenset(
                    [*ids, *(i.target_id for i in intents if i.target_id)]
                    + [i.source_id for i in intents if i.side is Side.SAGE100]
                ),
                named=frozenset(named for row in left_out if (named := named_by(row.row)) is not None),
            ).with_contacts([*contacts, *in_doubt, *asleep, *astray, *_decided_pairs(decisions)])
        part = gathered(seeds, shown)
        account_ids = {id_ for row in part.ssm.values() if (id_ := account_id_of(row)) is not None}
        known = _Known(
            seen,
            about,
            part,
            shown.companies_of(part.companies),
            shown.accounts_of(part.companies, account_ids),
            intents,
            open_problems,
            decisions,
            left_out,
            Beyond(
                links=transaction.count_links().total - len(part.links),
                sage100=observation.sage100.contacts > 0,
                lives_in_ssm=shown.lives_in_ssm(),
                # The number of a creation under way is not free, whatever became of it.
                highest_number=max(
                    observation.sage100.highest_number,
                    stored.highest_number(),
                    *(i.sage100_no or 0 for i in intents),
                ),
            ),
            shown.digests_of_found(),
        )
    if shown.failure:
        observation = observation.without_rest_of_sage100(shown.failure)
        return replace(known, seen=replace(seen, observation=observation))
    return known


def shown_by(context: Context, seen: Seen, stored: StoredLookups) -> Shown:
    """What both sides show, by keys."""
    surveyed, code_field = seen.observation.sage100, context.site.code_field
    return Shown(stored, context.sage100, surveyed, seen.unsaved, code_field, seen.without_bases)


def _decided_pairs(decisions: Decisions) -> Iterator[Subject]:
    pairs = {*decisions.same, *decisions.different, *decisions.separated, *decisions.values, *decisions.undos}
    yield from (Subject(None, pair.sage100_id, pair.ssm_id) for pair in pairs)


def _decided(context: Context, known: _Known) -> Decided:
    site, seen, observation = context.site, known.seen, known.seen.observation
    fields = fields_present(site.fields, observation.sage100.columns)
    companies = Companies(known.companies, known.accounts, code_field=site.code_field, scope=site.scope)
    mapper = Mapper(fields, companies, observation.contact_types, observation.sage100.columns, site.locale, site.policy)
    sage100, odd_in_sage100 = _understood(mapper, Side.SAGE100, known.part.sage100)
    ssm, odd_in_ssm = _understood(mapper, Side.SSM, known.part.ssm)
    # A row that could not be stored: what is known of its contact from earlier runs is out of date.
    for row in known.left_out:
        ssm.pop(row.id or 0, None)
    odd_in_ssm = [*odd_in_ssm, *known.left_out]
    links = tuple(known.part.links.values())
    identity = observation.sage100.identity
    world = World(
        site.database,
        links,
        known.intents,
        sage100,
        ssm,
        observation.complete,
        mapper,
        site.policy,
        _unreadable(
            odd_in_sage100,
            odd_in_ssm,
            _Opposite.of(links, sage100, ssm),
            mapper,
            Marks(site.database, site.formerly),
        ),
        _disputed(known.open_problems),
        refused_values(known.open_problems),
        ext_id_once=site.ext_id_once,
        may_delete=seen.may_delete,
        deleted_today=known.about.deleted_today,
        identity_fell=identity is not None and identity < seen.known.identity,
        is_rebuilt=seen.known.is_rebuilt,
        now=context.now(),
        formerly=site.formerly,
        decisions=known.decisions,
        observed_at=known.about.observed_at,
        asked=_asked(known.open_problems),
        beyond=known.beyond,
        all_rounds=known.about.all_rounds,
    )
    both_ways = plan_for(world)
    plan, one_way = _within_direction(context, both_ways)
    incomplete = [
        Entry(Subject(), IncompleteRead(side, failure.text)) for side, failure in observation.failures.items()
    ]
    malformed = _malformed_problems(odd_in_sage100, odd_in_ssm, companies.malformed_accounts)
    rest = at_rest(known.part, world, both_ways) if seen.may_delete and all(world.complete.values()) else frozenset()
    surveyed, found = observation.sage100.digests, known.digests
    is_as_surveyed = {key: found.get(key, 0) == surveyed.get(key, 0) for key in known.part.companies}
    digests = {key: found.get(key, 0) if key in rest and same else None for key, same in is_as_surveyed.items()}
    problems = (*malformed, *incomplete, *_read_only(one_way))
    companies_ = {**known.about.settled, **digests}
    return Decided(seen, known.about, world, plan, problems, known.open_problems, companies_, one_way)


def _within_direction(context: Context, plan: Plan) -> tuple[Plan, OneWay | None]:
    """P18: the plan, without what it would write into Sage where the setting or the login allows no writing there."""
    if context.site.policy.direction is SiteDirection.TO_SSM:
        reason = Reason.SETTING
    elif not context.sage100.may_write():
        reason = Reason.READ_ONLY
    else:
        return plan, None
    return to_ssm_alone(plan), OneWay(reason, left_in_ssm(plan))


def _read_only(one_way: OneWay | None) -> Iterator[Entry]:
    """P18: one problem for all that a login without the right to write holds back."""
    if one_way and one_way.reason is Reason.READ_ONLY:
        yield Entry(Subject(), Sage100ReadOnly(Side.SAGE100))


def _understood(mapper: Mapper, side: Side, rows: Mapping[int, Row]) -> tuple[dict[int, Contact], list[_MalformedRow]]:
    """The contacts of a side by id; a row that cannot be understood is held back by itself and stops nobody else."""
    contacts: dict[int, Contact] = {}
    malformed: list[_MalformedRow] = []
    for id_, row in rows.items():
        try:
            contacts[id_] = mapper.read(side, row)
        except MalformedRowError as error:
            malformed.append(_MalformedRow(id_, row, str(error)))
    return contacts, malformed


def _left_out(observation: Observation, shown: Shown) -> Iterator[_MalformedRow]:
    """The rows of SSM that could not be stored; one without a usable id by the ids that its ``extId`` has had."""
    for row in observation.unreadable:
        ids = [row.get("id")]
        if ids == [None] and (mark := row.get("extId")) and row.get("deleted") is not True:
            marked = shown.ssm_with_ext_id(mark)
            ids = [known["id"] for known in marked if known.get("deleted") is not True] or ids
        yield from (_MalformedRow(id_, row, "its id, or a value") for id_ in ids)


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


@dataclass(frozen=True, slots=True)
class _Opposite:
    """Which rows that cannot be understood are known to be somebody who lives on the other side, and nobody else.

    Attributes:
        sage100_ids: the ``cbMarq`` of contacts that can be understood.
        linked_in_sage100: the ``cbMarq`` of links whose SSM contact lives.
        linked_in_ssm: the SSM ids of links whose Sage contact lives. Of another one, somebody may have typed that
            contact again (P14).
    """

    sage100_ids: Collection[int]
    linked_in_sage100: frozenset[int]
    linked_in_ssm: frozenset[int]

    @classmethod
    def of(cls, links: Iterable[Link], sage100: Mapping[int, Contact], ssm: Mapping[int, Contact]) -> "_Opposite":
        """What is known by the links, and by the contacts that can be understood."""
        known, living = list(links), {contact.id for contact in ssm.values() if not contact.deleted}
        return cls(
            sage100.keys(),
            frozenset(link.sage100_id for link in known if link.ssm_id in living),
            frozenset(link.ssm_id for link in known if link.sage100_id in sage100),
        )


def _unreadable(
    sage100: Sequence[_MalformedRow], ssm: Sequence[_MalformedRow], opposite: _Opposite, mapper: Mapper, marks: Marks
) -> Unreadable:
    """What can still be known of the rows that cannot be understood."""
    # What SSM shows as deleted lives nowhere, whatever else cannot be understood of it.
    living = [row for row in ssm if row.id not in opposite.linked_in_ssm and row.row.get("deleted") is not True]
    ext_ids = [(row, marks.ours(text)) for row in living if isinstance(text := row.row.get("extId"), str)]
    marked = {row.id for row, ext_id in ext_ids if ext_id and ext_id.sage100_id in opposite.sage100_ids}
    return Unreadable(
        frozenset(row.id for row in sage100 if row.id is not None),
        frozenset(number for row in sage100 if isinstance(number := row.row.get("CT_No"), int)),
        frozenset(row.id for row in ssm if row.id is not None),
        frozenset(ext_id.sage100_id for _, ext_id in ext_ids if ext_id),
        tuple(
            _partly_read(Side.SAGE100, row.row, mapper) for row in sage100 if row.id not in opposite.linked_in_sage100
        ),
        tuple(_partly_read(Side.SSM, row.row, mapper) for row in living if row.id is None or row.id not in marked),
    )


def _partly_read(side: Side, row: Row, mapper: Mapper) -> PartlyRead:
    names = ("CT_Nom", "CT_Prenom") if side is Side.SAGE100 else ("lastName", "firstName")
    last, first = (text if isinstance(text := row.get(name), str) else None for name in names)
    if side is Side.SAGE100:
        company = code if isinstance(code := row.get("CT_Num"), str) else None
    else:
        reference = row.get("accountId")
        id_ = reference.get("id") if isinstance(reference, Mapping) else reference
        account = mapper.companies.account(id_) if isinstance(id_, int) else None
        company = account.code if account else None
    return PartlyRead(
        None if last is None else normalise.last_name_key(last),
        None if first is None else normalise.first_name_key(first),
        normalise.company_code(company) if company else None,
    )


def _asked(open_problems: Iterable[JournalEntry]) -> frozenset[Pair]:
    """The pairs about which a person is asked whether they are one person (P4, P16)."""
    questions = [known.entry.facts for known in open_problems if isinstance(known.entry.facts, WhoIsWho)]
    return frozenset(Pair(row.id, contact.id) for q in questions for row in q.in_sage100 for contact in q.in_ssm)


def _disputed(open_problems: Iterable[JournalEntry]) -> Mapping[tuple[Side, int], frozenset[str]]:
    """The fields that wait for a person to settle them, by side and the contact's id there (P1)."""
    fields: defaultdict[tuple[Side, int], set[str]] = defaultdict(set)
    for entry in (known.entry for known in open_problems if known.entry.code is Code.CONFLICT):
        for side, contact in ((Side.SAGE100, entry.subject.sage100_id), (Side.SSM, entry.subject.ssm_id)):
            if contact is not None and entry.field:
                fields[side, contact].add(entry.field)
    return {contact: frozenset(names) for contact, names in fields.items()}
