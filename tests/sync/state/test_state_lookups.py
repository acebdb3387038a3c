"""Links and rows of SSM by keys, and the companies at rest, over every database."""

import pytest
from sqlalchemy import event

from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.state.store import StateStore

ACCOUNTS = [
    {"id": 11, "extId": "ALPHA"},
    {"id": 12, "extId": "beta ", "Z_code": "ALPHA"},
    {"id": 13, "extId": None, "Z_code": "BETA"},
    {"id": 14, "extId": "GAMMA", "deleted": "perhaps"},
]


def card(id_, account=None, **fields):
    return {"id": id_, "accountId": {"id": account, "value": ""} if account else None, **fields}


CARDS = [
    card(1, 11, extId="sage100:TEST:101"),
    card(2, 12, extId="ssm:AUTRE:102"),
    card(3, 12, deleted=True, extId="sage100:TEST:101"),
    card(4, 13),
    card(5, deleted=True),
    card(6, 99),
    card(7, 14),
]


@pytest.fixture
def state(transaction):
    """Two companies at rest, with their accounts and contacts."""
    transaction.save_observed("accounts", ACCOUNTS)
    transaction.save_observed("contacts", CARDS)
    transaction.settle_companies({"alpha": 5, "beta": 2**63 - 1})
    return transaction


def ids(rows):
    return sorted(row["id"] for row in rows)


def restless(state):
    return {key for key, digest in state.companies() if digest is None}


def test_contacts_are_found_by_the_company_of_their_account(state):
    assert ids(state.lookup.contacts_of(["alpha"])) == [1]
    assert ids(state.lookup.contacts_of(["beta"])) == [2]
    # Without a company: no account, one without a code, one that SSM does not show, one that cannot be understood.
    assert ids(state.lookup.contacts_of([""])) == [4, 6, 7]
    assert ids(state.lookup.contacts_with_accounts([12, 13])) == [2, 4]


def test_contacts_are_found_by_the_row_that_their_ext_id_names(state):
    assert sorted(state.lookup.contacts_naming([101, 102, 103])) == [1, 2, 3]
    assert ids(state.lookup.contacts_with_ext_id("ssm:AUTRE:102")) == [2]


def test_accounts_are_found_by_company_and_those_that_cannot_be_understood(state):
    assert ids(state.lookup.accounts_of(["alpha", "beta", ""])) == [11, 12]
    assert ids(state.lookup.accounts_of(["\n"])) == [14]


@pytest.mark.parametrize(
    ("stream", "row", "expected"),
    [
        pytest.param("contacts", CARDS[0], set(), id="the same row"),
        pytest.param("contacts", CARDS[0] | {"email": "a@x.example"}, {"alpha"}, id="an edit"),
        pytest.param("contacts", card(1, 12), {"alpha", "beta"}, id="a move"),
        pytest.param("contacts", card(8, 11), {"alpha"}, id="a new contact"),
        pytest.param("accounts", ACCOUNTS[0] | {"name": "Alpha"}, {"alpha"}, id="an account"),
        pytest.param("accounts", {"id": 11, "extId": "DELTA"}, {"alpha", "delta"}, id="an account with another code"),
        pytest.param("contact_types", {"id": 1}, set(), id="a contact type"),
    ],
)
def test_the_companies_of_a_row_that_has_changed_are_no_longer_at_rest(state, stream, row, expected):
    before = restless(state)
    assert not before & {"alpha", "beta"}
    state.save_observed(stream, [row])
    assert restless(state) - before == expected


def test_contacts_go_where_the_code_of_their_account_goes(state):
    state.save_observed("accounts", [{"id": 11, "extId": "BETA"}, {"id": 99, "extId": "ALPHA"}])
    assert ids(state.lookup.contacts_of(["alpha"])) == [6]
    assert ids(state.lookup.contacts_of(["beta"])) == [1, 2]
    state.forget_unobserved("accounts", {12, 99})
    assert ids(state.lookup.contacts_of([""])) == [1, 4, 7]


def test_a_row_that_is_forgotten_takes_the_rest_of_its_company(state):
    state.forget_observed("contacts", 1)
    assert "alpha" in restless(state)


def test_another_field_with_the_code_finds_every_row_anew(state):
    last = None
    while (last := state.rekey_observed("Z_code", last)) is not None:
        pass
    assert ids(state.lookup.contacts_of(["alpha"])) == [2]
    assert ids(state.lookup.contacts_of(["beta"])) == [4]
    assert {"alpha", "beta"} <= restless(state)


def test_all_companies_are_looked_at_where_anything_may_have_changed_for_them(state):
    state.unsettle_companies()
    assert {"alpha", "beta"} <= restless(state)
    state.settle_companies({"alpha": 7, "delta": 0})
    assert dict(state.companies())["alpha"] == 7
    assert dict(state.companies())["delta"] == 0


@pytest.fixture
def links(state):
    """Two live links and one that has ended."""
    for number, status in ((1, LinkStatus.ACTIVE), (8, LinkStatus.ASLEEP), (4, LinkStatus.ENDED)):
        state.save_link(Link(100 + number, 1000 + number, number, "ALPHA", "Ada", Side.SAGE100, status=status))
    return state.lookup


def test_live_links_are_found_by_either_contact(links):
    assert [link.ssm_id for link in links.links_of(sage100_ids=[101, 104], ssm_ids=[1, 4, 8])] == [1, 8]
    assert [link.ssm_id for link in links.sleeping_links()] == [8]
    assert list(links.linked_and_unseen()) == [(8, LinkStatus.ASLEEP)]
    assert sorted(links.linked_ids()) == [(1, LinkStatus.ACTIVE), (8, LinkStatus.ASLEEP)]
    assert (links.highest_number(), links.has_links(), links.some_linked_ids(20)) == (1008, True, [1])


def test_links_to_whose_contact_no_company_leads_are_found(links, state):
    state.save_link(Link(105, 1005, 5, "ALPHA", "Ada", Side.SAGE100))  # SSM shows it as deleted, without its account
    assert list(links.linked_and_astray()) == [8, 5]
    assert [id_ for id_, _ in links.linked_and_unseen()] == [8]


def test_an_empty_state_has_nobody(transaction):
    lookup = transaction.lookup
    assert (lookup.has_links(), lookup.has_rows(), lookup.lives_in_ssm(), lookup.highest_number()) == (False,) * 3 + (
        0,
    )
    assert (lookup.some_linked_ids(20), lookup.some_live_ids(20), list(transaction.companies())) == ([], [], [])


def test_some_live_contacts_are_found_where_nobody_is_linked(state):
    assert set(state.lookup.some_live_ids(3)) < {1, 2, 4, 6, 7}
    assert state.lookup.lives_in_ssm()


LOOKED_UP = {
    "contacts_of": [["alpha", "beta"]],
    "contacts_with_accounts": [[11, 12]],
    "contacts_naming": [[101, 102]],
    "accounts_of": [["alpha"]],
    "rows_by_id": ["contacts", [1, 2]],
}


@pytest.mark.parametrize(("name", "given"), LOOKED_UP.items(), ids=LOOKED_UP)
def test_sqlite_finds_rows_by_their_keys_and_does_not_look_through_all_of_a_stream(tmp_path, name, given):
    # Without the stream in its index, SQLite took all rows of the stream, for 500 keys at a time: too slow for many.
    statements = []
    with StateStore.open(f"sqlite:///{tmp_path}/state.db") as store, store.reading() as transaction:
        connection = transaction.lookup._connection
        event.listen(connection.engine, "before_cursor_execute", lambda *call: statements.append(call[2:4]))
        list(getattr(transaction.lookup, name)(*given))
        ((statement, parameters),) = statements
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert all("stream=? AND" in step.detail for step in plan), plan
