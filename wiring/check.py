"""Are both sides ready for the synchronisation? What `check` tells, each finding with its remedy."""

from collections.abc import Iterator
from dataclasses import dataclass

from contact_sync.failures import Exit
from contact_sync.fields import Direction, Field, present
from contact_sync.messages import Language, say
from contact_sync.model import Side
from contact_sync.sides import Failure, SideFailedError
from wiring.access import SageSide, SsmSide, both_sides
from wiring.assemble import site_of
from wiring.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        ok: whether it is as it must be.
        code: what it is about (``login_refused``, ``schema_missing``; ``ready`` where all is well).
        side: the side it is about.
        text: what was found, and what to do about it, in the user's language.
        passing: whether it may be gone at the next try.
    """

    ok: bool
    code: str
    side: Side
    text: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> Exit:
        """Ready, something to mend, or a side not reached."""
        wrong = [finding for finding in self.findings if not finding.ok]
        if any(not finding.passing for finding in wrong):
            return Exit.CONFIGURATION
        return Exit.SIDE if wrong else Exit.DONE


def check_sides(settings: Settings) -> CheckReport:
    """Look at both sides; nothing is written."""
    fields = tuple(f for f in site_of(settings).fields if f.direction is not Direction.NONE)
    with both_sides(settings.sage100, settings.ssm) as (sage100, ssm):
        return CheckReport((*_sage100(sage100, fields, settings.language), *_ssm(ssm, fields, settings.language)))


def _sage100(side: SageSide, fields: tuple[Field, ...], language: Language) -> Iterator[Finding]:
    try:
        columns = side.columns()
        companies, contacts = (side.read({name: None})[name] for name in ("companies", "contacts"))
        wrong = side.check()
    except SideFailedError as error:
        yield _failed(Side.SAGE100, error.failure, language)
        return
    if failure := companies.failure or contacts.failure or wrong:
        yield _failed(Side.SAGE100, failure, language)
        return
    there, missing = present(fields, columns)
    for field in missing:
        text = say("schema_missing", language, side=Side.SAGE100, text=f"F_CONTACTT.{field.sage100}")
        yield Finding(ok=False, code="schema_missing", side=Side.SAGE100, text=text)
    prospects = sum(row.get("CT_Prospect") == 1 for row in companies.rows)
    counts = {"clients": len(companies.rows) - prospects, "prospects": prospects, "contacts": len(contacts.rows)}
    yield Finding(ok=True, code="ready", side=Side.SAGE100, text=say("check_sage100", language, **counts))
    without = ", ".join(f.name for f in fields if f not in there and f not in missing)
    if without:
        text = say("check_fields_absent", language, fields=without)
        yield Finding(ok=True, code="fields_absent", side=Side.SAGE100, text=text)


def _ssm(side: SsmSide, fields: tuple[Field, ...], language: Language) -> Iterator[Finding]:
    if failure := side.check():
        yield _failed(Side.SSM, failure, language)
        return
    yield Finding(ok=True, code="ready", side=Side.SSM, text=say("check_ssm", language))
    known = side.contact_fields()
    for field in fields:
        if known and field.ssm not in known:
            text = say("schema_missing", language, side=Side.SSM, text=field.ssm)
            yield Finding(ok=False, code="schema_missing", side=Side.SSM, text=text)


def _failed(side: Side, failure: Failure, language: Language) -> Finding:
    text = say(failure.code, language, **failure.details, side=side, text=failure.text)
    return Finding(ok=False, code=failure.code, side=side, text=text, passing=not failure.configuration)
