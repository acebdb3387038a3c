"""A destination that works alone: what it logs, what it keeps of the refused, which state it lets pass."""

import json
import logging
import stat
from contextlib import contextmanager
from datetime import datetime

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sage100_ssm.connectors.destination_settings import FileRefused
from sage100_ssm.connectors.protocol_input import of_lines
from sage100_ssm.connectors.refused_records import check_refused_records
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from tests.support.airbyte_messages import Destination, catalog, record, state

DONE = {
    "created": (Action.CREATE, Outcome.APPLIED, True),
    "updated": (Action.UPDATE, Outcome.APPLIED, True),
    "equal": (Action.UPDATE, Outcome.APPLIED, False),
    "deleted": (Action.DELETE, Outcome.APPLIED, True),
    "refused": (Action.UPDATE, Outcome.REFUSED, False),
    "changed": (Action.UPDATE, Outcome.CHANGED, False),
    "locked": (Action.UPDATE, Outcome.RETRY, False),
    "lost": (Action.CREATE, Outcome.UNCERTAIN, True),
    "in part": (Action.UPDATE, Outcome.APPLIED, True),
}


class Fated:
    """A writer under which each record ends as its name says."""

    id_field, batch_size = "id", 2

    def write(self, requests):
        for request in requests:
            action, outcome, wrote = DONE[request.values["name"]]
            cause = None if outcome in {Outcome.APPLIED, Outcome.CHANGED} else Cause.REJECTED
            yield Receipt(
                request.index, request.stream, action, outcome, request.id,
                cause=cause, field="name", detail="No, said s3cret-key", wrote=wrote,
                refused={"email": "No, said s3cret-key"} if request.values["name"] == "in part" else {},
            )  # fmt: skip


class Alone(Destination):
    @contextmanager
    def writers(self, config):
        yield {"contacts": Fated(), "accounts": Fated()}


def written(messages, config=None):
    """The states given back, and why the write failed, if it did."""
    states, failure = [], None
    try:
        states += Alone().write(config or {}, catalog("contacts", "accounts"), messages)
    except AirbyteTracedException as error:
        failure = error
    return [message.state.stream.stream_state.__dict__["at"] for message in states], failure


def named(*names, stream="contacts"):
    return [record(stream, id=number, name=name) for number, name in enumerate(names, start=1)]


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.DEBUG, logger="airbyte")

    def lines(level=logging.INFO):
        return [json.loads(entry.getMessage()) for entry in caplog.records if entry.levelno >= level]

    return lines


def test_the_end_is_summed_up_per_stream(told):
    written(
        [*named("created", "updated", "equal", "deleted", "refused", "changed"), *named("created", stream="accounts")]
    )
    summaries = [line for line in told() if "summary" in line]
    assert summaries == [
        {"summary": "contacts", "created": 1, "updated": 1, "unchanged": 1, "deleted": 1, "refused": 2, "postponed": 0},
        {"summary": "accounts", "created": 1, "updated": 0, "unchanged": 0, "deleted": 0, "refused": 0, "postponed": 0},
    ]


def test_a_refused_record_is_logged_by_ids_field_and_cause_without_values(told):
    written(named("refused"))
    (line,) = told(logging.WARNING)
    assert line == {
        "receipt": "refused", "stream": "contacts", "action": "update", "record": 0, "id": 1,
        "cause": "rejected", "field": "name",
    }  # fmt: skip


def test_p7_a_record_written_in_part_counts_as_written_and_a_warning_names_the_fields(told):
    written(named("in part"))
    (line,) = told(logging.WARNING)
    assert (line["receipt"], line["action"], line["without"]) == ("applied", "update", ["email"])
    assert "s3cret" not in json.dumps(line)
    summary = next(line for line in told() if "summary" in line)
    assert (summary["updated"], summary["refused"]) == (1, 0)


def test_a_record_that_changed_meanwhile_is_logged_with_the_reason(told):
    written(named("changed"))
    (line,) = told(logging.WARNING)
    assert (line["receipt"], line["field"], line["reason"]) == ("changed", "name", "No, said s3cret-key")


def test_a_refused_record_is_kept_in_the_file_with_time_reason_and_values_and_the_state_goes_past_it(tmp_path):
    update_secrets(["s3cret-key"])
    path = tmp_path / "refused.jsonl"
    config = {"refused_records": {"kind": "file", "path": str(path)}}
    states, failure = written([*named("created", "refused"), record(name="refused", id="x"), state(at=1)], config)
    assert (states, failure) == ([1], None)
    malformed, refused = sorted(map(json.loads, path.read_text().splitlines()), key=lambda line: line["cause"])
    assert datetime.fromisoformat(refused.pop("at")).tzinfo
    assert refused == {
        "stream": "contacts", "action": "update", "outcome": "refused", "cause": "rejected", "field": "name",
        "detail": "No, said ****", "id": 2, "record": {"id": 2, "name": "refused"},
    }  # fmt: skip
    assert malformed["record"] == {"id": "x", "name": "refused"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_is_no_record_is_kept_as_it_came_and_the_state_goes_past_it(tmp_path):
    path = tmp_path / "refused.jsonl"
    settings = {"refused_records": {"kind": "file", "path": str(path)}}
    lines = [b'{"type": "RECORD", "record": {"stream": "contacts", "data": {"x": NaN, "y": "\\ud83d"}}}', b"{cut o"]
    alone = Alone()
    given = of_lines([*lines, json.dumps({"type": "STATE", "state": {"id": 1}}).encode()])
    ((_, counts),) = alone.confirmed(settings, catalog("contacts"), given)
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["line"].encode() for each in kept] == lines
    assert [(each["stream"], each["cause"], each["field"]) for each in kept] == [
        ("contacts", "malformed", "x"),
        ("", "malformed", None),
    ]
    assert (counts.loaded, counts.refused) == (0, 2)


def test_a_refused_record_with_a_number_of_any_size_is_kept(tmp_path):
    path = tmp_path / "refused.jsonl"
    written([record(id=2**70, name="a")], {"refused_records": {"kind": "file", "path": str(path)}})
    assert json.loads(path.read_text())["record"]["id"] == 2**70


def test_p7_a_record_written_in_part_is_kept_in_the_file_with_what_was_refused(tmp_path):
    update_secrets(["s3cret-key"])
    path = tmp_path / "refused.jsonl"
    states, _ = written([*named("in part"), state(at=1)], {"refused_records": {"kind": "file", "path": str(path)}})
    line = json.loads(path.read_text())
    assert (states, line["outcome"], line["refused"]) == ([1], "applied", {"email": "No, said ****"})
    assert line["record"] == {"id": 1, "name": "in part"}


def test_the_file_is_complete_before_the_state_is_given_back(tmp_path):
    path = tmp_path / "refused.jsonl"
    config = {"refused_records": {"kind": "file", "path": str(path)}}
    given = Alone().write(config, catalog("contacts"), [*named("refused"), state(at=1), *named("refused"), state(at=2)])
    next(given)
    assert len(path.read_text().splitlines()) == 1
    next(given)
    assert len(path.read_text().splitlines()) == 2


def test_a_later_write_adds_to_the_file(tmp_path):
    path = tmp_path / "refused.jsonl"
    for _ in range(2):
        written(named("refused"), {"refused_records": {"kind": "file", "path": str(path)}})
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("passing", ["locked", "lost"])
def test_a_record_that_is_to_come_again_stops_no_other_and_keeps_the_states_of_its_stream_back(passing, told):
    states, failure = written(
        [
            *named("created"), state(at=1),
            *named(passing), state(at=2),
            *named("created"), state(at=3),
            *named("created", stream="accounts"), state("accounts", at=4),
        ]
    )  # fmt: skip
    assert states == [1, 4]
    assert failure.failure_type is FailureType.transient_error
    assert "1 record(s)" in failure.message
    contacts = next(line for line in told() if line.get("summary") == "contacts")
    assert (contacts["created"], contacts["postponed"]) == (2, 1)


def test_a_file_that_cannot_be_written_is_told_before_anything_is(tmp_path):
    path = tmp_path / "nowhere" / "refused.jsonl"
    _, failure = written(named("created"), {"refused_records": {"kind": "file", "path": str(path)}})
    assert (failure.failure_type, str(path) in failure.message) == (FailureType.config_error, True)
    with pytest.raises(AirbyteTracedException):
        check_refused_records(FileRefused(kind="file", path=str(path)))


def test_a_write_that_breaks_off_is_summed_up_all_the_same(told):
    class Broken(Fated):
        def write(self, requests):
            yield from super().write(requests)
            raise ConnectionError

    class Breaking(Alone):
        @contextmanager
        def writers(self, config):
            yield {"contacts": Broken()}

    with pytest.raises(ConnectionError):
        list(Breaking().write({}, catalog("contacts"), named("created", "created")))
    assert told()[-1]["created"] == 2


def test_a_file_on_a_full_disk_is_a_passing_failure_and_keeps_the_state_back():
    states, failure = written(
        [*named("refused"), state(at=1)], {"refused_records": {"kind": "file", "path": "/dev/full"}}
    )
    assert (states, failure.failure_type) == ([], FailureType.transient_error)
    assert "No space left" in failure.message


def test_a_state_whose_name_the_catalog_does_not_have_confirms_no_record_that_is_to_be_sent_again():
    of_another_namespace = state(at=1)
    of_another_namespace.state.stream.stream_descriptor.namespace = "crm"
    states, failure = written([*named("created", "locked"), of_another_namespace])
    assert (states, failure.internal_message) == ([], "records_postponed")


def test_a_record_whose_deletion_is_to_come_is_refused(told):
    _, failure = written([record(id=1, name="deleted", _ab_cdc_deleted_at="2098-12-31"), state(at=1)])
    (receipt,) = [line for line in told() if "receipt" in line]
    assert (failure, receipt["receipt"], receipt["reason"]) == (None, "refused", "_ab_cdc_deleted_at is a date to come")
