"""The user's words, in French and English: what the journal and the operator's command say (R10).

The sentences are data, one YAML file per language with the same keys. Where a sentence has several wordings, the
first one is taken of which everything that it names is known; the last one names only what is always known.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal

import yaml

from sage100_ssm.sync.model import Code, Entry, Value

Language = Literal["fr", "en"]

_NARROW = re.compile(r" (?=[:;!?»%])|(?<=«) |(?<=n°) ")
"""The spaces of French at which a line must not break."""

_NAMES_A_SIDE = frozenset({"side", "winner", "origin"})


@dataclass(frozen=True, slots=True)
class Words:
    """A journal entry in the user's language.

    Attributes:
        message: whom it is about, what happened and why, with the values.
        remedy: what to do about it.
    """

    message: str
    remedy: str


def describe(entry: Entry, language: Language) -> Words:
    """Put a journal entry into words. What an entry does not tell is left out of them."""
    catalogue = _catalogue(language)
    facts = catalogue.facts_of(entry)
    wording = catalogue.codes.get(f"{entry.code}.{entry.rule}") or catalogue.codes[entry.code]
    return Words(message=wording["message"].fill(facts), remedy=wording["remedy"].fill(facts))


def code_label(code: Code, language: Language) -> str:
    """What users call a journal code, in a few words."""
    return _catalogue(language).codes[code]["title"].fill({})


def say(key: str, language: Language, /, **params: object) -> str:
    """A sentence or label of the operator's command.

    Args:
        key: its key under ``sentences`` of the language's file.
        language: the language.
        params: what it names; a ``side`` may be given by its code.

    Raises:
        KeyError: there is no such sentence.
    """
    catalogue = _catalogue(language)
    return catalogue.sentences[key].fill(catalogue.facts(params))


def say_error(code: str, language: Language, /, **params: object) -> str:
    """Say what is wrong; a code without a sentence of its own is one that a side gave, with its own words."""
    known = code in _catalogue(language).sentences
    return say(code, language, **params) if known else say("side_failed", language, code=code, **params)


def field_label(name: str, language: Language) -> str:
    """What users call a field; a field of the site's own by its name in the settings."""
    return _catalogue(language).fields.get(name, name)


class _Sentence:
    """The wordings of a sentence, from the one that tells most to the one that can always be said."""

    def __init__(self, wordings: Iterable[str]) -> None:
        self._wordings = [(text, _names(text)) for text in wordings]

    @property
    def names(self) -> list[frozenset[str]]:
        """What each wording names."""
        return [names for _, names in self._wordings]

    def fill(self, facts: Mapping[str, str]) -> str:
        """Say it. Facts are data: braces in them mean nothing."""
        known = (text for text, names in self._wordings if names <= facts.keys())
        return next(known, self._wordings[-1][0]).format_map(_Facts(facts))


class _Facts(dict[str, str]):
    """What a sentence may name; the unknown shows as an ellipsis rather than as an error."""

    def __missing__(self, name: str) -> str:
        return "…"


def _names(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """All words of one language."""

    sides: Mapping[str, str]
    fields: Mapping[str, str]
    reasons: Mapping[str, str]
    value: _Sentence
    subject: _Sentence
    codes: Mapping[str, Mapping[str, _Sentence]]
    sentences: Mapping[str, _Sentence]

    def facts(self, details: Mapping[str, Any]) -> dict[str, str]:
        """Details by name, as they are shown: sides and reasons by their names, unknown reasons not at all."""
        facts = {name: _shown(value) for name, value in details.items() if value is not None}
        if (reason := self.reasons.get(facts.pop("reason", ""))) is not None:
            facts["reason"] = reason
        return {name: self.sides.get(text, text) if name in _NAMES_A_SIDE else text for name, text in facts.items()}

    def facts_of(self, entry: Entry) -> dict[str, str]:
        """All that is known of a journal entry. ``contact`` is whom it is about, be it a company or a side."""
        subject = entry.subject
        ids = {"company": subject.company, "sage100_id": subject.sage100_id, "ssm_id": subject.ssm_id}
        facts = self.facts({**entry.details, **ids, "name": subject.contact})
        facts["contact"] = self.subject.fill(facts)
        if entry.field is not None:
            facts["field"] = self.fields.get(entry.field, _shown(entry.field))
        for name, value in (("sage100_value", entry.sage100_value), ("ssm_value", entry.ssm_value)):
            if entry.field is not None or value is not None:
                facts[name] = self._quoted(value)
        return facts

    def _quoted(self, value: Value) -> str:
        return self.value.fill({} if value is None else {"value": _shown(value)})


def _shown(value: object) -> str:
    """A value on one line and without control characters, whatever a side sent."""
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


@cache
def _catalogue(language: Language) -> _Catalogue:
    words = yaml.safe_load(files(__name__).joinpath(f"{language}.yaml").read_text("utf-8"))
    return _Catalogue(
        sides=words["sides"],
        fields=words["fields"],
        reasons={token: _typeset(text, language) for token, text in words["reasons"].items()},
        value=_sentence(words["value"], language),
        subject=_sentence(words["subject"], language),
        codes={
            code: {part: _sentence(texts, language) for part, texts in wording.items()}
            for code, wording in words["codes"].items()
        },
        sentences={key: _sentence(texts, language) for key, texts in words["sentences"].items()},
    )


def _sentence(texts: str | list[str], language: Language) -> _Sentence:
    return _Sentence(_typeset(text, language) for text in ([texts] if isinstance(texts, str) else texts))


def _typeset(text: str, language: Language) -> str:
    """Typographic apostrophes and French spaces, so that the files can be written on any keyboard."""
    text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return _NARROW.sub("\N{NO-BREAK SPACE}", text) if language == "fr" else text
