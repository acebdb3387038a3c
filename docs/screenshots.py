# ruff: noqa: INP001 - a script beside the pages that it illustrates
"""Pictures of the page in a browser, from the sample company, in both languages.

    python -m docs.screenshots

writes docs/images/NAME.png and docs/images/NAME.fr.png. People work on both sides of the sample company as in the demo,
and a run follows what they do.
"""

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from sage100_ssm.app.assemble import run_once
from sage100_ssm.app.settings import Settings, load_settings
from sage100_ssm.cli.demo_story import STORY
from sage100_ssm.messages import Language
from sage100_ssm.standins.sample_installation import SampleInstallation, sample_installation
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.web.server import page_beside

IMAGES = Path(__file__).parent / "images"
LANGUAGES: Mapping[Language, str] = {"en": "", "fr": ".fr"}
PICTURES = {"search": "/?who=aubrelin", "problems": "/problems", "pair": None, "runs": "/runs"}
"""What is pictured, and its address; the pair is the first problem that asks who is who."""
WIDTH, HEIGHT = 960, 1100
"""The size of a picture in pixels; what is below is cut off."""
PASSWORD = "the sample company"  # noqa: S105 - of an installation that lasts a few seconds


@contextmanager
def sample_with_a_past(folder: Path, language: Language) -> Iterator[Settings]:
    """The sample company after a few runs, with some contacts waiting."""
    with sample_installation(folder, language=language) as sample:
        with sample.settings.open("a", encoding="utf-8") as file:
            file.write(f'web: {{port: {_free_port()}, users: {{marie: {{role: settle, password: "{PASSWORD}"}}}}}}\n')
        settings = load_settings(sample.settings)
        for act in STORY:
            # The company without which two contacts wait never appears here.
            if act.key != "company_appears":
                act.happens(sample)
            if act.key == "edited":
                _create_a_doubtful_pair(sample)
            run_once(settings, options=RunOptions())
        yield settings


def _create_a_doubtful_pair(sample: SampleInstallation) -> None:
    email = "h.marchal@nacre.example"
    sample.sage.create_contact("NACRE", "Marchal", "Hélène", CT_EMail=email, CT_Civilite=1)
    sample.ssm.create_contact("NACRE", "Marchal-Roy", "Hélène", email=email, gender=1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def take(browser: Browser, settings: Settings, language: Language) -> None:
    """Take the pictures of one language."""
    context = browser.new_context(viewport={"width": WIDTH, "height": 600}, locale=language, java_script_enabled=False)
    tab = context.new_page()
    address = f"http://127.0.0.1:{settings.web.port}"
    tab.goto(f"{address}/login")
    tab.fill("#name", "marie")
    tab.fill("#password", PASSWORD)
    tab.click("main button")
    for name, path in PICTURES.items():
        tab.goto(address + (path or _a_pair(tab, address)))
        if path is None:
            _look_at_both_records(tab)
        height = min(HEIGHT, int(tab.evaluate("document.documentElement.scrollHeight")))
        tab.screenshot(
            path=IMAGES / f"{name}{LANGUAGES[language]}.png",
            clip={"x": 0, "y": 0, "width": WIDTH, "height": height},
            full_page=True,
        )
    context.close()


def _a_pair(tab: Page, address: str) -> str:
    tab.goto(f"{address}/problems?code=possible_duplicate")
    link = tab.locator('main a[href^="/problems/"]').first.get_attribute("href")
    assert link, "two contacts that may be one person wait for an answer"
    return link


def _look_at_both_records(tab: Page) -> None:
    """Have both sides read, which takes some seconds, and come back to the problem."""
    problem = tab.url
    tab.click('form[action="/pairs"] button')
    records = tab.locator('section[aria-labelledby^="candidate-"] table')
    for _ in range(50):
        tab.goto(problem)
        if records.count():
            return
        tab.wait_for_timeout(200)
    raise TimeoutError(problem)


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    for language in LANGUAGES:
        with (
            tempfile.TemporaryDirectory() as name,
            sample_with_a_past(Path(name) / "try", language) as settings,
            page_beside(settings, Path(name), lambda *_, **__: None),
            sync_playwright() as playwright,
        ):
            # As root, as in a container, Chromium's own sandbox cannot be used.
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take(browser, settings, language)
            browser.close()


if __name__ == "__main__":
    main()
