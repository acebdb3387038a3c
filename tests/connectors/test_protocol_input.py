"""The lines that a destination receives: which are records and states, and which may have been a record."""

import json

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from sage100_ssm.connectors.protocol_input import Record, State, StreamName, UnreadableLine, of_lines

DATA = {"id": 1, "name": "Zoé"}


def of(line):
    """What one line is."""
    content = line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()
    return list(of_lines([content]))


def record_line(**more):
    return {"type": "RECORD", "record": {"stream": "contacts", "data": DATA, "emitted_at": 1} | more}


@pytest.mark.parametrize(
    "line",
    [
        record_line(),
        {"type": "RECORD", "record": {"stream": "contacts", "data": DATA}},
        record_line(emitted_at="yesterday"),
        record_line(meta={"changes": [{"field": "name", "change": "NULLED", "reason": "OF_THE_FUTURE"}]}),
        record_line(of_the_future=1),
        b"\xef\xbb\xbf" + json.dumps(record_line()).encode(),
        f"  {json.dumps(record_line())}\r\n",
    ],
    ids=["plain", "no moment", "odd moment", "unknown reason", "unknown key", "byte-order mark", "other line end"],
)
def test_a_record_is_understood_by_its_stream_and_data_whatever_stands_beside_them(line):
    assert of(line) == [Record(StreamName("contacts"), DATA)]


def test_a_whole_number_of_any_size_stays_what_it_is():
    (record,) = of(record_line(data={"siret": 2**70}))
    assert record.data == {"siret": 2**70}


@pytest.mark.parametrize(
    ("line", "stream", "field"),
    [
        ('{"type": "RECORD", "record": {"stream": "contacts", "data": {"id": 1, "score": NaN}}}', "contacts", "score"),
        ('{"type": "RECORD", "record": {"stream": "contacts", "data": {"x": [{"y": -Infinity}]}}}', "contacts", "x"),
        ('{"type": "RECORD", "record": {"stream": "contacts", "data": {"name": "Zo\\ud83d"}}}', "contacts", "name"),
        (json.dumps(record_line())[:-9], None, None),
        (record_line(data=[DATA]), "contacts", None),
        (record_line(data="Zoé"), "contacts", None),
        (record_line(namespace=7), "contacts", None),
        ('{"type": "RECORD", "record": {"stream": "contacts", "data": {"\\ud83d": 1}}}', "contacts", None),
        ('{"type": "RECORD", "record": {"stream": "\\ud83d", "data": {"id": 1}}}', None, None),
        ('{"type": "RECORD", "record": {"stream": "contacts", "namespace": "\\ud83d", "data": {}}}', "contacts", None),
        ({"type": "RECORD", "record": {"data": DATA}}, None, None),
        ({"type": "RECORD"}, None, None),
        ({"type": "STATE", "state": None}, None, None),
        ('{"type": "RECORD", "record": {"stream": "contacts", "data": ' + '{"a":' * 5_000, None, None),
        (f'{{"a": {"9" * 5_000}}}', None, None),
        (json.dumps(record_line(), ensure_ascii=False).encode("latin-1"), "contacts", None),
        (b"\xff\xfe\x00", None, None),
        ("Reading done.", None, None),
        (record_line(data={"x": json.loads("[" * 100 + "]" * 100)}), "contacts", None),
        ([record_line()], None, None),
        ({"hello": 1}, None, None),
    ],
    ids=["NaN", "Infinity within", "half a character", "cut off", "data a list", "data a text", "odd namespace",
         "half a character in a field's name", "in a stream's", "in a namespace",
         "no stream", "no record", "no state", "nested too deep", "too long a number", "not UTF-8", "bytes", "text",
         "too deep to be gone through", "a list", "no type"],
)  # fmt: skip
def test_a_line_that_may_have_been_a_record_is_never_left_out(line, stream, field):
    (unreadable,) = of(line)
    assert isinstance(unreadable, UnreadableLine)
    assert (unreadable.stream and unreadable.stream.name, unreadable.field) == (stream, field)
    assert "Zo" not in unreadable.reason


def test_a_line_without_an_object_for_data_keeps_its_namespace():
    (unreadable,) = of(record_line(data=[DATA], namespace="crm"))
    assert unreadable.stream == StreamName("contacts", "crm")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" \n",
        {"type": "LOG", "log": {"level": "INFO", "message": "x"}},
        {"type": "TRACE"},
        {"type": "OF_THE_FUTURE"},
    ],
)
def test_other_messages_are_left_out(line):
    assert of(line) == []


@pytest.mark.parametrize(
    ("state", "stream"),
    [
        ({"type": "STREAM", "stream": {"stream_descriptor": {"name": "contacts"}}}, StreamName("contacts")),
        ({"type": "STREAM", "stream": {"stream_descriptor": {"name": "a", "namespace": "b"}}}, StreamName("a", "b")),
        ({"type": "GLOBAL", "global": {"stream_states": []}}, None),
        ({"data": {"a": 1}}, None),
    ],
    ids=["of a stream", "in a namespace", "of all", "of an old source"],
)
def test_a_state_keeps_all_that_it_came_with(state, stream):
    message = {"type": "STATE", "state": state | {"id": 7, "of_the_future": {"x": 2**70}}}
    assert of(message) == [State(stream, message)]
