"""Links, intents, observations, cursors and facts come back as they were given."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Intent, Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.state.errors import AlreadyLinked

LINK = Link(
    sage100_id=101,
    sage100_no=7,
    ssm_id=9001,
    company="BAGUES",
    contact="Hélène Zoë",
    origin=Side.SSM,
    base={
        "last_name": ValuePair("Zoë", "Zoë"),
        "job_title": ValuePair("Acheteuse", 12),
        "fax": ValuePair(None, None),
        "civility": ValuePair(0, None),
        "phone": ValuePair(None, "01 02 03 04 05"),
    },
    sage100_stamp="2026-03-02T08:00:00",
    ssm_stamp="2026-03-02T07:00:00Z",
    unconfirmed={Side.SSM: {"fax": ValuePair("04", "04"), "job_title": ValuePair("Gérante", 2)}},
)


def test_a_link_comes_back_whole_with_a_key(transaction):
    saved = transaction.save_link(LINK)
    assert saved == replace(LINK, id=saved.id)
    assert transaction.links() == [saved]


@pytest.mark.parametrize(
    "change",
    [
        {"ssm_id": 9002},
        {"base": {"last_name": ValuePair("A", "B")}},
        {"status": LinkStatus.ASLEEP, "reason": Code.OUT_OF_SCOPE.value},
        {"sage100_no": None, "ssm_stamp": None},
        {"unconfirmed": {}},
    ],
    ids=["moved", "new base", "put to sleep", "emptied", "confirmed"],
)
def test_a_saved_link_can_change(transaction, change):
    changed = transaction.save_link(replace(transaction.save_link(LINK), **change))
    assert transaction.links() == [changed]


def test_a_link_that_is_not_there_cannot_change(transaction):
    with pytest.raises(LookupError):
        transaction.save_link(replace(LINK, id=77))


def test_ended_links_are_given_only_when_asked_for(transaction):
    ended = transaction.save_link(replace(LINK, status=LinkStatus.ENDED))
    asleep = transaction.save_link(replace(LINK, status=LinkStatus.ASLEEP))
    assert transaction.links() == [asleep]
    assert transaction.links([LinkStatus.ENDED]) == [ended]
    assert transaction.links(LinkStatus) == [ended, asleep]


@pytest.mark.parametrize("status", [LinkStatus.ACTIVE, LinkStatus.ASLEEP])
@pytest.mark.parametrize("twin", [{"ssm_id": 9002}, {"sage100_id": 102}], ids=["same in Sage", "same in SSM"])
def test_a_contact_has_one_living_link(store, status, twin):
    with store.transaction() as transaction:
        kept = transaction.save_link(replace(LINK, status=status))
    with pytest.raises(AlreadyLinked) as caught, store.transaction() as transaction:
        transaction.save_link(replace(LINK, **twin))
    assert LINK.contact not in f"{caught.value} {caught.value.__cause__}"
    with store.transaction() as transaction:
        assert transaction.links() == [kept]


def test_a_name_that_no_database_could_hold_is_kept_readable(transaction):
    transaction.save_link(replace(LINK, contact="Zo\ud800\0ë", base={"last_name": ValuePair("Zo\ud800\0ë", None)}))
    (link,) = transaction.links()
    assert link.contact == "Zo?ë"
    assert link.base == {"last_name": ValuePair("Zo\ud800\0ë", None)}


def test_intents_are_kept_until_they_are_closed(transaction):
    first = transaction.save_intent(Intent(Side.SSM, 101, ext_id="sage100:BIJOU:101", base=LINK.base))
    second = transaction.save_intent(Intent(Side.SAGE100, 9001))
    numbered = transaction.save_intent(replace(second, sage100_no=8))
    assert transaction.intents() == [first, numbered]
    transaction.close_intent(first.id)
    assert transaction.intents() == [numbered]


ROWS = [{"id": 2, "lastName": "Durand", "accountId": {"id": 1, "value": "Bagues"}}, {"id": 1, "lastName": "Z\ud800"}]


def test_observed_rows_come_back_by_id(transaction):
    transaction.save_observed("contacts", ROWS)
    transaction.save_observed("accounts", [{"id": 1}])
    assert list(transaction.observed("contacts")) == [ROWS[1], ROWS[0]]


@pytest.mark.parametrize(
    ("replace_all", "expected"),
    [(False, [{"id": 1, "lastName": "Petit"}, ROWS[0]]), (True, [{"id": 1, "lastName": "Petit"}])],
    ids=["changes", "whole read"],
)
def test_an_observation_is_brought_up_to_date(transaction, replace_all, expected):
    transaction.save_observed("contacts", ROWS)
    transaction.save_observed("accounts", [{"id": 3}])
    transaction.save_observed("contacts", ({"id": 1, "lastName": "Petit"} for _ in "x"), replace=replace_all)
    assert list(transaction.observed("contacts")) == expected
    assert list(transaction.observed("accounts")) == [{"id": 3}]


@pytest.mark.parametrize("apart", [1, 6000], ids=["in one batch", "in two batches"])
def test_of_a_row_given_twice_in_a_read_the_later_one_counts(transaction, apart):
    rows = [{"id": 0, "lastName": "before"}, *({"id": i} for i in range(1, apart)), {"id": 0, "lastName": "after"}]
    transaction.save_observed("contacts", rows, replace=True)
    seen = list(transaction.observed("contacts"))
    assert len(seen) == apart
    assert seen[0] == {"id": 0, "lastName": "after"}


@pytest.fixture
def written(store):
    """The statements that write observations."""
    statements = []

    @event.listens_for(store._engine, "before_cursor_execute")
    def note(connection, cursor, statement, *_):
        if "observations" in statement and not statement.startswith("SELECT"):
            statements.append(statement.split()[0])

    return statements


@pytest.mark.parametrize("whole", [True, False], ids=["whole read", "changes"])
def test_a_reading_of_what_is_stored_already_writes_no_observation(store, written, whole):
    rows = [{"id": i, "lastName": f"Nom {i}", "deleted": i % 2 == 0} for i in range(3000)]
    with store.transaction() as transaction:
        transaction.save_observed("contacts", rows)
    written.clear()
    with store.transaction() as transaction:
        transaction.save_observed("contacts", reversed(rows), replace=whole)
    assert written == []


def test_a_whole_read_writes_what_differs_and_forgets_what_is_gone(store, written):
    with store.transaction() as transaction:
        transaction.save_observed("contacts", [{"id": i} for i in range(4)])
    written.clear()
    now = [{"id": 0}, {"id": 1, "lastName": "Roy"}, {"id": 2}, {"id": 9}]
    with store.transaction() as transaction:
        transaction.save_observed("contacts", now, replace=True)
        assert list(transaction.observed("contacts")) == now
    assert sorted(written) == ["DELETE", "INSERT", "UPDATE"]


def test_an_empty_whole_read_leaves_nothing(transaction):
    transaction.save_observed("contacts", ROWS)
    transaction.save_observed("contacts", [], replace=True)
    assert list(transaction.observed("contacts")) == []


def test_observed_rows_can_be_written_while_they_are_read(transaction):
    transaction.save_observed("contacts", ({"id": i} for i in range(12_000)))
    for row in transaction.observed("contacts"):
        if row["id"] % 4000 == 0:
            transaction.remember("seen", row["id"])
    assert transaction.recall("seen") == 8000


def test_a_stream_has_one_cursor(transaction):
    assert transaction.cursor("contacts") is None
    transaction.save_cursor("contacts", {"changed_at": "2026-03-01T00:00:00Z"})
    transaction.save_cursor("contacts", {"changed_at": "2026-03-02T00:00:00Z"})
    transaction.save_cursor("accounts", {})
    assert transaction.cursor("contacts") == {"changed_at": "2026-03-02T00:00:00Z"}
    assert transaction.cursor("accounts") == {}


@pytest.mark.parametrize("value", [None, 0, "é", [1, 2], {"a": {"b": None}}])
def test_a_fact_is_recalled_as_it_was_remembered(transaction, value):
    transaction.remember("fact", "before")
    transaction.remember("fact", value)
    assert transaction.recall("fact") == value


def test_a_fact_never_remembered_is_none(transaction):
    assert transaction.recall("fact") is None


def test_threads_that_commit_at_the_same_time_take_turns(store, now):
    lease = store.acquire("run", now, timedelta(minutes=2))

    def work(thread):
        for i in range(40):
            with store.transaction(lease) as transaction:
                seen = transaction.recall("count") or 0
                transaction.save_link(replace(LINK, sage100_id=thread * 1000 + i, ssm_id=thread * 1000 + i))
                transaction.remember("count", seen + 1)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    with store.transaction() as transaction:
        assert transaction.recall("count") == len(transaction.links()) == 120


def test_many_links_are_added_at_once_each_with_its_own_key(transaction):
    new = [replace(LINK, id=None, sage100_id=1000 - i, ssm_id=9000 + i) for i in range(2500)]
    added = transaction.add_links(new)
    assert [replace(link, id=None) for link in added] == new
    assert transaction.links() == sorted(added, key=lambda link: link.id)
    assert transaction.add_links([]) == []


def test_links_of_a_contact_that_has_one_are_not_added(store):
    with store.transaction() as transaction:
        transaction.save_link(LINK)
    with pytest.raises(AlreadyLinked), store.transaction() as transaction:
        transaction.add_links([replace(LINK, ssm_id=77)])


def test_what_only_reads_lets_others_write(store):
    with store.reading() as reading:
        before = reading.recall("fact")
        with store.transaction() as writing:
            writing.remember("fact", 1)
        assert (before, reading.recall("fact")) == (None, None) or store._engine.dialect.name == "postgresql"
    with store.reading() as reading:
        assert reading.recall("fact") == 1
