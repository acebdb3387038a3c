"""A random walk: people work on both sides between runs and during them, everything goes wrong, and an oracle watches.

The oracle: what a person typed is on a side or in the journal, until a person replaces it on a side that shows it; no
contact is there twice; none is deleted that nobody deleted. It is asked after each step. Steps are those of the small
world: what is found is made as short as it can be, and printed as a script that can be played again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any
from unittest import mock

from sage100_ssm.app.decisions import Answer, choices_for, decide, take_back
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.journal import Code, SideUnreachable
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import ConflictPolicy, RefusedDeletion
from sage100_ssm.sync.run import observation
from sage100_ssm.sync.run.report import RunReport
from tests.support.memory_play import FOREIGN, Answers
from tests.support.memory_sides import Fate
from tests.support.small_world import Deed, SmallWorld, Step, Turn, taking_turns

_KINDS = ("create", "create", "edit", "edit", "edit", "edit", "clear", "choose", "rename", "move", "delete", "recreate")
_OF_BOTH = ("copy", "company", "alike", "answer", "answer")
_OF_SIDE = {Side.SAGE100: (*_KINDS, *_OF_BOTH, "replace"), Side.SSM: (*_KINDS, *_OF_BOTH, "twin", "odd", "mark")}
_QUESTIONS = frozenset({Code.AMBIGUOUS_MATCH, Code.POSSIBLE_DUPLICATE, Code.CONFLICT})
_FATES = [fate.value for fate in Fate if fate is not Fate.DONE]
_COMMITS = 100
"""Happenings from this position on are about the commits of a run; those before it, about its writes."""


class Walk(SmallWorld):
    """A small world in which more happens at a time."""

    def take(self, step: Step) -> RunReport | None:
        """Let a step happen. A person confirms what a guard withheld."""
        # By its `CT_No` alone a contact is not recognised (P14): one that is renamed, cleared and moved before the
        # next run has nothing left that shows that we created it.
        if isinstance(step, Deed) and _takes_a_name_away(step) and self.unconfirmed:
            return None
        report = super().take(step)
        if isinstance(step, Turn):
            self.is_confirmed = report is not None and bool(report.guards)
        return report

    def _do(self, deed: Deed) -> None:
        match deed.kind:
            case "alike":
                self._look_alike(deed)
            case "answer":
                self._answer(deed)
            case _:
                super()._do(deed)

    def _look_alike(self, deed: Deed) -> None:
        """Somebody is typed on both sides, under two names and with one e-mail (P4)."""
        new = {}
        for side, what in ((Side.SAGE100, deed.what), (Side.SSM, deed.what + 2)):
            before = set(self._living(side))
            super()._do(Deed(side.value, "create", 0, what))
            new[side] = [row for id_, row in self._living(side).items() if id_ not in before]
        for row, card in zip(new[Side.SAGE100], new[Side.SSM], strict=False):
            self.users[Side.SSM].update(card, {"email": row["CT_EMail"]})

    def _living(self, side: Side) -> Mapping[int, dict[str, Any]]:
        return (self.sage100 if side is Side.SAGE100 else self.ssm).living()

    def _answer(self, deed: Deed) -> None:
        """A person answers a question, or takes an answer back (P16)."""
        # Seldom an answer comes too late, or is taken back once the question is closed.
        journal = self.journal if deed.what % 3 == 0 else self.problems
        asked = [p for p in journal if p.entry.code in _QUESTIONS]
        if not asked:
            return
        problem, now = asked[deed.who % len(asked)], self.clock()
        with self.store.transaction() as memory, suppress(ConfigurationError):
            if deed.what % 3 == 0:
                take_back(memory, problem.id, "claire", now)
            else:
                choices = choices_for(problem.entry)
                decide(memory, problem.id, Answer(choices[deed.what % 2], "claire", now))

    def calm_down(self) -> None:
        """From now on SSM shows what it has and is no other instance, and nothing is under way any more."""
        self.ssm.odd.clear()
        self.clock.advance(hours=3)
        self.ssm.let_pass()
        self.take(Turn(hours=25))
        refusals = [p.entry.facts.reason for p in self.problems if isinstance(p.entry.facts, SideUnreachable)]
        if "other_side" in refusals:
            self._give_up_foreign_marks()

    def _give_up_foreign_marks(self) -> None:
        """Another installation gives up the contacts that it has marked, because runs are refused."""
        with self.store.transaction() as memory:
            known = [row["id"] for row in memory.observed("contacts")]
        marked = [card for card in self.ssm.contacts.values() if card["extId"] == FOREIGN]
        # Of so few it may have marked most: SSM then looks like another instance, for example a copy of this one.
        assert sum(card["id"] in known for card in marked) * 2 > len(known), "SSM is the instance that it was"
        for card in marked:
            self.ssm.touch(card, extId=None)

    def _meet(self, name: str) -> Fate:
        """What the script says to the next commit or write, each counted by itself."""
        commits = self.met.count("commit")
        position = _COMMITS + commits if name == "commit" else len(self.met) - commits
        self.met.append(name)
        return self._suffer(self._script[position])


def _takes_a_name_away(deed: Deed) -> bool:
    return deed.kind == "rename" or (deed.side == Side.SAGE100 and deed.kind == "clear" and deed.what % 5 == 3)


def walk(answers: Answers, steps: Sequence[Step]) -> None:
    """Walk, with the oracle asked after each step; then come to rest.

    Raises:
        AssertionError: something does not hold.
    """
    # So small that a whole read is stored in several transactions, and takes several runs.
    with taking_turns(), mock.patch.object(observation, "_STORED_AT_ONCE", 2):
        world = Walk(answers)
        world.ssm.read_at_once = 3
        for step in steps:
            world.take(step)
            world.check()
        world.calm_down()
        world.come_to_rest()
        world.check()
        world.check_rest()


def random_walk(seed: int, length: int) -> int:
    """Walk somewhere that the seed decides. Returns the number of steps taken.

    Raises:
        AssertionError: something does not hold; with the shortest script that was found to show it.
    """
    chance = Random(seed)  # noqa: S311 - no secret
    conflict, refused = chance.choice(list(ConflictPolicy)), chance.choice(list(RefusedDeletion))
    answers = Answers(conflict, refused, chance.choice((None, "-")), chance.random() < 0.5)
    steps = [_random_step(chance) for _ in range(chance.randint(1, length))]
    if _failure(answers, steps) is not None:
        steps = _shortened(answers, steps)
        raise AssertionError(f"seed {seed}: {_failure(answers, steps)!r}\n{_script(answers, steps)}")
    return len(steps)


def replay(conflict: str, refused_deletion: str, missing_first_name: str | None, truncate: bool, *steps: Step) -> None:
    """Walk again as a script says.

    Raises:
        AssertionError: something does not hold.
    """
    answers = Answers(ConflictPolicy(conflict), RefusedDeletion(refused_deletion), missing_first_name, truncate)
    if (error := _failure(answers, steps)) is not None:
        raise AssertionError(f"{error!r}") from error


def _script(answers: Answers, steps: Sequence[Step]) -> str:
    """A walk for people to read and to walk again: what follows is Python."""
    lines = "".join(f"    {step!r},\n" for step in steps)
    site = (answers.conflict.value, answers.refused.value, answers.missing_first_name, answers.truncate)
    return f"replay(\n    {', '.join(map(repr, site))},\n{lines})"


def _failure(answers: Answers, steps: Sequence[Step]) -> Exception | None:
    try:
        walk(answers, steps)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return error
    return None


def _shortened(answers: Answers, steps: list[Step]) -> list[Step]:
    """The steps without all those without which it fails, too."""
    shorter: list[Step] | None = steps
    while shorter is not None:
        steps = shorter
        shorter = next((fewer for fewer in _fewer(steps) if _failure(answers, fewer) is not None), None)
    return steps


def _fewer(steps: list[Step]) -> Iterator[list[Step]]:
    size = len(steps) // 2
    while size:
        for start in range(0, len(steps), size):
            yield [*steps[:start], *steps[start + size :]]
        size //= 2
    for index, step in enumerate(steps):
        for plainer in _plainer(step) if isinstance(step, Turn) else ():
            yield [*steps[:index], plainer, *steps[index + 1 :]]


def _plainer(turn: Turn) -> Iterator[Turn]:
    for one in turn.happenings:
        yield replace(turn, happenings=tuple(h for h in turn.happenings if h is not one))
    plain = Turn()
    ways = ({"ahead": plain.ahead}, {"cut": plain.cut}, {"hours": 0}, {"minutes": plain.minutes}, {"backwards": False})
    yield from (plainer for way in ways if (plainer := replace(turn, **way)) != turn)


# --- what chance gives


def _random_step(chance: Random) -> Step:
    if chance.random() < 0.55:
        return _random_deed(chance)
    return Turn(
        happenings=tuple(_random_happening(chance) for _ in range(chance.choice((0, 1, 1, 2)))),
        hours=chance.choice((0, 0, 0, 0, 1, 25)),
        minutes=chance.choice((1, 2, 15)),
        ahead=chance.choice((*[0] * 8, -2, 2, 50)),
        backwards=chance.random() < 0.3,
        cut=chance.choice((*[None] * 20, *(side.value for side in Side))),
    )


def _random_deed(chance: Random) -> Deed:
    side = chance.choice(list(Side))
    return Deed(side.value, chance.choice(_OF_SIDE[side]), chance.randint(0, 2), chance.randint(0, 11))


def _random_happening(chance: Random) -> tuple[int, Deed | str]:
    lot = chance.random()
    if lot < 0.1:
        return _COMMITS + chance.randint(0, 12), Fate.KILLED_BEFORE.value
    return chance.choice((0, 0, 0, 1, 1, 2)), chance.choice(_FATES) if lot < 0.75 else _random_deed(chance)
