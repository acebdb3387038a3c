"""source-contact-sync as Airbyte runs it: processes, states that the platform keeps, attempts that are killed."""

import itertools
import json
from collections import Counter

import pytest
from airbyte_cdk.models import AirbyteMessageSerializer

from tests.support.connector_processes import catalog, conversation, spoken
from tests.support.orchestrator import taken

CONNECTOR = "source_contact_sync"
STREAMS = ("runs", "open_problems", "journal", "writes", "links")


@pytest.fixture
def reading(site):
    """The arguments of a read of all streams."""
    config, declared = site.folder / "config.json", site.folder / "catalog.json"
    config.write_text(json.dumps(site.config), "utf-8")
    declared.write_text(json.dumps(catalog(*STREAMS)), "utf-8")
    return ["read", "--config", config, "--catalog", declared]


def test_an_attempt_that_was_killed_in_mid_run_is_repeated_and_nobody_is_there_twice_p11(site, reading):
    people = [f"Personne{number}" for number in range(6)]
    for name in people[:3]:
        site.sage.create_contact("ALPHA", name, "Zoé")
    for name in people[3:]:
        site.ssm.create_contact("BETA", name, "Zoé")
    with conversation(CONNECTOR, *reading) as attempt:
        created = itertools.count(1)

        def kill_at_the_second_creation(call):
            if (call.method, call.path) == ("POST", "/contacts") and next(created) == 2:
                attempt.kill()

        site.api.on_answer = kill_at_the_second_creation
        attempt._process.wait(60)
    site.api.on_answer = None
    after_the_kill = site.names()

    # Of the two minutes that its lease lasts, nearly all have gone by; of the ten for a creation in doubt, too.
    site.expire(1)
    site.execute("UPDATE intents SET begun_at = '2026-01-01T00:00:00.000000+00:00'")
    second = spoken(CONNECTOR, *reading)
    job = taken(second.messages)
    site.api.requests.clear()
    third = site.read(states=list(job.states.values()))

    assert after_the_kill != (people, people), "it was killed before it had done its work"
    assert site.names() == (people, people)
    assert (second.code, job.complaints) == (0, [])
    assert [run["status"] for run in records(second, "runs")] == ["failed", "done"]
    assert Counter(link["origin"] for link in records(second, "links")) == {"sage100": 3, "ssm": 3}
    assert site.written == []
    assert [run["number"] for run in third.records("runs")] == [3]
    assert taken(third.messages).complaints == []
    for message in second.messages:
        AirbyteMessageSerializer.load(message)


def records(said, stream):
    return [record["data"] for record in said.of("RECORD") if record["stream"] == stream]
