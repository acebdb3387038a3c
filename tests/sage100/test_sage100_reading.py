"""What `source-sage100` reads, whole and since a state."""
# ruff: noqa: DTZ001 - Sage's stamps are the server's local time

import logging
from datetime import datetime, timedelta

import jsonschema
import pytest
from airbyte_cdk.models import AirbyteStateMessageSerializer, SyncMode, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from sqlalchemy import func, insert, select

from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.errors import UnreachableError
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from source_sage100.incremental import Progress
from source_sage100.source import SourceSage100
from tests.support.sage100_databases import EVERYWHERE, ON_SQLITE


@pytest.fixture
def read(sage, catalog):
    """Read a stream through the protocol's messages; give its records and its last state."""

    def given(stream="contacts", *, since=None, mode="incremental", source=None, **config):
        state = [_state(stream, since if isinstance(since, dict) else {"cbModification": since})] if since else None
        messages = (source or SourceSage100()).read(
            logging.getLogger("test"), sage.config | config, catalog(stream, mode=mode), state
        )
        records, states = [], []
        for message in messages:
            if message.type is Type.RECORD:
                records.append(message.record.data)
            elif message.type is Type.STATE:
                states.append(vars(message.state.stream.stream_state))
        return records, states[-1].get("cbModification")

    return given


def _state(stream, content):
    return AirbyteStateMessageSerializer.load(
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": content}}
    )


def marqs(records):
    return [record["cbMarq"] for record in records]


@pytest.mark.parametrize(
    ("stream", "found"),
    [("companies", [1, 2]), ("contacts", [1, 2, 3]), ("services", [1]), ("contact_types", [1])],
    ids=["clients and prospects alone", "whatever the company's type", "without unused", "without unused"],
)
def test_a_stream_is_read_whole(read, stream, found):
    records, _ = read(stream, mode="full_refresh")
    assert marqs(records) == found


@EVERYWHERE
def test_records_bear_sages_names_and_fit_their_schema(read, sage):
    for stream in SourceSage100().streams(sage.config):
        records, _ = read(stream.name, mode="full_refresh")
        schema = stream.get_json_schema()
        for record in records:
            jsonschema.validate(record, schema)
            assert set(record) == set(schema["properties"])


@pytest.mark.parametrize("mode", ["full_refresh", "incremental"])
@pytest.mark.parametrize("stream", ["companies", "contacts"])
def test_a_row_tells_of_which_company_s_database_its_key_is(read, stream, mode):
    records, _ = read(stream, mode=mode, company="OR ET ARGENT")
    assert {record["_company"] for record in records} == {"OR ET ARGENT"}


def test_the_schema_tells_what_a_text_column_can_hold(sage):
    (contacts,) = (stream for stream in SourceSage100().streams(sage.config) if stream.name == "contacts")
    properties = contacts.get_json_schema()["properties"]
    assert properties["CT_EMail"] == {
        "type": ["null", "string"], "maxLength": 69, "x-encoding": "cp1252", "description": "E-mail.",
    }  # fmt: skip
    assert (properties["cbMarq"]["type"], properties["CT_Civilite"]["type"]) == ("integer", ["null", "integer"])
    assert properties["cbModification"]["format"] == "date-time"


@EVERYWHERE
def test_companies_have_the_columns_of_their_generation_of_sage(read, sage):
    everywhere = {"CT_Assurance": 250.5, "BT_Num": 1, "DE_No": 3, "cbDE_No": 3, "CA_Num": "SIEGE"}
    older = {"CT_DateCreate": datetime(2019, 5, 2), "CT_CessionCreance": 1}
    newer = {"CT_EdiCode": "3012345", "CT_OrderDay07": 1, "CAL_No": 2}
    held = everywhere | older | newer
    sage.edit_all(F_COMPTET, **held)
    records, _ = read("companies", mode="full_refresh")
    columns = {column.name for column in F_COMPTET.columns}
    assert columns & set(records[0]) == columns - sage.absent
    told = {name: value for name, value in held.items() if name not in sage.absent}
    if "CT_DateCreate" in told:
        told["CT_DateCreate"] = "2019-05-02T00:00:00+02:00"
    assert {name: records[0][name] for name in told} == told


def test_primary_key_cursor_and_sync_modes_are_declared(sage):
    found = {s.name: s for s in SourceSage100().discover(logging.getLogger("test"), sage.config).streams}
    assert {name: [mode.value for mode in s.supported_sync_modes] for name, s in found.items()} == {
        "companies": ["full_refresh", "incremental"],
        "contacts": ["full_refresh", "incremental"],
        "services": ["full_refresh"],
        "contact_types": ["full_refresh"],
    }
    assert all(s.source_defined_primary_key == [["cbMarq"]] for s in found.values())
    assert not any(s.is_resumable for s in found.values()), "a full refresh that broke off begins anew"
    assert found["contacts"].default_cursor_field == ["cbModification"]


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("2026-03-02 10:00:00", "2026-03-02T10:00:00+01:00"),
        ("2026-07-02T10:00:00", "2026-07-02T10:00:00+02:00"),
        ("2026-07-02 10:00:00.120", "2026-07-02T10:00:00.120000+02:00"),
        ("2026-10-25 02:30:00", "2026-10-25T02:30:00+02:00"),
        ("2026-07-02", "2026-07-02T00:00:00+02:00"),
        (None, None),
    ],
    ids=["winter", "summer, T", "fraction", "the hour that comes twice: its first pass", "date", "null"],
)
def test_stamps_are_told_with_the_offset_of_the_servers_zone(read, sage, stored, told):
    value = "NULL" if stored is None else f"'{stored}'"
    sage.run(f"UPDATE F_CONTACTT SET cbModification = {value} WHERE cbMarq = 1")  # noqa: S608 - the test's own words
    records, _ = read(mode="full_refresh")
    assert records[0]["cbModification"] == told


@ON_SQLITE
def test_a_text_that_is_no_date_is_none(read, sage):
    sage.run("UPDATE F_CONTACTT SET cbModification = 'hier' WHERE cbMarq = 1")
    assert read(mode="full_refresh")[0][0]["cbModification"] is None


@ON_SQLITE
@pytest.mark.parametrize(
    "state",
    [{"cbModification": "hier"}, {"cbModification": 5}, {"until": []}, {"cbMarq": "1"}, {"cbMarq": True}, {"keys": 5},
     {"keys": "é"}, {"keys": "AAAA"}, {"keys": "eJwDAAAAAAE=", "new": {}}],
    ids=repr,
)  # fmt: skip
def test_a_state_that_is_none_is_refused_and_nothing_is_read(sage, catalog, state):
    given = AirbyteStateMessageSerializer.load(
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": "contacts"}, "stream_state": state}}
    )
    settings, reading = sage.config | {"emit_deletions": True}, catalog("contacts", mode="incremental")
    messages = []
    with pytest.raises(AirbyteTracedException):
        messages.extend(SourceSage100().read(logging.getLogger("test"), settings, reading, [given]))
    assert not {Type.RECORD, Type.STATE} & {message.type for message in messages}
    (told,) = [message.trace.error for message in messages if message.type is Type.TRACE and message.trace.error]
    assert (told.internal_message, told.failure_type.value) == ("state", "config_error")
    assert told.message == "The state is not one of this source. Reset the stream's state to read from the beginning."


@ON_SQLITE
def test_a_cursor_before_all_dates_of_sage_reads_from_the_start(read):
    everything, _ = read()
    assert read(since="0001-01-01")[0] == everything


@EVERYWHERE
def test_the_first_incremental_reading_gives_all_and_a_cursor(read):
    records, cursor = read()
    assert (marqs(records), cursor) == ([1, 2, 3], "2026-03-02T10:00:00+01:00")


@EVERYWHERE
def test_a_reading_since_a_state_gives_what_changed_and_the_overlap_again(read, sage):
    sage.edit(3, cbModification=datetime(2026, 3, 2, 12, 0))
    sage.edit(1, cbModification=datetime(2026, 3, 2, 12, 30))
    records, cursor = read(since="2026-03-02T12:00:00+01:00")
    assert (marqs(records), cursor) == ([1, 3], "2026-03-02T12:30:00+01:00")


@pytest.mark.parametrize(
    ("minutes_before", "again"),
    [(0, True), (60, True), (65, True), (66, False)],
    ids=["same second", "summer time went back an hour", "and a late commit", "before the overlap"],
)
def test_the_overlap_finds_what_was_stamped_before_the_cursor(read, sage, minutes_before, again):
    cursor = datetime(2026, 3, 3, 10, 0)
    sage.edit(2, cbModification=cursor - timedelta(minutes=minutes_before))
    records, _ = read(since="2026-03-03T10:00:00+01:00")
    assert (2 in marqs(records)) is again


@pytest.mark.parametrize("form", ["2026-03-03 10:00:01", "2026-03-03T09:59:59", "2026-03-03T10:00:01.500"])
def test_texts_of_any_form_are_compared_as_times(read, sage, form):
    sage.run(f"UPDATE F_CONTACTT SET cbModification = '{form}' WHERE cbMarq = 2")  # noqa: S608 - the test's own words
    records, cursor = read(since="2026-03-03T10:00:00+01:00")
    assert marqs(records) == [2]
    assert cursor >= "2026-03-03T10:00:00+01:00"


def test_a_cursor_never_goes_back(read):
    records, cursor = read(since="2026-03-02T10:30:00+01:00")
    assert (marqs(records), cursor) == ([1, 2, 3], "2026-03-02T10:30:00+01:00")


@pytest.mark.parametrize("since", [None, "2026-03-02T10:00:00+01:00"])
@EVERYWHERE
def test_a_stamp_from_the_future_is_read_and_hides_nothing_that_follows(read, sage, since):
    sage.edit(1, cbModification=datetime(2079, 1, 1))
    records, cursor = read(since=since)
    assert 1 in marqs(records)
    assert datetime.fromisoformat(cursor) <= datetime.now(datetime.fromisoformat(cursor).tzinfo)


def test_a_stamp_from_the_future_is_warned_of_once_by_a_reading_of_changes_and_comes_again(read, sage, caplog):
    sage.edit(1, cbModification=datetime(2079, 1, 1))
    read(mode="full_refresh")
    _, cursor = read()
    assert [entry.getMessage().partition(",")[0] for entry in caplog.records if entry.levelname == "WARNING"] == [
        "F_CONTACTT has rows with a cbModification after the server's clock"
    ]
    assert marqs(read(since=cursor)[0]) == [1]


@pytest.mark.parametrize("state", [
    {"cbModification": "2079-01-01T00:00:00+01:00"},
    {"cbModification": "2026-03-01T00:00:00+01:00", "until": "2079-01-01T00:00:00+01:00", "cbMarq": 2},
    {"until": "2079-01-01T00:00:00+01:00", "cbMarq": 2},
])  # fmt: skip
@pytest.mark.parametrize("emit_deletions", [False, True])
def test_a_cursor_after_the_servers_clock_is_warned_of_once_and_everything_is_read(read, caplog, state, emit_deletions):
    records, cursor = read(since=state, emit_deletions=emit_deletions)
    assert (marqs(records), cursor) == ([1, 2, 3], "2026-03-02T10:00:00+01:00")
    (warning,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warning.startswith("The state of F_CONTACTT is after the server's clock (2079-01-01 00:00:00; it is 20")


@pytest.mark.parametrize(("minutes_ahead", "believed"), [(0, True), (60, True), (65, True), (66, False)])
def test_a_cursor_is_believed_as_far_ahead_as_a_reading_goes_back(minutes_ahead, believed):
    now = datetime(2026, 10, 25, 2, 0)
    assert Progress(now + timedelta(minutes=minutes_ahead)).is_ahead_of(now) is not believed


@EVERYWHERE
def test_rows_without_a_stamp_are_read_every_time(read, sage):
    sage.edit(3, cbModification=None)
    records, _ = read(since="2026-03-05T10:00:00+01:00")
    assert marqs(records) == [3]


def test_pages_give_each_row_once_whatever_their_stamps(read, sage, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.reading._PAGE", 7)
    with sage.engine.begin() as connection:
        connection.execute(
            insert(F_CONTACTT),
            [
                {"CT_Num": "CARAT", "CT_Nom": f"N{n}", "CT_No": n, "cbModification": datetime(2026, 3, 2, 10, n % 3)}
                for n in range(100, 160)
            ],
        )
    whole, _ = read(mode="full_refresh")
    changed, _ = read(since="2026-03-02T10:00:00+01:00")
    assert marqs(whole) == list(range(1, 64))
    assert marqs(changed) == list(range(1, 64))


def test_a_row_changed_while_the_first_reading_is_under_way_comes_with_the_next(sage, monkeypatch, read):
    monkeypatch.setattr("sage100_ssm.sage100.reading._PAGE", 1)
    (stream,) = (s for s in SourceSage100().streams(sage.config) if s.name == "contacts")
    records = stream.read_records(SyncMode.incremental)
    next(records)
    sage.edit(1, cbModification=datetime(2026, 3, 5, 10, 0))
    sage.edit(3, cbModification=datetime(2026, 3, 9, 10, 0))
    list(records)
    assert stream.state == {"cbModification": "2026-03-02T10:00:00+01:00"}
    assert 1 in marqs(read(since=stream.state["cbModification"])[0])


def test_deletions_and_insertions_meanwhile_hide_no_row_that_stays(sage, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.reading._PAGE", 1)
    (stream,) = (s for s in SourceSage100().streams(sage.config) if s.name == "contacts")
    records = stream.read_records(SyncMode.full_refresh)
    assert next(records)["cbMarq"] == 1
    sage.run("DELETE FROM F_CONTACTT WHERE cbMarq = 1")
    sage.run("INSERT INTO F_CONTACTT (CT_Num, CT_Nom) VALUES ('CARAT', 'Aubry')")
    assert marqs(records) == [2, 3, 4]


def test_a_writer_is_not_held_up_while_a_reading_is_half_way(sage, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.reading._PAGE", 1)
    (stream,) = (s for s in SourceSage100().streams(sage.config) if s.name == "contacts")
    records = stream.read_records(SyncMode.full_refresh)
    next(records)
    sage.edit(3, CT_Fonction="Chef")
    assert [record["CT_Fonction"] for record in records] == [None, "Chef"]


def test_a_stream_that_fails_fails_the_reading_with_its_code(read, monkeypatch):
    def failing(*_):
        raise UnreachableError("link failure")
        yield

    monkeypatch.setattr("source_sage100.source.pages", failing)
    with pytest.raises(AirbyteTracedException):
        read("services", mode="full_refresh")


def test_a_stream_that_does_not_exist_fails_the_reading(read):
    with pytest.raises(AirbyteTracedException):
        read("invoices", mode="full_refresh")


def test_a_state_of_another_source_is_told(read):
    with pytest.raises(AirbyteTracedException):
        read(since="yesterday")


def test_a_database_handed_over_is_used_and_stays_open(read, sage):
    with open_database(Sage100Config.model_validate(sage.config)) as database:
        source = SourceSage100(database)
        elsewhere = {"connection": {"kind": "sqlite", "path": "/nowhere.db"}}
        assert marqs(read(mode="full_refresh", source=source, **elsewhere)[0]) == [1, 2, 3]
        with database.reading() as connection:
            assert connection.execute(select(func.count()).select_from(F_CONTACTT)).scalar() == 3
