"""Fair shares of a quota among the processes that use one API key."""

import pytest

from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.quota import Quota
from sage100_ssm.ssm.share import SHARES_VARIABLE, Share, share_of


class Clock:
    def __init__(self):
        self.now, self.slept = 1_000_000.0, 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def share(tmp_path, clock):
    return lambda: Share(tmp_path / "instance", clock, clock.sleep)


def test_a_process_that_asks_alone_has_the_whole_quota_at_once(share, clock):
    assert share()() == 1
    assert clock.slept == 0


def test_processes_that_ask_have_equal_parts(share, clock):
    shares = [share() for _ in range(4)]
    for one in shares:
        one()
    clock.sleep(1)

    assert [one() for one in shares] == [1 / 4] * 4


def test_one_that_joins_waits_until_the_others_have_noticed(share, clock):
    first, second = share(), share()
    first()

    assert second() == 1 / 2
    assert clock.slept == 1
    assert first() == 1 / 2


def test_one_that_has_nothing_to_ask_for_leaves_its_part_to_the_others(share, clock):
    first, second = share(), share()
    first()
    second()
    clock.sleep(31)

    assert first() == 1


def test_one_that_has_ended_leaves_its_part_at_the_next_look(share, clock):
    first, second = share(), share()
    first()
    second()
    second.close()
    clock.sleep(1)

    assert first() == 1


def test_what_a_killed_process_left_behind_is_removed(share, clock, tmp_path):
    share()()
    clock.sleep(4000)
    alive = share()

    assert alive() == 1
    assert len(list((tmp_path / "instance").iterdir())) == 1


def test_two_that_share_a_quota_together_keep_to_it(share, clock):
    """Taking turns, as two processes do."""
    sent, quotas = [], [Quota(4, clock, clock.sleep, share()) for _ in range(2)]
    for _ in range(40):
        for quota in quotas:
            quota.wait()
            sent.append(clock())

    steady = sent[8:]
    for moment in steady:
        assert sum(moment - 1 < other <= moment for other in steady) <= 4


@pytest.mark.parametrize(("key", "url", "is_same"), [("pk", "1", True), ("other", "1", False), ("pk", "2", False)])
def test_an_instance_is_known_by_its_address_and_public_key(monkeypatch, tmp_path, key, url, is_same):
    monkeypatch.setenv(SHARES_VARIABLE, str(tmp_path))

    share_of(SsmConfig(public_key="pk", private_key="a", base_url="https://ssm.example/1"))
    share_of(SsmConfig(public_key=key, private_key="b", base_url=f"https://ssm.example/{url}"))

    assert len(list(tmp_path.iterdir())) == (1 if is_same else 2)
    assert "pk" not in [folder.name for folder in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "url", ["https://SSM.Example/api/v4", "https://ssm.example/api/v4/", "https://ssm.example:443/api/v4"]
)
def test_an_instance_is_the_same_in_each_spelling_of_its_address(monkeypatch, tmp_path, url):
    monkeypatch.setenv(SHARES_VARIABLE, str(tmp_path))

    share_of(SsmConfig(public_key="pk", private_key="a", base_url="https://ssm.example/api/v4"))
    share_of(SsmConfig(public_key="pk", private_key="a", base_url=url))

    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_for_shares_there_are_none(monkeypatch):
    monkeypatch.delenv(SHARES_VARIABLE, raising=False)

    assert share_of(SsmConfig(public_key="pk", private_key="sk")) is None
