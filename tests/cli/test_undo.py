"""P16: what can be asked back of a write, and what the command says."""

import json
from dataclasses import replace

import pytest

from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Change, Side
from sage100_ssm.sync.rules.decisions import Pair
from sage100_ssm.sync.state.records import WriteAction, WriteRecord
from sage100_ssm.sync.state.store import StateStore
from tests.cli.conftest import NOON

CLAIRE = Subject("CARAT", 12, 340, "Claire Morel")
CHANGES = {
    "email": Change("old@x.example", "new@x.example"),
    "phone": Change(None, "01 99 00 10 00"),
    "civility": Change("M.", "Mme"),
    "job_title": Change("Gérante", "Acheteuse"),
    "company": Change("NACRE", "CARAT"),
    "ext_id": Change(None, "sage100:BIJOU:12"),
}
WRITE = WriteRecord("r1", NOON, Side.SSM, WriteAction.UPDATE, CLAIRE, CHANGES, is_confirmed=True)


@pytest.fixture
def write(state):
    """A function that puts a write on record and returns its number."""

    def write(record=WRITE):
        with StateStore.open(state) as store, store.transaction() as memory:
            return memory.writes.save(record).id

    return write


@pytest.fixture
def asked(state):
    """A function that returns the fields that are asked back, by pair."""

    def asked():
        with StateStore.open(state) as store, store.transaction() as memory:
            return {pair: set(undo.values) for pair, undo in memory.writes.undos().items()}

    return asked


@pytest.mark.parametrize(("options", "fields"), [([], {"email", "phone"}), (["--field", "email"], {"email"})])
def test_p16_texts_that_an_update_changed_are_asked_back(settings, write, asked, call, options, fields):
    result = call("undo", write(), *options, "--by", "anne", "-c", settings("en"))
    assert result.exit_code == 0
    assert "anne asked back the old value of “e-mail”: old@x.example" in " ".join(result.stdout.split())
    assert asked() == {Pair(12, 340): fields}
    noted = json.loads(call("journal", "--code", "undo_asked", "--json", "-c", settings()).stdout)
    assert {one["field"] for one in noted} == fields


@pytest.mark.parametrize("field", ["civility", "job_title", "company", "ext_id", "fax", "nonsense"])
def test_p16_other_fields_are_not(settings, write, asked, call, field):
    result = call("undo", write(), "--field", field, "-c", settings("en"))
    assert (result.exit_code, asked()) == (2, {})
    assert "Nothing can be asked back" in result.output


@pytest.mark.parametrize(
    "record",
    [
        replace(WRITE, action=WriteAction.CREATE),
        replace(WRITE, action=WriteAction.DELETE),
        replace(WRITE, is_confirmed=False),
        replace(WRITE, subject=replace(CLAIRE, ssm_id=None)),
    ],
    ids=["creation", "deletion", "not confirmed", "one side alone"],
)
def test_p16_nor_is_anything_of_a_write_that_was_no_update_of_both(settings, write, asked, call, record):
    assert call("undo", write(record), "-c", settings()).exit_code == 2
    assert asked() == {}


def test_p16_a_field_that_goes_one_way_is_not_asked_back(settings, write, asked, call):
    file = settings("en")
    file.write_text(f"{file.read_text()}fields: {{email: {{direction: to_ssm}}}}\n")
    assert call("undo", write(), "--field", "email", "-c", file).exit_code == 2


def test_p1_the_two_names_are_asked_back_together(settings, write, asked, call):
    names = {"last_name": Change("Morel", "Vial"), "first_name": Change("Claire", "Zoé")}
    call("undo", write(replace(WRITE, changes=CHANGES | names)), "--field", "last_name", "-c", settings())
    assert asked() == {Pair(12, 340): {"last_name", "first_name"}}


def test_p16_an_unknown_number_is_refused(settings, state, call):
    result = call("undo", "99", "-c", settings("en"))
    assert result.exit_code == 2
    assert "There is no write no. 99" in result.output


def test_p18_what_would_be_typed_in_sage_cannot_be_asked_back_where_nothing_is_written_there(
    settings, write, asked, call
):
    file = settings("en")
    file.write_text(f"{file.read_text()}policy: {{direction: to_ssm}}\n")

    assert call("undo", write(), "-c", file).exit_code == 2
    assert asked() == {}
