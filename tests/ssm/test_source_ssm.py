"""The source, in process, against the API on loopback and against what the loopback cannot do."""

from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
import respx
from airbyte_cdk.models import (
    AirbyteStateMessageSerializer,
    FailureType,
    Status,
    SyncMode,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sage100_ssm.connectors.source import CursorStream
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists
from source_ssm.source import SourceSsm
from tests.support.ssm_reading import KEYS, LOGGER, URL, Reading

HASTE = RetryPolicy(attempts=2, wait_initial=0, wait_max=0, pause=0)
START = datetime(2024, 5, 1, 12, 0, 0, 250_000, UTC)


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


def state_of(name, stamp, **more):
    return AirbyteStateMessageSerializer.load(
        {
            "type": "STREAM",
            "stream": {
                "stream_descriptor": {"name": name},
                "stream_state": {"changed_at": stamp, **more} if stamp else {},
            },
        }
    )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def api(clock):
    with SsmApiServer(with_value_lists(Store(clock=clock))) as api:
        filled(api)
        yield api


def filled(api, contacts=3):
    account = api.store.create("accounts", {"name": "Or", "branchId": 16, "salesRepId1": 310}, user=90)
    for number in range(contacts):
        api.store.create(
            "contacts",
            {"firstName": "Zoé", "lastName": f"L{number}", "accountId": account, "salesRepId": 310},
            user=90,
        )
    return account


def config_of(api, **settings):
    keys = {"public_key": api.public_key, "private_key": api.private_key}
    return {"base_url": api.base_url, "requests_per_second": 10_000, **keys, **settings}


@pytest.fixture
def config(api):
    return config_of(api)


def ids_of(reading, stream="contacts"):
    return {row["id"] for row in reading.records.get(stream, [])}


def test_every_stream_is_discovered_with_its_key_cursor_and_described_fields(config):
    streams = {s.name: s.as_airbyte_stream() for s in SourceSsm().streams(config)}
    assert set(streams) == {"accounts", "contacts", "users", "contact_types"}
    assert all(stream.source_defined_primary_key == [["id"]] for stream in streams.values())
    assert not any(stream.is_resumable for stream in streams.values()), "a full refresh that broke off begins anew"
    incremental = {name for name, stream in streams.items() if SyncMode.incremental in stream.supported_sync_modes}
    assert incremental == {"accounts", "contacts"}
    assert streams["contacts"].default_cursor_field == ["changed_at"]
    for stream in streams.values():
        assert stream.json_schema["additionalProperties"] is True
        assert all(field["description"] for field in stream.json_schema["properties"].values())


def test_rows_come_whole_with_their_time_of_change_and_the_state_comes_last(api, config):
    reading = Reading(SourceSsm(), config, "contacts")
    first = reading.records["contacts"][0]
    assert first["firstName"] == "Zoé"
    assert isinstance(first["accountId"], dict)
    assert first["changed_at"] == "2024-05-01T12:00:00.250000Z"
    assert reading.order[:3] == ["R"] * 3
    assert set(reading.order[3:]) == {"S"}


def test_a_tenants_own_field_comes_along():
    page = httpx.Response(200, json=[{"id": 2, "Z_parrain": "Léa", "Z_club": {"id": 3, "value": "Or"}}])
    with respx.mock(base_url=URL) as mock:
        mock.post("/login").respond(json={"token": "t-o-k-e-n"})
        mock.get("/contacts").mock(side_effect=[page, httpx.Response(200, json=[]), httpx.Response(200, json=[])])
        reading = Reading(SourceSsm(), {**KEYS, "base_url": URL}, "contacts")
    row = {"id": 2, "Z_parrain": "Léa", "Z_club": {"id": 3, "value": "Or"}, "Z_club_id": 3, "changed_at": None}
    assert reading.records["contacts"] == [row]
    assert reading.states == {"contacts": None}


def test_state_is_the_newest_stamp_but_never_after_the_servers_clock(api, config, clock):
    assert Reading(SourceSsm(), config, "contacts").states["contacts"] == "2024-05-01T12:00:00.000000Z"
    clock.now = START + timedelta(hours=1)
    assert Reading(SourceSsm(), config, "contacts").states["contacts"] == "2024-05-01T12:00:00.250000Z"


def test_state_is_never_before_the_one_that_the_read_started_from(api, config):
    later = "2024-05-01T12:05:00.000000Z"
    reading = Reading(SourceSsm(), config, "contacts", states=[state_of("contacts", later)])
    assert len(ids_of(reading)) == 3
    assert reading.states["contacts"] == later


def test_state_is_not_after_the_first_page_for_what_changes_behind_the_reading():
    rows = [[{"id": 2, "dateCreated": "2024-05-01T11:00:00Z"}], [{"id": 1, "dateUpdated": "2024-05-01T12:30:00Z"}]]
    dates = ["Wed, 01 May 2024 12:00:00 GMT", "Wed, 01 May 2024 12:30:01 GMT"]
    pages = [httpx.Response(200, json=row, headers={"Date": date}) for row, date in zip(rows, dates, strict=True)]
    with respx.mock(base_url=URL) as mock:
        mock.post("/login").respond(json={"token": "t-o-k-e-n"})
        mock.get("/contacts").mock(side_effect=[*pages, httpx.Response(200, json=[]), httpx.Response(200, json=[])])
        reading = Reading(SourceSsm(), {**KEYS, "base_url": URL}, "contacts")
    assert reading.states["contacts"] == "2024-05-01T12:00:00.000000Z"


def test_state_without_a_date_header_is_the_newest_stamp():
    page = httpx.Response(200, json=[{"id": 2, "dateCreated": "2024-05-01T11:00:00.5Z"}])
    with respx.mock(base_url=URL) as mock:
        mock.post("/login").respond(json={"token": "t-o-k-e-n"})
        mock.get("/contacts").mock(side_effect=[page, httpx.Response(200, json=[]), httpx.Response(200, json=[])])
        reading = Reading(SourceSsm(), {**KEYS, "base_url": URL}, "contacts")
    assert reading.states["contacts"] == "2024-05-01T11:00:00.500000Z"


def test_only_what_changed_since_the_state_less_the_overlap_is_read_deletions_included(api, config, clock):
    created, updated, deleted = sorted(row["id"] for row in api.store.rows("contacts"))
    clock.now = START + timedelta(hours=2)
    api.store.update("contacts", updated, {"email": "z@or.example"}, user=90)
    api.store.delete("contacts", deleted, user=90)
    reading = Reading(SourceSsm(), config, "contacts", states=[state_of("contacts", "2024-05-01T13:00:00.000000Z")])
    assert {row["id"]: row["deleted"] for row in reading.records["contacts"]} == {updated: False, deleted: True}
    overlapping = state_of("contacts", "2024-05-01T12:09:00.000000Z")
    assert created in ids_of(Reading(SourceSsm(), config, "contacts", states=[overlapping]))


@pytest.mark.parametrize("where_on_deleted_date", [True, False])
def test_deletions_are_read_whether_or_not_ssm_lets_their_date_be_asked_about(clock, where_on_deleted_date):
    store = with_value_lists(Store(Quirks(where_on_deleted_date=where_on_deleted_date), clock=clock))
    with SsmApiServer(store) as api:
        filled(api)
        gone = api.store.rows("contacts")[0]["id"]
        clock.now = START + timedelta(hours=2)
        api.store.delete("contacts", gone, user=90)
        since = state_of("contacts", "2024-05-01T13:00:00.000000Z")
        assert ids_of(Reading(SourceSsm(), config_of(api), "contacts", states=[since])) == {gone}


@pytest.mark.parametrize("mode", ["full_refresh", "incremental"])
def test_deletions_are_told_as_databases_do_where_asked_for(api, config, clock, mode):
    kept, gone = (row["id"] for row in api.store.rows("contacts")[:2])
    clock.now = START + timedelta(hours=2)
    api.store.delete("contacts", gone, user=90)
    told = Reading(SourceSsm(), config | {"emit_deletions": True}, "contacts", mode=mode).records["contacts"]
    at = {row["id"]: row["_ab_cdc_deleted_at"] for row in told}
    assert (at[kept], at[gone]) == (None, "2024-05-01T14:00:00.250000Z")
    plain = Reading(SourceSsm(), config, "contacts", mode=mode).records["contacts"]
    assert {row["id"] for row in plain if row["deleted"]} == {gone}
    assert not any("_ab_cdc_deleted_at" in row for row in plain)
    (declared,) = (s for s in SourceSsm().streams(config | {"emit_deletions": True}) if s.name == "contacts")
    assert "_ab_cdc_deleted_at" in declared.get_json_schema()["properties"]


def test_quiet_incremental_read_of_accounts_and_contacts_costs_five_requests_and_keeps_the_states(api, config, clock):
    clock.now = START + timedelta(hours=1)
    youngest = filled(api, contacts=1)
    clock.now += timedelta(minutes=1)
    whole = Reading(SourceSsm(), config, "accounts", "contacts")
    clock.now = START + timedelta(hours=2)
    api.requests.clear()
    reading = Reading(SourceSsm(), config, "accounts", "contacts", states=whole.last.values())
    assert [(call.method, call.path) for call in api.requests] == [
        ("POST", "/login"),
        ("GET", "/accounts"),
        ("GET", "/accounts"),
        ("GET", "/contacts"),
        ("GET", "/contacts"),
    ]
    assert ids_of(reading, "accounts") == {youngest}
    assert len(ids_of(reading)) == 1
    assert reading.states == whole.states


def test_all_is_read_where_the_row_that_was_the_newest_does_not_come(clock):
    """SSM reads the dates of a condition in another zone than UTC, or shows the row no more."""
    with SsmApiServer(with_value_lists(Store(Quirks(where_dates_ahead=timedelta(hours=1)), clock=clock))) as api:
        filled(api)
        clock.now = START + timedelta(minutes=20)
        whole = Reading(SourceSsm(), config_of(api), "contacts")
        edited = api.store.rows("contacts")[0]["id"]
        api.store.update("contacts", edited, {"fax": "1"}, user=90)
        changes = Reading(SourceSsm(), config_of(api), "contacts", states=whole.last.values())
    assert edited in ids_of(changes)
    assert changes.states["contacts"] == "2024-05-01T12:20:00.000000Z"


@pytest.mark.parametrize("more", [{}, {"newest_id": 1}])
def test_a_cursor_after_the_clock_of_ssm_is_warned_of_once_and_everything_is_read(api, config, caplog, more):
    ahead = state_of("contacts", "2999-01-01T00:00:00Z", **more)
    reading = Reading(SourceSsm(), config, "contacts", states=[ahead])
    assert (len(ids_of(reading)), reading.states) == (3, {"contacts": "2024-05-01T12:00:00.000000Z"})
    assert [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"] == [
        "The state of contacts is after the clock of Sage Sales Management: all are read."
    ]


def test_a_clock_of_ssm_that_is_ahead_of_ours_is_the_one_that_counts(caplog):
    with SsmApiServer(with_value_lists(Store(Quirks(clock_skew=timedelta(hours=3))))) as api:
        account = filled(api)
        whole = Reading(SourceSsm(), config_of(api), "contacts")
        created = api.store.create(
            "contacts", {"firstName": "A", "lastName": "B", "accountId": account, "salesRepId": 310}, user=90
        )
        assert created in ids_of(Reading(SourceSsm(), config_of(api), "contacts", states=whole.last.values()))
    assert not [entry for entry in caplog.records if entry.levelname == "WARNING"]


def test_a_row_stamped_in_the_future_is_read_each_time_and_hides_nothing(api, config, clock):
    clock.now = START + timedelta(days=400)
    odd = api.store.rows("contacts")[0]["id"]
    api.store.update("contacts", odd, {"fax": "1"}, user=90)
    clock.now = START + timedelta(hours=1)
    whole = Reading(SourceSsm(), config, "contacts")
    clock.now = START + timedelta(hours=2)
    changed = api.store.rows("contacts")[1]["id"]
    api.store.update("contacts", changed, {"fax": "2"}, user=90)
    again = Reading(SourceSsm(), config, "contacts", states=whole.last.values())
    assert whole.states["contacts"] <= "2024-05-01T13:00:00.000000Z"
    assert {odd, changed} <= ids_of(again)
    assert again.states["contacts"] <= "2024-05-01T14:00:00.000000Z"


@pytest.mark.parametrize(
    ("stamp", "more"),
    [("yesterday", {}), (5, {}), (["2024-05-01"], {}), ("2024-05-01T12:00:00Z", {"newest_id": "7"}),
     ("2024-05-01T12:00:00Z", {"page_rows": 1.5})],
)  # fmt: skip
def test_a_state_that_is_none_is_refused_and_nothing_is_read(api, config, stamp, more):
    reading = Reading(SourceSsm(), config, "contacts", states=[state_of("contacts", stamp, **more)])
    assert (reading.records, reading.states) == ({}, {})
    (told,) = reading.traces
    assert (told.internal_message, told.failure_type) == ("state", FailureType.config_error)
    assert told.message == "The state is not one of this source. Reset the stream's state to read from the beginning."


def test_full_refresh_reads_everything_whatever_the_state(api, config, clock):
    clock.now = START + timedelta(hours=2)
    since = state_of("contacts", "2024-05-01T13:00:00.000000Z")
    reading = Reading(SourceSsm(), config, "contacts", states=[since], mode="full_refresh")
    assert len(ids_of(reading)) == 3


def test_given_contacts_alone_are_read_without_a_state(api, config):
    wanted = {row["id"] for row in api.store.rows("contacts")[:2]}
    reading = Reading(SourceSsm(), {**config, "contact_ids": [*wanted, 999_999]}, "contacts")
    assert ids_of(reading) == wanted
    assert set(reading.states.values()) == {None}


def test_users_and_contact_types_are_read_whole(config):
    reading = Reading(SourceSsm(), config, "users", "contact_types", mode="full_refresh")
    assert ids_of(reading, "users") >= {310, 311}
    assert len(ids_of(reading, "contact_types")) == 10


def test_many_pages_come_once_each_with_one_state_at_the_end(api, config):
    filled(api, contacts=250)
    reading = Reading(SourceSsm(), config, "contacts")
    assert len(reading.records["contacts"]) == len(ids_of(reading)) == 253
    assert set(reading.order[:253]) == {"R"}


def test_failed_read_moves_no_state_and_says_why(api, config, monkeypatch):
    monkeypatch.setattr(CursorStream, "state_checkpoint_interval", 1)
    filled(api, contacts=250)
    api.faults.add(Fault(CannedResponse(500), "GET", "/contacts", nth=2, times=None))
    with SsmClient(SsmConfig.model_validate(config), HASTE) as client:
        since = state_of("contacts", None)
        reading = Reading(SourceSsm(client), config, "contacts", states=[since])
    assert reading.error is not None
    assert not any(reading.states.values())
    assert (reading.traces[0].internal_message, reading.traces[0].failure_type) == (
        "unreachable",
        FailureType.transient_error,
    )


def test_row_without_an_integer_id_is_an_error():
    with respx.mock(base_url=URL) as mock:
        mock.post("/login").respond(json={"token": "t-o-k-e-n"})
        mock.get("/contacts").respond(json=[{"id": "12", "firstName": "Zoé"}])
        client = SsmClient(SsmConfig.model_validate({**KEYS, "base_url": URL}), HASTE)
        reading = Reading(SourceSsm(client), {**KEYS, "base_url": URL}, "contacts")
    assert reading.traces[0].internal_message == "malformed_answer"


def test_check_logs_in_and_reads_contacts(api, config):
    assert SourceSsm().check(LOGGER, config).status is Status.SUCCEEDED
    assert [call.path for call in api.requests] == ["/login", "/contacts"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"private_key": "wrong-key"}, "refuses the login"),
        ({"private_key": ""}, "private_key"),
        ({"base_url": "http://127.0.0.1:9/api/v4"}, "Nobody answers"),
        ({"base_url": "http://ssm.example/api/v4"}, "must begin with https://"),
    ],
)
def test_check_answers_what_is_wrong_and_raises_nothing(config, monkeypatch, settings, words):
    monkeypatch.setattr("source_ssm.source.SsmClient", partial(SsmClient, retry_policy=HASTE))
    status = SourceSsm().check(LOGGER, {**config, **settings})
    assert status.status is Status.FAILED
    assert words in status.message
    assert "wrong-key" not in status.message


def test_wrong_setting_is_a_matter_of_configuration(config):
    with pytest.raises(AirbyteTracedException) as caught:
        SourceSsm().streams({**config, "private_key": ""})
    assert caught.value.failure_type is FailureType.config_error


def test_unknown_stream_is_an_error(config):
    assert Reading(SourceSsm(), config, "opportunities").error is not None


def test_lent_client_serves_every_read_with_one_login_and_stays_open(api, config):
    with SsmClient(SsmConfig.model_validate(config)) as client:
        Reading(SourceSsm(client), config, "contacts")
        Reading(SourceSsm(client), config, "accounts")
        client.log_in()
        assert client.requests == len(api.requests)
    assert [call.path for call in api.requests].count("/login") == 1


def test_spec_masks_both_keys_and_hides_what_only_the_engine_asks_for():
    properties = SourceSsm().spec(LOGGER).connectionSpecification["properties"]
    assert {name for name, field in properties.items() if field.get("airbyte_secret")} == {"public_key", "private_key"}
    assert properties["contact_ids"]["airbyte_hidden"] is True
    assert set(SourceSsm().spec(LOGGER).connectionSpecification["required"]) == {"public_key", "private_key"}
