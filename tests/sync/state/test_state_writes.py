"""What was written on the sides, as the state keeps it."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Change, Occasion, Side
from sage100_ssm.sync.rules.decisions import Pair, Undo
from sage100_ssm.sync.state.records import WriteAction, WriteRecord

CLAIRE = Subject("CARAT", 12, 340, "Claire Morel")


@pytest.fixture
def record(now):
    changes = {"email": Change(None, "claire@carat.example"), "phone": Change("1\0", "\ud800", Occasion.CONFLICT)}
    return WriteRecord("r1", now, Side.SSM, WriteAction.UPDATE, CLAIRE, changes)


@pytest.mark.parametrize("action", list(WriteAction))
@pytest.mark.parametrize("occasion", list(Occasion))
def test_a_record_reads_back_as_it_was_saved(transaction, record, action, occasion):
    changes = {"email": Change("a", 2, occasion)}
    saved = transaction.writes.save(replace(record, action=action, changes=changes))
    assert transaction.writes.all() == [saved]
    assert transaction.writes.find(saved.id) == saved


def test_a_record_is_in_doubt_until_it_is_confirmed(transaction, record):
    saved = transaction.writes.save(record)
    assert transaction.writes.in_doubt() == [saved]
    confirmed = transaction.writes.save(replace(saved, is_confirmed=True))
    assert transaction.writes.in_doubt() == []
    assert transaction.writes.all() == [confirmed]


def test_the_record_of_a_write_that_was_not_done_is_discarded(transaction, record):
    saved, other = transaction.writes.save(record), transaction.writes.save(record)
    transaction.writes.discard([saved.id])
    transaction.writes.discard([])
    assert transaction.writes.all() == [other]
    assert transaction.writes.find(saved.id) is None


def test_the_writes_of_a_contact_are_found_by_either_id_newest_first(transaction, record):
    first = transaction.writes.save(replace(record, subject=replace(CLAIRE, ssm_id=None)))
    second = transaction.writes.save(replace(record, subject=replace(CLAIRE, sage100_id=None)))
    transaction.writes.save(replace(record, subject=Subject("CARAT", 13, 341)))
    assert transaction.writes.of_contact(CLAIRE) == [second, first]
    assert transaction.writes.of_contact(Subject("CARAT")) == []


def test_the_writes_of_a_run_and_the_newest_are_found(transaction, record):
    first, second = (transaction.writes.save(replace(record, run_id=run)) for run in ("r1", "r2"))
    assert transaction.writes.of_run("r1") == [first]
    assert transaction.writes.all(limit=1) == [second]


def test_p16_what_was_asked_back_is_known_by_its_pair_until_it_is_closed(transaction, record):
    saved = transaction.writes.save(replace(record, is_confirmed=True))
    transaction.writes.ask_undo(saved.id, ["phone"])
    undo = Undo(saved.id, Side.SSM, {"phone": ("1\0", "\ud800")})
    assert transaction.writes.undos() == {Pair(12, 340): undo}
    assert transaction.writes.all() == [replace(saved, asked_back=("phone",))]
    transaction.writes.close_undos([saved.id])
    transaction.writes.close_undos([])
    assert (transaction.writes.undos(), transaction.writes.all()) == ({}, [saved])


def test_p16_of_two_requests_about_one_write_both_count(transaction, record):
    saved = transaction.writes.save(replace(record, is_confirmed=True))
    transaction.writes.ask_undo(saved.id, ["phone"])
    transaction.writes.ask_undo(saved.id, ["email"])
    (undo,) = transaction.writes.undos().values()
    assert set(undo.values) == {"phone", "email"}


def test_p16_a_write_that_is_saved_again_keeps_what_was_asked_back(transaction, record):
    saved = transaction.writes.save(record)
    transaction.writes.ask_undo(saved.id, ["email"])
    transaction.writes.save(replace(saved, is_confirmed=True))
    assert list(transaction.writes.undos()) == [Pair(12, 340)]
