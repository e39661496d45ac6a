"""The pictures of docs/howto/report.md: ``python -m tests.browser.screenshots``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[2] / "docs" / "images"
LIMIT = 150_000  # bytes


def take(browser: Browser, address: str, folder: Path) -> list[Path]:
    """The matrix, a cell's details in the dark, the history, and the page on a phone."""
    folder.mkdir(exist_ok=True)
    made = []
    for name, width, height, scheme, steps in (
        ("matrix", 1280, 900, "light", "#"),
        ("details", 1280, 860, "dark", "#"),
        ("history", 1280, 860, "light", "#view=history&q=hack+backend"),
        ("phone", 390, 844, "light", "#status=missing,changed"),
    ):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(address + steps)
        if name == "details":
            page.locator("[data-name*=backend] td.error").first.click()
            page.locator("#bar").evaluate("e => e.scrollIntoView()")
        if name == "history":
            page.locator(".looked").evaluate("e => { e.open = false; }")
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        made.append(path)
        context.close()
    return made


def main() -> None:
    """Take them anew; pngquant makes them small where it is installed."""
    path, pngquant = pages.browser_path(), shutil.which("pngquant")
    if path is None:
        sys.exit("no chromium is installed")
    with tempfile.TemporaryDirectory() as folder, pages.browser(path) as browser:
        made = take(browser, pages.demo(Path(folder)).as_uri(), FOLDER)
    if pngquant:
        words = ["--force", "--ext", ".png", "--strip", "--speed", "1", "--skip-if-larger"]
        subprocess.run([pngquant, *words, *map(str, made)], check=True)
    for shot in made:
        print(f"{shot.name}: {shot.stat().st_size / 1000:.0f} kB")
    if any(shot.stat().st_size > LIMIT for shot in made):
        sys.exit(f"more than {LIMIT / 1000:.0f} kB; pngquant would help")


if __name__ == "__main__":
    main()
