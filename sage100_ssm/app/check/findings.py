"""The result of a check: one finding for each thing that was looked at, with its level and its remedy."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.messages import Language, say, say_error
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.model import Side

_NAMED = 8
"""How many items of a long list are named."""


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    ADVICE = "advice"
    """The synchronisation runs, but somebody should know about it, or would do well to change it."""
    UNSEEN = "unseen"
    """It could not be looked at: the login has no right to, or the server does not report it."""
    MEND = "mend"
    """Until it is mended, the synchronisation does not run, or not properly."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: how serious it is.
        code: its stable name (``login_refused``, ``schema_missing``, ``triggers``).
        side: the side it concerns; None for the program itself, and for both sides together.
        text: what was found, in the user's language.
        remedy: what to do about it; None where nothing has to be done, or where the text says it already.
        is_transient: whether it may be gone at the next attempt.
    """

    level: Level
    code: str
    side: Side | None
    text: str
    remedy: str | None = None
    is_transient: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All findings of one check."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> Exit:
        """0 where nothing has to be mended, 4 where only a side was not reached, else 2."""
        to_mend = [finding for finding in self.findings if finding.level is Level.MEND]
        if not to_mend:
            return Exit.DONE
        return Exit.SIDE if all(finding.is_transient for finding in to_mend) else Exit.CONFIGURATION


@dataclass(frozen=True, slots=True)
class SideFindings:
    """Creates the findings about one side, in the user's language.

    The sentence of a finding is ``check_<code>`` of the messages, its remedy ``check_<code>_remedy``.

    Attributes:
        side: the side; None for the program itself, and for both sides together.
        language: the user's language.
    """

    side: Side | None
    language: Language

    def ok(self, code: str, **facts: object) -> Finding:
        """A finding that asks for nothing."""
        return Finding(Level.OK, code, self.side, say(f"check_{code}", self.language, **facts))

    def advice(self, code: str, **facts: object) -> Finding:
        """Something that somebody should know about."""
        return self._with_remedy(Level.ADVICE, code, facts)

    def mend(self, code: str, **facts: object) -> Finding:
        """Something that has to be mended."""
        return self._with_remedy(Level.MEND, code, facts)

    def unseen(self, code: str) -> Finding:
        """Something that could not be looked at; its code ends in ``_unseen``."""
        return self._with_remedy(Level.UNSEEN, f"{code}_unseen", {})

    def failed(self, failure: Failure) -> Finding:
        """The side cannot be used at all. The sentence is the one that ends a run, and says what to do."""
        text = say_error(failure.code, self.language, **failure.details, side=self.side, text=failure.text)
        return Finding(Level.MEND, failure.code, self.side, text, is_transient=not failure.configuration)

    def _with_remedy(self, level: Level, code: str, facts: dict[str, object]) -> Finding:
        text, remedy = (say(key, self.language, **facts) for key in (f"check_{code}", f"check_{code}_remedy"))
        return Finding(level, code, self.side, text, remedy)


def first_few(names: Iterable[object]) -> str:
    """The first names of a list, and how many more there are: ``ALPHA, BETA … (+12)``."""
    listed = [str(name) for name in names]
    rest = len(listed) - _NAMED
    return ", ".join(listed[:_NAMED]) + (f" … (+{rest})" if rest > 0 else "")
