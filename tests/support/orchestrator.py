"""Airbyte's orchestrator, as far as a connector notices it: between a source and a destination, it counts and checks.

It puts an ``id`` into each STATE and wants it back, compares the counts in each STATE with its own, adds up what was
committed, and keeps for the next attempt the last state that came back of each stream. What it demands was read in the
sources of the platform (``container-orchestrator``: stats tracker, checksum handler, stream status tracker).
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.connector_processes import Message, Spoken, spoken

Stream = tuple[str, str]
"""A stream's namespace and name."""
Sent = dict[int, tuple[Message, Counter[Stream]]]
"""The states that a destination was given, by their ids, each with the numbers of records that it covers."""
_OWN = frozenset({"destinationStats"})
"""What a destination adds to a STATE."""


@dataclass
class Job:
    """One attempt of a sync.

    Attributes:
        emitted: how many records of each stream the source emitted.
        committed: how many of each the destination says that it loaded, as far as states came back.
        rejected: how many of each it says that it refused, likewise.
        states: the last state of each stream that came back; of all streams under an empty name.
        complaints: what the platform would fail the job for, or log as an error.
        exit_code: how the destination ended.
        said: what it said.
    """

    emitted: Counter[Stream] = field(default_factory=Counter)
    committed: Counter[Stream] = field(default_factory=Counter)
    rejected: Counter[Stream] = field(default_factory=Counter)
    states: dict[Stream, Message] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    exit_code: int = 0
    said: Spoken | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the platform shows it as succeeded."""
        return not self.complaints and self.exit_code == 0


def sync(destination: str, *arguments: object, from_source: Iterable[Message]) -> Job:
    """Run a destination on what a source emits.

    Args:
        destination: the connector's package.
        arguments: its command line.
        from_source: the source's messages.
    """
    job = Job()
    sent: Sent = {}
    given = list(_passed_on(from_source, job, sent))
    job.said = spoken(destination, *arguments, given=given)
    job.exit_code = job.said.code
    _track_destination(job, sent)
    return job


def taken(from_source: Iterable[Message]) -> Job:
    """The job of a source whose destination loads everything: what the platform checks of a source alone."""
    job = Job()
    sent: Sent = {}
    for _ in _passed_on(from_source, job, sent):
        pass
    for message, counts in sent.values():
        job.committed.update(counts)
        job.states[_stream_of(message["state"])] = {
            key: value for key, value in message["state"].items() if key not in {"id", "sourceStats"}
        }
    if lost := job.emitted - job.committed:
        job.complaints.append(f"no STATE covers records of {', '.join(name for _, name in lost)}")
    return job


def configured(catalog: Mapping[str, Any], generation: int = 3) -> dict[str, Any]:
    """A catalog as the platform sends it, with the ids of the generation and of the sync."""
    more = {"generation_id": generation, "minimum_generation_id": 0, "sync_id": 41, "include_files": False}
    return {"streams": [{**stream, **more, "destination_object_name": None} for stream in catalog["streams"]]}


def clear(*streams: Stream) -> Iterator[Message]:
    """What the platform emits in a source's stead to clear streams: their states, empty."""
    for namespace, name in streams:
        descriptor = {"name": name, **({"namespace": namespace} if namespace else {})}
        of_stream = {"stream_descriptor": descriptor, "stream_state": None}
        yield {"type": "STATE", "state": {"type": "STREAM", "stream": of_stream, "sourceStats": {"recordCount": 0.0}}}


def _passed_on(
    messages: Iterable[Message], job: Job, sent: dict[int, tuple[Message, Counter[Stream]]]
) -> Iterator[Message]:
    """What the destination is given: records and states, each state with an id."""
    ids, since_state = itertools.count(1), defaultdict[Stream, int](int)
    for message in messages:
        if message["type"] == "RECORD":
            record = message["record"]
            stream = (record.get("namespace") or "", record["stream"])
            job.emitted[stream] += 1
            since_state[stream] += 1
        elif message["type"] == "STATE":
            state = message["state"] | {"id": next(ids)}
            message = {"type": "STATE", "state": state}  # noqa: PLW2901 - passed on with its id
            covered = [_stream_of(state)] if state["type"] == "STREAM" else list(since_state)
            counts = Counter({stream: since_state.pop(stream, 0) for stream in covered})
            sent[state["id"]] = (message, counts)
            if (stated := (state.get("sourceStats") or {}).get("recordCount")) not in (None, counts.total()):
                job.complaints.append(f"source: a STATE says {stated} records, {counts.total()} came")
        elif message["type"] not in {"TRACE", "CONTROL"}:
            continue
        yield message


def _track_destination(job: Job, sent: Sent) -> None:
    last = 0
    for state in job.said.of("STATE"):
        if (number := state.get("id")) not in sent:
            job.complaints.append("State message does not contain id" if number is None else f"unknown id {number}")
            continue
        if number <= last:
            job.complaints.append(f"the STATE {number} came after {last}")
        last = number
        message, counts = sent[number]
        if {key: value for key, value in state.items() if key not in _OWN} != message["state"]:
            job.complaints.append(f"the STATE {number} is not the one that was sent")
        stats = state.get("destinationStats") or {}
        loaded, rejected = stats.get("recordCount"), stats.get("rejectedRecordCount", 0)
        if loaded is None or loaded + rejected != counts.total():
            job.complaints.append(f"STATE {number}: {loaded} loaded, {rejected} rejected, {counts.total()} were sent")
            continue
        stream = _stream_of(state)
        job.committed[stream] += int(loaded)
        job.rejected[stream] += int(rejected)
        job.states[stream] = {key: value for key, value in state.items() if key not in {*_OWN, "id", "sourceStats"}}


def _stream_of(state: Mapping[str, Any]) -> Stream:
    if state.get("type") != "STREAM":
        return ("", "")
    descriptor = state["stream"]["stream_descriptor"]
    return (descriptor.get("namespace") or "", descriptor["name"])
