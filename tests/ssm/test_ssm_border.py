"""What comes from SSM and cannot be kept is held back alone; what can be made fit is."""

import json

import orjson
import pytest

from sage100_ssm.connectors import in_process
from sage100_ssm.ssm import border
from sage100_ssm.ssm.border import Unreadable
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.values import changed_at, is_deleted, same, value_of
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from source_ssm.source import SourceSsm
from tests.support.odd_servers import OddServer, logging_in, sent

ODD = {
    "an id without end": '{"id": 1e999}',
    "no id": "{}",
    "an id in words": '{"id": "7"}',
    "an id that is true": '{"id": true}',
    "half an id": '{"id": 7.5}',
    "an id that no database holds": '{"id": 99999999999999999999}',
    "an id of thousands of digits": f'{{"id": {"9" * 9000}}}',
    "no object": "7",
    "nothing": "null",
    "a list": "[7]",
    "a number without end": '{"id": 7, "latitude": -1e999}',
    "no number": '{"id": 7, "latitude": NaN}',
    "no number, within": '{"id": 7, "Z_a": [{"id": Infinity}]}',
    "a number that no database holds": '{"id": 7, "permissionLevel": 99999999999999999999}',
    "a nest": f'{{"id": 7, "Z_a": {"[" * 300}1{"]" * 300}}}',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_an_odd_row_is_held_back_alone_and_every_row_that_is_not_can_be_stored(text):
    body = f'[{{"id": 1, "lastName": "Durand"}}, {text}, {{"id": 2}}]'.encode()
    items = [border.fit(item) for item in border.parsed(body)]
    assert [isinstance(item, Unreadable) for item in items] == [False, True, False]
    assert [item["id"] for item in (items[0], items[2])] == [1, 2]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('"\\ud800Durand"', "\N{REPLACEMENT CHARACTER}Durand"),
        ('"Dur\\udfffand"', "Dur\N{REPLACEMENT CHARACTER}and"),
        ('"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        ('"Dur\\u0000and"', "Durand"),
        ('"Zoé"', "Zoé"),
    ],
)
def test_texts_are_made_storable(text, kept):
    row = border.fit(border.parsed(f'{{"id": 7, "lastName": {text}, "Z_a": [{{"value": {text}}}]}}'.encode()))
    assert (row["lastName"], row["Z_a"][0]["value"]) == (kept, kept)
    orjson.dumps(row)
    json.dumps(row, ensure_ascii=False).encode()


@pytest.mark.parametrize("raw", [b"Z\xe9", b"Z\xed\xa0\x80", b"\xff"])
def test_bytes_that_are_no_text_spoil_no_answer(raw):
    row = border.fit(border.parsed(b'{"id": 7, "lastName": "' + raw + b'"}'))
    assert "\N{REPLACEMENT CHARACTER}" in row["lastName"]


def test_an_id_that_comes_with_a_fraction_of_nothing_is_whole():
    assert border.fit({"id": 7.0})["id"] == 7
    assert type(border.fit({"id": 7.0})["id"]) is int


@pytest.mark.parametrize(
    ("stamp", "kept"),
    [
        ("2024-05-01T12:00:00", "2024-05-01T12:00:00Z"),
        ("2024-05-01T12:00:00.25", "2024-05-01T12:00:00.25Z"),
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T12:00:00+02:00"),
        ("yesterday", "yesterday"),
        (None, None),
        (5, 5),
    ],
)
def test_a_stamp_without_a_zone_is_utc_and_what_is_none_is_left_to_the_reader(stamp, kept):
    row = border.fit({"id": 7, "dateUpdated": stamp, "lastName": "2024-05-01T12:00:00"})
    assert (row["dateUpdated"], row["lastName"]) == (kept, "2024-05-01T12:00:00")
    changed_at(row)


@pytest.mark.parametrize("mark", ["true", "false", 1, 0, "", [], {}, None, "yes"])
def test_only_true_is_a_deletion_and_any_other_mark_passes_as_it_is(mark):
    row = border.fit({"id": 7, "deleted": mark})
    assert (row["deleted"], is_deleted(row)) == (mark, False)
    assert is_deleted(border.fit({"id": 7, "deleted": True}))


# --- the reading


def reading_of(rows, stream="contacts", state=None):
    """What reading a tenant with these rows, as JSON, comes to."""

    def answer(stream, head):
        first = b"page=0" in head
        stream.sendall(sent("200 OK", f"[{', '.join(rows)}]".encode() if first else b"[]"))

    with OddServer(logging_in(answer)) as server:
        config = SsmConfig(
            base_url=f"http://127.0.0.1:{server.port}", public_key="p", private_key="k", requests_per_second=1000
        )
        with SsmClient(config) as client:
            configuration = in_process.configuration_of(config)
            return in_process.read(SourceSsm(client), configuration, {stream: state}, incremental=True)[stream]


@pytest.mark.parametrize("stream", ["contacts", "accounts", "users", "contact_types"])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_reading_says_how_many_rows_it_leaves_out_and_is_complete(stream, odd):
    reading = reading_of(['{"id": 1, "deleted": false}', odd, '{"id": 2}'], stream)
    assert ([row["id"] for row in reading.rows], len(reading.unreadable), reading.failure) == ([1, 2], 1, None)


def test_changes_of_which_none_can_be_read_are_left_out_and_the_state_stays():
    state = {"changed_at": "2024-05-01T12:00:00.000000Z"}
    reading = reading_of(['{"id": 1e999}'], state=state)
    assert (reading.rows, len(reading.unreadable), reading.failure) == ([], 1, None)
    assert reading.state["changed_at"] == state["changed_at"]


def test_a_whole_list_of_which_no_row_can_be_read_is_a_failure_and_no_empty_side():
    reading = reading_of(['{"id": "1"}', '{"id": "2"}'])
    assert reading.failure.code == "malformed_answer"


def test_a_second_reading_counts_anew():
    with SsmApiServer() as api:
        api.store.put("users", {"id": 7, "phone": 10**30})
        config = SsmConfig(base_url=api.base_url, public_key=api.public_key, private_key=api.private_key)
        config = config.model_copy(update={"requests_per_second": 1000})
        with SsmClient(config) as client:
            source = SourceSsm(client)
            for _ in range(2):
                reading = in_process.read(source, in_process.configuration_of(config), {"users": None})["users"]
                assert len(reading.unreadable) == 1


@pytest.mark.parametrize("mark", ["true", "false", 1, "yes", [], {}])
def test_a_mark_of_deletion_that_is_neither_true_nor_false_is_passed_on_and_deletes_nothing(mark, caplog):
    rows = [f'{{"id": 1, "deleted": {json.dumps(mark)}}}', '{"id": 2, "deleted": true}']

    def answer(stream, head):
        stream.sendall(sent("200 OK", f"[{', '.join(rows)}]".encode() if b"page=0" in head else b"[]"))

    with OddServer(logging_in(answer)) as server:
        keys = {"public_key": "p", "private_key": "k", "requests_per_second": 1000, "emit_deletions": True}
        config = {"base_url": f"http://127.0.0.1:{server.port}", **keys}
        read = in_process.read(SourceSsm(), config, {"contacts": None})["contacts"].rows
    assert [(row["deleted"], bool(row["_ab_cdc_deleted_at"])) for row in read] == [(mark, False), (True, True)]
    assert "values in deleted of a type not declared" in caplog.text


@pytest.mark.parametrize(
    ("mark", "holds"), [(None, True), (False, True), (True, False), ("false", False), ("true", False)]
)
def test_what_is_expected_to_live_does_so_only_where_it_is_marked_so(mark, holds):
    row = border.fit({"id": 7, "deleted": mark})
    assert same(value_of(row, "deleted"), False) is holds
