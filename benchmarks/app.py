"""How fast the app is: its first view and a move of the budget's slider, in a real Chromium; docs/app-speed.md.

python benchmarks/app.py        needs the extras app and integration, and Chromium
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import expect, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
OPENS, MOVES = 7, 40
WATCH = """() => { window.late = []; const slider = document.getElementById('budget');
const shown = new MutationObserver(() => window.late.push(performance.now() - window.t0));
shown.observe(document.getElementById('plan'), {childList: true});
slider.addEventListener('input', () => window.t0 = performance.now(), true); }"""
MOVE = "i => { const s = document.getElementById('budget'); s.value = 20 + 5 * i; s.dispatchEvent(new Event('input')); }"


def view(browser, link: str) -> tuple[float, float, object]:
    """Seconds until the figure stands and all numbers are shown, in a browser that has never seen the page; then once more."""
    page = browser.new_context().new_page()
    seconds = []
    for go in (lambda: page.goto(link, wait_until="commit"), lambda: page.reload(wait_until="commit")):
        begin = time.perf_counter()
        go()
        page.locator("#plot .main-svg").first.wait_for()
        expect(page.locator("#status")).to_have_text("Ready", timeout=60000)
        seconds.append(time.perf_counter() - begin)
    return *seconds, page


def main() -> None:
    env = os.environ | {"XDG_CACHE_HOME": tempfile.mkdtemp(), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "forescale", "app", "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as app, sync_playwright() as p:
        link = app.stdout.readline().strip()
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        first, again = [], []
        for _ in range(OPENS):
            a, b, page = view(browser, link)
            first.append(a)
            again.append(b)
        page.evaluate(WATCH)
        for i in range(MOVES):
            page.evaluate(MOVE, i)
            page.wait_for_timeout(150)
        late = np.array(page.evaluate("window.late"))
        browser.close()
        app.terminate()
    rows = [("first view with its figure, s", first, 2), ("the same page again, s", again, 2), ("slider to numbers, ms", late, 0)]
    lines = [
        "# The app's speed\n",
        f"`python benchmarks/app.py`: {OPENS} cold browsers, {MOVES} moves of the slider, one machine.\n",
    ]
    lines += ["| | median | slowest |", "|---|---|---|"]
    lines += [f"| {name} | {np.median(v):.{d}f} | {np.max(v):.{d}f} |" for name, v, d in rows]
    (DOCS / "app-speed.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
