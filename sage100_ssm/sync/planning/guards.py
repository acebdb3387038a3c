"""What stops a run that would do more than a person is likely to have meant (P9).

Each guard is a pure function of the plan and the world. A guard that a switch lifts is lifted for that run alone.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import (
    Code,
    DeletionGuard,
    EmptySideGuard,
    Entry,
    Guard,
    GuardLifted,
    LostStateGuard,
    MassChangeGuard,
    RestoredSideGuard,
    Subject,
)
from sage100_ssm.sync.model import Occasion, Side
from sage100_ssm.sync.planning.plan import Figures, Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.policy import DeletionLimit

_MASS = 20
"""With fewer links, an edit of most of them is a normal day."""
_RENAMED = 3
"""A person may take over another one's record, or two may; more of them at once are permuted or rebuilt rows."""
_OUTDATED = 3
"""One or two rows with older stamps come from import tools; so many come from a backup."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """The guards that a person lifted for this run.

    Attributes:
        deletions: ``--allow-deletions``.
        mass_change: ``--allow-mass-change``.
        looked_at: the guards that the person saw: no other is lifted, and none that now counts more; None for all.
        by: who the person is; None where that is not known.
    """

    deletions: bool = False
    mass_change: bool = False
    looked_at: Sequence[Guard] | None = None
    by: str | None = None

    def lets_through(self, guard: Guard) -> bool:
        """Whether a guard that trips is lifted."""
        is_lifted = self.deletions if isinstance(guard, DeletionGuard) else self.mass_change
        if self.looked_at is None:
            return is_lifted
        seen = (one for one in self.looked_at if (one.code, one.side) == (guard.code, guard.side))
        return is_lifted and any((guard.number or 0) <= (one.number or 0) for one in seen)


def guard(plan: Plan, world: World, lifted: Lifted, earlier: Figures | None = None) -> tuple[Plan, tuple[Entry, ...]]:
    """Withhold what a person must confirm.

    A guard that a person lifted is noted with the command that lifted it.

    Args:
        plan: the plan.
        world: what it was made for.
        lifted: the guards that a person lifted.
        earlier: what the plans of the run's earlier rounds came to.

    Returns:
        The plan that may be carried out, and the guards that withheld something.
    """
    # People may have changed much since all rounds were counted: then the rounds themselves come to more.
    counted = ((earlier or Figures()) + plan.figures) | world.all_rounds.figures
    forbidding_all = (
        *_lost_state(world),
        *_empty_sides(world),
        *_restored_side(counted, world),
        *_mass_changes(counted, world),
    )
    if not all(map(lifted.lets_through, forbidding_all)):
        code = forbidding_all[0].code
        # The rest of the plan goes too: nothing that rests on a suspicious reading is remembered.
        return replace(plan.withhold(lambda _: code), links=(), problems=(), notices=()), _entries(forbidding_all)
    if forbidding_all:
        plan = _let_through(plan, forbidding_all, set(Side), lifted.by)

    too_many = {guard.side: guard for guard in _too_many_deletions(counted, world)}
    if lifted.deletions and all(map(lifted.lets_through, too_many.values())):
        return _let_through(plan, too_many.values(), too_many, lifted.by), ()
    # With the deletions wait the creations on that side: perhaps only the ids have changed.
    waiting = (Action.DELETE, Action.CREATE)
    guarded = plan.withhold(lambda w: Code.DELETION_GUARD if w.side in too_many and w.action in waiting else None)
    return guarded, _entries(too_many.values())


def _entries(guards: Iterable[Guard]) -> tuple[Entry, ...]:
    return tuple(Entry(Subject(), guard) for guard in guards)


def _lost_state(world: World) -> Iterator[Guard]:
    """A state without any link, beside contacts of SSM that carry marks: it was lost, or belongs to a copy.

    An intent is a trace, too: a first run that was killed left it, and the marks are its own.
    """
    if world.number_of_links or world.intents or world.is_rebuilt:
        return
    marks = Counter(world.all_rounds.marks) or world.marks_by_database()
    if marks.total() > world.policy.max_deletions.floor:
        yield LostStateGuard(Side.SSM, marks.total(), tuple(marks.most_common()))


def _empty_sides(world: World) -> Iterator[Guard]:
    """A side whose contacts read empty while any link exists whose contact is not known to be deleted."""
    deleted_in_ssm = {contact.id for contact in world.ssm.values() if contact.deleted}
    in_sage100 = [link for link in world.links if link.ssm_id not in deleted_in_ssm]
    if in_sage100 and world.complete[Side.SAGE100] and not (world.sage100 or world.beyond.sage100):
        yield EmptySideGuard(Side.SAGE100, len(in_sage100) + world.beyond.links)
    unseen = [link for link in world.links if link.ssm_id not in world.ssm]
    lives_in_ssm = world.beyond.lives_in_ssm or not all(contact.deleted for contact in world.ssm.values())
    if unseen and world.complete[Side.SSM] and not lives_in_ssm:
        yield EmptySideGuard(Side.SSM, len(unseen) + world.beyond.links)


def _restored_side(counted: Figures, world: World) -> Iterator[Guard]:
    """A Sage restored from a backup: it would give ids a second time, or shows what it showed long before."""
    if world.identity_fell or counted.outdated >= _OUTDATED:
        yield RestoredSideGuard(Side.SAGE100, counted.outdated or None)


def _mass_changes(counted: Figures, world: World) -> Iterator[Guard]:
    """A side on which more than half of at least 20 links were edited at once, or of any number renamed altogether."""
    half = world.number_before / 2
    for side in Side:
        edited, renamed = counted.edits.get(side, 0), counted.renamed.get(side, 0)
        if renamed > half and renamed >= _RENAMED:
            yield MassChangeGuard(side, renamed, both_names=True)
        elif edited > half and world.number_before >= _MASS:
            yield MassChangeGuard(side, edited)


def _too_many_deletions(counted: Figures, world: World) -> Iterator[DeletionGuard]:
    """Deletions on a side beyond the limit, those of the last 24 hours included: none is done, nothing is created."""
    for side in Side:
        planned, earlier = counted.deletions.get(side, 0), world.deleted_today.get(side, 0)
        number, most = planned + earlier, allowed(world.number_before + earlier, world.policy.max_deletions)
        if planned and number > most:
            yield DeletionGuard(side, number, limit=most)


def allowed(links: int, limit: DeletionLimit) -> int:
    """How many deletions a run may do on a side by itself: both figures of the limit must be exceeded."""
    return max(limit.floor, int(limit.ratio * links))


def _let_through(plan: Plan, guards: Iterable[Guard], sides: Collection[Side], by: str | None) -> Plan:
    """The plan with a notice of each guard that was lifted, and with one of each contact that is deleted because of it.

    Args:
        plan: the plan.
        guards: the guards.
        sides: where they held deletions back.
        by: who lifted them.
    """
    lifted = list(guards)
    writes = (
        _let_through_deletion(w, lifted, by) if w.action is Action.DELETE and w.side in sides else w
        for w in plan.writes
    )
    return replace(plan, writes=tuple(writes), notices=(*plan.notices, *(_lifted(guard, by) for guard in lifted)))


def _let_through_deletion(write: Write, lifted: Sequence[Guard], by: str | None) -> Write:
    guard = next((guard for guard in lifted if guard.side is write.side), lifted[0])
    named = Entry(write.subject, GuardLifted(write.side, guard.code, None, guard.switch, by))
    return replace(write, deleted_because=Occasion.GUARD_LIFTED, notices=(*write.notices, named))


def _lifted(guard: Guard, by: str | None) -> Entry:
    """A note that a guard would have stopped the run."""
    # Notices of one run differ by their values, so the guard's code is the value of its side.
    sage100, ssm = (guard.code.value, None) if guard.side is Side.SAGE100 else (None, guard.code.value)
    facts = GuardLifted(guard.side, guard.code, guard.number, guard.switch, by)
    return Entry(Subject(), facts, sage100_value=sage100, ssm_value=ssm)
