"""The quota, by a clock that only moves when someone sleeps."""

import pytest

from sage100_ssm.ssm.quota import Quota


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("per_second", [0.5, 1, 2.5, 4, 13])
def test_no_period_sees_more_requests_than_the_quota(per_second):
    clock = Clock()
    quota = Quota(per_second, clock, clock.sleep)
    sent = [(quota.wait(), clock.now)[1] for _ in range(100)]
    window = max(1.0, 1 / per_second)
    allowed = max(1, per_second * window)
    assert all(sum(1 for other in sent if start <= other < start + window) <= allowed for start in sent)
    assert 99 / sent[-1] > per_second * 0.75


def test_requests_go_at_once_while_the_quota_has_room():
    clock = Clock()
    quota = Quota(4, clock, clock.sleep)
    for _ in range(4):
        quota.wait()
    assert clock.now == 0


def test_a_pause_holds_back_every_request_and_a_shorter_one_does_not_end_it():
    clock = Clock()
    quota = Quota(4, clock, clock.sleep)
    quota.pause(30)
    quota.pause(1)
    quota.wait()
    assert clock.now == 30


class Instance:
    """An instance that takes so many requests in any second, and a client that sends as many as the quota allows."""

    def __init__(self, per_second, takes):
        self.clock = Clock()
        self.quota = Quota(per_second, self.clock, self.clock.sleep)
        self.takes, self.taken, self.sent = takes, [], 0

    def send(self):
        self.quota.wait()
        self.sent += 1
        now = self.clock.now
        self.taken = [moment for moment in self.taken if moment > now - 1]
        if len(self.taken) >= self.takes:
            self.quota.refuse(now)
            self.quota.pause(1)
        else:
            self.taken.append(now)


def test_a_rate_that_is_set_too_high_falls_to_what_the_instance_takes_and_is_seldom_tried_again():
    instance = Instance(13, takes=4)
    for _ in range(1000):
        instance.send()
    assert instance.quota.refusals / instance.sent < 0.05
    assert instance.sent / instance.clock.now > 4 * 0.6
    assert 2 <= instance.quota.reduced_rate <= 4


def test_after_a_single_refusal_the_rate_rises_again_slowly_to_the_full_one():
    clock = Clock()
    quota = Quota(10, clock, clock.sleep)
    quota.wait()
    quota.refuse(clock.now)
    assert (quota.rate, quota.reduced_rate) == (7, 7)
    clock.now += 30
    assert quota.rate == 8
    clock.now += 300
    assert quota.rate == 10


def test_requests_that_are_refused_side_by_side_lower_the_rate_once():
    clock = Clock()
    quota = Quota(10, clock, clock.sleep)
    clock.now = 5.0
    for _ in range(8):
        quota.refuse(4.0 if quota.refusals else 5.0)
    assert (quota.refusals, quota.reduced_rate) == (8, 7)


@pytest.mark.parametrize("per_second", [0.5, 1, 13])
def test_the_rate_never_falls_below_one_request_a_second_or_what_is_set(per_second):
    clock = Clock()
    quota = Quota(per_second, clock, clock.sleep)
    for _ in range(50):
        quota.refuse(clock.now)
        clock.now += 0.1
    assert quota.reduced_rate == pytest.approx(min(1, per_second), abs=0.01)
