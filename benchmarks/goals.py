"""What is expected of the synchronisation: each goal with its limits, and its name in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Language = Literal["en", "fr"]
Figures = Mapping[str, float]

_UNITS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "seconds": "{} s",
        "megabytes": "{} MB",
        "requests": "{} requests",
        "written": "{} writes",
        "more": "{} s more than quiet",
        "times": "{} times",
    },
    "fr": {
        "seconds": "{} s",
        "megabytes": "{} Mo",
        "requests": "{} requêtes",
        "written": "{} écriture",
        "more": "{} s de plus qu'au repos",
        "times": "{} fois",
    },
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal.

    Attributes:
        key: its name among the figures.
        names: what is measured, in both languages; ``{}`` is the number of contacts.
        limits: the highest figure of each kind; None where it is a figure of another program, measured beside.
    """

    key: str
    names: Mapping[Language, str]
    limits: Figures | None

    def name(self, language: Language, contacts: int) -> str:
        """What is measured, with the number of contacts."""
        return self.names[language].format(number(contacts, language))


def _goal(key: str, en: str, fr: str, **limits: float) -> Goal:
    return Goal(key, {"en": en, "fr": fr}, limits or None)


GOALS = (
    _goal(
        "quiet_largest",
        "{} links, nothing changed: observe and plan",
        "{} liens, rien n'a changé : observer et planifier",
        seconds=15,
        megabytes=300,
    ),
    _goal(
        "quiet_with_start",
        "{} links, nothing changed: a run with the start of its process",
        "{} liens, rien n'a changé : une exécution avec le démarrage de son processus",
        seconds=3.5,
        megabytes=200,
    ),
    _goal(
        "quiet",
        "{} links, nothing changed: a run without the start",
        "{} liens, rien n'a changé : une exécution sans le démarrage",
        seconds=0.5,
        requests=6,
        written=0,
    ),
    _goal(
        "edited",
        "20 contacts edited, 10 on each side, among {}",
        "20 contacts modifiés, 10 de chaque côté, parmi {}",
        more=0.1,
        requests=18,
    ),
    _goal(
        "first_write",
        "first run over {} contacts on each side, until its first write",
        "première exécution sur {} contacts de chaque côté, jusqu'à sa première écriture",
        seconds=15,
    ),
    _goal(
        "first",
        "first run over {} contacts on each side, without its writes",
        "première exécution sur {} contacts de chaque côté, sans ses écritures",
        seconds=15,
    ),
    _goal(
        "quiet_beside_merge",
        "{} links, nothing changed: observe and plan, beside a bare merge",
        "{} liens, rien n'a changé : observer et planifier, face à une simple fusion",
        times=10,
    ),
    _goal(
        "plan_beside_merge",
        "{} links, all looked at: the plan, beside a bare merge",
        "{} liens, tous regardés : le plan, face à une simple fusion",
        times=10,
    ),
    _goal("status", "`status`, {} links", "`status`, {} liens", seconds=0.5, megabytes=100),
    _goal("problems", "`problems`, {} links", "`problems`, {} liens", seconds=0.5, megabytes=100),
    _goal(
        "explain",
        "`explain` a contact by its number, {} links",
        "`explain` d'un contact par son numéro, {} liens",
        seconds=0.5,
        megabytes=100,
    ),
    _goal(
        "explain_name",
        "`explain` a contact by its name, {} links",
        "`explain` d'un contact par son nom, {} liens",
        seconds=0.5,
        megabytes=100,
    ),
    _goal("help", "`--help`", "`--help`", seconds=0.4),
    _goal("status_small", "`status`, {} links", "`status`, {} liens", seconds=0.4),
    _goal("imports", "what a run imports", "ce qu'une exécution importe", seconds=1.0),
    _goal(
        "beside_tap",
        "`source-sage100 read`, {} contacts, beside a Singer tap",
        "`source-sage100 read`, {} contacts, face à un tap Singer",
    ),
    _goal(
        "beside_dlt",
        "`source-sage100 read`, {} contacts, beside dlt's `sql_database`",
        "`source-sage100 read`, {} contacts, face à `sql_database` de dlt",
    ),
    _goal("writes", "{} changed contacts written into SSM", "{} contacts modifiés écrits dans SSM"),
    _goal("writes_in_bulk", "the same in bulk", "la même chose en lots"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A goal, and what was measured.

    Attributes:
        goal: the goal.
        contacts: of how many contacts.
        figures: by their kinds; none where it was not measured.
        limits: the limits that counted.
    """

    goal: Goal
    contacts: int
    figures: Figures
    limits: Figures

    @property
    def is_met(self) -> bool:
        """Whether no figure is above its limit. Figures count as they are printed."""
        return all(_rounded(kind, self.figures[kind]) <= limit for kind, limit in self.limits.items())

    def row(self, language: Language) -> tuple[str, str, str, str]:
        """A row of the table: what, figures, limits, and whether they are kept."""
        verdict = {"en": ("yes", "**no**"), "fr": ("oui", "**non**")}[language]
        name = self.goal.name(language, self.contacts)
        return name, _said(self.figures, language), _said(self.limits, language), verdict[not self.is_met]


def as_measured(found: Mapping[str, Any]) -> list[Measured]:
    """The goals for which there are figures, in their order."""
    goals = [goal for goal in GOALS if goal.key in found]
    return [Measured(goal, found[goal.key]["contacts"], **_counted(goal, found[goal.key])) for goal in goals]


def _counted(goal: Goal, entry: Mapping[str, Any]) -> dict[str, Figures]:
    limits = goal.limits or entry["limits"]
    return {"figures": {kind: entry["figures"][kind] for kind in limits}, "limits": limits}


def _said(figures: Figures, language: Language) -> str:
    return ", ".join(_UNITS[language][kind].format(_digits(kind, figure, language)) for kind, figure in figures.items())


def _rounded(kind: str, figure: float) -> float:
    return round(figure, 2 if kind in ("seconds", "more") else 1)


def _digits(kind: str, figure: float, language: Language) -> str:
    if figure == int(figure) or kind == "megabytes":
        return number(round(figure), language)
    text = f"{_rounded(kind, figure):g}"
    return text.replace(".", ",") if language == "fr" else text


def number(whole: int, language: Language) -> str:
    """A whole number with its thousands apart."""
    return f"{whole:,}".replace(",", "\N{NO-BREAK SPACE}" if language == "fr" else ",")
