"""The lease of a run: checked before each write, renewed in spite of failures, taken over from another machine."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.sync.run import lease as run_lease
from sage100_ssm.sync.run.lease import leased
from sage100_ssm.sync.state.errors import AnotherRun, LeaseLost, StateUnavailable
from sage100_ssm.sync.state.store import DURATION, StateStore

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE, THERE = "here:1", "there:1"


class Time:
    """A monotonic clock that goes on by sleeping alone, and what happens meanwhile."""

    def __init__(self):
        self.seconds = 1000.0
        self.meanwhile = {}

    def sleep(self, seconds):
        """Let time go by."""
        self.seconds += seconds
        for moment in [moment for moment in self.meanwhile if moment <= self.seconds - 1000.0]:
            self.meanwhile.pop(moment)()


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(run_lease, "seconds", lambda: time.seconds)
    monkeypatch.setattr(run_lease.time, "sleep", time.sleep)
    return time


@pytest.fixture
def store(tmp_path):
    with StateStore.open(f"sqlite:///{tmp_path}/state.db") as store:
        yield store


def clock():
    return NOON


# --- before each write


def test_a_run_that_holds_its_lease_may_write(store, time):
    with leased(store, HERE, clock) as held:
        time.seconds += 60
        held.check()


def test_a_run_that_was_frozen_for_as_long_as_its_lease_writes_nothing_though_nobody_took_over(store, time):
    with leased(store, HERE, clock) as held:
        time.seconds += 120
        with pytest.raises(LeaseLost):
            held.check()


def test_no_write_begins_that_might_still_be_under_way_when_the_lease_expires(store, time):
    with leased(store, HERE, clock) as held:
        time.seconds += 110
        with pytest.raises(LeaseLost):
            held.check()


def test_a_run_that_was_overtaken_writes_nothing_though_its_own_clock_stood_still(store, time):
    with leased(store, HERE, clock) as held:
        store.acquire(HERE, NOON + timedelta(minutes=3), DURATION)
        with pytest.raises(LeaseLost):
            held.check()


def test_a_run_writes_nothing_while_nobody_knows_whether_it_was_overtaken(store, time, monkeypatch):
    def down(lease):
        raise StateUnavailable("state", "down")

    with leased(store, HERE, clock) as held:
        monkeypatch.setattr(store, "check", down)
        with pytest.raises(StateUnavailable):
            held.check()


def test_a_lease_lasts_from_before_its_renewal_was_asked_for(store, time, monkeypatch):
    renew = store.renew

    def slowly(*args):
        renew(*args)
        time.seconds += 100

    monkeypatch.setattr(store, "renew", slowly)
    with leased(store, HERE, clock) as held:
        held.renew(clock)
        held.check()
        time.seconds += 10
        with pytest.raises(LeaseLost):
            held.check()


# --- renewing


@pytest.fixture
def haste(monkeypatch):
    """Renewals that come soon."""
    monkeypatch.setattr(run_lease, "_RENEW_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(run_lease, "_RENEW_AGAIN_SECONDS", 0.01)


def test_renewals_that_fail_are_tried_again(store, haste, monkeypatch):
    renew, tries, renewed = store.renew, [], threading.Event()

    def after_a_restart(*args):
        tries.append(1)
        if len(tries) < 5:
            raise StateUnavailable("state", "the server restarts")
        renew(*args)
        renewed.set()

    monkeypatch.setattr(store, "renew", after_a_restart)
    with leased(store, HERE, clock) as held:
        assert renewed.wait(30)
        held.check()


@pytest.mark.parametrize("end", ["lost", "expired"])
def test_a_lease_is_not_renewed_once_it_is_lost_or_expired(store, haste, monkeypatch, end):
    renewals = []
    with leased(store, HERE, clock) as held:
        if end == "lost":
            store.acquire(HERE, NOON + timedelta(minutes=3), DURATION)
        else:
            held._expires_at = 0.0
        thread = next(thread for thread in threading.enumerate() if thread.name == "lease")
        thread.join(30)
        assert not thread.is_alive()
        monkeypatch.setattr(store, "renew", lambda *_: renewals.append(1))
        with pytest.raises(LeaseLost):
            held.check()
    assert renewals == []


def test_a_state_that_is_out_of_reach_at_the_end_does_not_hide_how_the_run_ended(store, monkeypatch):
    def down(lease):
        raise StateUnavailable("state", "down")

    monkeypatch.setattr(store, "release", down)
    with pytest.raises(ZeroDivisionError), leased(store, HERE, clock):
        raise ZeroDivisionError


# --- a holder on another machine, whose clock says nothing


@pytest.mark.parametrize("difference", [timedelta(0), timedelta(minutes=3), timedelta(days=-1), timedelta(days=1)])
def test_a_run_that_died_on_another_machine_is_watched_for_two_minutes_then_taken_over(store, time, difference):
    store.acquire(THERE, NOON + difference, DURATION)
    told = []
    with leased(store, HERE, clock, told.append) as held:
        assert 1120 <= time.seconds < 1125
        held.check()
    assert [other.owner for other in told] == [THERE]


@pytest.mark.parametrize("difference", [timedelta(0), timedelta(minutes=3), timedelta(days=-1), timedelta(days=1)])
def test_a_run_that_lives_on_another_machine_is_left_alone(store, time, difference):
    lease = store.acquire(THERE, NOON + difference, DURATION)
    time.meanwhile[30] = lambda: store.renew(lease, NOON + difference + timedelta(seconds=30), DURATION)
    with pytest.raises(AnotherRun), leased(store, HERE, clock):
        pass
    assert time.seconds < 1035
    store.check(lease)


def test_a_run_that_ends_on_another_machine_is_followed_at_once(store, time):
    lease = store.acquire(THERE, NOON, DURATION)
    time.meanwhile[10] = lambda: store.release(lease)
    with leased(store, HERE, clock):
        assert time.seconds < 1015


def test_a_run_on_the_same_machine_is_not_waited_for(store, time):
    store.acquire(HERE, NOON, DURATION)
    with pytest.raises(AnotherRun), leased(store, HERE, clock):
        pass
    assert time.seconds == 1000
