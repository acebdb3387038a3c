"""The search that the command and the page share: in the state, and on both sides if that is wished."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sage100_ssm.app.schedule import last_synchronisation, recall_schedule
from sage100_ssm.app.search.found import Found, Look, SearchResult, Standing
from sage100_ssm.app.search.query import query
from sage100_ssm.app.search.standing import Known, Person, ids_of, judge
from sage100_ssm.app.search.stored import StoredSearch
from sage100_ssm.app.settings import Settings
from sage100_ssm.sync.contacts.companies import MalformedRowError
from sage100_ssm.sync.contacts.contact import Contact, Marks
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import ContactRef, Side
from sage100_ssm.sync.policy import SiteDirection
from sage100_ssm.sync.state.records import ONE_WAY, RunRow
from sage100_ssm.sync.state.transaction import Transaction

LIMIT = 50
"""How many contacts a search shows at most."""

_ORDER = (Standing.SYNCHRONISED, Standing.EXCEPT_FIELDS)


def find(
    transaction: Transaction,
    settings: Settings,
    who: str,
    now: datetime,
    *,
    look_at_sides: bool = False,
    limit: int = LIMIT,
) -> SearchResult:
    """The contacts that a person asks for, each with whether it is synchronised, why not, and its history.

    Args:
        transaction: the state, to read.
        settings: the settings of the installation.
        who: as ``query`` understands it.
        now: the time.
        look_at_sides: whether both sides are asked, too: then somebody who was typed a minute ago is found, and whoever
            takes no part, with the reason. They are only read.
        limit: at most so many contacts.

    Example:
        >>> result = find(state, settings, "Durnad", now, look_at_sides=True)
        >>> result.found, result.nearest
        ((), ("Ada Durand",))
    """
    asked = query(who)
    search = StoredSearch(transaction, settings, asked)
    people = search.people(limit + 1)
    seen = Look({})
    if look_at_sides and not asked.is_empty:
        # This import loads the Airbyte CDK, for which a search in the state alone does not wait.
        from sage100_ssm.app.search.live import look  # noqa: PLC0415 - as said

        seen = look(settings, asked, _known_ids(people[:limit]), search.account_ids())
    accounts = {row["id"]: row for row in (*search.accounts_for(people), *seen.accounts)}
    mapper = search.mapper(accounts.values(), seen.companies)
    if seen.contacts:
        people = list(_with_live(people, search, seen, mapper))
    last_run, schedule = last_synchronisation(transaction), recall_schedule(transaction)
    known = Known(
        mapper,
        Marks(settings.sage100.company, frozenset(settings.sage100.formerly)),
        knows_sage=Side.SAGE100 in seen.contacts,
        last_run=last_run.started_at if last_run else None,
        next_run=schedule.next_after(now) if schedule else None,
        is_one_way=_is_one_way(settings, last_run),
    )
    found = [_judged(transaction, person, known, seen) for person in people[:limit]]
    return SearchResult(
        tuple(sorted(found, key=lambda one: one.standing not in _ORDER)),
        nearest=() if found else search.nearest(),
        is_cut=len(people) > limit,
        looked_at=frozenset(seen.contacts),
        failures=seen.failures,
    )


def explained(
    transaction: Transaction, settings: Settings, who: str, now: datetime, *, live: bool | None = None
) -> SearchResult:
    """What ``find`` finds; both sides are asked where the state alone has no answer, unless something else is wished.

    Args:
        transaction: the state, to read.
        settings: the settings of the installation.
        who: as ``query`` understands it.
        now: the time.
        live: whether both sides are asked; None for only where it is needed.
    """
    if live:
        return find(transaction, settings, who, now, look_at_sides=True)
    stored = find(transaction, settings, who, now)
    is_answered = any(found.standing is not Standing.UNKNOWN for found in stored.found)
    if live is False or is_answered:
        return stored
    return find(transaction, settings, who, now, look_at_sides=True)


def _is_one_way(settings: Settings, last_run: RunRow | None) -> bool:
    """P18: whether nothing is written into Sage: by the setting, or as the last run found the login."""
    return settings.policy.direction is SiteDirection.TO_SSM or (last_run is not None and ONE_WAY in last_run.counts)


def _known_ids(people: Iterable[Person]) -> Mapping[Side, Collection[int]]:
    refs = {ref for person in people for ref in person.refs}
    return {side: {id_ for at, id_ in refs if at is side} for side in Side}


def _judged(transaction: Transaction, person: Person, known: Known, seen: Look) -> Found:
    sage100_ids = [id_ for side, id_ in person.refs if side is Side.SAGE100]
    ssm_ids = [id_ for side, id_ in person.refs if side is Side.SSM]
    subject = Subject(None, next(iter(sage100_ids), None), next(iter(ssm_ids), None))
    found = judge(
        person,
        known,
        transaction.search.entries_of(sage100_ids, ssm_ids),
        transaction.writes.of_contact(subject),
        transaction.linked_since(person.link) if person.link else None,
    )
    return replace(found, company_name=seen.company_name(found.subject.company) or found.company_name)


def _with_live(people: Iterable[Person], search: StoredSearch, seen: Look, mapper: Mapper) -> Iterator[Person]:
    """The contacts that the state knows, as both sides now show them, and those that it does not know."""
    looked_at = frozenset(seen.contacts)
    live = {contact.ref: contact for contact in _read(seen, mapper)}
    taken: set[tuple[Side, int]] = set()
    for person in people:
        now = {side: contact for side, id_ in person.refs if (contact := live.get(ContactRef(side, id_)))}
        last = {side: contact for side, contact in person.contacts.items() if side not in looked_at}
        taken |= person.refs
        yield replace(person, contacts=last | now, seen_now=looked_at)
    for ref, contact in live.items():
        if (ref.side, ref.id) not in taken and search.answers(contact, seen.company_name(contact.company)):
            person = search.person_of(contact.subject, {ref.side: contact})
            taken |= set(ids_of(person.subject))
            yield replace(person, seen_now=looked_at)


def _read(seen: Look, mapper: Mapper) -> Iterator[Contact]:
    for side, rows in seen.contacts.items():
        for row in rows:
            try:
                yield mapper.read(side, row)
            except MalformedRowError:
                # Its problem in the journal names it.
                continue
