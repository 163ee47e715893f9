"""The app in a real Chromium: upload, map, drag, compare, export, reload; sealed, usable by keyboard and screen reader."""

import numpy as np
import pytest

import forescale as fs
from forescale import studies
from forescale.report.document import plan_row

EVIL = "<script>window.hurt=1</script><img src=x onerror='window.hurt=1'>"


def open_page(browser, server, link=None, **options):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    page = context.new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda r: page.asked.append(r.url))
    page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: page.wrong.append(str(e)))
    page.goto(server.link)
    if link:
        page.goto("about:blank")
        page.goto(link)
    ready(page)
    return page


def ready(page, seconds=60):
    from playwright.sync_api import expect

    expect(page.locator("#status")).to_have_text("Ready", timeout=1000 * seconds)


@pytest.fixture
def page(browser, server):
    found = open_page(browser, server)
    yield found
    found.context.close()


def shown(page):
    """The plan's table as {name: text}."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#plan tr')].map(r => [...r.cells].map(c => c.textContent)))"
    )


def csv_of_arms(path):
    """Runs with foreign column names and one arm of a hostile name."""
    arms = studies.load("arms")
    names = sorted(set(arms["arm"]))[:3]
    frame = arms.where(np.isin(arms["arm"], names)).to_frame()
    frame = frame.with_columns(arm=frame["arm"].replace({names[1]: EVIL}))
    frame.select(size="params", seen="tokens", end="loss", arm="arm").write_csv(path)
    return names


def test_dragging_the_budget_shows_what_python_says(page):
    fit = fs.fit(fs.laws.chinchilla, studies.load().role("fit"))
    budgets = page.evaluate(
        "fetch('/api/fit',{method:'POST',headers:{'content-type':'application/json'},body:JSON.stringify({data:{study:'stdlib',role:'fit'}})}).then(r=>r.json()).then(r=>r.budgets)"
    )
    page.evaluate(
        """() => { window.late = []; new MutationObserver(() => window.late.push(performance.now() - window.t0))
        .observe(document.getElementById('plan'), {childList: true});
        document.getElementById('budget').addEventListener('input', () => window.t0 = performance.now(), true); }"""
    )
    page.locator("#budget").focus()
    for key, index in (("Home", 0), ("ArrowRight", 1), ("PageUp", None), ("PageUp", None), ("End", len(budgets) - 1)):
        seen = page.evaluate("window.late.length")
        page.keyboard.press(key)
        while page.evaluate("window.late.length") == seen:
            page.wait_for_timeout(5)
        page.wait_for_timeout(100)
        index = int(page.locator("#budget").input_value()) if index is None else index
        want = plan_row(fit, budgets[index], 0.9)
        got = shown(page)
        assert (
            got["parameters"] == want["params"] and got["tokens"] == want["tokens"] and got["loss of a new run"] == want["loss"]
        )
        assert got["FLOP"] == want["budget"] and got["mind"] == want["warning"] and "H100-hours" in got["cost"]
        point = page.evaluate("(t => [t.x[0], t.y[0]])(document.getElementById('plot').data.at(-1))")
        best = fs.plan(fit, budgets[index])
        np.testing.assert_allclose(point, [best.flops, best.loss[0]])


def test_upload_map_compare_and_come_back_by_the_address(browser, server, tmp_path, page):
    names = csv_of_arms(tmp_path / "arms.csv")
    page.set_input_files("#file", tmp_path / "arms.csv")
    page.locator("#error").filter(has_text="no loss column").wait_for()
    assert page.locator("#columns").get_attribute("open") is not None
    for quantity, column in (("loss", "end"), ("tokens", "seen")):
        page.select_option(f"#map-{quantity}", column)
        page.wait_for_timeout(300)
    ready(page)
    page.select_option("#law", "coupled")
    page.fill("#flops", "1e15")
    page.keyboard.press("Tab")
    page.fill("#price", "2")
    page.keyboard.press("Tab")
    page.locator("#plan td", has_text="$").wait_for()
    page.click("#run-compare")
    page.locator("#compare .main-svg").first.wait_for(timeout=60000)
    ready(page)
    want = fs.compare(fs.read(tmp_path / "arms.csv", loss="end", tokens="seen"))
    assert page.locator("#compare pre").text_content() == want.summary()
    page.select_option("#only", label=f"arm = {names[2]}")
    page.locator("#error").filter(has_text="4 rows cannot fit").wait_for()
    page.select_option("#only", label="everything")
    page.locator("#warnings", has_text="3 arms at once").wait_for()
    ready(page)
    assert EVIL in page.locator("#compare pre").text_content() and names[0] in page.locator("#compare pre").text_content()
    assert page.evaluate("window.hurt") is None
    before, link = shown(page), page.url
    back = open_page(browser, server, link)
    back.locator("#compare .main-svg").first.wait_for(timeout=60000)
    assert (
        shown(back) == before and back.locator("#law").input_value() == "coupled" and back.locator("#price").input_value() == "2"
    )
    assert back.locator("#compare pre").text_content() == want.summary()
    assert back.evaluate("window.hurt") is None
    back.context.close()


def test_next_runs_forecast_and_export(page, tmp_path):
    page.click("#run-forecast")
    page.locator("#forecast .main-svg").first.wait_for(timeout=60000)
    assert "back-tests" in page.locator("#forecast pre").text_content()
    page.check("#keep_odd")
    assert "odd=1" in page.url
    page.fill("#spend", "1e14")
    page.click("#run-design")
    page.locator("#design .main-svg").first.wait_for(timeout=60000)
    assert "expected 90 % interval" in page.locator("#design pre").text_content()
    with page.expect_download(timeout=120000) as download:
        page.click("#run-report")
    download.value.save_as(tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    assert "Scaling report" in text and studies.load().sha256 in text
    assert page.wrong == []


def test_the_file_that_opens_the_browser_leads_in_and_is_private(browser, server):
    import stat
    from pathlib import Path

    from forescale.cli.serving import _door

    path = Path(_door(server.link))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = browser.new_context().new_page()
    page.goto(path.as_uri())
    page.locator("#plot .main-svg").first.wait_for()
    ready(page)
    assert "token" not in page.url
    page.context.close()


def test_nothing_leaves_this_machine(page, server):
    for kind in ("residuals", "excess", "frontier", "fit"):
        page.select_option("#kind", kind)
        page.wait_for_timeout(200)
    assert page.asked and all(u.startswith((server.base + "/", "data:", "blob:")) for u in page.asked)
    assert page.wrong == []


def test_mistakes_are_said_and_undone(page, tmp_path):
    (tmp_path / "bad.csv").write_text("params,tokens,loss\n1e6,1e7,-1\n")
    page.set_input_files("#file", tmp_path / "bad.csv")
    page.locator("#error").filter(has_text="above zero").wait_for()
    page.select_option("#study", "stdlib")
    ready(page)
    page.fill("#flops", "a lot")
    page.keyboard.press("Tab")
    page.locator("#error").filter(has_text="cannot read").wait_for()
    page.fill("#flops", "2 H100-hours @ 30% MFU")
    page.keyboard.press("Tab")
    page.locator("#plan td", has_text="2.14e+18").wait_for()
    assert page.locator("#error").text_content() == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, server, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(browser, server, color_scheme=theme)
    page.context.set_default_timeout(60000)
    page.click("#run-design")
    page.locator("#design .main-svg").first.wait_for()
    page.locator("#columns summary").click()
    found = axe.Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"][:80] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")] == []
    page.context.close()


def test_everything_is_reached_by_keyboard(page):
    page.keyboard.press("Tab")
    reached = []
    for _ in range(80):
        name = page.evaluate("document.activeElement.id || document.activeElement.textContent.slice(0, 20)")
        reached.append(name)
        page.keyboard.press("Tab")
    for name in (
        "file",
        "study",
        "role",
        "law",
        "kind",
        "budget",
        "flops",
        "chip",
        "mfu",
        "price",
        "level",
        "run-forecast",
        "arm",
    ):
        assert name in reached, (name, reached)
    for name in ("run-compare", "run-design", "run-report", "copy"):
        assert name in reached, (name, reached)
    unnamed = page.evaluate(
        """[...document.querySelectorAll('input,select,button')]
        .filter(e => !e.labels?.length && !e.textContent.trim() && !e.ariaLabel).length"""
    )
    assert unnamed == 0


def test_it_fits_a_phone(browser, server):
    page = open_page(browser, server)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
