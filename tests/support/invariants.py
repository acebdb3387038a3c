"""What must hold of two sides in memory, whatever happened: told of a play, for all who play one."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.contacts.fields import COMPANY, NAMES
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.planning.writes import EXT_ID
from tests.support import worlds
from tests.support.memory_play import FOREIGN, Play


def unequal(play: Play) -> Iterator[str]:
    """The fields in which linked contacts differ without a problem that says why."""
    mapper = play.mapper()
    live_marks = {row["extId"] for row in play.ssm.living().values()}
    for link in play.links:
        here, there = play.sage100.contacts.get(link.sage100_id), play.ssm.contacts.get(link.ssm_id)
        if link.status is LinkStatus.ASLEEP or (there and there["extId"] == FOREIGN):
            continue
        assert here, f"{link} has no Sage contact"
        assert there, f"{link} has no SSM contact"
        one, two = mapper.read(Side.SAGE100, here), mapper.read(Side.SSM, play.ssm.shown(there))
        told = problems_of(play, link.sage100_id, link.ssm_id, one.company)
        if there["deleted"] and COMPANY in told:
            continue  # it is restored once its company is in SSM (P5, P6)
        if there["deleted"] and str(ExtId(link.origin, worlds.DATABASE, link.sage100_id)) in live_marks:
            continue  # nobody knows which one of several copies was meant (R7)
        for each in mapper.fields:
            pair = one.values[each.name], two.values[each.name]
            if not mapper.is_equal(each, *pair) and not told & {None, each.name}:
                if mapper.is_respelled(each, *pair):
                    continue  # each side keeps its own form (P4)
                # A null gender says nothing (docs/rules.md, "The fields").
                if each.name == "civility" and pair[1] is None:
                    continue
                yield f"{each.name} of {link.contact}: {pair}"


def problems_of(play: Play, sage100_id: int | None, ssm_id: int | None, company: str | None = None) -> set[str | None]:
    """The fields that open problems of a contact are about; None for the whole contact."""
    told: set[str | None] = set()
    for entry, about in ((problem.entry, about) for problem in play.problems for about in problem.entry.contacts):
        same = {about.sage100_id, about.ssm_id} & {sage100_id, ssm_id} - {None}
        waiting = about.sage100_id is None and about.ssm_id is None and about.company and about.company == company
        # Of a linked contact only the company waits for an account.
        if waiting or (same and entry.code is Code.COMPANY_NOT_IN_SSM):
            told.add(COMPANY if sage100_id and ssm_id else None)
        elif same:
            told.add(entry.field)
        if same and entry.code is Code.DUPLICATE_IN_SAGE:
            told |= set(NAMES)
    # The two names wait together (P7).
    return told | set(NAMES) if told & set(NAMES) else told


def has_others(play: Play) -> bool:
    """Whether a contact of SSM that lives, or has a link, belongs to another company database."""
    linked = {link.ssm_id for link in play.links}
    rows = (row for id_, row in play.ssm.contacts.items() if not row["deleted"] or id_ in linked)
    return any(row["extId"] == FOREIGN for row in rows)


def left_out(play: Play) -> Iterator[str]:
    """The living contacts that have neither a link nor a problem that says why."""
    linked = {Side.SAGE100: {k.sage100_id for k in play.links}, Side.SSM: {k.ssm_id for k in play.links}}
    # Who may be one of another database's contacts is reported with them, once for the database (P15).
    for id_, row in play.sage100.living().items() if not has_others(play) else ():
        in_scope = play.sage100.companies[row["CT_Num"]] == 0
        if in_scope and id_ not in linked[Side.SAGE100] and not problems_of(play, id_, None, row["CT_Num"]):
            yield f"Sage {id_}"
    for id_ in play.ssm.living():
        if id_ not in linked[Side.SSM] and not problems_of(play, None, id_):
            yield f"SSM {id_}"


def doubles(play: Play) -> Iterator[str]:
    """Contacts in scope that the product created and that no link leads to: somebody stands there twice."""
    if has_others(play):
        return  # what another installation took before it had a link is left alone (P15)
    mapper, links = play.mapper(), play.links
    # A user has made a copy of a contact that had no link yet, or it has left the scope: a problem says so.
    copied = {Code.AMBIGUOUS_MATCH, Code.DUPLICATE_EXT_ID, Code.ORPHAN_EXT_ID, Code.OUT_OF_SCOPE}
    ambiguous = {p.entry.subject.ssm_id for p in play.problems if p.entry.code in copied}
    reported = {p.entry.subject.sage100_id for p in play.problems if p.entry.code is Code.AMBIGUOUS_MATCH}
    for id_ in play.sage100.living().keys() - play.sage100.born_here - {k.sage100_id for k in links} - reported:
        if mapper.companies.is_in_scope(play.sage100.contacts[id_]["CT_Num"]):
            yield f"Sage {id_}"
    # A person said that it is somebody else, although we had created it (P16).
    with play.store.transaction() as memory:
        ambiguous |= {pair.ssm_id for pair in memory.decisions.current().different}
    for id_ in play.ssm.living().keys() - play.ssm.born_here - {k.ssm_id for k in links} - ambiguous:
        card = mapper.read(Side.SSM, play.ssm.shown(play.ssm.contacts[id_]))
        if mapper.companies.is_in_scope(card.company) and not play.ssm.accounts[card.account or 0]["deleted"]:
            yield f"SSM {id_}"


def check_end(play: Play) -> None:
    """All that must hold once both sides are at rest."""
    for found in (unequal, left_out, doubles):
        assert list(found(play)) == [], f"{found.__name__}: {list(found(play))}"
    assert Code.FLAPPING not in {problem.entry.code for problem in play.problems}, "nothing here changes by itself"
    for ids in ([k.sage100_id for k in play.links], [k.ssm_id for k in play.links]):
        assert max(Counter(ids).values(), default=1) == 1
    told = [v for e in play.journal for v in (e.entry.sage100_value, e.entry.ssm_value)]
    assert play.typing.lost(*readable(play), *told) == set()


def readable(play: Play) -> list[Any]:
    """What people can read on either side: who lives there, and in SSM whom its own users deleted."""
    cards = [row for id_, row in play.ssm.contacts.items() if not row["deleted"] or id_ in play.ssm.deleted_here]
    return [value for row in (*play.sage100.living().values(), *cards) for value in row.values()]


def check_origins(play: Play) -> None:
    """The origin of a link never changes, and who was born in Sage was created there by a user."""
    for link in play.links:
        # Another contact under the same `cbMarq` has an origin of its own.
        is_same = link.sage100_id not in play.replaced
        if is_same:
            assert play.origins.setdefault(link.sage100_id, link.origin) is link.origin, f"{link} has another origin"
        assert link.origin is Side.SSM or link.sage100_id in play.sage100.born_here, "deleted, and yet it lives on"


def check_ext_ids(play: Play) -> None:
    """Every linked living SSM contact has its ``extId``, unless a problem says why not, or it is another database's."""
    for link in play.links:
        row = play.ssm.contacts[link.ssm_id]
        told = problems_of(play, link.sage100_id, link.ssm_id)
        is_theirs = row["extId"] == FOREIGN  # reported once for the database (P15)
        if link.status is LinkStatus.ACTIVE and not row["deleted"] and not is_theirs and not told & {None, EXT_ID}:
            assert row["extId"] == str(ExtId(link.origin, worlds.DATABASE, link.sage100_id))
