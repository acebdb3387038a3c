"""What stops a run that would do more than a person is likely to have meant (P9).

Each guard is a pure function of the plan and the world. A guard that a switch lifts is lifted for that run alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.model import Code, Entry, Side, Subject
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.policy import DeletionLimit

_MASS = 20
"""With fewer links, an edit of most of them is a normal day."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """The guards that a person lifted for this run.

    Attributes:
        deletions: ``--allow-deletions``.
        mass_change: ``--allow-mass-change``.
    """

    deletions: bool = False
    mass_change: bool = False


def guard(plan: Plan, world: World, lifted: Lifted) -> tuple[Plan, tuple[Entry, ...]]:
    """Withhold what a person must confirm.

    A guard that a person lifted is noted with the command that lifted it.

    Returns:
        The plan that may be carried out, and the guards that withheld something.
    """
    forbidding_all = (*_empty_sides(world), *_restored_side(plan, world), *_mass_changes(plan, world))
    if forbidding_all and not lifted.mass_change:
        code = forbidding_all[0].code
        # The rest of the plan goes too: nothing that rests on a suspicious reading is remembered.
        return replace(plan.withhold(lambda _: code), links=(), problems=(), notices=()), forbidding_all
    plan = replace(plan, notices=(*plan.notices, *map(_lifted, forbidding_all)))

    too_many = {Side(guard.details["side"]): guard for guard in _too_many_deletions(plan, world)}
    if lifted.deletions:
        return replace(plan, notices=(*plan.notices, *map(_lifted, too_many.values()))), ()
    # With the deletions wait the creations on that side: perhaps only the ids have changed.
    waiting = (Action.DELETE, Action.CREATE)
    guarded = plan.withhold(lambda w: Code.DELETION_GUARD if w.side in too_many and w.action in waiting else None)
    return guarded, tuple(too_many.values())


def _empty_sides(world: World) -> Iterator[Entry]:
    """A side whose contacts read empty while more than ``floor`` links exist."""
    living = {Side.SAGE100: len(world.sage100), Side.SSM: sum(not c.deleted for c in world.ssm.values())}
    for side, number in living.items():
        if number == 0 and world.complete[side] and len(world.links) > world.policy.max_deletions.floor:
            yield _stop(Code.EMPTY_SIDE_GUARD, side, len(world.links), "--allow-mass-change")


def _restored_side(plan: Plan, world: World) -> Iterator[Entry]:
    """A Sage restored from a backup: it would give ids a second time, or shows what it showed long before."""
    if world.identity_fell or plan.outdated:
        yield _stop(Code.RESTORED_SIDE_GUARD, Side.SAGE100, plan.outdated or None, "--allow-mass-change")


def _mass_changes(plan: Plan, world: World) -> Iterator[Entry]:
    """A side on which more than half of at least 20 links were edited at once."""
    links = len(world.links)
    for side, number in sorted(plan.edits.items()):
        if links >= _MASS and number > links / 2:
            yield _stop(Code.MASS_CHANGE_GUARD, side, number, "--allow-mass-change")


def _too_many_deletions(plan: Plan, world: World) -> Iterator[Entry]:
    """Deletions on a side beyond the limit: none is done there, and nothing is created."""
    for side in Side:
        number, most = len(plan.of(side, Action.DELETE)), allowed(len(world.links), world.policy.max_deletions)
        if number > most:
            yield _stop(Code.DELETION_GUARD, side, number, "--allow-deletions", limit=most)


def allowed(links: int, limit: DeletionLimit) -> int:
    """How many deletions a run may do on a side by itself: both figures of the limit must be exceeded."""
    return max(limit.floor, int(limit.ratio * links))


def _lifted(guard: Entry) -> Entry:
    """A note that a guard would have stopped the run."""
    on_sage100 = guard.details["side"] == Side.SAGE100
    # Notices of one run differ by their values, so the guard's code is the value of its side.
    sage100, ssm = (guard.code.value, None) if on_sage100 else (None, guard.code.value)
    details = {**guard.details, "reason": guard.code.value}
    return Entry(Code.GUARD_LIFTED, guard.subject, "P9", sage100_value=sage100, ssm_value=ssm, details=details)


def _stop(code: Code, side: Side, number: int | None, switch: str, **more: int) -> Entry:
    return Entry(code, Subject(), "P9", details={"side": side.value, "number": number, "switch": switch, **more})
