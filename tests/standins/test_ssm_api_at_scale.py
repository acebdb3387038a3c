"""The stand-in for SSM answers a page at the cost of its size: the same rows as a search of the whole table."""

import pytest

from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.table import Query
from sage100_ssm.standins.ssm_api.where_parser import parse


@pytest.fixture
def store():
    store = Store()
    for number in range(40):
        store.put("contacts", {"id": 1000 - number, "lastName": f"Nom{number}", "extId": f"Sage100:X:{number}"})
    return store


def page(store, where="", *, order=None, start=0, size=100):
    parsed = (parse(where, store.fields["contacts"], ignore_case=True),) if where else ()
    return [row["id"] for row in store.page("contacts", Query(where, parsed, order), start=start, size=size)]


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("id=999", {("id", 999)}),
        ("id=999 OR extId='sage100:x:3'", {("id", 999), ("extId", "sage100:x:3")}),
        ("id IN (999, 998)", {("id", 999), ("id", 998)}),
        ("(id=999 OR id=998) AND lastName='Nom1'", {("id", 999), ("id", 998)}),
        ("id=999 OR lastName='Nom2'", None),
        ("NOT id=999", None),
        ("id<>999", None),
        ("id NOT IN (999)", None),
        ("extId LIKE 'sage100:x:%'", None),
    ],
)
def test_a_condition_names_the_ids_and_ext_ids_outside_which_it_is_never_true(store, where, keys):
    fields = store.fields["contacts"]
    condition = parse(where, fields, ignore_case=True)
    assert condition.keys == (None if keys is None else frozenset(keys))
    assert page(store, where) == [row["id"] for row in store.rows("contacts") if condition(row)]


def test_rows_are_found_by_the_ext_id_that_they_have_now(store):
    store._tables["contacts"].change(999, {"extId": "OTHER"})
    assert (page(store, "extId='other'"), page(store, "extId='sage100:x:1'")) == ([999], [])
    del store._tables["contacts"][999]
    assert page(store, "extId='other'") == []


def test_the_pages_of_one_list_search_the_table_once(store, monkeypatch):
    searched = []
    original = Query.is_satisfied_by
    monkeypatch.setattr(Query, "is_satisfied_by", lambda self, row: searched.append(row) or original(self, row))
    pages = [page(store, "deleted=false", order="id", start=start, size=10) for start in (0, 10, 20, 30, 40)]
    assert [len(each) for each in pages] == [10, 10, 10, 10, 0]
    assert [id_ for each in pages for id_ in each] == sorted(
        (row["id"] for row in store.rows("contacts")), reverse=True
    )
    assert len(searched) == 40


def test_a_row_that_is_created_between_two_pages_moves_the_others(store):
    first = page(store, "deleted=false", order="id", size=10)
    store.put("contacts", {"lastName": "Neu"})
    assert page(store, "deleted=false", order="id", start=10, size=10)[0] == first[-1]
