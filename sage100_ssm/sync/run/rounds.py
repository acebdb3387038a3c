"""The rounds of a run: so many companies at a time as can be looked at in bounded memory (docs/decisions/0039).

Hardly any run needs a second round: a quiet one looks at nobody, and few sites have more companies than one takes. The
first run, and the one after an upgrade or with changed settings, look at everybody. Then slices are planned first, and
nothing is kept of them but which companies are at rest, and what the guards count. The other companies are planned
again, round by round, each once the one before it was carried out: a round does what a run of its own would do.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from itertools import islice

from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.draft import HIGHEST_NUMBER
from sage100_ssm.sync.planning.plan import Figures
from sage100_ssm.sync.planning.world import AllRounds
from sage100_ssm.sync.run.context import Context
from sage100_ssm.sync.run.decide import Decided, Round, decide, foresee, shown_by
from sage100_ssm.sync.run.deletions import recent_deletions
from sage100_ssm.sync.run.observe import Seen
from sage100_ssm.sync.run.shown import Shown
from sage100_ssm.sync.state.at_rest import batches
from sage100_ssm.sync.state.transaction import Transaction

COMPANIES_AT_ONCE = 5_000
"""Companies that are looked at together: with four contacts each, a plan for them takes 250 MB."""


@dataclass(frozen=True, slots=True)
class _Due:
    """The companies that rounds must look at.

    Attributes:
        together: those that must be in one round: whoever has gone from one company to another is recognised only where
            both are looked at.
        others: the others.
        rest: the companies that need no look, with the digests that vouch for them.
        figures: what the guards count in plans for all of them.
    """

    together: Collection[str]
    others: Collection[str] = ()
    rest: Mapping[str, int] = default(default_factory=dict)
    figures: Figures = default(default_factory=Figures)


class Rounds:
    """The rounds of a run, decided one by one.

    Args:
        context: what the run works with.
        seen: what it saw.
        in_one: whether there is to be one round, however large: a rehearsal shows all that it plans.
    """

    def __init__(self, context: Context, seen: Seen, *, in_one: bool = False) -> None:
        self._context, self._seen = context, seen
        # Which numbers are free at the end of the column only all contacts show.
        self._in_one = in_one or seen.observation.sage100.highest_number >= HIGHEST_NUMBER
        self._left: list[Round] | None = None

    @property
    def are_left(self) -> bool:
        """Whether there is another round; there is one at least."""
        return self._left is None or bool(self._left)

    @property
    def companies_left(self) -> int:
        """The number of companies that no round has looked at so far."""
        return sum(len(about.companies) for about in self._left or ())

    def decide_next(self) -> Decided:
        """Decide what is to be done in the next round."""
        if self._left is None:
            self._left = self._divided()
        decided = decide(self._context, self._seen, self._left.pop(0))
        self._seen = decided.seen  # contact types may have been read again
        # What a key has led to was looked at as a whole: a later round, which may not know that key, adds nothing.
        left = (replace(about, companies=about.companies - decided.companies.keys()) for about in self._left)
        self._left = [about for about in left if about.companies]
        return decided

    def _divided(self) -> list[Round]:
        began = self._context.now()
        with self._context.store.reading() as transaction:
            shown = shown_by(self._context, self._seen, transaction.lookup)
            changed = list(dict.fromkeys(_changed_companies(transaction, self._seen, shown)))
            deleted_today = recent_deletions(transaction, began)
            has_links, links = self._seen.known.has_links, transaction.count_links().total
            marks = shown.marks_by_database() if len(changed) > COMPANIES_AT_ONCE and not has_links else {}
        if len(changed) <= COMPANIES_AT_ONCE:
            due = _Due(changed)
        elif has_links:
            due = self._sieved(changed, deleted_today)
        else:
            due = _Due((), changed)
        first, *later = [frozenset([*due.together, *due.others])] if self._in_one else _parted(due)
        all_rounds = AllRounds(due.figures, marks, links) if later else AllRounds()
        return [
            Round(first, all_rounds, deleted_today, settled=due.rest),
            *(Round(part, all_rounds, deleted_today, observed_at=began) for part in later),
        ]

    def _sieved(self, changed: Iterable[str], deleted_today: Mapping[Side, int]) -> _Due:
        """Leave out the companies at rest, looking at so many at a time as a round does."""
        left: dict[str, None] = {}
        rest: dict[str, int] = {}
        connected: set[str] = set()
        figures = Figures()
        unseen = dict.fromkeys(changed)
        while batch := list(islice(unseen, COMPANIES_AT_ONCE)):
            about = Round(frozenset(batch), deleted_today=deleted_today, observed_at=self._context.now())
            found = foresee(self._context, self._seen, about)
            # With the companies of the slice come those that a key leads to. None is looked at twice: what the guards
            # count would count twice.
            for key in [key for key in unseen if key in found.companies]:
                del unseen[key]
                if (digest := found.companies[key]) is None:
                    left[key] = None
                else:
                    rest[key] = digest
            connected |= found.connected
            figures += found.figures
            if found.seen.observation.failures.keys() > self._seen.observation.failures.keys():
                # P10: a side does not answer any more. The companies keep waiting for their look: what the guards count
                # is not known of all of them.
                self._seen = found.seen
                return _Due(())
        return _Due(connected & left.keys(), left.keys() - connected, rest, figures)


def _changed_companies(transaction: Transaction, seen: Seen, shown: Shown) -> Iterator[str]:
    """The keys of the companies that are not at rest: of which something has changed since a run had nothing to do."""
    now = seen.observation.sage100.digests
    known = set()
    for key, digest in transaction.companies():
        known.add(key)
        if seen.looks_at_all or digest is None or digest != now.get(key, 0):
            yield key
    yield from (key for key in now if key not in known)
    yield from shown.companies_of_unsaved()


def _parted(due: _Due) -> list[frozenset[str]]:
    """The companies of each round; the first one may have none."""
    others = iter(due.others)
    first = frozenset([*due.together, *islice(others, max(0, COMPANIES_AT_ONCE - len(due.together)))])
    return [first, *map(frozenset, batches(others, COMPANIES_AT_ONCE))]
