"""What the streams of source-contact-sync give of a state: each change once it is settled, and no names unasked."""

import json
import logging
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import SyncMode

from sage100_ssm.app.contact_sync.streams import StateStreams
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.source import CursorStream
from sage100_ssm.sync.journal import ConflictSettled, Entry, RecordLocked, Subject, ValueTooLong
from sage100_ssm.sync.model import Change, Link, Side, ValuePair
from sage100_ssm.sync.policy import Retention
from sage100_ssm.sync.state.backup import copy_state
from sage100_ssm.sync.state.changes import Position
from sage100_ssm.sync.state.records import RunRow, RunStatus, WriteAction, WriteRecord
from sage100_ssm.sync.state.store import StateStore

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
PAUL = Subject("BAGUES", 101, 9001, "Paul Durand")
TOO_LONG = Entry(PAUL, ValueTooLong(limit=21, length=40), field="phone", sage100_value="01", ssm_value="0102")
LOCKED = Entry(PAUL, RecordLocked())
SETTLED = Entry(PAUL, ConflictSettled(Side.SSM), field="fax", sage100_value="1", ssm_value=None)
COUNTS = {"sage100": {"read": 80, "created": 1}, "ssm": {"read": 3, "requests": 11}, "linked": 79}
NAMES = {"contact", "sage100_value", "ssm_value", "message", "remedy", "changes", "values"}


@pytest.fixture
def store(tmp_path):
    with StateStore.open(f"sqlite:///{tmp_path}/state.db") as store:
        yield store


@pytest.fixture
def stored(store):
    """Stores something in a transaction of its own: ``stored(lambda t: t.add_notice(…))``."""

    def store_it(action):
        with store.transaction() as transaction:
            return action(transaction)

    return store_it


@pytest.fixture
def streams(tmp_path):
    """The streams by name, with or without names and values."""

    def named(*, with_personal_data=False):
        def open_state():
            return StateStore.open(f"sqlite:///{tmp_path}/state.db", read_only=True)

        found = StateStreams(open_state, "en", with_personal_data=with_personal_data).streams()
        return {stream.name: stream for stream in found}

    return named


@pytest.fixture
def read(streams):
    """The records of a stream since a state, and the state that is reached."""

    def reads(name, state=None, **more):
        stream = streams(**more)[name]
        is_incremental = isinstance(stream, CursorStream)
        if is_incremental:
            stream.state = json.loads(json.dumps(state or {}))
        pages = list(stream.pages(SyncMode.incremental if is_incremental else SyncMode.full_refresh))
        return [record for page, _ in pages for record in page], [reached for _, reached in pages if reached][-1]

    return reads


def problems(*entries, run=0):
    at = NOON + run * QUARTER
    return lambda t: t.report_problems(entries, now=at, run_id=f"run-{run}", keep=lambda _: False)


def a_write(*, is_confirmed=True, id_=None):
    changes = {"email": Change("a@b.example", "c@d.example")}
    return WriteRecord("run-0", NOON, Side.SSM, WriteAction.UPDATE, PAUL, changes, is_confirmed=is_confirmed, id=id_)


@pytest.fixture
def filled(stored):
    """A state with something in each of its tables."""
    ended = RunRow("run-0", NOON, NOON + QUARTER, RunStatus.DONE, COUNTS, 0)
    stored(lambda t: (t.start_run(RunRow("run-0", NOON)), t.finish_run(ended)))
    stored(problems(TOO_LONG))
    stored(lambda t: t.add_notice(SETTLED, now=NOON, run_id="run-0"))
    stored(lambda t: t.writes.save(a_write()))
    base = {"last_name": ValuePair("Durand", "Durand")}
    stored(lambda t: t.save_link(Link(101, 7, 9001, "BAGUES", "Paul Durand", Side.SAGE100, base)))


@pytest.mark.parametrize("name", ["runs", "open_problems", "journal", "writes", "links"])
@pytest.mark.parametrize("with_personal_data", [False, True])
def test_records_fit_the_schema_field_by_field_and_have_names_and_values_only_if_asked_for(
    filled, streams, read, name, with_personal_data
):
    schema = streams(with_personal_data=with_personal_data)[name].get_json_schema()
    records, _ = read(name, with_personal_data=with_personal_data)

    assert records
    for record in records:
        jsonschema.validate(record, schema | {"additionalProperties": False})
        assert set(record) == set(schema["properties"])
    text = json.dumps(records)
    said = [word for word in ("Durand", "a@b.example", "0102") if word in text]
    assert bool(said) is (with_personal_data and name != "runs")
    assert bool(NAMES & set(schema["properties"])) is (with_personal_data and name != "runs")


def test_a_run_has_its_figures_side_by_side(filled, read):
    ((record,), state) = read("runs")

    assert (record["run_id"], record["number"], record["status"]) == ("run-0", 1, "done")
    assert (record["sage100_read"], record["sage100_created"], record["ssm_read"]) == (80, 1, 3)
    assert (record["ssm_requests"], record["linked"], record["postponed"]) == (11, 79, None)
    assert state == {"last": 1, "run": "run-0"}


def test_a_run_that_is_under_way_comes_again_once_it_has_ended(filled, stored, read):
    _, state = read("runs")
    stored(lambda t: t.start_run(RunRow("run-1", NOON)))
    under_way, state = read("runs", state)
    stored(lambda t: t.finish_run(RunRow("run-1", NOON, NOON, RunStatus.HELD, {}, 3)))
    ended, state = read("runs", state)

    assert [(one["run_id"], one["status"]) for one in under_way] == [("run-1", "running")]
    assert [(one["run_id"], one["status"]) for one in ended] == [("run-1", "held")]
    assert read("runs", state) == ([], state)


def test_an_entry_of_the_journal_comes_when_it_is_new_and_when_its_problem_is_closed(filled, stored, read):
    first, state = read("journal")
    stored(problems(TOO_LONG, LOCKED, run=1))
    second, state = read("journal", state)
    stored(problems(LOCKED, run=8))
    third, state = read("journal", state)

    assert [(one["kind"], one["code"]) for one in first] == [
        ("problem", "value_too_long"), ("notice", "conflict_settled")
    ]  # fmt: skip
    assert [one["code"] for one in second] == ["record_locked"]
    assert [(one["code"], one["closed_at"]) for one in third] == [
        ("value_too_long", "2026-03-02T14:00:00+00:00")
    ]  # fmt: skip
    assert third[0]["changed_at"] > first[0]["changed_at"]


def test_an_entry_that_was_forgotten_comes_again_without_names_and_values_p17(filled, stored, read):
    stored(problems(LOCKED, run=1))
    _, state = read("journal", with_personal_data=True)
    later = NOON + timedelta(days=400)
    stored(lambda t: t.forget_expired(Retention(), later))
    again, state = read("journal", state, with_personal_data=True)

    assert {(one["code"], one["forgotten_at"]) for one in again} == {
        ("value_too_long", later.isoformat()), ("conflict_settled", later.isoformat())
    }  # fmt: skip
    assert "Durand" not in json.dumps(again)
    assert "0102" not in json.dumps(again)


def test_open_problems_are_those_that_are_open_now(filled, stored, read):
    stored(problems(LOCKED, run=1))
    (record,), _ = read("open_problems")

    assert (record["code"], record["title"], record["company"], record["contacts"]) == (
        "record_locked", "Record open in Sage 100", "BAGUES", 1
    )  # fmt: skip


def test_the_notice_of_a_write_without_a_receipt_comes_once_the_write_is_known_to_be_done(filled, stored, read):
    _, state = read("journal")
    keys = stored(lambda t: t.add_pending_notices([SETTLED], now=NOON, run_id="run-1"))
    stored(problems(TOO_LONG, LOCKED, run=1))
    meanwhile, state = read("journal", state)
    stored(lambda t: t.resolve_pending_notices(keys, done=True))
    resolved, state = read("journal", state)

    assert [one["code"] for one in meanwhile] == ["record_locked"]
    assert [(one["id"], one["code"]) for one in resolved] == [(keys[0], "conflict_settled")]
    assert read("journal", state)[0] == []


def test_a_write_comes_once_its_receipt_is_there_and_never_if_it_was_not_done(filled, stored, read):
    _, state = read("writes")
    doubtful, undone = (stored(lambda t: t.writes.save(a_write(is_confirmed=False))) for _ in range(2))
    done = stored(lambda t: t.writes.save(a_write()))
    meanwhile, state = read("writes", state)
    stored(lambda t: t.writes.save(a_write(id_=doubtful.id)))
    stored(lambda t: t.writes.discard([undone.id]))
    confirmed, state = read("writes", state)

    assert [one["id"] for one in meanwhile] == [done.id]
    assert [one["id"] for one in confirmed] == [doubtful.id]
    assert read("writes", state) == ([], state)


def test_a_row_that_another_transaction_commits_late_is_not_left_out():
    reached = Position().after(seen=[1, 2, 5], unsettled=[2])
    then = reached.after(seen=[2, 4, 6], unsettled=[])

    assert reached == Position(5, frozenset({2, 3, 4}))
    assert then == Position(6)


def test_of_a_journal_that_lost_its_oldest_entries_only_the_newest_gaps_are_looked_at_again():
    assert len(Position().after(seen=[1_000_000], unsettled=[]).pending) == 99


def test_a_cleared_state_brings_everything_again(filled, read):
    for name in ("runs", "journal", "writes"):
        first, state = read(name)
        assert read(name, state)[0] == []
        assert read(name, {})[0] == first


@pytest.mark.parametrize("name", ["runs", "journal", "writes"])
@pytest.mark.parametrize("last", [1, 99], ids=["outgrown", "smaller"])
def test_a_state_of_another_state_database_is_warned_of_and_everything_comes(filled, read, name, last, caplog):
    others = {"last": last, "closed_at": "2026-03-02T12:00:00+00:00", "run": "run-of-another-database"}
    with caplog.at_level(logging.WARNING, "airbyte"):
        records, state = read(name, others)

    assert records == read(name)[0]
    assert f"The state of {name} was made with another state database" in caplog.text
    assert read(name, state) == ([], state)


def test_a_state_made_after_the_backup_that_was_restored_is_another_one_s(filled, stored, read, tmp_path, store):
    copy_state(f"sqlite:///{tmp_path}/state.db", tmp_path / "backup.db")
    stored(lambda t: t.start_run(RunRow("run-1", NOON)))
    stored(lambda t: t.writes.save(a_write()))
    _, state = read("writes")
    store.close()
    (tmp_path / "backup.db").replace(tmp_path / "state.db")
    with StateStore.open(f"sqlite:///{tmp_path}/state.db") as restored, restored.transaction() as transaction:
        transaction.start_run(RunRow("run-1b", NOON))
        other = transaction.writes.save(a_write())

    assert other.id in [record["id"] for record in read("writes", state)[0]]


def test_a_state_whose_writes_are_all_forgotten_is_still_of_this_database(filled, stored, read, caplog):
    _, state = read("writes")
    stored(lambda t: t.writes.discard([1]))
    with caplog.at_level(logging.WARNING, "airbyte"):
        assert read("writes", state) == ([], state)

    assert caplog.text == ""


@pytest.mark.parametrize(
    "state", [{"last": "x"}, {"last": 1, "pending": ["x"]}, {"last": 1, "closed_at": "soon"}, {"run": 1}]
)
def test_a_state_that_is_none_of_this_source_is_an_error_of_the_configuration(filled, read, state):
    with pytest.raises(ConnectorError, match="The state is not one of this source") as caught:
        read("journal", state)
    assert caught.value.configuration
