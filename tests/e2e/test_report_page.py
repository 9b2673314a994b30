"""The report in a real browser, with the network cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.research.sample_run import busy_run, empty_run
from underround.research.report import render

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAINTED = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    for (let i = 0; i < pixels.length; i += 4)
        if (pixels[i + 3] > 200) colours.add(pixels.slice(i, i + 3).join());
    return colours.size;
}"""


class Visit:
    """An open page and everything it complained about or asked for."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium; a machine without it fails, because the page was not looked at."""
    if not CHROMIUM.exists():
        pytest.fail(
            f"{CHROMIUM} is missing: install it (apt-get install chromium), "
            "or leave these tests out knowingly (make test BROWSER=no)."
        )
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def busy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "busy.html"
    file.write_text(render(*busy_run()), encoding="utf-8")
    return file


@pytest.fixture
def visit(browser: Browser, busy_file: Path) -> Iterator[Visit]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    yield Visit(context.new_page(), busy_file)
    context.close()


def test_the_page_opens_offline_without_a_complaint_or_a_request(
    visit: Visit, busy_file: Path
) -> None:
    """The one file is all the browser loads, and its console stays silent."""
    expect(visit.page.locator("#equity-chart canvas").first).to_be_visible()
    assert visit.complaints == []
    assert visit.requests == [busy_file.as_uri()]


def test_every_chart_is_painted(visit: Visit) -> None:
    """Equity, drawdown, prices and inventory are drawn with more than one colour."""
    for host in ("#equity-chart", "#market-chart"):
        canvases = visit.page.locator(f"{host} canvas")
        expect(canvases).to_have_count(2)
        for place in range(2):
            assert canvases.nth(place).evaluate(PAINTED) > 3


def test_the_selector_draws_another_market(visit: Visit) -> None:
    """Choosing, stepping and the buttons of the table all change market, picture and text."""
    page = visit.page
    name = page.locator("#market-name")
    canvas = page.locator("#market-chart canvas").first
    before = name.inner_text(), canvas.evaluate("c => c.toDataURL()")
    page.select_option("#market", "2")
    chosen = name.inner_text(), canvas.evaluate("c => c.toDataURL()")
    assert chosen[0] != before[0]
    assert chosen[1] != before[1]
    page.click("#market-before")
    page.click("#market-before")
    assert (name.inner_text(), canvas.evaluate("c => c.toDataURL()")) == before
    page.click("button.show[data-market='2']")
    assert name.inner_text() == chosen[0]
    assert visit.complaints == []


def test_a_chart_is_read_with_the_keyboard(visit: Visit) -> None:
    """Arrow keys move the cursor; the exact values and the UTC time are shown and spoken."""
    chart = visit.page.locator("#equity-chart")
    chart.focus()
    visit.page.keyboard.press("End")
    tip = chart.locator(".tip")
    expect(tip).to_be_visible()
    equity = busy_run().summary.equity
    exact = f"${equity // 1_000_000:,}.{equity % 1_000_000:06d}".rstrip("0")
    expect(tip).to_contain_text(exact)
    expect(tip).to_contain_text("2026-05-28 22:26:")
    expect(tip).to_contain_text("UTC")
    expect(chart.locator("output")).to_contain_text(exact)


def test_the_pointer_shows_values_and_zooms_both_charts(visit: Visit) -> None:
    """Moving shows the tooltip; dragging narrows prices and inventory to the same stretch."""
    page = visit.page
    over = page.locator("#market-chart .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    inventory = page.locator("#market-chart canvas").nth(1)
    whole = inventory.evaluate("c => c.toDataURL()")
    page.mouse.move(box["x"] + 300, box["y"] + 100)
    expect(page.locator("#market-chart .tip")).to_contain_text("Bid of YES")
    page.mouse.down()
    page.mouse.move(box["x"] + 600, box["y"] + 110, steps=4)
    page.mouse.up()
    assert inventory.evaluate("c => c.toDataURL()") != whole
    page.locator("#market-chart").focus()
    page.keyboard.press("Escape")
    assert inventory.evaluate("c => c.toDataURL()") == whole


def test_the_page_is_readable_without_script(browser: Browser, busy_file: Path) -> None:
    """Without JavaScript a sentence says so, the tables stay, and no dead control is shown."""
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(busy_file.as_uri())
    expect(page.get_by_text("The charts need JavaScript, which is off.")).to_be_visible()
    expect(page.get_by_text("The asks of the closest group summed to 1.013")).to_be_visible()
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page.locator("#market")).to_be_hidden()
    expect(page.locator("button.show").first).to_be_hidden()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_sticks_out_sideways(
    browser: Browser, busy_file: Path, width: int, scheme: str
) -> None:
    """On a telephone and on a desk, light and dark, only tables scroll sideways."""
    context = browser.new_context(
        offline=True,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(busy_file.as_uri())
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(15, 20, 24)") == (scheme == "dark")
    context.close()


def test_an_empty_run_opens_without_a_complaint(browser: Browser, tmp_path: Path) -> None:
    """A report without a single point has no chart, and its scripts do not fail for it."""
    file = tmp_path / "empty.html"
    file.write_text(render(*empty_run()), encoding="utf-8")
    context = browser.new_context(offline=True)
    visit = Visit(context.new_page(), file)
    expect(visit.page.get_by_text("No equity curve")).to_be_visible()
    assert visit.complaints == []
    assert visit.page.locator("canvas").count() == 0
    context.close()
