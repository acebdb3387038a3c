"""The page in a real browser: what a person sees, with a keyboard, on a telephone, without scripts."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.web.conftest import MARIE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

PAGES = ["/", "/?who=claire", "/problems?text=e", "/problems/1", "/problems/3", "/runs", "/runs/r12", "/plan", "/pairs"]
PAGES += ["/contacts/ssm/344", "/nothing"]


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests. While it is open an event loop runs, which tests of other modules do not expect."""
    # As root, as in a container, Chromium's own sandbox cannot be used.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, page_address):
    """A tab without scripts, on a telephone, logged in as somebody who may settle; what the browser complains about."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 640}, locale="fr-FR")
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    complaints = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.goto(f"{page_address}/login")
    tab.fill("#name", MARIE[0])
    tab.fill("#password", MARIE[1])
    tab.click("main button")
    tab.complaints = complaints
    yield tab
    context.close()


def test_an_assistant_finds_out_why_her_contact_did_not_travel_and_settles_it_with_the_keyboard(tab, installation):
    tab.focus("#who")
    tab.keyboard.type("claire morel")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert "Synchronisé, sauf : téléphone." in tab.inner_text("main").replace("\N{NO-BREAK SPACE}", " ")

    tab.click('a[href="/problems/3"]')
    tab.focus('button[value="sage100"]')
    with tab.expect_navigation():
        tab.keyboard.press("Enter")

    assert "enregistrée" in tab.inner_text('[role="status"]')
    with installation.state() as state:
        assert state.decisions.all()[0].decided_by == "marie"
    with tab.expect_navigation():
        tab.click('form[action="/problems/3/undo"] button')
    with installation.state() as state:
        assert state.decisions.all()[0].taken_back_at


@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_its_window_and_the_browser_complains_of_nothing(tab, page_address, width):
    tab.set_viewport_size({"width": width, "height": 700})
    for path in PAGES:
        tab.goto(page_address + path)
        main = tab.locator("main").bounding_box()
        assert main["width"] <= width, path
        # Only a table that is too wide is moved sideways, in its own box.
        boxes = [box.bounding_box() for box in tab.locator("main > *").all()]
        assert all(box["x"] + box["width"] <= width for box in boxes if box), path
    assert [text for text in tab.complaints if "404" not in text] == []


def test_axe_finds_nothing_against_accessibility(chromium, page_address):
    # Axe is a script that the browser is handed, past the page's own policy.
    context = chromium.new_context(bypass_csp=True)
    tab = context.new_page()
    tab.goto(f"{page_address}/login")
    found = {"/login": Axe().run(tab).response["violations"]}
    tab.fill("#name", MARIE[0])
    tab.fill("#password", MARIE[1])
    tab.click("main button")
    for path in PAGES:
        tab.goto(page_address + path)
        found[path] = Axe().run(tab).response["violations"]
    context.close()

    faults = [(path, one["id"], one["nodes"][0]["html"]) for path, those in found.items() for one in those]
    assert faults == []


def test_a_printed_page_has_no_buttons_and_keeps_what_it_says(tab, page_address):
    tab.goto(f"{page_address}/problems/3")
    tab.emulate_media(media="print")

    assert not tab.locator("nav, form, button").locator("visible=true").count()
    assert "Claire Morel" in tab.inner_text("main")
