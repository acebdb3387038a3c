"""Whether a plan for the companies that have changed is the plan for everybody: asked in every run of a play."""

from dataclasses import replace
from typing import Any
from unittest import mock

from sage100_ssm.sync.planning import guards
from sage100_ssm.sync.planning.part import Lookups, Part, Seeds
from sage100_ssm.sync.run import decide
from sage100_ssm.sync.run.context import Context
from sage100_ssm.sync.run.observe import Seen
from sage100_ssm.sync.run.rounds import Rounds
from sage100_ssm.sync.run.shown import without_bases


def check_part(context: Context, decided: decide.Decided) -> None:
    """A plan that was made for a part, compared with the one for everybody at the same moment.

    Raises:
        AssertionError: they differ.
    """
    one, other = _said(decided), _said(_for_everybody(context, decided))
    assert one == other, "\n".join(_differences(one, other))


def check_sieve(context: Context, seen: Seen) -> None:
    """The plan once companies at rest were left out slice by slice, compared with the one for everybody.

    Raises:
        AssertionError: they differ.
    """
    sieved = Rounds(context, seen, in_one=True).decide_next()
    one, other = _said(sieved), _said(_for_everybody(context, sieved))
    assert one == other, "\n".join(_differences(one, other))


def _for_everybody(context: Context, decided: decide.Decided) -> decide.Decided:
    """The plan for everybody, from an independent look at both sides."""
    seen = decided.seen

    def everybody(_: Seeds, lookups: Lookups) -> Part:
        sage100 = {row["cbMarq"]: row for row in context.sage100.shown_contacts()}  # type: ignore[attr-defined]
        with context.store.reading() as transaction:
            stored = {} if seen.unsaved.are_all else {row["id"]: row for row in transaction.observed("contacts")}
            links = {k.id or 0: without_bases(k, seen.without_bases) for k in transaction.links()}
        ssm = dict(sorted({**stored, **seen.unsaved.contacts}.items()))
        companies = lookups.companies_in_ssm(ssm.values())
        keys = {*seen.observation.sage100.digests, *companies.values()}
        return Part(keys, dict(sorted(sage100.items())), ssm, dict(companies), links)

    with mock.patch.object(decide, "gathered", everybody):
        return decide.decide(context, seen, replace(decided.round, companies=frozenset()))


def _said(decided: decide.Decided) -> dict[str, Any]:
    plan, world = decided.plan, decided.world
    parts = ("links", "writes", "problems", "notices", "edits", "renamed", "outdated", "matches")
    guarded, stops = guards.guard(plan, world, guards.Lifted())
    said = {name: getattr(plan, name) for name in parts}
    lives = {pair: world.both_live(pair) for pair in (*world.decisions.same, *world.decisions.different)}
    return said | {
        "malformed": set(map(repr, decided.problems)),
        "guards": stops,
        "guarded": guarded.writes,
        "links in all": world.number_of_links,
        "decisions": lives,
    }


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    differing = [name for name in one if one[name] != other[name]]
    return [f"{name}: {one[name]!r} of the part, {other[name]!r} of the whole" for name in differing]
