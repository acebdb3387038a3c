"""Each read of source-contact-sync is one synchronisation; what a person looks at later is no error of the sync."""

import logging
import tempfile
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import sleep
from zoneinfo import ZoneInfo

import jsonschema
import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import FailureType

from sage100_ssm.app import notify
from sage100_ssm.app.contact_sync import synchronisation
from sage100_ssm.app.contact_sync.synchronisation import state_failure
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.sync.state.errors import Damage, StateDamaged, StateMissing, StateUnavailable
from sage100_ssm.sync.state.store import StateStore
from source_contact_sync import run
from tests.support import postgresql

LOGGER = logging.getLogger("airbyte")


@pytest.fixture(autouse=True)
def log(caplog):
    """The log of the connector, as a process has it."""
    caplog.set_level(logging.INFO, "airbyte")
    return caplog


@pytest.fixture
def people(site):
    """Somebody on each side who is not on the other yet."""
    site.sage.create_contact("ALPHA", "Morel", "Claire", CT_EMail="claire@alpha.example")
    site.ssm.create_contact("BETA", "Durand", "Paul", email="paul@beta.example")
    return site


@pytest.mark.parametrize("streams", [("links",), ("runs", "open_problems", "journal", "writes", "links")])
def test_a_read_synchronises_once_whatever_streams_are_selected_r1(people, streams):
    read = people.read(*streams)

    assert read.error is None
    assert people.names() == (["Durand", "Morel"],) * 2
    assert {stream for stream in ("runs", "writes", "links") if read.records(stream)} == {*streams} - {
        "open_problems", "journal"
    }  # fmt: skip
    assert [run["status"] for run in people.read("runs").records("runs")] == ["done", "done"]


def test_a_second_read_writes_nothing_and_goes_on_from_its_states(people):
    first = people.read()
    people.api.requests.clear()
    second = people.read(states=first.states)

    assert people.written == []
    assert [run["number"] for run in first.records("runs")] == [1]
    assert [run["number"] for run in second.records("runs")] == [2]
    assert (len(first.records("writes")), second.records("writes")) == (3, [])
    assert len(second.records("links")) == len(first.records("links")) == 2


def test_clearing_the_streams_touches_the_warehouse_alone(people):
    first = people.read()
    before = people.snapshot
    people.api.requests.clear()
    again = people.read(states=[])

    assert people.written == []
    assert people.snapshot == before
    assert again.records("writes") == first.records("writes")


def test_without_a_stream_nothing_is_synchronised(people, log):
    assert people.read_nothing().messages == []
    assert people.api.requests == []
    assert people.names() == (["Morel"], ["Durand"])
    assert "No stream is selected: nothing is synchronised." in log.text


def test_a_stream_that_there_is_not_is_refused_before_anything_is_written(people):
    read = people.read("runs", "contacts")

    assert read.error.failure_type is FailureType.config_error
    assert "no stream contacts" in read.error.message
    assert people.names() == (["Morel"], ["Durand"])


def test_the_log_says_that_it_writes_and_how_far_it_is_in_the_users_language(people, log):
    people.read(language="fr")

    said = [record.getMessage() for record in log.records if record.name == "airbyte.contact_sync"]
    assert said[0].startswith("Cette synchronisation écrit dans Sage 100 et dans Sage Sales Management")
    assert said[1:5] == ["Lecture des deux côtés", "Comparaison", "Contrôles de sécurité", "Écriture"]
    assert said[-1].startswith("Synchronisation terminée - Sage 100 : lus 1, créés 1")
    assert not any("SourceSage100" in line or "SourceSsm" in line for line in log.messages)


def test_nothing_that_a_read_says_names_anybody_unless_the_form_asks_for_it(people, log):
    read = people.read()
    people.ssm.edit_contact(people.ssm.contacts()[0]["id"], phone1="0" * 40)
    second = people.read()
    with_names = people.read(include_personal_data=True)

    words = ("Morel", "Durand", "Claire", "Paul", "alpha.example", "0" * 40)
    assert second.records("open_problems")
    assert [word for word in words if word in read.text + second.text + log.text] == []
    assert [word for word in words if word in with_names.text] == [*words]


def test_no_secret_is_in_what_a_read_says(people, log):
    read = people.read()

    secrets = (people.api.public_key, people.api.private_key, people.config["state"])
    assert [secret for secret in secrets if secret in read.text + log.text] == []


# --- check and discover


def test_a_check_writes_nothing_anywhere(people, postgres):
    before = people.snapshot
    with postgresql.new_database(postgres) as unused:
        people.check(state=unused)
        with pytest.raises(StateMissing):
            StateStore.open(unused, read_only=True)

    assert people.snapshot == before
    assert people.written == []


def test_what_a_check_finds_wrong_on_both_sides_is_one_message(people):
    with pytest.raises(ConnectorError) as caught:
        people.check(connection={"kind": "sqlite", "path": str(people.folder / "absent.db")}, private_key="wrong")

    assert caught.value.configuration
    assert "Sage 100" in caught.value.message
    assert "Sage Sales Management" in caught.value.message
    assert "wrong" not in caught.value.message


def test_a_check_refuses_to_lift_a_guard_for_long_p9(people):
    ahead = datetime.now(UTC).date() + timedelta(days=9)
    with pytest.raises(ConnectorError, match=r"allow_mass_change_until: .* is more than 7 days ahead"):
        people.check(allow_mass_change_until=ahead.isoformat())
    assert people.api.requests == []


def test_discovering_needs_neither_side_nor_state(site):
    nowhere = {
        "connection": {"kind": "sqlite", "path": "/nowhere/absent.db"},
        "base_url": "http://127.0.0.1:9/api/v4",
        "state": "postgresql://nobody@127.0.0.1:9/nothing",
    }
    found = site.source.discover(LOGGER, site.config | nowhere).streams

    assert {one.name: (one.source_defined_primary_key, one.default_cursor_field) for one in found} == {
        "runs": ([["run_id"]], ["number"]),
        "open_problems": ([["id"]], None),
        "journal": ([["id"]], ["changed_at"]),
        "writes": ([["id"]], ["id"]),
        "links": ([["id"]], None),
    }
    assert {one.is_resumable for one in found} == {False}


def test_records_fit_the_schemas_that_were_discovered(people):
    found = people.source.discover(LOGGER, people.config).streams
    read = people.read()

    for stream in found:
        for record in read.records(stream.name):
            jsonschema.validate(record, stream.json_schema | {"additionalProperties": False})


# --- guards, and other runs


@pytest.fixture
def many(site):
    """Forty persons on both sides, six of whom were then deleted in Sage: more than a run deletes by itself (P9)."""
    marqs = [site.sage.create_contact("ALPHA", f"Personne{n:02}", "Camille") for n in range(40)]
    site.read("runs", bulk_writes=True)
    for marq in marqs[:6]:
        site.sage.delete_contact(marq)
    return site


def test_a_guard_that_holds_deletions_is_a_record_and_a_warning_and_no_error_p9(many, log):
    read = many.read()

    assert read.error is None
    assert [run["status"] for run in read.records("runs")] == ["done", "held"]
    assert [one["code"] for one in read.records("open_problems")] == ["deletion_guard"]
    assert len(many.ssm.contacts()) == 40
    warned = [record.getMessage() for record in log.records if record.levelno == logging.WARNING]
    assert any("allow_deletions_until" in line for line in warned)


def test_the_day_in_the_form_lifts_the_guard_p9(many):
    read = many.read(allow_deletions_until=datetime.now(ZoneInfo("Europe/Paris")).date().isoformat())

    assert read.records("runs")[-1]["status"] == "done"
    assert len(many.ssm.contacts()) == 34


def test_a_day_that_is_over_lifts_nothing_and_is_mentioned_p9(many, log):
    many.read(allow_deletions_until="2026-01-01")

    assert len(many.ssm.contacts()) == 40
    assert "allow_deletions_until lifts guards, 2026-01-01, is over" in log.text


@pytest.fixture
def quick(monkeypatch):
    """Looks at a lease of another run several times a second."""
    monkeypatch.setattr(synchronisation, "_LOOK_EVERY_SECONDS", 0.05)


def test_a_run_that_is_alive_is_left_alone_and_is_no_error(people, quick, log):
    people.read("runs")
    people.execute("INSERT INTO runs (run_id, started_at, status, counts, number) "
                   "VALUES ('other', '2026-03-02T12:00:00+00:00', 'running', '{}', 2)")  # fmt: skip
    people.sage.create_contact("ALPHA", "Petit", "Zoé")
    people.lease("elsewhere:7", 120)
    renewal = Thread(target=lambda: (sleep(0.3), people.lease("elsewhere:7", 120)))
    renewal.start()
    read = people.read()
    renewal.join()

    assert read.error is None
    assert read.records("runs")[-1]["status"] == "running"
    assert "Petit" not in people.names()[1]
    assert "Another synchronisation is under way (elsewhere:7): it does the work of this one." in log.text


def test_the_lease_of_a_run_that_was_killed_is_waited_for(people, quick, log):
    people.read("runs")
    people.sage.create_contact("ALPHA", "Petit", "Zoé")
    people.lease("killed:7", 0.6)
    read = people.read()

    assert read.error is None
    assert "Petit" in people.names()[1]
    assert "(killed:7) is under way, or was killed" in log.text


# --- what fails a sync


def test_a_login_that_is_refused_fails_the_sync_after_the_streams_have_said_so(people):
    read = people.read(private_key="wrong")

    assert read.error.failure_type is FailureType.config_error
    assert "Sage Sales Management" in read.error.message
    assert [run["status"] for run in read.records("runs")] == ["failed"]
    assert [one["code"] for one in read.records("open_problems")] == ["login_refused"]


def test_a_side_that_is_out_of_reach_fails_the_sync_for_now(people):
    people.api.faults.add(Fault(CannedResponse(503), path="/login", times=None))
    read = people.read()

    assert read.error.failure_type is FailureType.transient_error
    assert [run["status"] for run in read.records("runs")] == ["failed"]


def test_a_sage_that_cannot_be_opened_fails_the_sync(people):
    read = people.read(connection={"kind": "sqlite", "path": str(people.folder / "absent.db")})

    assert read.error.failure_type is FailureType.config_error
    assert "Sage 100" in read.error.message
    assert people.names() == (["Morel"], ["Durand"])


def test_a_state_in_sqlite_is_refused_before_anything_is_written(people):
    read = people.read(state="sqlite:///sync-state.db")

    assert read.error.failure_type is FailureType.config_error
    assert "state: must be the address of a PostgreSQL database" in read.error.message
    assert people.api.requests == []


def test_a_state_that_refuses_the_login_is_a_matter_of_configuration(people):
    read = people.read(state=people.config["state"].replace("postgres@", "nobody:s3cret@"))

    assert read.error.failure_type is FailureType.config_error
    assert "nobody" in read.error.message
    assert "s3cret" not in read.error.message
    assert people.names() == (["Morel"], ["Durand"])


def test_a_state_that_is_out_of_reach_fails_the_sync_for_now(people):
    read = people.read(state="postgresql://sync:s3cret@127.0.0.1:9/sync")

    assert read.error.failure_type is FailureType.transient_error
    assert "s3cret" not in read.error.message
    assert people.names() == (["Morel"], ["Durand"])


def test_a_state_that_cannot_be_used_is_reported_to_the_administrator(people, monkeypatch, tmp_path):
    sent = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where a mark remembers that it was reported
    monkeypatch.setattr(notify, "send", lambda channel, *message: sent.append(channel.kind))
    people.read(
        state="postgresql://sync:s3cret@127.0.0.1:9/sync",
        notify={"kind": "webhook", "url": "https://hook.example.com/s3cret"},
    )

    assert sent == ["webhook"]


@pytest.mark.parametrize(
    ("error", "configuration"),
    [
        (StateUnavailable("db", 'connection failed: FATAL:  password authentication failed for user "sync"'), True),
        (StateUnavailable("db", "connection failed: FATAL:  authentification par mot de passe échouée"), True),
        (StateUnavailable("db", "failed to resolve host 'db'"), False),
        (StateDamaged("db", Damage.NEWER), True),
    ],
)
def test_what_another_attempt_cannot_mend_is_a_matter_of_configuration(error, configuration):
    assert state_failure(error, "en").configuration is configuration


def test_the_administrator_is_sent_a_message_as_after_any_run(people, monkeypatch):
    sent = []
    monkeypatch.setattr(notify, "send", lambda channel, *message: sent.append((channel.kind, message[0])))
    people.read("runs", private_key="wrong", notify={"kind": "webhook", "url": "https://hook.example.com/s3cret"})

    assert [kind for kind, _ in sent] == ["webhook"]


def test_without_its_extra_the_console_script_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(run, "find_spec", lambda name: None if name == "psycopg" else object())
    with pytest.raises(SystemExit) as ended:
        run.run()

    assert ended.value.code == 2
    assert "(psycopg): install sage100-ssm[contact-sync]" in capsys.readouterr().err
