"""One run at a time, and no commit under a lease that was lost."""

from contextlib import suppress
from datetime import timedelta

import pytest

from sage100_ssm.sync.state.errors import AnotherRun, LeaseLost
from sage100_ssm.sync.state.records import Lease
from sage100_ssm.sync.state.store import StateStore

TWO_MINUTES = timedelta(minutes=2)


def test_a_second_run_is_told_who_holds_the_lease_and_until_when(store, now):
    store.acquire("first", now, TWO_MINUTES)
    with pytest.raises(AnotherRun) as caught:
        store.acquire("second", now + timedelta(seconds=119), TWO_MINUTES)
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
        looking.refuse_if_leased(now + TWO_MINUTES)


def test_an_expired_lease_is_taken_over_under_a_higher_number(store, now):
    first = store.acquire("first", now, TWO_MINUTES)
    second = store.acquire("second", now + TWO_MINUTES, TWO_MINUTES)
    assert second == Lease(first.number + 1, "second")


def test_a_released_lease_is_free_at_once(store, now):
    store.release(store.acquire("first", now, TWO_MINUTES))
    assert store.acquire("second", now, TWO_MINUTES).owner == "second"


def test_a_renewed_lease_lasts_from_its_renewal(store, now):
    lease = store.acquire("first", now, TWO_MINUTES)
    store.renew(lease, now + timedelta(minutes=1), TWO_MINUTES)
    with pytest.raises(AnotherRun):
        store.acquire("second", now + timedelta(minutes=2, seconds=59), TWO_MINUTES)


def test_a_lease_that_expired_but_was_not_taken_over_is_still_held(store, now):
    lease = store.acquire("first", now, TWO_MINUTES)
    store.renew(lease, now + timedelta(hours=1), TWO_MINUTES)
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
        store.acquire("second", now + TWO_MINUTES, TWO_MINUTES)
    else:
        store.release(lease)
    with pytest.raises(LeaseLost):
        use(store, lease, now)


def test_releasing_a_lost_lease_leaves_it_to_its_new_owner(store, now):
    lost = store.acquire("first", now, TWO_MINUTES)
    held = store.acquire("second", now + TWO_MINUTES, TWO_MINUTES)
    store.release(lost)
    store.check(held)


def test_nothing_of_a_transaction_stays_that_ended_in_an_exception(store, now):
    lease = store.acquire("first", now, TWO_MINUTES)
    with suppress(KeyError), store.transaction(lease) as transaction:
        transaction.remember("fact", 1)
        raise KeyError
    with store.transaction(lease) as transaction:
        assert transaction.recall("fact") is None
