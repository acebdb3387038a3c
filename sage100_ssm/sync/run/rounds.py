"""The rounds of a run: so many companies at a time as can be looked at in bounded memory (docs/decisions/0038).

Hardly any run needs a second round: a quiet one looks at nobody, and few sites have more companies than one takes. The
first run, and the one after an upgrade or with changed settings, look at everybody. Then slices are planned first, and
nothing is kept of them but which companies are at rest, and what the guards count. The other companies are planned
again, round by round, each once the one before it was carried out: a round does what a run of its own would do.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from functools import reduce
from operator import add

from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.draft import HIGHEST_NUMBER
from sage100_ssm.sync.planning.plan import Figures
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
class _Slice:
    """Some companies that are looked at together.

    Attributes:
        companies: the keys of those that are not at rest, as far as is known.
        figures: what the guards count in a plan for them.
    """

    companies: frozenset[str]
    figures: Figures = default(default_factory=Figures)

    def __add__(self, other: "_Slice") -> "_Slice":
        return _Slice(self.companies | other.companies, self.figures + other.figures)


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
        return decided

    def _divided(self) -> list[Round]:
        began = self._context.now()
        with self._context.store.reading() as transaction:
            shown = shown_by(self._context, self._seen, transaction.lookup)
            due = dict.fromkeys(_changed_companies(transaction, self._seen, shown))
            deleted_today = recent_deletions(transaction, began)
            is_large, has_links = len(due) > COMPANIES_AT_ONCE, self._seen.known.has_links
            marks = shown.marks_by_database() if is_large and not has_links else {}
        slices: Iterable[_Slice] = (_Slice(frozenset(batch)) for batch in batches(due, COMPANIES_AT_ONCE))
        settled: dict[str, int] = {}
        if is_large and has_links:
            slices = list(self._sieved(slices, deleted_today, settled))
        packed = _packed(slices, len(due) if self._in_one else COMPANIES_AT_ONCE)
        return [
            Round(
                each.companies,
                is_first=number == 0,
                others=reduce(add, (other.figures for other in packed if other is not each), Figures()),
                marks=marks if len(packed) > 1 else {},
                deleted_today=deleted_today,
                observed_at=began if number else None,
                settled={} if number else settled,
            )
            for number, each in enumerate(packed)
        ]

    def _sieved(
        self, slices: Iterable[_Slice], deleted_today: Mapping[Side, int], settled: dict[str, int]
    ) -> Iterator[_Slice]:
        """The slices without the companies that are at rest, which go into ``settled``."""
        for each in slices:
            about = Round(each.companies, is_first=False, deleted_today=deleted_today)
            found = foresee(self._context, self._seen, about)
            rest = {key: digest for key in each.companies if (digest := found.companies.get(key)) is not None}
            settled |= rest
            figures, seen = found.plan.figures, found.seen
            del found  # the largest thing in memory, before there is another one
            yield _Slice(each.companies - rest.keys(), figures)
            if seen.observation.failures.keys() > self._seen.observation.failures.keys():
                # P10: a side does not answer any more. The companies after this one keep waiting for their look.
                self._seen = seen
                return


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


def _packed(slices: Iterable[_Slice], at_once: int) -> Sequence[_Slice]:
    """Slices joined as long as they stay small enough; at least one."""
    packed = [_Slice(frozenset())]
    for each in slices:
        if len(packed[-1].companies) + len(each.companies) <= at_once:
            packed[-1] += each
        else:
            packed.append(each)
    return packed
