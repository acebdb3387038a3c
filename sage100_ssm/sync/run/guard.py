"""The third step of a run: take out of the plan what a person must confirm, what waits, and what flaps."""

from dataclasses import dataclass, replace

from sage100_ssm.sync.journal import Code, Entry
from sage100_ssm.sync.planning import guards
from sage100_ssm.sync.planning.backoff import back_off
from sage100_ssm.sync.planning.flapping import Rewrites, stop_flapping
from sage100_ssm.sync.planning.plan import Figures, Plan
from sage100_ssm.sync.run.context import Context
from sage100_ssm.sync.run.decide import Decided

REWRITES = "rewrites"
"""Where the state keeps what ``flapping`` remembers from run to run."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may be carried out.

    Attributes:
        decided: what was decided.
        plan: what may be done; ``plan.withheld`` holds the rest.
        guards: the guards that withheld something.
        problems: the refusals whose writes wait, the fields that are not written any more.
        rewrites: this run's rewrites, to be remembered; None where they are not to be counted.
    """

    decided: Decided
    plan: Plan
    guards: tuple[Entry, ...] = ()
    problems: tuple[Entry, ...] = ()
    rewrites: Rewrites | None = None

    @property
    def forbids_all(self) -> bool:
        """Whether a guard forbids all writing: the deletion guard alone lets updates through."""
        return any(guard.code is not Code.DELETION_GUARD for guard in self.guards)


def guard(
    context: Context, decided: Decided, earlier: Rewrites | None = None, figures: Figures | None = None
) -> Guarded:
    """Withhold what a person must confirm (P9), and what waits after refusals.

    Args:
        context: what the run works with.
        decided: what it decided.
        earlier: the rewrites of the rounds before this one; None in the first.
        figures: what the guards counted in the rounds before this one; None in the first.
    """
    options = context.options
    lifted = guards.Lifted(options.allow_deletions, options.allow_mass_change, options.looked_at, options.by)
    plan, stops = guards.guard(decided.plan, decided.world, lifted, figures)
    waiting: tuple[Entry, ...] = ()
    if alone := decided.seen.alone:
        # Only now: that one contact is tried alone lifts no guard.
        plan = plan.about(alone)
    else:  # a person who retries does not wait
        plan, waiting = back_off(plan, decided.open_problems, context.now(), decided.world.mapper)
    with context.store.transaction() as transaction:
        remembered = transaction.recall(REWRITES) or {}
    before, so_far = (earlier.before, remembered) if earlier else (remembered, None)
    plan, flapping, rewrites = stop_flapping(plan, before, decided.world.mapper, so_far)
    return Guarded(decided, plan, stops, (*waiting, *flapping), None if plan.is_partial else rewrites)


def links_only(decided: Decided) -> Guarded:
    """Only the links that were found; neither side is written (``resync``).

    The guards of a run hold them back, too, except the one for a lost state, after which this is the way out.
    """
    plan, stops = guards.guard(decided.plan, replace(decided.world, is_rebuilt=True), guards.Lifted())
    return Guarded(decided, replace(plan, writes=(), is_partial=True), stops)
