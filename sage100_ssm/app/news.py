"""What an administrator should know: found in the state, compared with what a channel has reported before. Pure.

A message is about a change: something went wrong, something is settled, contacts have been waiting for a day, a week is
over. What goes on as before is not repeated.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sage100_ssm.app.channels import Severity
from sage100_ssm.messages import DAY, MINUTE, Language, code_label, describe, plain_spaces, say
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus

_GUARDS = frozenset(code for code in Code if code.endswith("_guard"))
_UNREACHABLE = frozenset({Code.SIDE_UNREACHABLE, Code.INCOMPLETE_READ})
_OF_THE_RUN = _GUARDS | _UNREACHABLE | {Code.LOGIN_REFUSED}
"""Problems of the synchronisation as a whole, not of a contact."""

_STOPPED: Mapping[int | None, tuple[str, str]] = {
    Exit.CONFIGURATION: ("notify_title_stopped", "notify_stopped"),
    Exit.FAULT: ("notify_title_fault", "notify_fault"),
}
"""The title and the sentence for a run that stopped, by its exit code."""

UNREACHABLE_FOR = timedelta(hours=1)
"""A side that is away for less is seldom worth a message: it was restarted."""

WAITING_FOR = timedelta(days=1)
"""How long a contact's problem may stay open; and how often at most such problems are a message."""

_WEEK_BEGINS_AFTER = timedelta(hours=8)
"""The summary of a week is sent by the first run after Monday, 8 o'clock."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What needs the administrator, as long as it lasts.

    Attributes:
        key: what distinguishes it from others, stored to recognise it.
        title: what it is, in a few words.
        since: when it began.
        text: what happened, and what to do.
    """

    key: str
    title: str
    since: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Week:
    """What the runs of the last seven days came to.

    Attributes:
        since: its beginning.
        until: its end.
        runs: those runs.
        linked: the contacts that are linked now.
    """

    since: datetime
    until: datetime
    runs: Sequence[RunRow]
    linked: int


@dataclass(frozen=True, slots=True)
class Situation:
    """How the synchronisation is doing.

    Attributes:
        now: the time.
        open_problems: the problems that are open and that nobody accepted.
        last_ended: the last run for all contacts that ended; None before the first.
        late_since: when the run was due that did not begin; None where all is well.
        week: the last week, where a summary of it is due.
    """

    now: datetime
    open_problems: Sequence[JournalEntry]
    last_ended: RunRow | None = None
    late_since: datetime | None = None
    week: Week | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a channel has reported so far.

    Attributes:
        troubles: by key, the title and the beginning of each trouble that was reported and not yet settled.
        problems: the numbers of the problems of contacts that were reported.
        problems_at: when they were.
        week: the ISO week in which the last summary was sent, or counting began.
    """

    troubles: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    problems: frozenset[int] = frozenset()
    problems_at: datetime | None = None
    week: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        severity: the worst that it is about.
        title: its subject.
        body: its text, paragraphs in order of importance.
    """

    severity: Severity
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class _Item:
    severity: Severity
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Newsroom:
    """Puts news into words.

    Attributes:
        company: the company database, which every message names.
        host: the machine.
        language: the language.
        time_zone: the zone of the times in messages.
        page: the address of the page (`web`) in the house; None where the settings name none.
    """

    company: str
    host: str
    language: Language
    time_zone: ZoneInfo
    page: str | None = None

    def news(
        self, situation: Situation, reported: Reported, *, names: bool = False, digest: bool = True
    ) -> tuple[Message | None, Reported]:
        """What a channel has not reported yet, and what it will have reported once the message is sent.

        Args:
            situation: how the synchronisation is doing.
            reported: what the channel has reported before.
            names: whether it may name contacts.
            digest: whether it gets the weekly summary.
        """
        troubles = {trouble.key: trouble for trouble in self.troubles(situation)}
        after = replace(reported, troubles={key: (t.title, t.since.isoformat()) for key, t in troubles.items()})
        items = [_Item("warning", t.title, t.text) for t in troubles.values() if t.key not in reported.troubles]
        items += self._settled([known for key, known in reported.troubles.items() if key not in troubles], not troubles)
        if waiting := self._newly_waiting(situation, reported):
            items.append(self._waiting_contacts(waiting, names=names))
            after = replace(after, problems=frozenset(p.id for p in waiting), problems_at=situation.now)
        if situation.week and reported.week != (this_week := self.week_of(situation.now)):
            # In the first week nothing was counted yet.
            if digest and reported.week is not None:
                items.append(self._summary(situation.week, situation.open_problems))
            after = replace(after, week=this_week)
        return self._message(items), after

    def week_of(self, now: datetime) -> str:
        """The ISO week for which a summary is due."""
        return (now.astimezone(self.time_zone) - _WEEK_BEGINS_AFTER).strftime("%G-W%V")

    def troubles(self, situation: Situation) -> list[Trouble]:
        """What needs the administrator now, the most serious first."""
        needs_a_person = situation.last_ended is not None and situation.last_ended.exit_code == Exit.CONFIGURATION
        found = []
        for known in situation.open_problems:
            code, side = known.entry.code, known.entry.side
            if code in _GUARDS:
                title = say("notify_title_held", self.language)
            elif code is Code.LOGIN_REFUSED or (code is Code.SIDE_UNREACHABLE and needs_a_person):
                title = say("notify_title_refused", self.language, side=side)
            elif code in _UNREACHABLE and situation.now - known.first_seen >= UNREACHABLE_FOR:
                title = say("notify_title_unreachable", self.language, side=side)
            else:
                continue
            words = describe(known.entry, self.language)
            text = f"{words.message}\n{words.remedy}\n{self._since(known.first_seen)}"
            found.append(Trouble(f"{code}:{side}", title, known.first_seen, text))
        if not found:
            found += self._of_last_run(situation.last_ended)
        if situation.late_since:
            found.append(self._late(situation.late_since))
        return found

    def _of_last_run(self, run: RunRow | None) -> list[Trouble]:
        """Why the last run stopped, where the journal has no problem of it."""
        found = _STOPPED.get(run.exit_code) if run else None
        if run is None or found is None:
            return []
        title, sentence = found
        text = f"{say(sentence, self.language)}\n{self._since(run.started_at)}"
        return [Trouble(sentence, say(title, self.language), run.started_at, text)]

    def _late(self, since: datetime) -> Trouble:
        text = say("notify_late", self.language, since=self._time(since))
        return Trouble("late", say("notify_title_late", self.language), since, text)

    def _settled(self, gone: Sequence[tuple[str, str]], is_all_well: bool) -> list[_Item]:  # noqa: FBT001 - two cases of one sentence
        if not gone:
            return []
        title = "notify_title_again" if is_all_well else "notify_title_settled"
        lines = [
            say("notify_settled", self.language, title=what, since=self._time(datetime.fromisoformat(since)))
            for what, since in gone
        ]
        return [_Item("success", say(title, self.language, title=gone[0][0]), "\n".join(lines))]

    @staticmethod
    def _newly_waiting(situation: Situation, reported: Reported) -> list[JournalEntry]:
        """The problems of contacts that are open for a day, if one of them was not reported yet and it is time to."""
        now = situation.now
        waiting = [
            known
            for known in situation.open_problems
            if known.entry.code not in _OF_THE_RUN and now - known.first_seen >= WAITING_FOR
        ]
        is_time = reported.problems_at is None or now - reported.problems_at >= WAITING_FOR
        return waiting if is_time and any(known.id not in reported.problems for known in waiting) else []

    def _waiting_contacts(self, waiting: Sequence[JournalEntry], *, names: bool) -> _Item:
        lines = [say("notify_problems", self.language), *self._by_cause(waiting)]
        if names:
            lines += ["", *(f"- {describe(known.entry, self.language).message}" for known in waiting)]
        lines.append(say("notify_problems_remedy", self.language))
        number = _contacts(waiting)
        return _Item("warning", say("notify_title_problems", self.language, number=number), "\n".join(lines))

    def _by_cause(self, problems: Collection[JournalEntry]) -> list[str]:
        """A line per cause with its number of contacts, the most frequent first."""
        counts: Counter[Code] = Counter()
        for known in problems:
            counts[known.entry.code] += len(known.entry.contacts) or 1
        return [
            say("notify_count", self.language, title=code_label(code, self.language), number=number)
            for code, number in counts.most_common()
        ]

    def _summary(self, week: Week, open_problems: Sequence[JournalEntry]) -> _Item:
        statuses = Counter(run.status for run in week.runs)
        lines = [
            say(
                "notify_digest_runs",
                self.language,
                number=len(week.runs),
                held=statuses[RunStatus.HELD],
                failed=statuses[RunStatus.FAILED],
            )
        ]
        for side in Side:
            done: Counter[str] = Counter()
            for run in week.runs:
                done.update(run.counts.get(side.value, {}))
            figures = {name: done[name] for name in ("created", "updated", "deleted")}
            lines.append(say("notify_digest_side", self.language, side=side, **figures))
        lines.append(say("notify_digest_links", self.language, number=week.linked))
        if open_problems:
            lines += [say("notify_digest_problems", self.language), *self._by_cause(open_problems)]
        else:
            lines.append(say("notify_digest_no_problem", self.language))
        since, until = self._date(week.since), self._date(week.until)
        return _Item("info", say("notify_title_digest", self.language, since=since, until=until), "\n".join(lines))

    def _message(self, items: Sequence[_Item]) -> Message | None:
        if not items:
            return None
        # One item's title is the subject; of several, each paragraph begins with its own.
        parts = [item.text if len(items) == 1 else f"{item.title}\n{item.text}" for item in items]
        return self.message(items[0].severity, items[0].title, "\n\n".join(parts))

    def about_state(self, sentence: str) -> Message:
        """The message that the state cannot be used."""
        return self.message(
            "warning", say("notify_title_state", self.language), f"{sentence}\n{say('notify_state', self.language)}"
        )

    def about_state_again(self, since: datetime) -> Message:
        """The message that the state can be used again."""
        title = say("notify_title_state", self.language)
        text = say("notify_settled", self.language, title=title, since=self._time(since))
        return self.message("success", say("notify_title_again", self.language), text)

    def message(self, severity: Severity, title: str, text: str) -> Message:
        """A message with the name of the company in its subject, and its sender below."""
        subject = say("notify_subject", self.language, company=self.company, title=title)
        footer = say("notify_footer", self.language, company=self.company, host=self.host)
        if self.page:
            footer = f"{say('notify_page', self.language, address=self.page)}\n{footer}"
        return Message(severity, plain_spaces(subject), plain_spaces(f"{text}\n\n-- \n{footer}"))

    def _since(self, moment: datetime) -> str:
        return say("notify_since", self.language, since=self._time(moment))

    def _time(self, moment: datetime) -> str:
        return moment.astimezone(self.time_zone).strftime(MINUTE[self.language])

    def _date(self, moment: datetime) -> str:
        return moment.astimezone(self.time_zone).strftime(DAY[self.language])


def _contacts(problems: Collection[JournalEntry]) -> int:
    return sum(len(known.entry.contacts) or 1 for known in problems)
