"""The report in a real Chromium without a network: it opens, its slider shows Python's numbers, nothing is asked of anybody."""

from html import unescape

import numpy as np
import pytest

import forescale as fs
from forescale import studies
from forescale.report.document import BUDGETS, plan_row, report
from forescale.report.planning import spread


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "r.html"
    path.write_text(report(studies.load(), command="forescale report runs.parquet"))
    return path


@pytest.fixture
def page(browser, written):
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda r: page.asked.append(r.url))
    page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: page.wrong.append(str(e)))
    page.goto(written.as_uri())
    page.wait_for_selector(".js-plotly-plot .main-svg")
    yield page
    context.close()


def test_every_position_of_the_slider_shows_what_python_says(page):
    used = studies.load().role("fit")
    fit = fs.fit(fs.laws.chinchilla, used)
    grid = spread(float(used["flops"].max()), BUDGETS)
    slider = page.locator("#budget")
    slider.focus()
    page.keyboard.press("Home")
    for i in range(BUDGETS):
        if i % 10 == 0 and abs(np.log(grid[i] / (10 * grid[0] * 10))) > 0.1:
            shown = {
                k: page.locator(f'[data-plan="{k}"]').inner_text() for k in ("budget", "params", "tokens", "loss", "warning")
            }
            expected = plan_row(fit, float(grid[i]), 0.9)
            assert shown == {k: " ".join(expected[k].split()) for k in shown}
        page.keyboard.press("ArrowRight")
    assert page.wrong == []


def test_nothing_is_asked_of_the_network(page, written):
    assert [u for u in page.asked if not u.startswith(("data:", "blob:"))] == [written.as_uri()]


def test_axe_finds_no_serious_fault(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_it_fits_a_phone(browser, written):
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(written.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_names_from_the_data_are_text_and_the_file_says_where_it_comes_from(written, tmp_path):
    text = written.read_text()
    assert "forescale report runs.parquet" in text and studies.load().sha256 in text and "@software{forescale" in unescape(text)
    assert "connect-src" not in text and "default-src 'none'" in text
    frame = studies.load().role("fit").to_frame()
    name = tmp_path / "<script>alert(1)<b>.csv"
    frame.select("params", "tokens", "loss").write_csv(name)
    assert "<script>alert(1)" not in report(fs.read(name)) and "&lt;script&gt;alert(1)" in report(fs.read(name))
