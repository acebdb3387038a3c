"""A warning before a column without values clears a field everywhere."""

import logging

import pytest

from sage100_ssm.connectors.null_columns import NullColumns, empty_in_all
from sage100_ssm.connectors.request import write_request

GONE = "2026-03-02T10:00:00Z"


def requests(*records, first=0):
    return [
        write_request(first + n, "contacts", record, id_field="id", declared=(), rename={})
        for n, record in enumerate(records)
    ]


@pytest.fixture
def warned(caplog):
    caplog.set_level(logging.WARNING, "airbyte")
    return lambda: caplog.messages


def test_a_field_that_no_record_fills_is_named_with_the_number_of_records_and_values(warned):
    NullColumns("contacts").look(requests({"a": None, "b": 1}, {"a": "", "b": None}, {"a": None}), ["a", "a", "b"])
    (line,) = warned()
    assert line.startswith(
        "Empty in all of the first 3 records of contacts, and so about to be cleared here: a (2 values)."
    )


def test_one_value_that_is_cleared_is_an_edit(warned):
    NullColumns("contacts").look(requests({"a": None}, {"a": None}), ["a"])
    assert not warned()


def test_a_field_that_another_record_fills_is_none_before_or_after(warned):
    nulls = NullColumns("contacts")
    nulls.look(requests({"a": 0}), [])
    nulls.look(requests({"a": None}, {"a": None}, first=1), ["a", "a"])
    assert not warned()


def test_the_records_of_earlier_batches_count_and_each_field_is_named_once(warned):
    nulls = NullColumns("contacts")
    nulls.look(requests({"a": None}), ["a"])
    nulls.look(requests({"a": None}, first=1), ["a"])
    nulls.look(requests({"a": None}, first=2), ["a"])
    (line,) = warned()
    assert "first 2 records" in line


def test_a_request_that_is_looked_at_again_is_no_other_record(warned):
    nulls, given = NullColumns("contacts"), requests({"a": None}, {"a": None})
    nulls.look(given, [])
    nulls.look(given, ["a", "a"])
    assert "first 2 records" in warned()[0]


def test_deletions_fill_nothing_and_are_not_counted():
    given = requests({"a": None, "b": 1}, {"id": 1, "_ab_cdc_deleted_at": GONE})
    assert empty_in_all(given) == {"a"}
    assert empty_in_all(given[1:]) == frozenset()
