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
