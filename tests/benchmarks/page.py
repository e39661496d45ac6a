"""How soon a page of 200 settings × 40 columns is there: ``python -m tests.benchmarks.page``."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import pages

RUNS = 11
BOUND_MS = 1000  # what somebody who opens the page takes for at once
TIMES = """() => {
  const [nav] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return [nav.domComplete, paint ? paint.startTime : nav.domComplete];
}"""

TIMED = """() => {
  const start = performance.now();
  %s;
  document.body.offsetHeight;
  return performance.now() - start;
}"""


def main() -> None:
    path = pages.browser_path()
    if path is None:
        sys.exit("no chromium is installed")
    start = time.perf_counter()
    text = pages.large(200, 40)
    written = time.perf_counter() - start
    print(f"written in {written * 1000:.0f} ms, {len(text) / 1000:.0f} kB")
    with tempfile.TemporaryDirectory() as folder, pages.browser(path) as browser:
        file = Path(folder) / "page.html"
        file.write_text(text)
        loaded: list[float] = []
        painted: list[float] = []
        filtered: list[float] = []
        opened: list[float] = []
        for _ in range(RUNS):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(file.as_uri())
            page.evaluate("() => new Promise(f => requestAnimationFrame(() => setTimeout(f)))")
            done, paint = page.evaluate(TIMES)
            loaded.append(done)
            painted.append(paint)
            for action, times in (
                ("q.value = '7'; q.dispatchEvent(new Event('input'))", filtered),
                ("document.querySelector('.row td').click()", opened),
            ):
                times.append(page.evaluate(TIMED % action))
            page.close()
    medians = {
        "loaded": statistics.median(loaded),
        "first paint": statistics.median(painted),
        "a letter in the filter": statistics.median(filtered),
        "the first cell opened": statistics.median(opened),
    }
    for name, value in medians.items():
        print(f"{name}: {value:.0f} ms")
    if max(medians.values()) > BOUND_MS:
        sys.exit(f"more than {BOUND_MS} ms")


if __name__ == "__main__":
    main()
