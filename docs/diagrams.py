# ruff: noqa: INP001 - a script beside the pages whose diagrams it draws
"""The diagrams of the pages as pictures, for the site: readers then need neither scripts nor the Internet.

    python -m docs.diagrams

draws each diagram of which docs/images has no picture yet, and removes the pictures of those that are gone. It fetches
Mermaid from the npm registry and draws with Chromium.
"""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import sync_playwright

from docs.site.stage import DOCS, ROOT, diagram_name, diagrams, places

IMAGES = DOCS / "images"
MERMAID = "mermaid@11.17.2"

_DRAW = """async (source) => {
    mermaid.initialize({startOnLoad: false, htmlLabels: false, flowchart: {htmlLabels: false}, theme: "neutral"});
    return (await mermaid.render("diagram", source)).svg;
}"""


def pictures() -> Mapping[str, str]:
    """The source of each diagram by the name of its picture."""
    texts = [(ROOT / path).read_text("utf-8") for path in places()]
    return {diagram_name(source): source for text in texts for source in diagrams(text)}


def main() -> None:
    """Draw what is missing."""
    wanted = pictures()
    for file in IMAGES.glob("diagram-*.svg"):
        if file.name not in wanted:
            file.unlink()
    missing = {name: source for name, source in wanted.items() if not (IMAGES / name).exists()}
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = _fetch(Path(folder))
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, source in missing.items():
            tab = browser.new_page()
            tab.set_content("<!doctype html><body></body>")
            tab.add_script_tag(path=str(script))
            (IMAGES / name).write_text(tab.evaluate(_DRAW, source) + "\n", "utf-8")
        browser.close()


def _fetch(folder: Path) -> Path:
    """Mermaid, from its package."""
    npm = shutil.which("npm")
    assert npm, "npm fetches Mermaid"
    packed = subprocess.run([npm, "pack", MERMAID, "--silent"], cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603
    with tarfile.open(folder / packed.stdout.strip()) as archive:
        archive.extract("package/dist/mermaid.min.js", folder, filter="data")
    return folder / "package" / "dist" / "mermaid.min.js"


if __name__ == "__main__":
    main()
