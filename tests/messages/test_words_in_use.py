"""Both languages say the same, and nothing is kept that nothing says."""

import ast
import re
from dataclasses import fields, replace
from functools import cache
from itertools import product

import pytest

from sage100_ssm.messages import describe
from sage100_ssm.standins.ssm_api.resources import CONTACT
from sage100_ssm.sync.contacts.fields import STANDARD
from sage100_ssm.sync.journal import FACTS, Code, ForgottenFacts, OlderFacts, SleepReason, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.writes import EXT_ID
from tests.support.journal_outcomes import outcomes
from tests.support.message_files import FOLDER, LANGUAGES, SENTENCES, SUBJECTS, named, texts, words_of
from tests.support.pages import ROOT
from tests.support.syntax import parsed

PARTS = ("message", "remedy")
CHOOSES_THE_TEXTS = {
    ("deletion_refused", "origin"),
    ("ambiguous_match", "by_ext_id"),
    ("company_not_in_sage", "account_id"),
    ("decided", "undone"),
    ("mass_change_guard", "both_names"),
    ("restored_in_part", "default_owner"),
    ("value_missing", "is_outside_map"),
    ("value_unknown", "is_opposite"),
}
"""Facts that no wording names, since they decide which wordings there are, or which entries are one."""


def tree(node):
    """The shape of a file: its keys, and what each of its wordings names."""
    if isinstance(node, dict):
        return {key: tree(value) for key, value in node.items()}
    return [named(text) for text in texts(node)]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_languages_have_the_same_keys_and_name_the_same_things(subject):
    assert tree(words_of("fr", subject)) == tree(words_of("en", subject))


def test_every_file_is_one_of_a_subject():
    files = {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.yaml")}
    assert files == {f"{language}/{subject}.yaml" for language in LANGUAGES for subject in SUBJECTS}


# --- the journal


@cache
def wordings(language):
    """Each wording of the journal: the key of its texts, the part, which one it is, and a pattern of what it says."""
    found = []
    for key, parts in words_of(language, "journal")["codes"].items():
        for part in parts.keys() & set(PARTS):
            for number, text in enumerate(texts(parts[part])):
                pieces = re.split(r"\{\w+\}", plain(text))
                found.append((key, part, number, re.compile(".+".join(map(re.escape, pieces)))))
    return found


def plain(text):
    """A text with the apostrophes and spaces of the files."""
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{NO-BREAK SPACE}", " ")


def said(entries, language):
    """The wordings with which entries are described."""
    found = set()
    for entry, problem in product(entries, (None, 12)):
        words = describe(entry, language, problem=problem)
        for part in PARTS:
            text = plain(getattr(words, part))
            own = [w for w in wordings(language) if w[0].partition(".")[0] == entry.code and w[1] == part]
            found |= {(key, part, number) for key, _, number, pattern in own if pattern.fullmatch(text)}
    return found


def in_the_journal():
    """What happens, to one contact or for one cause to several, and what is left of it once people are forgotten."""
    alone = outcomes()
    another = Subject("NACRE", 7001, 7002, "Anne Roy")
    of_several = [entry.about(entry.subject, another) for entry in alone if entry.cause]
    forgotten = [replace(entry, facts=ForgottenFacts(entry.code, entry.rule)) for entry in alone]
    return [*alone, *of_several, *forgotten]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fullest_wording_of_everything_is_said_of_something_that_happens(language):
    fullest = {(key, part, number) for key, part, number, _ in wordings(language) if number == 0}
    assert fullest - said(in_the_journal(), language) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wording_is_said_of_something_that_happens_or_that_an_older_version_stored(language):
    every = {(key, part, number) for key, part, number, _ in wordings(language)}
    older = [replace(entry, facts=OlderFacts(entry.code, entry.rule)) for entry in outcomes()]
    assert every - said([*in_the_journal(), *older], language) == set()


def test_every_code_comes_about():
    assert {entry.code for entry in outcomes()} == set(Code)


def test_every_code_has_its_own_facts():
    assert list(FACTS) == list(Code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_kept_for_codes_that_do_not_exist(language):
    codes = words_of(language, "journal")["codes"]
    assert [key for key in codes if "." not in key] == list(Code)
    assert {key.partition(".")[0] for key in codes} == set(Code)


@pytest.mark.parametrize("code", Code)
def test_each_fact_of_a_code_is_named_or_chooses_the_texts(code):
    codes = words_of("en", "journal")["codes"]
    parts = [part for key, parts in codes.items() if key.partition(".")[0] == code for part in parts.values()]
    names = set().union(*(named(text) for part in parts for text in texts(part)))
    facts = {field.name for field in fields(FACTS[code])}
    assert {fact for fact in facts - names if (code, fact) not in CHOOSES_THE_TEXTS} == set()


# --- names


def test_names_are_those_of_sides_and_fields():
    words = words_of("en", "names")
    assert set(words["sides"]) == set(Side)
    assert set(words["fields"]) == {*(field.name for field in STANDARD), EXT_ID}
    assert set(words["ssm_fields"]) <= {field.name for field in CONTACT} - {field.ssm for field in STANDARD}


def test_every_reason_is_one_that_something_gives():
    reasons = set(words_of("en", "names")["reasons"])
    guards = {code for code in Code if code.endswith("_guard")}
    asleep = set(SleepReason) - {SleepReason.NOT_VISIBLE}
    assert reasons >= guards | asleep
    assert reasons - guards - asleep <= texts_in("sync/run/*.py", "sync/state/*.py", "sage100/errors.py")


# --- the command


COMPOSED = {
    "step": ("sync/run/course.py",),
    "run": ("sync/state/records.py",),
    "retry": ("sync/run/retried.py", "exchange/receipt.py"),
    "column": ("cli/tables.py",),
    "kind": ("sync/journal.py",),
    "action": ("exchange/receipt.py", "sync/state/records.py"),
    "occasion": ("sync/model.py",),
    "standing": ("app/search/*.py", "sync/contacts/companies.py", "sync/model.py"),
    "link": ("sync/model.py",),
    "verdict": ("sync/run/pairs.py",),
    "export": ("cli/tables.py", "cli/json_shapes.py"),
    "explain": ("cli/tables.py", "sync/model.py"),
    "setting": ("app/*.py", "sync/contacts/fields.py", "orchestration/blocks.py"),
    "demo": ("cli/demo_story.py",),
    "check": ("app/check/*.py", "sage100/inspection.py"),
    "probe": ("ssm/probe.py", "sage100/probe.py"),
    "one_way": ("sync/planning/one_way.py",),
    "prefect_kind": ("orchestration/setup.py", "orchestration/deployments.py"),
    "prefect_found": ("orchestration/parts.py",),
    "prefect_made": ("orchestration/parts.py",),
    "web": ("web/**/*.py", "sync/**/*.py", "app/*.py", "exchange/receipt.py"),
}
"""The keys that are composed when they are said, by their beginning: where the rest of them is."""

ENDINGS = {"web": r"(_help)?$", "demo": r"(_title)?$", "check": r"(_unseen)?(_remedy)?$", "standing": r"(_remedy)?$"}
"""What is put behind some of them."""

QUESTION = r"probe_(ssm|sage100)_\d+"
"""A question of ``probe``; its answers follow it."""


@cache
def texts_in(*patterns):
    """The texts in modules of the product."""
    files = [file for pattern in patterns for file in (ROOT / "sage100_ssm").glob(pattern)]
    nodes = [node for file in files for node in ast.walk(parsed(file))]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@cache
def texts_in_templates():
    """The texts in the templates of the page."""
    templates = (ROOT / "sage100_ssm" / "web" / "templates").glob("*.html")
    return {text for file in templates for text in re.findall(r'"(\w+)"', file.read_text("utf-8"))}


def is_said(key):
    """Whether the product has the key, or the parts that it is composed of."""
    without_question = re.sub(f"{QUESTION}_", "probe_", key)
    beginning = next((one for one in COMPOSED if without_question.startswith(f"{one}_")), None)
    if beginning is None:
        return key in texts_in("**/*.py")
    rest = without_question.removeprefix(f"{beginning}_")
    known = texts_in(*COMPOSED[beginning])
    if beginning == "web":
        known = known | texts_in_templates()
    rest = re.sub(ENDINGS.get(beginning, "$"), "", rest)
    halves = ((rest[:cut], rest[cut:]) for cut in range(1, len(rest)))
    return key in texts_in("**/*.py") or rest in known or any({one, two} <= known for one, two in halves)


@pytest.mark.parametrize("key", [key for _, key in SENTENCES if not re.fullmatch(QUESTION, key)])
def test_every_sentence_is_said_by_something(key):
    assert is_said(key)


@pytest.mark.parametrize("key", ["title_journal", "column_before", "check_moon", "probe_ssm_4_moon", "run_moon"])
def test_a_sentence_that_nothing_says_is_found(key):
    assert not is_said(key)


def test_every_question_of_probe_has_an_answer():
    questions = {key for _, key in SENTENCES if re.fullmatch(QUESTION, key)}
    answers = {found[0] for _, key in SENTENCES if (found := re.match(f"{QUESTION}(?=_)", key))}
    assert questions == answers
