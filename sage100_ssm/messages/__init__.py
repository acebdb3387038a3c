"""The user's words, in French and English: what the journal and the operator's command say (R10).

The sentences are data: a YAML file per language and subject, with the same keys in both languages. Where a sentence has
several wordings, the first one is taken of which everything that it names is known; the last one names only what is
always known.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal

import yaml

from sage100_ssm.sync.journal import (
    AmbiguousMatch,
    Code,
    CompanyNotInSsm,
    Conflict,
    ConflictSettled,
    Decided,
    DeletedInSage,
    DeletionRefused,
    Entry,
    Facts,
    ForgottenFacts,
    GuardLifted,
    LostStateGuard,
    MassChangeGuard,
    Named,
    OlderFacts,
    OtherDatabase,
    OutOfScope,
    PossibleDuplicate,
    RejectedBySsm,
    RestoredInPart,
    SleepReason,
    Subject,
    ValueMissing,
    ValueNotRepresentable,
    ValueUnknown,
)
from sage100_ssm.sync.model import ContactRef, Side

Language = Literal["fr", "en"]

DAY: Mapping[Language, str] = {"fr": "%d/%m/%Y", "en": "%Y-%m-%d"}
"""How a day is written."""
MINUTE: Mapping[Language, str] = {language: f"{day} %H:%M" for language, day in DAY.items()}
"""How a day and a time are written."""

_NARROW = re.compile(r" (?=[:;!?»%])|(?<=«) |(?<=n°) ")
"""The spaces of French at which a line must not break."""

_LISTED = 5
"""How many of several contacts or accounts are named."""

_NAMES = ("last_name", "first_name")
"""The fields that are decided together (P1)."""

_SUBJECTS = frozenset({"airbyte", "check", "probe", "demo", "init", "notify", "prefect", "service", "web"})
"""The subjects with a file of their own: their sentences' keys begin with them. All others are the command line's."""


@dataclass(frozen=True, slots=True)
class Words:
    """A journal entry in the user's language.

    Attributes:
        message: the contact, company or side, what happened and why, with the values.
        remedy: what to do about it.
    """

    message: str
    remedy: str


def describe(entry: Entry, language: Language, *, problem: int | None = None) -> Words:
    """A journal entry in words. What is not known of it is left out.

    Args:
        entry: the entry.
        language: the language.
        problem: the number that ``decide`` takes for it, so that the remedy can be typed as it is written.
    """
    journal = _journal(language)
    facts = journal.facts_of(entry)
    if problem is not None:
        facts["problem"] = str(problem)
    texts = {**journal.codes[entry.code], **journal.codes.get(f"{entry.code}.{_case_of(entry)}", {})}
    return Words(message=texts["message"].fill(facts), remedy=texts["remedy"].fill(facts))


def _case_of(entry: Entry) -> str | None:
    """Which texts of its code fit an entry, where those for most of its entries do not."""
    name = None
    match entry.facts:
        case ForgottenFacts():
            name = "forgotten"
        case DeletionRefused(origin=Side.SSM):
            name = "edited_in_sage"
        case ConflictSettled() | Conflict() if entry.field in _NAMES:
            name = "names"
        case Decided() | AmbiguousMatch() | MassChangeGuard() | OutOfScope():
            name = _case_of_kind(entry.facts)
        case RejectedBySsm() if entry.cause:
            name = "owner"
        case GuardLifted() if entry.subject != Subject():
            name = "deleted"
        case RestoredInPart() | ValueMissing() | ValueUnknown():
            name = _case_of_value(entry.facts)
        case _ if entry.code is Code.DUPLICATE_IN_SAGE and entry.subject.sage100_id is None:
            name = "new"
    return name


def _case_of_kind(facts: Decided | AmbiguousMatch | MassChangeGuard | OutOfScope) -> str | None:
    match facts:
        case OutOfScope(reason=SleepReason.WENT_WITH_ACCOUNT | SleepReason.LEFT_OUT as reason):
            return reason.value
        case AmbiguousMatch(by_ext_id=True):
            return "by_ext_id"
        case Decided(undone=True):
            return "undone"
        case Decided(choice="accept"):
            return "accepted"
        case MassChangeGuard(both_names=True):
            return "both_names"
    return None


def _case_of_value(facts: RestoredInPart | ValueMissing | ValueUnknown) -> str | None:
    match facts:
        case RestoredInPart(default_owner=True):
            return "default_owner"
        case ValueMissing(is_outside_map=True):
            return "outside_map"
        case ValueUnknown(is_opposite=True):
            return "opposite"
        case ValueUnknown(side=None):
            return "unreadable"
        case ValueUnknown(side=Side.SAGE100):
            return "without_label"
    return None


def code_label(code: Code, language: Language) -> str:
    """What users call a journal code, in a few words."""
    return _journal(language).codes[code]["title"].fill({})


def say(key: str, language: Language, /, **params: object) -> str:
    """A sentence or label of the operator's command.

    Args:
        key: its key in the language's files.
        language: the language.
        params: what it names; a ``side`` may be given by its code.

    Raises:
        KeyError: there is no such sentence.
    """
    return _sentences(language, _subject_of(key))[key].fill(_names(language).params(params))


def say_error(code: str, language: Language, /, **params: object) -> str:
    """What is wrong; a code without a sentence of its own is one that a side reported, with its own words."""
    known = code in _sentences(language, _subject_of(code))
    return say(code, language, **params) if known else say("side_failed", language, code=code, **params)


def evidence_label(kind: str, language: Language) -> str:
    """What users call a kind of evidence for two contacts being one person (P4)."""
    return _names(language).evidence.get(kind, kind)


def field_label(name: str, language: Language) -> str:
    """What users call a field; a field of the site's own by its name in the settings."""
    return _names(language).fields.get(name, name)


def plain_spaces(text: str) -> str:
    """A text without hard spaces, for programs that show them as a code."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


class _Sentence:
    """The wordings of a sentence, from the one that says most to the one that can always be said."""

    def __init__(self, wordings: Iterable[str]) -> None:
        self._wordings = [(text, frozenset(n for _, n, _, _ in Formatter().parse(text) if n)) for text in wordings]

    def fill(self, facts: Mapping[str, str]) -> str:
        """Say it. Facts are data: braces in them mean nothing."""
        known = (text for text, names in self._wordings if names <= facts.keys())
        return next(known, self._wordings[-1][0]).format_map(_Known(facts))


class _Known(dict[str, str]):
    """What a sentence may name; the unknown shows as an ellipsis rather than as an error."""

    def __missing__(self, name: str) -> str:
        return "…"


@dataclass(frozen=True, slots=True)
class _Names:
    """The names that sentences of all subjects use, in one language."""

    sides: Mapping[str, str]
    fields: Mapping[str, str]
    ssm_fields: Mapping[str, str]
    columns: Mapping[str, str]
    reasons: Mapping[str, str]
    evidence: Mapping[str, str]
    choices: Mapping[str, str]

    def params(self, params: Mapping[str, object]) -> dict[str, str]:
        """What a sentence of the command names: sides and reasons by their names, unknown reasons not at all."""
        shown = {name: _shown(value) for name, value in params.items() if value is not None}
        if "side" in shown:
            shown["side"] = self.sides.get(shown["side"], shown["side"])
        if "reason" in shown:
            shown |= self.reason("reason", shown.pop("reason"))
        return shown

    def reason(self, name: str, code: str) -> dict[str, str]:
        """A reason under the name by which sentences know it; nothing if it is unknown."""
        return {name: self.reasons[code]} if code in self.reasons else {}


@dataclass(frozen=True, slots=True)
class _Journal:
    """What the journal says, in one language.

    Attributes:
        names: the names in that language.
        value: a value, or that there is none.
        forgotten: what is shown in place of a value that was forgotten (P17).
        subject: what an entry is about.
        named: a contact or account by its name and id.
        contact: per side, a contact by its id.
        codes: per code and text, its wordings.
    """

    names: _Names
    value: _Sentence
    forgotten: str
    subject: _Sentence
    named: _Sentence
    contact: Mapping[str, _Sentence]
    codes: Mapping[str, Mapping[str, _Sentence]]

    def facts_of(self, entry: Entry) -> dict[str, str]:
        """All that is known of an entry, as it is shown. ``contact`` is what it is about, also a company or a side."""
        about = {field.name: getattr(entry.subject, field.name) for field in fields(entry.subject)}
        about["name"] = about.pop("contact")
        shown = {name: _shown(value) for name, value in about.items() if value not in (None, "")}
        if not isinstance(entry.facts, OlderFacts):
            shown |= self._recorded(entry.facts) | self._waiting(entry)
        shown["contact"] = self.subject.fill(shown)
        match entry.facts, entry.subject:
            # The contact is one of several on its own side, too: an answer names the one opposite.
            case AmbiguousMatch(in_ssm=(first, *_)), Subject(ssm_id=None):
                shown["opposite"] = str(first.id)
            case AmbiguousMatch(in_sage100=(first, *_)), Subject(sage100_id=None):
                shown["opposite"] = str(first.id)
        if entry.field is not None:
            shown["field"] = self.names.fields.get(entry.field, _shown(entry.field))
        for name, value in (("sage100_value", entry.sage100_value), ("ssm_value", entry.ssm_value)):
            if entry.field is not None or value is not None:
                shown[name] = self.value.fill({} if value is None else {"value": _shown(value)})
                if isinstance(entry.facts, ForgottenFacts):
                    shown[name] = self.forgotten
        return shown

    def _recorded(self, facts: Facts) -> dict[str, str]:
        """The facts of an entry by name; those that are empty are left out."""
        values = {field.name: getattr(facts, field.name) for field in fields(facts) if field.name != "contacts"}
        shown = {name: self._fact(value) for name, value in values.items() if value not in (None, "", ())}
        for name in {"reason", "guard"} & shown.keys():
            shown |= self.names.reason(name, shown.pop(name))
        match facts:
            case PossibleDuplicate(evidence=evidence):
                shown["evidence"] = _listed([self.names.evidence.get(kind, kind) for kind in evidence])
            case Decided(choice, _, about):
                choice = self.names.choices.get(choice, choice)
                shown |= {"choice": choice, "about": self.codes[about]["title"].fill({})}
            case RestoredInPart(left_out):
                known = {**self.names.ssm_fields, **self.names.fields}
                shown["left_out"] = ", ".join(known.get(name, _shown(name)) for name in left_out)
            case DeletedInSage(row):
                # A name that begins with an underscore is an instruction of the exchange, and no column.
                columns = [(name, self.value.fill({"value": _shown(value)})) for name, value in row if name[0] != "_"]
                shown["row"] = ", ".join(f"{self.names.columns.get(name, name)} {value}" for name, value in columns)
            case LostStateGuard(databases=databases):
                shown["databases"] = _listed([f"{_shown(name)} ({number})" for name, number in databases])
            case ValueNotRepresentable(characters) if characters:
                shown["characters"] = " ".join(map(_visible, characters))
        return shown

    def _waiting(self, entry: Entry) -> dict[str, str]:
        """The contacts that wait for one cause, and their number; of a single one the subject says it."""
        if len(entry.contacts) == 1 and not isinstance(entry.facts, (CompanyNotInSsm, OtherDatabase)):
            return {}
        names = [_shown(one.contact) if one.contact else self._number(one) for one in entry.contacts]
        return {"number": str(len(names)), "contacts": _listed(names)}

    def _number(self, contact: Subject) -> str:
        """A contact without a name."""
        number = contact.ssm_id if contact.sage100_id is None else contact.sage100_id
        return self.named.fill({"id": str(number)})

    def _fact(self, value: Any) -> str:
        match value:
            case Side():
                return self.names.sides[value]
            case ContactRef(side, number):
                return self.contact[side].fill({"id": str(number)})
            case Named(number, name):
                return self.named.fill({"id": str(number), **({"name": _shown(name)} if name else {})})
            case tuple():
                return _listed([self._fact(each) for each in value])
        return _shown(value)


def _shown(value: object) -> str:
    """A value on one line and without control characters, whatever a side sent."""
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def _listed(shown: list[str]) -> str:
    """Several things in one line; of many the first."""
    return ", ".join(shown[:_LISTED] + ["…"] * (len(shown) > _LISTED))


def _visible(character: str) -> str:
    """A character, or its code point where it cannot be seen."""
    # A mark without its letter is seen upon whatever is beside it.
    is_seen = character.isprintable() and not character.isspace() and unicodedata.category(character)[0] != "M"
    return character if is_seen else f"U+{ord(character):04X}"


# --- the files


def _subject_of(key: str) -> str:
    """The file of a sentence."""
    prefix = key.partition("_")[0]
    return prefix if prefix in _SUBJECTS else "command_line"


@cache
def _names(language: Language) -> _Names:
    words = _read(language, "names")
    reasons = {code: _typeset(text, language) for code, text in words["reasons"].items()}
    evidence = {kind: _typeset(text, language) for kind, text in words["evidence"].items()}
    choices = {choice: _typeset(text, language) for choice, text in words["choices"].items()}
    return _Names(words["sides"], words["fields"], words["ssm_fields"], words["columns"], reasons, evidence, choices)


@cache
def _sentences(language: Language, subject: str) -> Mapping[str, _Sentence]:
    return _wordings(_read(language, subject), language)


@cache
def _journal(language: Language) -> _Journal:
    words = _read(language, "journal")
    return _Journal(
        names=_names(language),
        value=_sentence(words["value"], language),
        forgotten=_typeset(words["forgotten"], language),
        subject=_sentence(words["subject"], language),
        named=_sentence(words["named"], language),
        contact=_wordings(words["contact"], language),
        codes={code: _wordings(texts, language) for code, texts in words["codes"].items()},
    )


def _read(language: Language, subject: str) -> Any:
    # libyaml's loader takes a tenth of the time of the one in Python.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(files(__name__).joinpath(language, f"{subject}.yaml").read_text("utf-8"), loader)  # noqa: S506 - safe


def _wordings(texts: Mapping[str, str | list[str]], language: Language) -> dict[str, _Sentence]:
    return {key: _sentence(text, language) for key, text in texts.items()}


def _sentence(texts: str | list[str], language: Language) -> _Sentence:
    return _Sentence(_typeset(text, language) for text in ([texts] if isinstance(texts, str) else texts))


def _typeset(text: str, language: Language) -> str:
    """Typographic apostrophes and French spaces, so that the files can be written on any keyboard."""
    text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return _NARROW.sub("\N{NO-BREAK SPACE}", text) if language == "fr" else text
