"""A whole reading whose time is over stops, and goes on from its state, whatever SSM makes of a condition on ids."""

from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.connectors import in_process
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists
from source_ssm.source import SourceSsm

CONTACTS = 7
START = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
HASTE = RetryPolicy(attempts=2, wait_initial=0, wait_max=0, pause=0)


class Clock:
    """A minute later at each look."""

    def __init__(self):
        self.now = START

    def __call__(self):
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def quirks(request):
    return getattr(request, "param", Quirks())


@pytest.fixture
def api(quirks):
    with SsmApiServer(with_value_lists(Store(quirks, clock=Clock()))) as api:
        account = api.store.create("accounts", {"name": "Or", "branchId": 16, "salesRepId1": 310}, user=90)
        for number in range(CONTACTS):
            values = {"firstName": "Zoé", "lastName": f"L{number}", "accountId": account, "salesRepId": 310}
            api.store.create("contacts", values, user=90)
        yield api


@pytest.fixture
def read(api):
    """Read contacts from a state on, two rows a page, for as long as one page takes."""
    keys = {"public_key": api.public_key, "private_key": api.private_key}
    config = SsmConfig.model_validate(
        {"base_url": api.base_url, "requests_per_second": 10_000, "page_size": 2, "overlap_minutes": 0, **keys}
    )
    with SsmClient(config, retry_policy=HASTE) as client:

        def read_on(state, seconds=0.0):
            source = SourceSsm(client, whole_until=None if seconds is None else seconds)
            configuration = in_process.configuration_of(config)
            return in_process.read(source, configuration, {"contacts": state}, incremental=True)["contacts"]

        yield read_on


def all_ids(api):
    return sorted((row["id"] for row in api.store.rows("contacts")), reverse=True)


def parts(read):
    """The ids of each part, and the state after the last one."""
    state, found = None, []
    while state is None or "unread_from" in state:
        assert len(found) < CONTACTS, "it comes to no end"
        reading = read(state)
        state = reading.state
        found.append([row["id"] for row in reading.rows])
    return found, state


def test_it_shows_each_row_newest_first_and_its_lowest_one_once_more(api, read):
    found, _ = parts(read)
    ids = all_ids(api)
    lowest_again = [ids[0:2], ids[1:3], ids[2:4], ids[3:5], ids[4:6], ids[5:7], ids[6:7]]
    assert [part[:2] for part in found] == lowest_again


def test_without_a_limit_it_is_read_in_one_go(api, read):
    reading = read(None, seconds=None)
    assert [row["id"] for row in reading.rows] == all_ids(api)
    assert "unread_from" not in reading.state


@pytest.mark.parametrize(
    "quirks",
    [Quirks(where_on_id_ranges=how) for how in ("ignored", "refused", "hidden")] + [Quirks(where_ignored=True)],
    indirect=True,
    ids=["ignored", "refused", "hidden", "every condition ignored"],
)
def test_where_ssm_cannot_leave_out_what_was_shown_the_rest_is_read_in_one_go(api, read):
    found, state = parts(read)
    assert len(found) == 2
    assert set(found[1]) == set(all_ids(api))
    assert "unread_from" not in state


def test_where_ssm_no_longer_shows_the_lowest_id_it_is_read_again_in_parts(api, read):
    first = read(None)
    del api.store._tables["contacts"][first.state["unread_from"]]
    state, found = first.state, []
    while "unread_from" in state:
        assert len(found) < 2 * CONTACTS, "it comes to no end"
        reading = read(state)
        assert len(reading.rows) < len(all_ids(api))
        state, found = reading.state, [*found, *(row["id"] for row in reading.rows)]
    assert set(found) == set(all_ids(api))


def test_it_does_not_stop_where_ssm_shows_the_oldest_first(api, read, monkeypatch):
    shown = Store.page

    def ascending(self, table, query, *, start, size):
        rows = shown(self, table, query, start=0, size=1000)[::-1]
        return rows[start : start + size]

    monkeypatch.setattr(Store, "page", ascending)
    reading = read(None)
    assert {row["id"] for row in reading.rows} == set(all_ids(api))
    assert "unread_from" not in reading.state


def test_what_changes_in_a_part_that_was_read_comes_with_the_next_one(api, read):
    first = read(None)
    newest = first.rows[0]["id"]
    api.store.update("contacts", newest, {"email": "new@x.example"}, user=90)
    second = read(first.state)
    assert newest in [row["id"] for row in second.rows]
    assert second.state["changed_at"] > first.state["changed_at"]
    assert second.state["unread_from"] < first.state["unread_from"]


def test_the_cursor_of_a_part_is_no_later_than_its_beginning(api, read):
    first = read(None)
    created = {row["id"]: row["dateCreated"] for row in first.rows}
    reached = datetime.fromisoformat(first.state["changed_at"])
    assert reached == max(map(datetime.fromisoformat, created.values()))
    api.store.update("contacts", min(all_ids(api)), {"email": "new@x.example"}, user=90)
    found, state = [], first.state
    while "unread_from" in state:
        reading = read(state)
        state, found = reading.state, [*found, *reading.rows]
    assert {row.get("email") for row in found if row["id"] == min(all_ids(api))} == {"new@x.example"}


def test_a_part_that_fails_moves_no_state(api, read):
    first = read(None)
    api.faults.add(Fault(CannedResponse(500), "GET", "/contacts", times=None))
    assert (read(first.state).failure is not None, read(first.state).state) == (True, None)
    api.faults.clear()
    assert read(first.state).state["unread_from"] < first.state["unread_from"]
