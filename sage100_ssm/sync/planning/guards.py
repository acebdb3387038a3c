"""What stops a run that would do more than a person is likely to have meant (P9).

Each guard is a pure function of the plan. A guard lifted by a switch is lifted for that run alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.model import Code, Entry, Side, Subject
from sage100_ssm.sync.planning.draft import Plan, World
from sage100_ssm.sync.policy import DeletionLimit

_MASS = 20
"""Below so many links an edit of most of them is a normal day."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """The guards that a person lifted for this run.

    Attributes:
        deletions: ``--allow-deletions``.
        mass_change: ``--allow-mass-change``.
    """

    deletions: bool = False
    mass_change: bool = False


def guard(plan: Plan, world: World, lifted: Lifted) -> list[Entry]:
    """Take out of the plan what a guard holds back; return the guards that did.

    Afterwards ``plan.writes`` is what may be done and ``plan.held`` what may not. A guard that forbids all
    writing empties the rest of the plan, too: nothing that rests on a suspicious reading is remembered. A guard
    that a person lifted is noted with the command that lifted it.
    """
    stops = [*_empty_sides(world), *_restored_side(plan, world), *_mass_changes(plan, world)]
    if stops and not lifted.mass_change:
        _hold(plan, Side.SAGE100, Side.SSM, code=stops[0].code, actions=tuple(Action))
        plan.links.clear()
        plan.notices.clear()
        plan.problems.clear()
        return stops
    plan.notices += map(_lifted, stops)
    stops = list(_too_many_deletions(plan, world))
    if lifted.deletions:
        plan.notices += map(_lifted, stops)
        return []
    for stop in stops:
        side = Side(stop.details["side"])
        _hold(plan, side, code=stop.code, actions=(Action.DELETE, Action.CREATE))
    return stops


def _empty_sides(world: World) -> Iterator[Entry]:
    """A side whose contacts read empty while more than ``floor`` links exist."""
    living = {Side.SAGE100: len(world.sage100), Side.SSM: sum(not c.deleted for c in world.ssm.values())}
    for side, number in living.items():
        if number == 0 and world.complete[side] and len(world.links) > world.policy.max_deletions.floor:
            yield _stop(Code.EMPTY_SIDE_GUARD, side, len(world.links), "--allow-mass-change")


def _restored_side(plan: Plan, world: World) -> Iterator[Entry]:
    """A Sage restored from a backup: it would give out ids again, or shows what it showed long before."""
    if world.identity_fell or plan.turned_back:
        yield _stop(Code.RESTORED_SIDE_GUARD, Side.SAGE100, plan.turned_back or None, "--allow-mass-change")


def _mass_changes(plan: Plan, world: World) -> Iterator[Entry]:
    """A side on which more than half of at least 20 links were edited at once."""
    links = len(world.links)
    for side, number in sorted(plan.edited.items()):
        if links >= _MASS and number > links / 2:
            yield _stop(Code.MASS_CHANGE_GUARD, side, number, "--allow-mass-change")


def _too_many_deletions(plan: Plan, world: World) -> Iterator[Entry]:
    """Deletions on a side beyond the limit: none is done there, and nothing is created."""
    for side in Side:
        number, most = len(plan.of(side, Action.DELETE)), allowed(len(world.links), world.policy.max_deletions)
        if number > most:
            yield _stop(Code.DELETION_GUARD, side, number, "--allow-deletions", limit=most)


def allowed(links: int, limit: DeletionLimit) -> int:
    """How many deletions a run may do on a side by itself: what both figures of the limit forbid is too much."""
    return max(limit.floor, int(limit.ratio * links))


def _hold(plan: Plan, *sides: Side, code: Code, actions: tuple[Action, ...]) -> None:
    held = [w for w in plan.writes if w.side in sides and w.action in actions]
    plan.held.extend((write, code.value) for write in held)
    plan.writes[:] = [w for w in plan.writes if w.side not in sides or w.action not in actions]


def _lifted(stop: Entry) -> Entry:
    """Note that a guard would have stopped the run. Its code stands as the side's value, by which notices differ."""
    on_sage100 = stop.details["side"] == Side.SAGE100
    sage100, ssm = (stop.code.value, None) if on_sage100 else (None, stop.code.value)
    details = {**stop.details, "reason": stop.code.value}
    return Entry(Code.GUARD_LIFTED, stop.subject, "P9", sage100_value=sage100, ssm_value=ssm, details=details)


def _stop(code: Code, side: Side, number: int | None, switch: str, **more: int) -> Entry:
    return Entry(code, Subject(), "P9", details={"side": side.value, "number": number, "switch": switch, **more})
