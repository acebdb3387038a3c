"""The files of the messages, as a test reads them."""

from functools import cache
from string import Formatter
from typing import Any

import yaml

from tests.support.pages import ROOT

FOLDER = ROOT / "sage100_ssm" / "messages"
LANGUAGES = ("fr", "en")
SUBJECTS = (
    *("names", "journal", "command_line", "check", "probe", "demo", "init", "notify", "prefect"),
    *("airbyte", "service", "web"),
)


@cache
def words_of(language: str, subject: str) -> Any:
    """What a file holds."""
    return yaml.safe_load((FOLDER / language / f"{subject}.yaml").read_text("utf-8"))


def texts(wordings: str | list[str]) -> list[str]:
    """The wordings of a sentence."""
    return [wordings] if isinstance(wordings, str) else wordings


def named(text: str) -> set[str]:
    """What a wording names."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


SENTENCES = [(subject, key) for subject in SUBJECTS[2:] for key in words_of("fr", subject)]
