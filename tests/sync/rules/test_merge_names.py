"""P1, P7: the last name and the first name of a contact are one field; a card never shows two persons' names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage100_ssm.sync.contacts.fields import FIRST_NAME, NAMES, STANDARD, Direction
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import ChangePutBack, Code, ConflictSettled, Entry
from sage100_ssm.sync.model import Link, Side, ValuePair
from sage100_ssm.sync.policy import ConflictPolicy, Policy
from sage100_ssm.sync.rules.merge import Merged, merge
from sage100_ssm.sync.rules.pair import ShownPair
from tests.support import worlds

Names = tuple[str, str]
COLUMN = {Side.SAGE100: dict(zip(NAMES, ("CT_Nom", "CT_Prenom"), strict=True))}
COLUMN[Side.SSM] = dict(zip(NAMES, ("lastName", "firstName"), strict=True))
LONG = "x" * 36


@dataclass
class Card:
    """The names of one contact on both sides, with what they were when the sides last agreed."""

    mapper: Mapper
    policy: Policy
    link: Link
    names: dict[Side, dict[str, str]]
    disputed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, mapper: Mapper, policy: Policy, sage100: Names, ssm: Names, without: tuple[str, ...] = ()) -> "Card":
        """A card whose base is what both sides show."""
        names = {side: dict(zip(NAMES, typed, strict=True)) for side, typed in zip(Side, (sage100, ssm), strict=True)}
        card = cls(mapper, policy, worlds.linked(), names)
        card.link = replace(card.link, base={n: p for n, p in card.shown_base().items() if n not in without})
        return card

    def shown_base(self) -> Mapping[str, ValuePair]:
        """What both sides show now, as a base."""
        pair = self.pair
        return {f.name: pair.values(f) for f in self.mapper.fields}

    @property
    def pair(self) -> ShownPair:
        """What both sides show now."""
        rows = {side: {COLUMN[side][name]: text for name, text in typed.items()} for side, typed in self.names.items()}
        sage100 = self.mapper.read(Side.SAGE100, worlds.sage_row(**rows[Side.SAGE100]))
        return ShownPair(
            self.link, sage100, self.mapper.read(Side.SSM, worlds.ssm_row(**rows[Side.SSM])), self.disputed
        )

    def edit(self, side: Side, last: str | None, first: str | None) -> None:
        """Somebody types names on one side; None leaves a name alone."""
        self.names[side] |= {n: text for n, text in zip(NAMES, (last, first), strict=True) if text is not None}

    def run(self) -> list[Merged]:
        """One run: what is decided is done, and becomes the base."""
        merged = [m for m in merge(self.pair, self.mapper, self.policy) if m.field.name in NAMES]
        for decision in merged:
            if decision.to:
                self.names[decision.to][decision.field.name] = str(decision.value or "")
        done = {m.field.name for m in merged if m.agreed or m.to}
        shown = self.shown_base()
        self.link = replace(self.link, base={**self.link.base, **{name: shown[name] for name in done}})
        conflicts = [m for m in merged if m.problem and m.problem.code is Code.CONFLICT]
        self.disputed = frozenset(m.field.name for m in conflicts)
        return merged

    def typed(self, side: Side) -> Names:
        """The names on one side."""
        last, first = (self.names[side][name] for name in NAMES)
        return last, first

    def key(self, side: Side) -> tuple[str, str]:
        """The names on one side as the product reads them."""
        return self.pair.of(side).name_key


def card_of(
    sage100: Names = ("Briand", "Paul"),
    ssm: Names = ("Briand", "Paul"),
    *,
    conflict: str = "sage100",
    direction: str = "both",
    missing: str | None = None,
    without: tuple[str, ...] = (),
) -> Card:
    """A card of a site with these settings."""
    policy = Policy(ConflictPolicy(conflict), missing_first_name=missing)
    way = Direction(direction)
    fields = tuple(replace(f, direction=way) if f.name in NAMES else f for f in STANDARD)
    return Card.of(worlds.mapper(fields, policy=policy), policy, sage100, ssm, without)


def told(merged: list[Merged]) -> list[str]:
    """The problems and notices, as ``code field``."""
    entries: list[Entry] = [e for m in merged for e in (m.problem, m.notice) if e]
    return [f"{entry.code} {entry.field}" for entry in entries]


# last and first name as typed, None where nobody typed
@pytest.mark.parametrize(
    ("in_sage", "in_ssm", "conflict", "both", "entries"),
    [
        pytest.param(("Martin", None), (None, None), "ssm", ("Martin", "Paul"), [], id="one name, on one side"),
        pytest.param((None, None), ("Martin", "Eva"), "sage100", ("Martin", "Eva"), [], id="both names, on one side"),
        pytest.param(
            ("Martin", None),
            (None, "Eva"),
            "sage100",
            ("Martin", "Paul"),
            ["conflict_settled first_name"],
            id="one name on each side: Sage's person",
        ),
        pytest.param(
            ("Martin", None),
            (None, "Eva"),
            "ssm",
            ("Briand", "Eva"),
            ["conflict_settled last_name"],
            id="one name on each side: SSM's person",
        ),
        pytest.param(
            ("Martin", "Luc"),
            ("Petit", "Eva"),
            "ssm",
            ("Petit", "Eva"),
            ["conflict_settled last_name", "conflict_settled first_name"],
            id="another person on each side",
        ),
        pytest.param(
            ("Martin", None), ("Martin", "Eva"), "sage100", ("Martin", "Eva"), [], id="an equal change is no conflict"
        ),
        pytest.param(
            ("Martin", ""),
            (None, "Eva"),
            "sage100",
            ("Briand", "Eva"),
            ["conflict_settled last_name", "conflict_settled first_name"],
            id="SSM requires a first name: names without one cannot win there",
        ),
        pytest.param(
            ("Martin", None),
            (None, LONG),
            "ssm",
            ("Martin", "Paul"),
            ["conflict_settled first_name"],
            id="names of which Sage cannot hold one cannot win there",
        ),
    ],
)
def test_p1_the_names_of_one_person_win_as_a_whole(in_sage, in_ssm, conflict, both, entries):
    card = card_of(conflict=conflict)
    card.edit(Side.SAGE100, *in_sage)
    card.edit(Side.SSM, *in_ssm)
    merged = card.run()
    assert (card.typed(Side.SAGE100), card.typed(Side.SSM), sorted(told(merged))) == (both, both, sorted(entries))
    assert card.run() == [Merged(f, agreed=True) for f in card.mapper.fields if f.name in NAMES]


@pytest.mark.parametrize("conflict", ["sage100", "ssm", "newest"])
def test_p1_the_notice_has_the_value_that_lost_and_who_won(conflict):
    card = card_of(conflict=conflict)
    card.edit(Side.SAGE100, "Martin", None)
    card.edit(Side.SSM, None, "Eva")
    (notice,) = [m.notice for m in card.run() if m.notice]
    winner = Side.SSM if conflict == "ssm" else Side.SAGE100
    assert notice.facts == ConflictSettled(winner)
    values = ("Martin", "Briand") if winner is Side.SSM else ("Paul", "Eva")
    assert (notice.sage100_value, notice.ssm_value) == values


def test_p1_manual_names_wait_until_both_sides_show_one_person():
    card = card_of(conflict="manual")
    card.edit(Side.SAGE100, "Martin", None)
    card.edit(Side.SSM, None, "Eva")
    assert told(card.run()) == ["conflict last_name", "conflict first_name"]
    card.edit(Side.SSM, "Martin", None)
    assert told(card.run()) == ["conflict first_name"]
    assert (card.typed(Side.SAGE100), card.typed(Side.SSM)) == (("Martin", "Paul"), ("Martin", "Eva"))
    card.edit(Side.SAGE100, None, "Eva")
    assert told(card.run()) == []


@pytest.mark.parametrize(
    ("side", "last", "first", "problem"),
    [
        (Side.SSM, "Martin", LONG, "value_too_long first_name"),
        (Side.SSM, LONG, "Eva", "value_too_long last_name"),
        (Side.SSM, "Ω", "Eva", "value_not_representable last_name"),
        (Side.SSM, ".", "Eva", "value_missing last_name"),
        (Side.SAGE100, "Martin", "", "value_missing first_name"),
        (Side.SAGE100, "Martin", "-", "value_missing first_name"),
    ],
)
def test_p7_if_one_name_cannot_be_held_both_wait(side, last, first, problem):
    card = card_of()
    card.edit(side, last, first)
    assert told(card.run()) == [problem]
    assert card.typed(side.other) == ("Briand", "Paul")
    card.edit(side, "Martin", "Eva")
    assert told(card.run()) == []
    assert card.typed(side.other) == ("Martin", "Eva")


@pytest.mark.parametrize(("ssm_first", "missing"), [(".", None), ("Inconnu", "Inconnu")])
def test_p7_a_last_name_does_not_wait_for_a_first_name_that_sage_never_had(ssm_first, missing):
    card = card_of(("Briand", ""), ("Briand", ssm_first), missing=missing)
    card.edit(Side.SAGE100, "Martin", None)
    assert told(card.run()) == []
    assert card.typed(Side.SSM) == ("Martin", ssm_first)


@pytest.mark.parametrize(
    ("direction", "in_sage", "in_ssm", "both", "entries"),
    [
        ("to_ssm", ("Martin", None), (None, "Eva"), ("Martin", "Paul"), ["change_put_back first_name"]),
        ("to_ssm", (None, None), ("Martin", None), ("Briand", "Paul"), ["change_put_back last_name"]),
        ("to_sage100", ("Martin", None), (None, "Eva"), ("Briand", "Eva"), ["change_put_back last_name"]),
    ],
)
def test_p1_in_names_that_go_one_way_the_other_persons_names_are_put_back(direction, in_sage, in_ssm, both, entries):
    card = card_of(direction=direction)
    card.edit(Side.SAGE100, *in_sage)
    card.edit(Side.SSM, *in_ssm)
    merged = card.run()
    assert (card.typed(Side.SAGE100), card.typed(Side.SSM), told(merged)) == (both, both, entries)
    assert {type(m.notice.facts) for m in merged if m.notice} == {ChangePutBack}


def test_p4_without_a_base_each_side_keeps_its_own_form_and_a_first_name_is_filled():
    card = card_of(("HERISVAUX", ""), ("Hérisvaux", "Éloïse"), without=NAMES)
    card.run()
    assert card.typed(Side.SAGE100) == ("HERISVAUX", "Éloïse")
    assert card.typed(Side.SSM) == ("Hérisvaux", "Éloïse")
    card.edit(Side.SAGE100, None, "Emma")
    card.run()
    assert card.typed(Side.SSM) == ("Hérisvaux", "Emma")


@pytest.mark.parametrize("direction", ["both", "to_ssm", "to_sage100"])
@pytest.mark.parametrize("conflict", ConflictPolicy)
@pytest.mark.parametrize("first_names", [("", "Eva"), ("Paul", "Eva"), ("Paul", ".")])
def test_p4_without_a_base_two_different_names_are_not_mixed(direction, conflict, first_names):
    names = [("Martin", first_names[0]), ("Petit", first_names[1])]
    card = card_of(*names, conflict=conflict, direction=direction, without=NAMES)
    typed = {card.key(side) for side in Side}
    card.run()
    assert {card.key(side) for side in Side} <= typed


# --- whatever people type

last_names = st.sampled_from((None, "Martin", "MARTIN", "Petit", "L’Hermine", "Ω", LONG, "."))
first_names = st.sampled_from((None, "Eva", "ÉVA", "Luc", "", "-", "Łukasz", LONG))
edits = st.lists(st.tuples(st.sampled_from(Side), last_names, first_names), max_size=3)


@settings(deadline=None, derandomize=True)
@given(
    direction=st.sampled_from(("both", "to_ssm", "to_sage100")),
    conflict=st.sampled_from(ConflictPolicy),
    missing=st.sampled_from((None, "-", "Inconnu")),
    begins=st.tuples(*[st.tuples(st.sampled_from(("Briand", "BRIAND")), st.sampled_from(("Paul", "")))] * 2),
    without=st.sets(st.sampled_from(NAMES)),
    rounds=st.lists(edits, min_size=1, max_size=4),
)
def test_p1_p7_a_card_shows_only_names_that_one_person_typed_together(
    direction, conflict, missing, begins, without, rounds
):
    sage100, ssm = begins
    if FIRST_NAME not in without:
        ssm = (ssm[0], sage100[1])
    card = card_of(sage100, ssm, conflict=conflict, direction=direction, missing=missing, without=tuple(without))
    # At the beginning they are one person: a first name may fill an empty one.
    typed = {(card.key(Side.SAGE100)[0], card.key(side)[1]) for side in Side}
    for turn in rounds:
        for side, last, first in turn:
            card.edit(side, last, first)
            typed.add(card.key(side))
        card.run()
        assert {card.key(side) for side in Side} <= typed
    card.run()
    before = dict(card.names)
    card.run()
    assert card.names == before, "at rest"
