"""The destinations under Airbyte's orchestrator: ids and counts of states, what a job shows as loaded, Clear data."""

from collections import Counter

import pytest

from tests.support.connector_processes import catalog, record, spoken, state
from tests.support.connector_sides import SsmSide
from tests.support.orchestrator import clear, configured, sync

CONTACTS = ("", "contacts")


@pytest.fixture
def run(side, written):
    """Syncs messages into the side."""

    def syncs(messages, *, streams=("contacts",), mode="append_dedup", into=side):
        declared = configured(catalog(*streams, fields=[side.key, *side.names, side.company, side.email]))
        for stream in declared["streams"]:
            stream["destination_sync_mode"] = mode
        arguments = ["write", "--config", written("config.json", into.config), "--catalog", written("c.json", declared)]
        return sync(into.destination, *arguments, from_source=messages)

    return syncs


def with_stats(message, count, **more):
    """A STATE of a source that counts, and that puts more into it than the protocol has."""
    return {"type": "STATE", "state": message["state"] | {"sourceStats": {"recordCount": float(count)}} | more}


def test_a_sync_into_a_twin_succeeds_with_all_records_committed_and_goes_on_from_its_states(
    side, run, written, tmp_path
):
    reading = [
        "read",
        "--config",
        written("source.json", side.config),
        "--catalog",
        written("r.json", catalog("contacts")),
    ]
    twin = side.twin(tmp_path / "twin")
    try:
        job = run(spoken(side.source, *reading).messages, into=twin)
        again = ["--state", written("state.json", list(job.states.values()))]
        rest = run(spoken(side.source, *reading, *again).messages, into=twin)
    finally:
        twin.close()

    assert job.complaints == []
    assert job.succeeded
    assert job.committed == job.emitted
    assert job.emitted[CONTACTS] == len(side.contacts())
    assert job.rejected.total() == 0
    assert rest.succeeded
    assert rest.committed.total() == rest.emitted.total()


def test_of_forty_refused_records_none_is_shown_as_loaded(run, side):
    before = side.contacts()
    refused = [record("contacts", {side.key: 900_000 + number, side.names[0]: "Durand"}) for number in range(39)]
    job = run(
        [*refused, record("contacts", {"_ab_cdc_deleted_at": "NaT", side.key: 1}), with_stats(state("contacts"), 40)]
    )

    assert job.complaints == []
    assert (job.committed[CONTACTS], job.rejected[CONTACTS]) == (0, 40)
    assert side.contacts() == before


@pytest.mark.parametrize("name", ["ssm"])
def test_lines_that_nobody_understands_count_as_rejected_and_the_others_are_loaded(run, side):
    newcomers = [record("contacts", side.newcomer(surname)) for surname in ("Première", "Deuxième")]
    newcomers[1]["record"] |= {"meta": {"changes": [{"field": "x", "change": "NULLED", "reason": "OF_THE_FUTURE"}]}}
    del newcomers[1]["record"]["emitted_at"]
    not_a_number = record("contacts", side.newcomer("Troisième") | {side.email: float("nan")})
    a_list = {"type": "RECORD", "record": {"stream": "contacts", "data": [1], "emitted_at": 1}}
    job = run([*newcomers, not_a_number, a_list, with_stats(state("contacts"), 4, of_the_future={"x": 2**70})])

    assert job.complaints == []
    assert (job.committed[CONTACTS], job.rejected[CONTACTS]) == (2, 2)
    there = Counter(row[side.names[0]] for row in side.contacts().values())
    assert [there[surname] for surname in ("Première", "Deuxième", "Troisième")] == [1, 1, 0]


def test_a_state_counts_the_records_of_its_stream_alone_and_a_global_one_those_of_all(tmp_path, written):
    ssm = SsmSide(tmp_path)
    try:
        declared = configured(catalog("contacts", "accounts", fields=["id", "phone1"]))
        arguments = ["write", "--config", written("c.json", ssm.config), "--catalog", written("k.json", declared)]
        contacts = [record("contacts", {"id": number}) for number in sorted(ssm.contacts())[:3]]
        accounts = [record("accounts", {"id": 900_000 + number}) for number in range(2)]
        of_all = {
            "type": "STATE",
            "state": {"type": "GLOBAL", "global": {"shared_state": {"lsn": 2**60}, "stream_states": []}},
        }
        job = sync(
            ssm.destination, *arguments,
            from_source=[contacts[0], accounts[0], with_stats(state("contacts", at=1), 1), contacts[1],
                         with_stats(state("accounts", at=1), 1), contacts[2], accounts[1], with_stats(of_all, 3)],
        )  # fmt: skip
    finally:
        ssm.close()

    assert job.complaints == []
    assert job.committed == {CONTACTS: 1, ("", "accounts"): 0, ("", ""): 2}
    assert job.rejected == {CONTACTS: 0, ("", "accounts"): 1, ("", ""): 1}


@pytest.mark.parametrize("name", ["sage100"])
def test_clear_data_gives_the_states_back_and_deletes_nobody(run, side):
    before = side.contacts()
    job = run(clear(CONTACTS, ("", "invoices")), streams=("contacts", "invoices"), mode="overwrite")

    assert job.succeeded
    assert set(job.states) == {CONTACTS, ("", "invoices")}
    assert side.contacts() == before
    (warning,) = [each["message"] for each in job.said.of("LOG") if each["level"] == "WARN"]
    assert warning.startswith("Nothing is cleared in contacts, invoices:")


@pytest.mark.parametrize("name", ["sage100"])
def test_a_record_of_a_stream_that_is_overwritten_fails_the_job_in_a_sentence(run, side):
    before = side.contacts()
    job = run([record("contacts", side.newcomer("Nouvelle")), with_stats(state("contacts"), 1)], mode="overwrite")

    (trace,) = job.said.of("TRACE")
    assert (job.exit_code, job.states) == (1, {})
    assert trace["error"]["failure_type"] == "config_error"
    assert "not overwritten" in trace["error"]["message"]
    assert side.contacts() == before
