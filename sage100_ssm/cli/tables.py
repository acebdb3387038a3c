"""What the commands print for people, each function named after its command: tables that fit 100 columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sage100_ssm.app.check.findings import Finding, Level
from sage100_ssm.app.endings import one_way_sentence, say_whole_read
from sage100_ssm.app.search.found import Found
from sage100_ssm.app.search.words import standing_words
from sage100_ssm.app.status import StatusReport
from sage100_ssm.app.value_format import ValueFormatter
from sage100_ssm.cli.json_shapes import ELSEWHERE
from sage100_ssm.cli.narrowing import totals
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.messages import MINUTE, Language, code_label, describe, evidence_label, field_label, say
from sage100_ssm.sync.journal import Code, Entry, Kind, Subject, WhoIsWho
from sage100_ssm.sync.model import Base, Link, LinkStatus, Side
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.records import JournalEntry, WriteAction, WriteRecord

if TYPE_CHECKING:
    # These imports load the rules, or the Airbyte CDK: the commands that only look do not wait for them.
    from sage100_ssm.app.backup import Backup
    from sage100_ssm.app.personal_data import PersonalData
    from sage100_ssm.app.probe import ProbeAnswer
    from sage100_ssm.sync.run.pairs import Candidates
    from sage100_ssm.sync.run.report import PlannedWrite, PlanReport, RunReport
    from sage100_ssm.sync.run.retried import Retried

HARD_SPACES = {"\N{NO-BREAK SPACE}": "\ue000", "\N{NARROW NO-BREAK SPACE}": "\ue001"}
"""What replaces them until a line is written: rich breaks lines at every kind of space."""

_SIDES = {Side.SAGE100: "Sage 100", Side.SSM: "SSM"}
_PLACES = {Side.SAGE100: "forget_place_sage100", Side.SSM: "forget_place_ssm"}
_EMPTY = "∅"
_MARKS = {Level.OK: ("✓", ""), Level.ADVICE: ("!", "yellow"), Level.UNSEEN: ("?", "dim"), Level.MEND: ("✗", "red")}
_NAMED = 3
_FEW = 5
"""How many questions of who is who are answered one by one, not in a table (``match``)."""

_DOUBTS = frozenset({"location_changed", "marks_other"})
"""Findings after which a person must first say that this is no test copy on a productive SSM."""
_INDENT = (0, 0, 0, 2)
_DEEPER = (0, 0, 0, 4)


# --- what all tables share


def plain(value: object, style: str = "") -> Text:
    """A text as it is: no markup is read from it, and no control character reaches the terminal."""
    text = "".join(sign if sign.isprintable() else HARD_SPACES.get(sign, " ") for sign in str(value))
    return Text(text, style)


def plain_lines(value: object) -> Text:
    """A text of several lines, each as it is."""
    return Text("\n").join(plain(line) for line in str(value).split("\n"))


def title(key: str, language: Language, **params: object) -> Text:
    """A sentence as the heading of what follows."""
    return plain(say(key, language, **params), "bold")


def _table(language: Language, *headings: str) -> Table:
    """An empty table. A heading is a key of the messages (``column_…``), or is shown as it is."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        is_key = heading.startswith("column_")
        table.add_column(say(heading, language) if is_key else heading, overflow="fold")
    return table


def _local_time(at: datetime, language: Language) -> str:
    return at.astimezone().strftime(MINUTE[language])


def _subject_name(subject: Subject) -> str:
    """A contact by its name, or else by its ids; and its company."""
    ids = ((_SIDES[Side.SAGE100], subject.sage100_id), (_SIDES[Side.SSM], subject.ssm_id))
    name = subject.contact or ", ".join(f"{side} {number}" for side, number in ids if number is not None)
    return f"{name} ({subject.company})" if subject.company else name


def _shown(value: object) -> str:
    return _EMPTY if value is None else str(value)


# --- check and probe


def check(findings: Sequence[Finding], language: Language) -> RenderableType:
    """The findings of a check, side by side, each with its remedy; below them the sum."""
    parts: list[RenderableType] = []
    # The first finding is about the program itself and needs no heading.
    side: Side | str | None = ""
    for finding in findings:
        if finding.side != side and parts:
            side = finding.side
            parts.append(plain(_SIDES[side] if side else say("check_both", language), "bold"))
        mark, style = _MARKS[finding.level]
        parts.append(Padding(plain(f"{mark} {finding.text}", style), _INDENT))
        if finding.remedy:
            parts.append(Padding(plain(f"→ {finding.remedy}", "dim"), _DEEPER))
    levels = Counter(finding.level for finding in findings)
    to_mend = levels[Level.MEND]
    summary = say("check_summary", language, mend=to_mend, advice=levels[Level.ADVICE], unseen=levels[Level.UNSEEN])
    verdict = title("check_ok", language)
    if to_mend:
        verdict = title("check_faulty", language, number=to_mend)
    elif any(finding.code in _DOUBTS for finding in findings):
        verdict = title("check_doubtful", language)
    return Group(*parts, plain(summary), verdict)


def probe(answers: Iterable["ProbeAnswer"]) -> RenderableType:
    """The answers of a probe, side by side, with the settings that follow."""
    parts: list[RenderableType] = []
    before: tuple[Side, int] | None = None
    for answer in answers:
        if before is None or answer.side is not before[0]:
            parts.append(plain(_SIDES[answer.side], "bold"))
        if (answer.side, answer.number) != before:
            parts.append(Padding(plain(f"{answer.number}. {answer.question}"), _INDENT))
        before = (answer.side, answer.number)
        parts.append(Padding(plain(f"→ {answer.text}"), _DEEPER))
        for section, keys in answer.settings.items():
            parts += [Padding(plain(f"{section}: {key}: {value}", "bold"), (0, 0, 0, 6)) for key, value in keys.items()]
    return Group(*parts)


# --- who is who


def match(found: Sequence["Candidates"], language: Language) -> RenderableType:
    """Contacts that are one person or may be, a line each; how many there are of which kind, and how to answer."""
    from sage100_ssm.sync.run.pairs import Verdict

    numbers = Counter(each.verdict for each in found)
    head = title("match_summary", language, **{verdict.value: numbers[verdict] for verdict in Verdict})
    if not found:
        return head
    table = _table(language, "column_id", "column_verdict", "column_company", "Sage 100", "SSM", "column_evidence")
    for each in found:
        evidence = ", ".join(evidence_label(kind, language) for kind in each.evidence)
        in_sage100, in_ssm = ("\n".join(f"{c.full_name} ({c.id})" for c in side) for side in (each.sage100, each.ssm))
        verdict = say(f"verdict_{each.verdict}", language)
        cells = (each.problem_id or "", verdict, each.company or "", in_sage100, in_ssm, evidence)
        table.add_row(*map(plain_lines, cells))
    parts: list[RenderableType] = [head, table]
    if any(each.verdict is not Verdict.SAME for each in found):
        parts.append(plain(say("match_hint", language)))
    return Group(*parts)


def notice(entry: Entry, language: Language, *, problem: int | None = None) -> RenderableType:
    """A journal entry in words: what was decided about a problem."""
    words = describe(entry, language, problem=problem)
    return Group(plain(words.message), Padding(plain(f"→ {words.remedy}", "dim"), _INDENT))


# --- plan, run and status


def plan(report: "PlanReport", language: Language) -> RenderableType:
    """What a run would write on each side, and what is held back."""
    parts: list[RenderableType] = [title("title_plan", language)]
    if report.matched or report.doubtful:
        created = sum(w.action is Action.CREATE for w in (*report.sage100, *report.ssm))
        numbers = {"matched": report.matched, "created": created, "doubtful": report.doubtful}
        parts.append(plain(say("plan_matched", language, **numbers)))
    for side, writes in ((Side.SAGE100, report.sage100), (Side.SSM, report.ssm)):
        if writes:
            heading = title("plan_writes", language, side=side, number=len(writes))
            parts += ["", heading, _writes_table(writes, language)]
    if report.held_back:
        heading = title("plan_held", language, number=len(report.held_back))
        parts += ["", heading, _writes_table(report.held_back, language, with_reason=True)]
    if not (report.sage100 or report.ssm or report.held_back or report.guards):
        parts.append(plain(say("plan_empty", language)))
    if report.one_way:
        sentence = say(f"one_way_{report.one_way.reason.value}", language, number=report.one_way.left)
        parts += ["", plain(sentence, "yellow")]
    if others := report.other_databases:
        names = ", ".join(f"{name} ({number})" for name, number in others.items())
        parts += ["", plain(say("plan_other_databases", language, number=sum(others.values()), names=names), "yellow")]
    return Group(*parts)


def _writes_table(writes: Iterable["PlannedWrite"], language: Language, *, with_reason: bool = False) -> Table:
    reason_column = ["column_reason"] if with_reason else []
    table = _table(language, "column_action", "column_contact", "column_field", *reason_column)
    for write in writes:
        label = say(f"action_{write.action.value}", language)
        action = plain(f"✗ {label}", "bold red") if write.destructive else plain(label)
        changes = Text("\n").join(
            plain(f"{field_label(name, language)} {_change(change.before, change.after)}")
            for name, change in write.fields.items()
        )
        reason = code_label(Code(write.reason), language) if write.reason else ""
        table.add_row(
            action, plain(_subject_name(write.subject)), changes, *([plain(reason, "yellow")] if with_reason else [])
        )
    return table


def _change(before: object, after: object) -> str:
    return _shown(after) if before is None else f"{_shown(before)} → {_shown(after)}"


def run(report: Mapping[str, Any], language: Language) -> RenderableType:
    """What a run did: per side what was read and written, then what remains. Takes the report as JSON."""
    sides = [plain(say("run_side", language, side=side.value, **report[side.value])) for side in Side]
    parts = [title(f"run_{report['status']}", language), *sides, plain(say("run_summary", language, **report))]
    parts += _warnings(report, language)
    if report["problems_open"]:
        parts.append(plain(say("problems_hint", language)))
    return Group(*parts)


def retried(what: "Retried", language: Language) -> RenderableType:
    """What became of one contact: what was done, and what still holds it back."""
    from sage100_ssm.sync.run.retried import Became

    name = ", ".join(map(_subject_name, what.subjects[:_NAMED])) + (", …" if len(what.subjects) > _NAMED else "")
    # Only what is not said by a line of its own below.
    is_said_by_action = what.became in (Became.CREATED, Became.UPDATED, Became.DELETED)
    heading = [] if is_said_by_action else [what.became.value]
    parts: list[RenderableType] = [title(f"retry_{key}", language, contact=name) for key in heading]
    for side, action in what.done:
        parts.append(plain(say(f"retry_{action.value}", language, contact=name, side=side)))
    if what.problems:
        parts.append(Padding(journal(what.problems, language), _INDENT))
    return Group(*parts)


def rebuilt(report: "RunReport", company: str, language: Language) -> RenderableType:
    """What ``resync`` found: how many links, and with the company database of which server."""
    facts: dict[str, object] = {"number": report.linked, "company": company}
    if places := report.locations:
        facts |= {"server": places[-1].location.server, "database": places[-1].location.database}
    if len(places) > 1:
        before = places[-2].location
        facts |= {"old_server": before.server, "old_database": before.database, "since": f"{places[-1].since:%Y-%m-%d}"}
    return plain(say("resync_found", language, **facts))


def _warnings(counts: Mapping[str, Any], language: Language) -> list[Text]:
    """What a run left to the next one, and what else the administrator should know of it."""
    sentences = []
    if number := counts.get("postponed"):
        sentences.append(say("run_postponed", language, number=number))
    if number := counts.get("companies_left"):
        sentences.append(say("run_companies_left", language, number=number))
    if too_fast := counts.get("too_fast"):
        sentences.append(say("run_too_fast", language, **too_fast))
    if whole_read := counts.get("whole_read"):
        sentences.append(say_whole_read(whole_read, language))
    sentences += filter(None, [one_way_sentence(counts, language)])
    return [plain(sentence, "yellow") for sentence in sentences]


def status(report: StatusReport, language: Language) -> RenderableType:
    """The last run, the next run, the links and the open problems."""
    parts: list[RenderableType] = [title("title_status", language), *_last_run(report, language)]
    parts.append(_next_run(report, language))
    if report.ahead_of_clock:
        at = _local_time(report.ahead_of_clock, language)
        parts.append(plain(say("status_clock", language, at=at), "bold red"))
    number_of_links = {
        "number": report.links.total,
        "asleep": report.links.of_status(LinkStatus.ASLEEP),
        **{side.value: report.links.of_origin(side) for side in Side},
    }
    parts.append(plain(say("links_count", language, **number_of_links)))
    if not report.problems:
        return Group(*parts, plain(say("problems_empty", language), "green"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for code, number in Counter(known.entry.code for known in report.problems).most_common():
        table.add_row(str(number), plain(code_label(code, language)), plain(code.value, "dim"))
    return Group(*parts, title("title_problems", language), table)


def _last_run(report: StatusReport, language: Language) -> list[Text]:
    last = report.last_run
    if last is None:
        return [plain(say("status_never", language))]
    label, at = say(f"run_{last.status.value}", language), _local_time(last.started_at, language)
    # A run that failed early has read no side.
    sides = [side.value for side in Side if side.value in last.counts]
    return [
        plain(say("status_last", language, status=label, at=at)),
        *(plain(say("run_side", language, side=side, **last.counts[side])) for side in sides),
        *_warnings(last.counts, language),
    ]


def _next_run(report: StatusReport, language: Language) -> Text:
    if report.late_since:
        return plain(say("status_late", language, at=_local_time(report.late_since, language)), "bold red")
    if report.next_run:
        return plain(say("status_next", language, at=_local_time(report.next_run, language)))
    return plain(say("status_no_schedule", language))


# --- journal, links and explain


def problems(entries: Sequence[JournalEntry], language: Language) -> RenderableType:
    """Open problems: the totals per cause, then each with what to do."""
    parts: list[RenderableType] = [problem_totals(entries, language), "", journal(entries, language)]
    asked = sum(isinstance(known.entry.facts, WhoIsWho) for known in entries)
    if asked > _FEW:
        parts.append(plain(say("problems_in_a_table", language, number=asked)))
    return Group(*parts)


def problem_totals(entries: Sequence[JournalEntry], language: Language) -> RenderableType:
    """How many open problems and contacts there are per cause."""
    table = _table(language, "column_problems", "column_contacts", "column_cause", "column_code")
    for total in totals(entries):
        label = plain(code_label(total.code, language))
        table.add_row(str(total.entries), str(total.contacts), label, plain(total.code.value, "dim"))
    return table


def journal(entries: Iterable[JournalEntry], language: Language) -> RenderableType:
    """Problems and notices: what happened, and below it what to do, unless that is solved."""
    table = _table(language, "column_id", "column_last_seen", "column_status", "column_message")
    for known in entries:
        words = describe(known.entry, language, problem=known.id if known.kind is Kind.PROBLEM else None)
        # What is solved asks for nothing any more.
        remedy = [] if known.closed_at else [plain(f"→ {words.remedy}", "dim")]
        message = Group(plain(words.message), *remedy, "")
        table.add_row(plain(known.id), _local_time(known.last_seen, language), _entry_status(known, language), message)
    return table


def _entry_status(known: JournalEntry, language: Language) -> Text:
    label = say(f"kind_{known.kind.value}", language)
    if known.kind is Kind.NOTICE:
        return plain(label)
    return plain(f"{label} ✓", "green") if known.closed_at else plain(label, "yellow")


def links(linked: Iterable[Link], formatted: ValueFormatter, language: Language) -> RenderableType:
    """Who is linked to whom, with the base; where it differs between the sides, both values."""
    columns = [f"column_{name}" for name in ("contact", "company", "origin", "status")]
    table = _table(language, *columns, "cbMarq", "SSM", "column_base")
    for link in linked:
        table.add_row(
            plain(link.contact),
            plain(link.company),
            _SIDES[link.origin],
            plain(say(f"link_{link.status.value}", language)),
            str(link.sage100_id),
            str(link.ssm_id),
            _base(link.base, formatted, language),
        )
    return table


def _base(base: Base, formatted: ValueFormatter, language: Language) -> Text:
    fields = []
    for name, pair in base.items():
        values = [formatted(name, side, pair.of(side)) for side in Side]
        if values != [None, None]:
            # A value that is the same on both sides is shown once.
            fields.append(f"{field_label(name, language)} {' | '.join(dict.fromkeys(map(_shown, values)))}")
    return plain(", ".join(fields), "dim")


def explain(found: Found, formatted: ValueFormatter, language: Language, *, is_live: bool) -> RenderableType:
    """One contact: whether it is synchronised, what holds it back, and its history."""
    subject, link = found.subject, found.link
    words = standing_words(found, language, is_live=is_live)
    company = f" - {found.company_name}" if found.company_name else ""
    parts: list[RenderableType] = [
        plain(f"{_subject_name(subject)}{company}", "bold"),
        plain(f"cbMarq {subject.sage100_id or '-'}, SSM {subject.ssm_id or '-'}"),
        plain(words.message, "green" if found.is_synchronised else "yellow"),
    ]
    if words.remedy:
        parts.append(plain(f"→ {words.remedy}", "dim"))
    if link and link.status is not LinkStatus.ENDED:
        origin = plain(f"{say('column_origin', language)} {_SIDES[link.origin]}")
        parts += [origin, _base(link.base, formatted, language)]
    if found.problems:
        parts += [plain(say("explain_waiting", language)), Padding(journal(found.problems, language), _INDENT)]
    if past := [entry for entry in found.entries if entry not in found.problems]:
        parts += [plain(say("explain_history", language)), Padding(journal(past, language), _INDENT)]
    if found.writes:
        parts += [plain(say("explain_writes", language)), Padding(writes(found.writes, language), _INDENT)]
    return Group(*parts, "")


def writes(records: Iterable[WriteRecord], language: Language) -> RenderableType:
    """What was written: when, on which side, and each field before and after, with where the value came from."""
    table = _table(language, "column_id", "column_written", "column_action", "column_contact", "column_changes")
    for record in records:
        at, action = _local_time(record.at, language), _write_action(record, language)
        table.add_row(
            str(record.id), at, action, plain(_subject_name(record.subject)), _written_fields(record, language)
        )
    return table


def _write_action(record: WriteRecord, language: Language) -> Text:
    """What was done on which side, and why."""
    action = f"{_SIDES[record.side]}: {say(f'action_{record.action.value}', language)}"
    if not record.is_confirmed:
        action += f" ({say('write_in_doubt', language)})"
    occasions = dict.fromkeys(say(f"occasion_{c.occasion.value}", language) for c in record.changes.values())
    return plain_lines("\n".join([action, *occasions]))


def _written_fields(record: WriteRecord, language: Language) -> Text:
    """Each field before and after; of a whole contact, what it had."""
    if record.action is WriteAction.UPDATE:
        changes = (
            f"{field_label(name, language)} {_shown(c.before)} → {_shown(c.after)}"
            for name, c in record.changes.items()
        )
        return plain_lines("\n".join(changes))
    values = (
        f"{field_label(name, language)} {_shown(c.before if record.action is WriteAction.DELETE else c.after)}"
        for name, c in record.changes.items()
    )
    return plain(", ".join(values))


def backup(made: "Backup", language: Language) -> RenderableType:
    """The copy of a state that was made."""
    done = plain(say("backup_done", language, file=made.file), "green")
    return Group(done, plain(say("backup_rows", language, size=made.size, **made.rows)))


def forget(person: StoredPerson, language: Language, *, forgotten: bool) -> RenderableType:
    """What is stored of a person, or was until it was forgotten; where the person still is, and what to do there."""
    name = ", ".join(sorted(person.names)) or ", ".join(map(str, sorted(person.sage100_ids | person.ssm_ids)))
    numbers = {
        "links": len(person.links),
        "entries": len(person.entries),
        "rows": len(person.observed),
        "creations": len(person.intents),
        "writes": len(person.writes),
    }
    parts: list[RenderableType] = [
        title("forget_done" if forgotten else "forget_would", language, contact=name),
        plain(say("forget_stored", language, **numbers)),
    ]
    if person.lives_on:
        parts += [plain(say("forget_lives", language)), _places(person, language)]
    if any(not place.is_deleted for place in person.lives_on):
        parts.append(plain(say("forget_first", language)))
    elif person.lives_on:
        parts.append(plain(say("forget_deleted", language)))
    else:
        parts.append(plain(say("forget_nowhere", language)))
    return Group(*parts)


def _places(person: StoredPerson, language: Language) -> RenderableType:
    """Where a person still is, a line for each place."""
    lines = []
    for place in person.lives_on:
        key = "forget_place_deleted" if place.is_deleted else _PLACES[place.side]
        lines.append(plain(say(key, language, id=place.id, company=place.company)))
    return Padding(Group(*lines), _INDENT)


def export(data: "PersonalData", formatted: ValueFormatter, at: datetime, language: Language) -> RenderableType:
    """All that the state keeps of one person, part by part, and where else the person may be."""
    person = data.person
    ids = {Side.SAGE100: person.sage100_ids, Side.SSM: person.ssm_ids}
    numbers = "; ".join(f"{_SIDES[side]} {', '.join(map(str, sorted(each)))}" for side, each in ids.items() if each)
    names = ", ".join(sorted(person.names)) or numbers
    contents: dict[str, list[RenderableType]] = {
        "links": [_base(link.base, formatted, language) for link in person.links if link.base],
        "rows": [plain_lines("\n".join(_filled(row))) for row in person.observed],
        "journal": [journal(data.entries, language)] if data.entries else [],
        "writes": [writes(person.writes, language)] if person.writes else [],
        "creations": [_base(intent.base, formatted, language) for intent in data.intents],
        "decisions": [
            plain(f"{_local_time(each.decided_at, language)}: {each.choice.value} ({each.decided_by})")
            for each in data.decisions
        ],
        "quoted": [plain(", ".join(str(known.id) for known in data.quoted_in))] if data.quoted_in else [],
        "lives": [_places(person, language)] if person.lives_on else [],
    }
    parts: list[RenderableType] = [
        title("export_title", language, contact=names, time=_local_time(at, language)),
        plain(say("export_ids", language, numbers=numbers)),
    ]
    for key, shown in contents.items():
        parts += ["", title(f"export_{key}", language)]
        parts += [Padding(each, _INDENT) for each in shown or [plain(say("export_none", language))]]
    parts += ["", title("export_elsewhere", language)]
    parts += [Padding(plain(say(f"export_{place}", language)), _INDENT) for place in ELSEWHERE]
    return Group(*parts)


def _filled(row: Mapping[str, Any]) -> Iterable[str]:
    """The columns of a row that have a value, each on a line."""
    return (f"{name}: {value}" for name, value in row.items() if value not in (None, "", [], {}))


def several(contacts: Iterable[Found], language: Language) -> RenderableType:
    """The contacts that answer to one call, with the numbers that name each of them alone."""
    table = _table(language, "column_contact", "column_company", "column_number")
    for contact in contacts:
        subject = contact.subject
        numbers = ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id))
        ids = ", ".join(f"{side.value}:{number}" for side, number in numbers if number is not None)
        table.add_row(plain(subject.contact or ""), plain(subject.company or ""), ids)
    return table
