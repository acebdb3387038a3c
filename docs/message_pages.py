# ruff: noqa: INP001 - a script beside the pages that it writes
"""A page for each code of the journal, in French and English: what it says, why, and what to do.

    python -m docs.message_pages

writes docs/messages. The sentences are those of the program, about things that happen in its tests; when a code appears
is said by the tables of docs/rules.md and docs/rules.fr.md. A test compares the pages with both.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sage100_ssm.messages import Language, code_label, describe, plain_spaces
from sage100_ssm.sync.journal import Code, Entry, Kind
from tests.support.journal_outcomes import outcomes
from tests.support.pages import DOCS, anchor, codes, rows, section

FOLDER = DOCS / "messages"
LANGUAGES: tuple[Language, ...] = ("en", "fr")
EXAMPLES = 4
"""How many examples a page shows at most."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the pages of a language say beside the program's own sentences."""

    rules: str
    journal: str
    guards: str
    colon: str
    code: str
    kind: str
    kinds: Mapping[Kind, str]
    rule: str
    no_rule: str
    other_language: str
    when: str
    effect: str
    says: str
    examples: str
    to_do: str
    find: str
    all_codes: str
    introduction: str


WORDS: Mapping[Language, Words] = {
    "en": Words(
        rules="rules.md",
        journal="The journal",
        guards="P9: guards against mass changes",
        colon=":",
        code="code",
        kind="kind",
        kinds={
            Kind.PROBLEM: "problem: something waits, until its cause is gone",
            Kind.NOTICE: "notice: something was decided, and nothing waits",
        },
        rule="rule",
        no_rule="none of its own",
        other_language="in French",
        when="When it appears",
        effect="What it holds back",
        says="What the journal says, and what to do",
        examples="Names and values are examples.",
        to_do="What to do",
        find="Find them",
        all_codes="What each message means",
        introduction=(
            "Each message of the journal has a code, a title, a sentence that names the contact and the cause, and a "
            "remedy. `sage100-ssm problems` lists what waits now, `sage100-ssm journal` everything; `--code CODE` "
            "shows one kind. A **problem** closes by itself once its cause is gone; a **notice** says what was decided."
        ),
    ),
    "fr": Words(
        rules="rules.fr.md",
        journal="Le journal",
        guards="P9 : les sécurités contre les modifications en masse",
        colon=" :",
        code="code",
        kind="genre",
        kinds={
            Kind.PROBLEM: "problème : quelque chose attend, tant que la cause est là",
            Kind.NOTICE: "avis : quelque chose a été décidé, et rien n'attend",
        },
        rule="règle",
        no_rule="aucune en propre",
        other_language="en anglais",
        when="Quand il apparaît",
        effect="Ce que cela retient",
        says="Ce que dit le journal, et que faire",
        examples="Les noms et les valeurs sont des exemples.",
        to_do="Que faire",
        find="Les retrouver",
        all_codes="Ce que dit chaque message",
        introduction=(
            "Chaque message du journal a un code, un titre, une phrase qui nomme le contact et la cause, et un remède. "
            "`sage100-ssm problems` liste ce qui attend en ce moment, `sage100-ssm journal` tout ; `--code CODE` n'en "
            "montre qu'une sorte. Un **problème** se ferme de lui-même quand sa cause a disparu ; un **avis** dit ce "
            "qui a été décidé."
        ),
    ),
}


def message_pages() -> Mapping[str, str]:
    """The text of each page, by its name below docs/messages."""
    examples = _examples()
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        texts = _Texts(language)
        pages |= {_name(code, language): texts.page(code, examples[code]) for code in Code}
        pages[_name("README", language)] = texts.index()
    return pages


def _name(stem: str, language: Language) -> str:
    return f"{stem}.md" if language == "en" else f"{stem}.{language}.md"


def _examples() -> Mapping[Code, list[Entry]]:
    """The entries of each code that come about, each kind of sentence once."""
    found: dict[Code, dict[str, Entry]] = {code: {} for code in Code}
    for entry in outcomes():
        words = describe(entry, "en", problem=12)
        found[entry.code].setdefault(words.remedy, entry)
    return {code: list(entries.values())[:EXAMPLES] for code, entries in found.items()}


class _Texts:
    """The pages of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._words = WORDS[language]
        text = (DOCS / self._words.rules).read_text("utf-8")
        self._when = {codes(row[0])[0]: row[-1] for row in rows(section(text, self._words.journal))}
        self._guards = {codes(row[0])[0]: row for row in rows(section(text, self._words.guards))}
        self._rules = {rule: (rule + rest) for rule, rest in re.findall(r"^### ([RP]\d+)( ?: .+)$", text, re.MULTILINE)}

    def page(self, code: Code, examples: Iterable[Entry]) -> str:
        """The page of a code."""
        words = self._words
        other = next(language for language in LANGUAGES if language != self._language)
        lines = [
            f"# {_plain(code_label(code, self._language))}",
            "",
            "<!-- make pages -->",
            "",
            "| | |",
            "|---|---|",
            f"| {words.code} | `{code}` |",
            f"| {words.kind} | {words.kinds[code.kind]} |",
            f"| {words.rule} | {self._rule(code)} |",
            f"| {words.other_language} | {_plain(code_label(code, other))} |",
            "",
            *self._reasons(code),
            f"## {words.says}",
            "",
            words.examples,
            "",
            *(line for entry in examples for line in self._example(entry)),
            f"## {words.find}",
            "",
            "```sh",
            f"sage100-ssm {'problems' if code.kind is Kind.PROBLEM else 'journal'} --code {code}",
            "```",
            "",
            f"[{words.all_codes}]({_name('README', self._language)})",
        ]
        return "\n".join(lines) + "\n"

    def index(self) -> str:
        """The page that lists all codes, problems first."""
        words = self._words
        lines = [f"# {words.all_codes}", "", "<!-- make pages -->", "", words.introduction]
        for kind in Kind:
            lines += [
                "",
                f"**{words.kinds[kind][:1].upper()}{words.kinds[kind][1:]}.**",
                "",
                "| | | |",
                "|---|---|---|",
            ]
            for code in (one for one in Code if one.kind is kind):
                title = _plain(code_label(code, self._language))
                when = self._guards[code][1] if code in self._guards else self._when[code]
                lines.append(f"| [{title}]({_name(code, self._language)}) | `{code}` | {self._linked(when)} |")
        return "\n".join(lines) + "\n"

    def _rule(self, code: Code) -> str:
        if code.rule is None:
            return self._words.no_rule
        title = self._rules[code.rule]
        return f"[{title}](../{self._words.rules}#{anchor(title)})"

    def _reasons(self, code: Code) -> Iterator[str]:
        words, guard = self._words, self._guards.get(code)
        yield from (f"## {words.when}", "", _sentence(self._linked(guard[1] if guard else self._when[code])), "")
        if guard:
            yield from (f"## {words.effect}", "", _sentence(self._linked(guard[2])), "")

    def _example(self, entry: Entry) -> Iterator[str]:
        words = describe(entry, self._language, problem=12)
        yield from (f"> {_plain(words.message)}", "")
        yield from (f"**{self._words.to_do}{self._words.colon}** {_plain(words.remedy)}", "")

    def _linked(self, text: str) -> str:
        """A cell of the rules' page, whose links are relative to that page."""
        text = text.replace("](#", f"](../{self._words.rules}#")
        return re.sub(r"\]\((?!\.\./)(?=[\w-]+\.)", "](../", text)


def _sentence(text: str) -> str:
    # A cell may begin with a code, which keeps its small letters.
    return f"{text[:1].upper()}{text[1:]}."


def _plain(text: str) -> str:
    """A sentence as Markdown: plain spaces and apostrophes, and nothing that Markdown understands."""
    typed = plain_spaces(text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    # What the sentence quotes from the command line is code on a page.
    typed = re.sub(r"[«“] ?(sage100-ssm [^»”]+?) ?[»”]", r"`\1`", typed)
    return re.sub(r"([*_<])(?![^`]*`)", r"\\\1", typed) if "`" not in typed else typed


def main() -> None:
    """Write the pages, and remove those of codes that are gone."""
    FOLDER.mkdir(exist_ok=True)
    pages = message_pages()
    for file in set(FOLDER.glob("*.md")) - {FOLDER / name for name in pages}:
        file.unlink()
    for name, text in pages.items():
        Path(FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
