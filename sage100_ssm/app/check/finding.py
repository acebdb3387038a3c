"""What was looked at, how it stands, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.messages import Language, say, say_error
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.model import Side

SHOWN = 8
"""How many of a long list are named."""


class Level(StrEnum):
    """How a thing stands."""

    OK = "ok"
    ADVICE = "advice"
    """The synchronisation runs, but somebody should know, or had better change it."""
    UNSEEN = "unseen"
    """It could not be looked at: the login may not see it, or the server does not tell."""
    MEND = "mend"
    """The synchronisation does not run, or not well, before it is mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: how it stands.
        code: what it is about (``login_refused``, ``schema_missing``, ``triggers``).
        side: the side it is about; None for the program itself, and for both together.
        text: what was found, in the user's language.
        remedy: what to do about it; None where nothing is to be done, or the text says it already.
        passing: whether it may be gone at the next try.
    """

    level: Level
    code: str
    side: Side | None
    text: str
    remedy: str | None = None
    passing: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that was looked at."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> Exit:
        """Ready, something to mend, or a side not reached."""
        wrong = [finding for finding in self.findings if finding.level is Level.MEND]
        if any(not finding.passing for finding in wrong):
            return Exit.CONFIGURATION
        return Exit.SIDE if wrong else Exit.DONE


@dataclass(frozen=True, slots=True)
class Teller:
    """Puts findings about one side into words: ``check_<code>``, and ``check_<code>_remedy`` unless all is well.

    Attributes:
        side: the side they are about.
        language: the user's.
    """

    side: Side | None
    language: Language

    def ok(self, code: str, **facts: object) -> Finding:
        """All is well."""
        return Finding(Level.OK, code, self.side, self._said(code, facts))

    def advice(self, code: str, **facts: object) -> Finding:
        """Somebody should know."""
        return self._with_remedy(Level.ADVICE, code, facts)

    def mend(self, code: str, **facts: object) -> Finding:
        """Somebody must mend it."""
        return self._with_remedy(Level.MEND, code, facts)

    def unseen(self, code: str, **facts: object) -> Finding:
        """It could not be looked at."""
        return self._with_remedy(Level.UNSEEN, f"{code}_unseen", facts)

    def failed(self, failure: Failure) -> Finding:
        """The side cannot be used at all; its sentence says what to do."""
        text = say_error(failure.code, self.language, **failure.details, side=self.side, text=failure.text)
        return Finding(Level.MEND, failure.code, self.side, text, passing=not failure.configuration)

    def _with_remedy(self, level: Level, code: str, facts: dict[str, object]) -> Finding:
        return Finding(level, code, self.side, self._said(code, facts), self._said(f"{code}_remedy", facts))

    def _said(self, code: str, facts: dict[str, object]) -> str:
        return say(f"check_{code}", self.language, **facts)


def some(names: Iterable[object]) -> str:
    """Name the first of a list, and how many more there are."""
    listed = [str(name) for name in names]
    rest = len(listed) - SHOWN
    return ", ".join(listed[:SHOWN]) + (f" … (+{rest})" if rest > 0 else "")
