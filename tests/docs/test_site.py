"""The site has every page once, in its language, with links that lead to where the site has their targets."""

import json
from pathlib import Path

import pytest

from docs.site.stage import (
    BUILD,
    DOCS,
    LANGUAGES,
    ROOT,
    configuration,
    front_matter,
    indented,
    navigation,
    places,
    staged,
    typeset,
)

PAGES = places()


def named_in(nav):
    """The pages in a navigation, without links to the other language's site."""
    for entry in nav:
        if isinstance(entry, str):
            yield entry
            continue
        ((_, inner),) = entry.items()
        yield from named_in(inner) if isinstance(inner, list) else () if inner.startswith("../") else (inner,)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_the_navigation_of_its_language_once(language):
    named = list(named_in(navigation(language, PAGES)))

    assert sorted(named) == sorted(place.name for place in PAGES.values() if place.language == language)


def test_a_page_that_nobody_has_named_is_among_the_how_tos():
    (new,) = {place for place in PAGES.values() if place.name == "prefect.md" and place.language == "en"}
    how_to = next(entry["How to"] for entry in navigation("en", PAGES) if "How to" in entry)

    assert new.name in how_to
    assert how_to.index("operations.md") < how_to.index(new.name) < how_to.index("airbyte.md")


@pytest.mark.parametrize(
    ("page", "text", "expected"),
    [
        ("docs/page.md", "[P9](rules.md#p9)", "[P9](rules.md#p9)"),
        ("docs/page.fr.md", "[P9](rules.fr.md#p9)", "[P9](rules.md#p9)"),
        ("docs/page.fr.md", "[qui](threat-model.md#the-page)", "[qui](../threat-model.html#the-page)"),
        ("docs/page.md", "[en français](page.fr.md)", "[en français](fr/page.html)"),
        ("docs/messages/flapping.fr.md", "[x](../rules.fr.md)", "[x](../rules.md)"),
        ("docs/page.md", "[page.fr.md](page.fr.md)", "[La page](fr/page.html)"),
        ("docs/facts/ssm-api.md", "[rules.md](../rules.md)", "[The rules of the synchronisation](../rules.md)"),
        ("docs/README.md", "[all](decisions)", "[all](decisions/index.md)"),
        ("docs/README.fr.md", "[tous](connectors)", "[tous](connectors/index.md)"),
        ("README.md", "[ici](LISEZMOI.md)", "[ici](../fr/project/readme.html)"),
        ("LISEZMOI.md", "[la page](docs/page.fr.md)", "[la page](../page.md)"),
        ("docs/prefect.md", "[c](../deploy/compose.yaml)", "[c](files/deploy/compose.yaml)"),
        ("docs/architecture.md", "[rules/links](../sage100_ssm/sync/rules/links.py)", "rules/links"),
        ("docs/page.md", "![seen](images/runs.png)", "![seen](images/runs.png)"),
        ("docs/messages/flapping.md", "![seen](../images/runs.png)", "![seen](../images/runs.png)"),
        ("docs/page.md", "[a](https://a.example) [b](#below)", "[a](https://a.example) [b](#below)"),
        ("docs/page.md", "```sh\n[x](rules.md)\n```", "```sh\n[x](rules.md)\n```"),
    ],
)
def test_a_link_leads_to_where_the_site_has_its_target(page, text, expected):
    assert staged(Path(page), text, PAGES) == expected


def test_the_switch_between_languages_leads_to_the_same_page_or_to_the_first():
    def languages(page):
        return json.loads(front_matter(PAGES[Path(page)], PAGES).splitlines()[1].removeprefix("languages: "))

    assert languages("docs/rules.fr.md") == {"en": "../rules.html", "fr": "rules.html"}
    assert languages("docs/rules.md") == {"en": "rules.html", "fr": "fr/rules.html"}
    assert languages("docs/architecture.md") == {"en": "architecture.html", "fr": "fr/index.html"}


def test_a_french_line_does_not_begin_with_a_colon():
    assert typeset("Une règle : « ceci » ? `a : b`\n## R1 : oui\n| a : | b |") == (
        "Une règle\xa0: «\xa0ceci\xa0»\xa0? `a : b`\n## R1 : oui\n| a\xa0: | b |"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. one\n   two\n   - inner", "1. one\n    two\n    - inner"),
        ("- one\n\n  ```sh\n  a\n    b\n  ```\n\nafter", "- one\n\n    ```sh\n    a\n      b\n    ```\n\nafter"),
        ("text:\n- one\n- two", "text:\n\n- one\n- two"),
        ("```text\n- not\n  a list\n```", "```text\n- not\n  a list\n```"),
    ],
)
def test_what_belongs_to_an_item_of_a_list_is_four_spaces_further_in(text, expected):
    assert indented(text) == expected


def test_every_connector_is_in_the_list_of_connectors():
    pages = {file.stem for file in (DOCS / "connectors").glob("*.md") if not file.stem.startswith("README")}
    listed = (DOCS / "connectors" / "README.md").read_text("utf-8")

    assert {name for name in pages if f"[{name}]({name}.md)" not in listed} == set()


def test_the_pictures_are_small_together():
    pictures = [file for file in (DOCS / "images").iterdir() if file.suffix == ".png"]

    assert sum(file.stat().st_size for file in pictures) < 1_500_000


def test_what_builds_the_site_is_pinned_and_the_product_does_not_need_it():
    pinned = (DOCS / "site" / "requirements.txt").read_text("utf-8").splitlines()

    assert [line for line in pinned if not line.startswith("#") and "==" not in line] == []
    assert "zensical" not in (ROOT / "constraints.txt").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_configuration_inherits_what_both_languages_have_in_common(language):
    settings = json.loads(configuration(language, PAGES))

    assert (BUILD / settings["INHERIT"]).resolve() == DOCS / "site" / "mkdocs.yml"
    assert (BUILD / settings["theme"]["custom_dir"]).resolve() == DOCS / "site" / "theme"
    assert settings["plugins"]["search"] == {"lang": language}
