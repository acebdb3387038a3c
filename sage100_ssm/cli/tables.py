"""What people see of plans, runs, problems, journal and links: tables that fit 100 columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sage100_ssm.cli.explain import Known
from sage100_ssm.cli.status import Standing
from sage100_ssm.cli.values import Shown
from sage100_ssm.messages import Language, code_label, describe, field_label, say
from sage100_ssm.sync.model import Base, Code, Kind, Link, LinkStatus, Side, Subject
from sage100_ssm.sync.planning.writes import Change
from sage100_ssm.sync.run.report import PlannedWrite, PlanReport
from sage100_ssm.sync.state.records import JournalEntry

if TYPE_CHECKING:
    # It imports the Airbyte CDK, which the commands that only look have no use for.
    from sage100_ssm.app.check.findings import Finding
    from sage100_ssm.app.probe import ProbeAnswer

_DATES = {"fr": "%d/%m/%Y %H:%M", "en": "%Y-%m-%d %H:%M"}
_SIDES = {Side.SAGE100: "Sage 100", Side.SSM: "SSM"}
_INDENT = (0, 0, 0, 2)
HARD_SPACES = {"\N{NO-BREAK SPACE}": "\ue000", "\N{NARROW NO-BREAK SPACE}": "\ue001"}
"""What stands for them until a line is written: rich breaks lines at every kind of space."""
_LEVELS = {"ok": ("✓", ""), "advice": ("!", "yellow"), "unseen": ("?", "dim"), "mend": ("✗", "red")}


def plain(value: object, style: str = "") -> Text:
    """Show data as it is: no markup is read from it, and no control character reaches the terminal."""
    text = "".join(sign if sign.isprintable() else HARD_SPACES.get(sign, " ") for sign in str(value))
    return Text(text, style)


def moment(at: datetime, language: Language) -> str:
    """Write a time as the clock on the wall shows it."""
    return at.astimezone().strftime(_DATES[language])


def title(key: str, language: Language, **params: object) -> Text:
    """Head what follows."""
    return plain(say(key, language, **params), "bold")


def entries(journal: Iterable[JournalEntry], language: Language) -> RenderableType:
    """List problems and notices: what happened, and below it what to do."""
    table = _table(language, "column_id", "column_last_seen", "column_status", "column_message")
    for known in journal:
        words = describe(known.entry, language)
        message = Group(plain(words.message), plain(f"→ {words.remedy}", "dim"), "")
        table.add_row(plain(known.id), moment(known.last_seen, language), _standing(known, language), message)
    return table


def _standing(known: JournalEntry, language: Language) -> Text:
    label = say(f"kind_{known.kind.value}", language)
    if known.kind is Kind.NOTICE:
        return plain(label)
    return plain(f"{label} ✓", "green") if known.closed_at else plain(label, "yellow")


def links(linked: Iterable[Link], shown: Shown, language: Language) -> RenderableType:
    """List who is linked to whom; where the sides' bases differ, both are shown."""
    names = ("contact", "company", "origin", "status")
    table = _table(language, *(f"column_{name}" for name in names), "cbMarq", "SSM", "column_base")
    for link in linked:
        table.add_row(
            plain(link.contact),
            plain(link.company),
            _SIDES[link.origin],
            plain(say(f"link_{link.status.value}", language)),
            str(link.sage100_id),
            str(link.ssm_id),
            _base(link.base, shown, language),
        )
    return table


def _base(base: Base, shown: Shown, language: Language) -> Text:
    values = ((name, [shown(name, side, pair.of(side)) for side in Side]) for name, pair in base.items())
    told = (
        f"{field_label(name, language)} " + " | ".join(dict.fromkeys("∅" if v is None else str(v) for v in both))
        for name, both in values
        if both != [None, None]
    )
    return plain(", ".join(told), "dim")


def plan(report: PlanReport, language: Language) -> RenderableType:
    """Show what a run would write on each side, and what is held back."""
    parts: list[RenderableType] = [title("title_plan", language)]
    for side, writes in ((Side.SAGE100, report.sage100), (Side.SSM, report.ssm)):
        if writes:
            parts += ["", title("plan_writes", language, side=side, number=len(writes)), _writes(writes, language)]
    if report.held_back:
        parts += ["", title("plan_held", language, number=len(report.held_back)), _held(report.held_back, language)]
    if len(parts) == 1:
        parts.append(plain(say("plan_empty", language)))
    return Group(*parts)


def _writes(writes: Iterable[PlannedWrite], language: Language) -> RenderableType:
    table = _table(language, "column_action", "column_contact", "column_field")
    for write in writes:
        table.add_row(*_write(write, language))
    return table


def _held(writes: Iterable[PlannedWrite], language: Language) -> RenderableType:
    table = _table(language, "column_action", "column_contact", "column_field", "column_reason")
    for write in writes:
        reason = code_label(Code(write.reason), language) if write.reason else ""
        table.add_row(*_write(write, language), plain(reason, "yellow"))
    return table


def _write(write: PlannedWrite, language: Language) -> tuple[Text, Text, Text]:
    label = say(f"action_{write.action.value}", language)
    action = plain(f"✗ {label}", "bold red") if write.destructive else plain(label)
    changes = [plain(f"{field_label(name, language)} {_arrow(change)}") for name, change in write.fields.items()]
    return action, plain(who_is(write.subject)), Text("\n").join(changes)


def who_is(subject: Subject) -> str:
    """Name a contact by its name and company, else by what is known."""
    ids = ((_SIDES[Side.SAGE100], subject.sage100_id), (_SIDES[Side.SSM], subject.ssm_id))
    name = subject.contact or ", ".join(f"{side} {number}" for side, number in ids if number is not None)
    return f"{name} ({subject.company})" if subject.company else name


def _arrow(change: Change) -> str:
    before, after = ("∅" if value is None else str(value) for value in (change.before, change.after))
    return after if change.before is None else f"{before} → {after}"


def run(record: Mapping[str, Any], language: Language) -> RenderableType:
    """Sum up a run: per side what was read and written, then what stands."""
    sides = [plain(say("run_side", language, side=side.value, **record[side.value])) for side in Side]
    parts = [title(f"run_{record['status']}", language), *sides, plain(say("run_summary", language, **record))]
    parts += _postponed(record, language)
    if record["problems_open"]:
        parts.append(plain(say("problems_hint", language)))
    return Group(*parts)


def _postponed(counts: Mapping[str, Any], language: Language) -> list[Text]:
    """Say how many writes a run left to the next one, if it left any."""
    left = counts.get("postponed")
    return [plain(say("run_postponed", language, number=left), "yellow")] if left else []


def status(standing: Standing, language: Language) -> RenderableType:
    """Say how the synchronisation stands: last run, next run, links, open problems."""
    parts: list[RenderableType] = [title("title_status", language)]
    if last := standing.last_run:
        label = say(f"run_{last.status.value}", language)
        parts.append(plain(say("status_last", language, status=label, at=moment(last.started_at, language))))
        parts += [
            plain(say("run_side", language, side=side.value, **last.counts[side.value]))
            for side in Side
            if side.value in last.counts
        ]
        parts += _postponed(last.counts, language)
    else:
        parts.append(plain(say("status_never", language)))
    parts += [_due(standing, language), plain(say("links_count", language, **_links_counted(standing.links)))]
    if standing.problems:
        parts += [title("title_problems", language), _counts(standing.problems, language)]
    else:
        parts.append(plain(say("problems_empty", language), "green"))
    return Group(*parts)


def _due(standing: Standing, language: Language) -> Text:
    if late := standing.late_since:
        return plain(say("status_late", language, at=moment(late, language)), "bold red")
    if next_run := standing.next_run:
        return plain(say("status_next", language, at=moment(next_run, language)))
    return plain(say("status_no_schedule", language))


def _links_counted(links: Sequence[Link]) -> dict[str, int]:
    return {
        "number": len(links),
        "asleep": sum(link.status is LinkStatus.ASLEEP for link in links),
        **{side.value: sum(link.origin is side for link in links) for side in Side},
    }


def _counts(problems: Iterable[JournalEntry], language: Language) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for code, number in Counter(known.entry.code for known in problems).most_common():
        table.add_row(str(number), plain(code_label(code, language)), plain(code.value, "dim"))
    return table


def findings(found: Iterable["Finding"], language: Language) -> RenderableType:
    """List what a check found, side by side, each with what to do about it, and sum it up."""
    found = list(found)
    parts: list[RenderableType] = []
    side: Side | str | None = ""
    for one in found:
        if one.side != side and parts:
            side = one.side
            parts.append(plain(_SIDES[side] if side else say("check_both", language), "bold"))
        sign, style = _LEVELS[one.level.value]
        parts.append(Padding(plain(f"{sign} {one.text}", style), _INDENT))
        if one.remedy:
            parts.append(Padding(plain(f"→ {one.remedy}", "dim"), (0, 0, 0, 4)))
    levels = Counter(one.level.value for one in found)
    counts = {level: levels[level] for level in ("mend", "advice", "unseen")}
    verdict = title("check_faulty", language, number=levels["mend"]) if levels["mend"] else title("check_ok", language)
    return Group(*parts, plain(say("check_summary", language, **counts)), verdict)


def answers(found: Iterable["ProbeAnswer"]) -> RenderableType:
    """List what a probe settled, side by side, with the settings that follow."""
    parts: list[RenderableType] = []
    before: tuple[Side, int] | None = None
    for one in found:
        if before is None or one.side is not before[0]:
            parts.append(plain(_SIDES[one.side], "bold"))
        if (one.side, one.number) != before:
            parts.append(Padding(plain(f"{one.number}. {one.question}"), _INDENT))
        before = (one.side, one.number)
        parts.append(Padding(plain(f"→ {one.text}"), (0, 0, 0, 4)))
        for section, keys in one.settings.items():
            parts += [Padding(plain(f"{section}: {key}: {value}", "bold"), (0, 0, 0, 6)) for key, value in keys.items()]
    return Group(*parts)


def known_contact(known: Known, shown: Shown, language: Language) -> RenderableType:
    """Say of one contact whether it is synchronised, what holds it back, and its history."""
    subject, link = known.subject, known.link
    state = link.status.value if link else "unlinked"
    ids = f"cbMarq {subject.sage100_id or '-'}, SSM {subject.ssm_id or '-'}"
    parts: list[RenderableType] = [plain(who_is(subject), "bold"), plain(ids)]
    parts.append(plain(say(f"explain_{state}", language), "green" if known.is_synchronised else "yellow"))
    if link and link.status is not LinkStatus.ENDED:
        parts += [plain(f"{say('column_origin', language)} {_SIDES[link.origin]}"), _base(link.base, shown, language)]
    if known.open_problems:
        parts += [plain(say("explain_waiting", language)), Padding(entries(known.open_problems, language), _INDENT)]
    elif link is None:
        parts.append(plain(say("explain_no_reason", language)))
    if past := [entry for entry in known.history if entry not in known.open_problems]:
        parts += [plain(say("explain_history", language)), Padding(entries(past, language), _INDENT)]
    return Group(*parts, "")


def _table(language: Language, *headings: str) -> Table:
    """Start a table. A heading is a key of the user's words, or stands for itself."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        is_key = heading.startswith("column_")
        table.add_column(say(heading, language) if is_key else heading, overflow="fold")
    return table
