"""One run at a time, and no commit under a lease that was lost."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from sage100_ssm.sync.state import tables
from sage100_ssm.sync.state.errors import AnotherRun, LeaseLost
from sage100_ssm.sync.state.records import Lease, Sighting
from sage100_ssm.sync.state.store import StateStore
from tests.support import postgresql

TWO_MINUTES = timedelta(minutes=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def let_expire_at(store, moment):
    """Set the expiry of whoever has the lease."""
    with store._engine.begin() as connection:
        connection.execute(update(tables.lease).values(expires_at=moment))


@pytest.fixture
def sqlite_store(url):
    with StateStore.open(url) as store:
        yield store


@pytest.fixture
def postgresql_store(server):
    with postgresql.new_database(server) as database, StateStore.open(database) as store:
        yield store


@pytest.fixture
def servers_time(postgresql_store):
    """The time by the server's clock."""

    def now():
        with postgresql_store._engine.begin() as connection:
            return connection.exec_driver_sql("select clock_timestamp()").scalar_one()

    return now


def test_a_second_run_is_told_who_holds_the_lease_and_until_when(sqlite_store, now):
    sqlite_store.acquire("first", now, TWO_MINUTES)
    with pytest.raises(AnotherRun) as caught:
        sqlite_store.acquire("second", now + timedelta(seconds=119), TWO_MINUTES)
    assert (caught.value.owner, caught.value.expires_at) == ("first", now + TWO_MINUTES)


def test_another_process_sees_the_lease(store, database, now):
    store.acquire("first", now, TWO_MINUTES)
    with StateStore.open(database) as other, pytest.raises(AnotherRun):
        other.acquire("second", now, TWO_MINUTES)


@pytest.mark.parametrize("read_only", [False, True])
def test_one_who_only_looks_is_told_of_a_run_under_way_and_takes_no_lease(store, database, now, read_only):
    with StateStore.open(database, read_only=read_only) as looking:
        looking.refuse_if_leased(now)
        store.acquire("run", now, TWO_MINUTES)
        with pytest.raises(AnotherRun):
            looking.refuse_if_leased(now)
        let_expire_at(store, LONG_AGO)
        looking.refuse_if_leased(now)


def test_an_expired_lease_is_taken_over_under_a_higher_number(store, now):
    first = store.acquire("first", now, TWO_MINUTES)
    let_expire_at(store, LONG_AGO)
    second = store.acquire("second", now, TWO_MINUTES)
    assert second == Lease(first.number + 1, "second")


def test_a_released_lease_is_free_at_once(store, now):
    store.release(store.acquire("first", now, TWO_MINUTES))
    assert store.acquire("second", now, TWO_MINUTES).owner == "second"


def test_a_renewed_lease_lasts_from_its_renewal(sqlite_store, now):
    lease = sqlite_store.acquire("first", now, TWO_MINUTES)
    sqlite_store.renew(lease, now + timedelta(minutes=1), TWO_MINUTES)
    with pytest.raises(AnotherRun):
        sqlite_store.acquire("second", now + timedelta(minutes=2, seconds=59), TWO_MINUTES)


def test_a_lease_that_expired_but_was_not_taken_over_is_still_held(store, now):
    lease = store.acquire("first", now, TWO_MINUTES)
    let_expire_at(store, LONG_AGO)
    store.check(lease)


@pytest.mark.parametrize(
    "use",
    [
        lambda store, lease, now: store.check(lease),
        lambda store, lease, now: store.renew(lease, now, TWO_MINUTES),
        lambda store, lease, now: store.transaction(lease).__enter__(),
    ],
    ids=["check", "renew", "transaction"],
)
@pytest.mark.parametrize("lost_by", ["takeover", "release"])
def test_a_lost_lease_is_of_no_use(store, now, use, lost_by):
    lease = store.acquire("first", now, TWO_MINUTES)
    if lost_by == "takeover":
        let_expire_at(store, LONG_AGO)
        store.acquire("second", now, TWO_MINUTES)
    else:
        store.release(lease)
    with pytest.raises(LeaseLost):
        use(store, lease, now)


def test_releasing_a_lost_lease_leaves_it_to_its_new_owner(store, now):
    lost = store.acquire("first", now, TWO_MINUTES)
    let_expire_at(store, LONG_AGO)
    held = store.acquire("second", now, TWO_MINUTES)
    store.release(lost)
    store.check(held)


def test_nothing_of_a_transaction_stays_that_ended_in_an_exception(store, now):
    lease = store.acquire("first", now, TWO_MINUTES)
    with suppress(KeyError), store.transaction(lease) as transaction:
        transaction.remember("fact", 1)
        raise KeyError
    with store.transaction(lease) as transaction:
        assert transaction.recall("fact") is None


def test_a_check_before_a_write_waits_for_no_transaction_of_the_state(store, now):
    lease = store.acquire("first", now, TWO_MINUTES)
    with store.transaction(lease):
        store.check(lease)


# --- clocks that differ

DIFFERENCES = pytest.mark.parametrize(
    "difference",
    [timedelta(minutes=3), -timedelta(minutes=3), timedelta(days=1), -timedelta(days=1)],
    ids=["3 minutes ahead", "3 minutes behind", "a day ahead", "a day behind"],
)


@DIFFERENCES
def test_postgresql_decides_by_its_own_clock_whatever_the_two_machines_say(postgresql_store, servers_time, difference):
    first = postgresql_store.acquire("here:1", servers_time(), TWO_MINUTES)
    with pytest.raises(AnotherRun) as caught:
        postgresql_store.acquire("there:1", servers_time() + difference, TWO_MINUTES)
    assert abs(caught.value.expires_at - servers_time() - TWO_MINUTES) < timedelta(minutes=1)
    postgresql_store.renew(first, servers_time() + difference, TWO_MINUTES)
    with pytest.raises(AnotherRun) as caught:
        postgresql_store.refuse_if_leased(servers_time() + difference)
    assert abs(caught.value.expires_at - servers_time() - TWO_MINUTES) < timedelta(minutes=1)
    let_expire_at(postgresql_store, servers_time())
    assert postgresql_store.acquire("there:1", servers_time() + difference, TWO_MINUTES).number == first.number + 1


@DIFFERENCES
def test_on_sqlite_a_lease_of_another_machine_has_no_expiry_that_this_one_could_judge(sqlite_store, now, difference):
    first = sqlite_store.acquire("there:1", now + difference, TWO_MINUTES)
    with pytest.raises(AnotherRun) as caught:
        sqlite_store.acquire("here:1", now, TWO_MINUTES)
    assert caught.value.to_watch == Sighting(first.number, now + difference + TWO_MINUTES)
    taken = sqlite_store.acquire("here:1", now, TWO_MINUTES, abandoned=caught.value.to_watch)
    assert taken.number == first.number + 1


def test_on_sqlite_a_lease_renewed_since_it_was_seen_is_not_abandoned(sqlite_store, now):
    lease = sqlite_store.acquire("there:1", now, TWO_MINUTES)
    with pytest.raises(AnotherRun) as caught:
        sqlite_store.acquire("here:1", now, TWO_MINUTES)
    sqlite_store.renew(lease, now + timedelta(seconds=30), TWO_MINUTES)
    with pytest.raises(AnotherRun):
        sqlite_store.acquire("here:1", now, TWO_MINUTES, abandoned=caught.value.to_watch)


def test_a_lease_written_while_the_clock_was_ahead_has_expired(store, now):
    first = store.acquire("here:1", now, TWO_MINUTES)
    let_expire_at(store, datetime(2999, 1, 1, tzinfo=UTC))
    store.refuse_if_leased(now)
    assert store.acquire("here:2", now, TWO_MINUTES).number == first.number + 1


def test_a_clock_set_back_by_a_second_takes_no_lease_from_a_living_run(sqlite_store, now):
    sqlite_store.acquire("here:1", now, TWO_MINUTES)
    with pytest.raises(AnotherRun):
        sqlite_store.acquire("here:2", now - timedelta(seconds=1), TWO_MINUTES)
