# ruff: noqa: INP001 - a script beside the pages that it writes
"""A whole ``sync.yaml``: each setting with its default and what it means, in English and French.

    python -m docs.setting_pages

writes docs/settings.md and docs/settings.fr.md: keys and defaults from the classes that parse the settings, meanings
from the tables of docs/contract.md and docs/contract.fr.md. A test compares them, and loads the files as settings.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import yaml

from sage100_ssm.app.settings import Settings
from tests.support.pages import DOCS, codes, headings, rows, section
from tests.support.setting_keys import REQUIRED, settings_of

Language = Literal["en", "fr"]
PAGES: Mapping[str, Language] = {"settings.md": "en", "settings.fr.md": "fr"}

EXAMPLES: Mapping[str, Any] = {
    "sage100.company": "BIJOU",
    "sage100.connection.kind": "sqlserver",
    "sage100.connection.host": "SRV-SAGE",
    "sage100.connection.database": "BIJOU",
    "sage100.connection.username": "sync",
    "sage100.connection.password": "${SAGE_PASSWORD}",
    "ssm.public_key": "${SSM_PUBLIC_KEY}",
    "ssm.private_key": "${SSM_PRIVATE_KEY}",
    "ssm.default_sales_rep_id": 310,
}
"""What an installation gives; all else has its default, or is a comment where it has none."""
ELSEWHERE = {"sage100.connection.connection_string", "sage100.connection.path"}
"""Settings of the connections that are not the example's."""
_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says beside keys and meanings.

    Attributes:
        sections: the headings in the contract's page, and the prefix of the keys below each.
    """

    title: str
    introduction: str
    contract: str
    sections: Mapping[str, str]


WORDS: Mapping[Language, Words] = {
    "en": Words(
        title="All settings",
        introduction=(
            "A whole `sync.yaml`, to copy from: each setting with its default. What is a comment has no default. Only "
            "the settings above `state` must be given. The same as tables, with the settings of the connectors: "
            "[contract.md](contract.md#settings)."
        ),
        contract="contract.md",
        sections={
            "Sage 100": "sage100.",
            "Sage 100 in sync.yaml only": "sage100.",
            "SSM": "ssm.",
            "SSM in sync.yaml only": "ssm.",
            "The rest of sync.yaml": "",
            "The field map": "",
        },
    ),
    "fr": Words(
        title="Tous les réglages",
        introduction=(
            "Un `sync.yaml` entier, à recopier : chaque réglage avec sa valeur par défaut. Ce qui est en commentaire "
            "n'en a pas. Seuls les réglages au-dessus de `state` sont à donner. Les mêmes en tableaux, avec ceux des "
            "connecteurs : [contract.fr.md](contract.fr.md#réglages)."
        ),
        contract="contract.fr.md",
        sections={
            "Sage 100": "sage100.",
            "Sage 100, dans sync.yaml seulement": "sage100.",
            "SSM": "ssm.",
            "SSM, dans sync.yaml seulement": "ssm.",
            "Le reste de sync.yaml": "",
            "Les champs": "",
        },
    ),
}


def setting_page(language: Language) -> str:
    """The page of a language."""
    words = WORDS[language]
    meanings = _meanings(words)
    lines = [f"# {words.title}", "", "<!-- make pages -->", "", words.introduction, "", "```yaml"]
    lines += _yaml(_tree(settings_of(Settings)), meanings, "", is_set=True)
    return "\n".join([*lines, "```"]) + "\n"


def _meanings(words: Words) -> Mapping[str, str]:
    text = (DOCS / words.contract).read_text("utf-8")
    assert set(words.sections) <= {title for _, title in headings(text)}
    return {
        prefix + codes(row[0])[0]: _plain(row[2])
        for title, prefix in words.sections.items()
        for row in rows(section(text, title))
    }


def _plain(meaning: str) -> str:
    """What a cell of a table says, without links and marks."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", meaning).replace("`", "")


def _tree(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as sections within sections."""
    tree: dict[str, Any] = {}
    for key, default in settings.items():
        if key not in ELSEWHERE:
            *sections, name = key.split(".")
            place = tree
            for one in sections:
                place = place.setdefault(one, {})
            place[name] = EXAMPLES.get(key, default)
    return tree


def _yaml(tree: Mapping[str, Any], meanings: Mapping[str, str], prefix: str, *, is_set: bool) -> Iterator[str]:
    """The lines of a section. What has no default is a comment; so is a section in which something must be given."""
    margin = "  " * prefix.count(".")
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            below = is_set and "NAME" not in value and REQUIRED not in value.values()
            yield _line(f"{margin}{name}:", is_set=below)
            yield from _yaml(value, meanings, f"{key}.", is_set=below)
            continue
        yield from (f"{margin}# {line}" for line in wrap(meanings[key], _WIDTH - len(margin)))
        is_given = is_set and value is not None and value != REQUIRED
        yield _line(f"{margin}{name}: {'' if value in (None, REQUIRED) else _value(value)}".rstrip(), is_set=is_given)


def _line(text: str, *, is_set: bool) -> str:
    words = text.lstrip()
    return text if is_set else f"{text[: len(text) - len(words)]}# {words}"


def _value(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else getattr(value, "value", value)
    return yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=1000).strip().removesuffix("\n...")


def main() -> None:
    """Write both pages."""
    for name, language in PAGES.items():
        (DOCS / name).write_text(setting_page(language), "utf-8")


if __name__ == "__main__":
    main()
