"""R5: whether a write whose receipt never came was done, seen by what its side now reads."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.model import Side, ValuePair
from sage100_ssm.sync.rules.merge import confirmed
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
BASE = ValuePair("a", "a")
WRITTEN = ValuePair("b", "b")


def base_after(sage100, ssm, unconfirmed, fields=STANDARD):
    """The base of Ada's e-mail once both sides are read; a side that shows no contact is None."""
    known = worlds.mapper(fields)
    link = worlds.linked(worlds.sage_row(CT_EMail="a"), worlds.ssm_row(email="a"), unconfirmed=unconfirmed)
    here = known.read(SAGE, worlds.sage_row(CT_EMail=sage100)) if sage100 is not None else None
    there = known.read(SSM, worlds.ssm_row(email=ssm)) if ssm is not None else None
    result = confirmed(link, here, there, known)
    assert result.unconfirmed == {}, "it is known now"
    assert replace(result, base=link.base, unconfirmed=unconfirmed) == link, "nothing else changes"
    return result.base["email"]


@pytest.mark.parametrize(
    ("sage100", "ssm", "side", "base"),
    [
        pytest.param("b", "b", SSM, WRITTEN, id="SSM reads what was written: it was done"),
        pytest.param("b", "B", SSM, ValuePair("b", "B"), id="SSM reads it in another spelling: its form is the base"),
        pytest.param("b", "a", SSM, BASE, id="SSM reads the value from before: it was not done"),
        pytest.param("b", "c", SSM, BASE, id="SSM reads a third value: somebody's edit, whatever became of the write"),
        pytest.param("b", None, SSM, BASE, id="SSM does not show the contact"),
        pytest.param("c", "b", SSM, WRITTEN, id="Sage was edited meanwhile: its edit is seen against what was written"),
        pytest.param("b", "b", SAGE, WRITTEN, id="Sage reads what was written: it was done"),
        pytest.param("B", "b", SAGE, ValuePair("B", "b"), id="Sage reads it in another spelling: its form is the base"),
        pytest.param("a", "b", SAGE, BASE, id="Sage reads the value from before: it was not done"),
        pytest.param(None, "b", SAGE, BASE, id="Sage does not have the contact any more"),
    ],
)
def test_r5_the_base_after_a_write_that_nobody_confirmed(sage100, ssm, side, base):
    assert base_after(sage100, ssm, {side: {"email": WRITTEN}}) == base


def test_r5_writes_to_both_sides_are_looked_up_each_on_its_side():
    unconfirmed = {SAGE: {"email": WRITTEN}, SSM: {"email": ValuePair("c", "c")}}
    assert base_after("b", "x", unconfirmed) == ValuePair("b", "b")
    assert base_after("x", "c", unconfirmed) == ValuePair("c", "c")


@pytest.mark.parametrize(("side", "sage100", "ssm"), [(SAGE, "x", "a"), (SSM, "a", "y")])
def test_r5_each_side_is_compared_with_its_own_form_of_what_was_written(side, sage100, ssm):
    assert base_after(sage100, ssm, {side: {"email": ValuePair("x", "y")}}) == ValuePair("x", "y")


def test_a_field_that_is_no_longer_in_the_map_keeps_its_base():
    others = tuple(f for f in STANDARD if f.name != "email")
    assert base_after("b", "b", {SSM: {"email": WRITTEN}}, others) == BASE


def test_a_link_without_an_unconfirmed_write_is_left_as_it_is():
    link = worlds.linked()
    assert confirmed(link, None, None, worlds.mapper()) is link
