"""How SSM writes values, and how its answers are read."""

from datetime import UTC, datetime

import httpx
import pytest
from pydantic import ValidationError

from sage100_ssm.ssm import responses, where
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import MalformedAnswer
from sage100_ssm.ssm.values import changed_at, ext_id, format_stamp, parse_stamp, plain, same, value_of

KEYS = {"public_key": "pub-key-1", "private_key": "priv-key-1"}


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2021-12-16T14:05:53Z", "2021-12-16T14:05:53.000000Z"),
        ("2021-12-16T14:05:53.1Z", "2021-12-16T14:05:53.100000Z"),
        ("2021-12-16T14:05:53.18Z", "2021-12-16T14:05:53.180000Z"),
        ("2021-12-16T14:05:53.027Z", "2021-12-16T14:05:53.027000Z"),
        ("2021-12-16T14:05:53.1234567Z", "2021-12-16T14:05:53.123456Z"),
        ("2021-12-16T15:05:53+01:00", "2021-12-16T14:05:53.000000Z"),
        ("2021-12-16T14:05:53", "2021-12-16T14:05:53.000000Z"),
    ],
)
def test_date_is_read_in_utc_with_any_number_of_digits(text, stamp):
    assert format_stamp(parse_stamp(text)) == stamp


@pytest.mark.parametrize(
    "text", ["1900-01-01T00:00:00Z", "1899-12-30T00:00:00Z", None, "", "soon", 5, "0001-01-01T00:00:00+14:00"]
)
def test_sentinel_or_unreadable_date_is_none(text):
    assert parse_stamp(text) is None


def test_changed_at_is_the_latest_stamp_and_passes_over_sentinels():
    row = {"dateCreated": "2024-01-02T00:00:00Z", "dateUpdated": None, "dateDeleted": "1900-01-01T00:00:00Z"}
    assert changed_at(row) == datetime(2024, 1, 2, tzinfo=UTC)
    assert changed_at(row | {"dateDeleted": "2024-03-01T00:00:00.5Z"}) == datetime(2024, 3, 1, 0, 0, 0, 500000, UTC)
    assert changed_at({"id": 1}) is None


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ({"id": 9, "value": "Buyer"}, 9, True),
        ({"id": 9, "value": ""}, {"id": 9, "value": "Buyer"}, True),
        ({"id": 9, "value": "Buyer"}, 8, False),
        (None, "", True),
        ({"id": None, "value": ""}, None, True),
        ([{"id": 1}, {"id": 2}], [1, 2], True),
        ("Dupont", "dupont", False),
        ("Dupont ", "Dupont", False),
        ("9", 9, False),
        (0, None, False),
    ],
)
def test_values_are_compared_exactly_with_references_by_id_and_null_as_empty_text(left, right, equal):
    assert same(left, right) is equal


def test_reference_is_written_as_its_id():
    assert plain({"id": 9, "value": "Buyer"}) == 9
    assert plain("Buyer") == "Buyer"


def test_missing_key_is_null_and_missing_deleted_is_false():
    assert value_of({"id": 1}, "email") is None
    assert value_of({"id": 1}, "deleted") is False
    assert ext_id({"id": 1, "extId": ""}) is None


def test_quotes_in_a_condition_are_doubled():
    assert where.has_ext_id("O'Neil' OR 1=1") == "extId='O''Neil'' OR 1=1'"


def test_changes_are_asked_for_by_each_of_the_three_dates():
    condition = where.changed_since(datetime(2024, 1, 2, 3, 4, 5, 678, UTC))
    assert condition == (
        "(dateCreated > '2024-01-02T03:04:05Z' OR dateUpdated > '2024-01-02T03:04:05Z'"
        " OR dateDeleted > '2024-01-02T03:04:05Z')"
    )


def test_many_conditions_are_joined_in_texts_short_enough_for_an_address():
    texts = list(where.any_of(where.is_id(number) for number in range(1000)))
    assert " OR ".join(texts) == " OR ".join(f"id={number}" for number in range(1000))
    assert max(map(len, texts)) < 2100
    assert list(where.any_of([])) == []


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('{"Message": "No such  id\\n"}', "No such id"),
        ('{"message": "Bad", "code": 910}', "Bad: 910"),
        ('{"error": {"detail": "Nested"}}', "Nested"),
        ('{"errors": ["first", {"message": "second"}]}', "first: second"),
        ('["one", "two"]', "one: two"),
        ('"text"', "text"),
        ("plain words", "plain words"),
        ("<html><style>p{}</style><script>x()</script><p>Back&nbsp;soon &amp; well</p></html>", "Back soon & well"),
        ('{"Message": "key priv-key-1 is wrong"}', "key **** is wrong"),
        ('{"unknown": 1}', ""),
        ("", ""),
        ("x" * 999, "x" * 299 + "…"),
        ("[" * 100_000, "[" * 299 + "…"),
    ],
)
def test_error_body_of_any_shape_becomes_one_line_without_markup_or_secrets(body, line):
    assert responses.error_text(httpx.Response(400, text=body), ["priv-key-1"]) == line


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Tue, 02 Jan 2024 00:00:30 GMT"}, 30),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(header, seconds):
    assert responses.retry_after(httpx.Response(429, headers=header), datetime(2024, 1, 2, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("body", ['{"id": 7, "Message": "x"}', '{"Id": "7", "message": "x"}', '{"ID": 7}'])
def test_id_of_what_was_created_is_read_in_any_spelling(body):
    assert responses.parse_created_id(httpx.Response(200, text=body)) == 7


@pytest.mark.parametrize("body", ["{}", '{"id": null}', '{"id": "x7"}', '{"id": true}', "[7]", "<p>ok</p>", ""])
def test_creation_without_an_id_is_no_confirmation(body):
    with pytest.raises(MalformedAnswer):
        responses.parse_created_id(httpx.Response(200, text=body))


@pytest.mark.parametrize("body", ["{}", "null", "<p>", '[{"id": 1}', ""])
def test_page_that_is_no_list_is_an_error(body):
    with pytest.raises(MalformedAnswer):
        responses.parse_page(httpx.Response(200, text=body))


def test_configuration_shows_no_key():
    config = SsmConfig.model_validate(KEYS)
    assert "pub-key" not in repr(config)
    assert "priv-key" not in str(config.model_dump(mode="json"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"private_key": " "},
        {"base_url": "ftp://x"},
        {"base_url": "https://host:999999/api"},
        {"base_url": "https://user:secret@host/api"},
        {"requests_per_second": 0},
        {"requests_per_second": float("inf")},
        {"page_size": 0},
        {"overlap_minutes": -1},
    ],
)
def test_wrong_setting_is_refused_without_quoting_a_key(wrong):
    with pytest.raises(ValidationError) as caught:
        SsmConfig.model_validate({**KEYS, **wrong})
    assert "priv-key-1" not in str(caught.value)


def test_address_is_taken_with_and_without_a_slash_at_its_end():
    assert SsmConfig(**KEYS, base_url="https://x.example/api/v4/").base_url == "https://x.example/api/v4"


def test_blanks_and_line_ends_around_a_pasted_key_do_not_count():
    config = SsmConfig(public_key="a-public-key\n", private_key=" a-private-key ")
    assert [config.public_key.get_secret_value(), config.private_key.get_secret_value()] == [
        "a-public-key",
        "a-private-key",
    ]
