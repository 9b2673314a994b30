"""The local venue's page in a real browser, while the venue runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.e2e.test_report_page import ARGUMENTS, CHROMIUM
from tests.local_venue.running import Running, running

pytestmark = pytest.mark.browser

Scheme: TypeAlias = Literal["light", "dark"]
TELEPHONE: Final = 390
CONTRAST: Final = """element => {
    const read = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
    const part = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const light = rgb => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => sum + w * part(rgb[i]), 0);
    let ground = element;
    while (getComputedStyle(ground).backgroundColor.endsWith(", 0)")) ground = ground.parentElement;
    const ink = light(read(getComputedStyle(element).color));
    const paper = light(read(getComputedStyle(ground).backgroundColor));
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""


class Visit:
    """An open page, what it complained about, and whom it asked."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add("/".join(request.url.split("/")[:3])))
        page.goto(url)
        expect(page.locator("#markets tr.market").first).to_be_visible()

    def market(self, title: str) -> Locator:
        return self.page.get_by_role("button", name=title)

    def row(self, table: str, text: str) -> Locator:
        return self.page.locator(f"#{table} tr", has_text=text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium; a machine without it fails, because the page was not looked at."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: install it, or leave these tests out (BROWSER=no).")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("venue")) as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, venue: Running) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield Visit(context.new_page(), venue.page)
    context.close()


def test_the_page_shows_the_venue_without_a_complaint_and_asks_nobody_else(
    visit: Visit, venue: Running
) -> None:
    page = visit.page
    expect(page.locator("#scene")).to_have_text("quiet")
    expect(page.locator("#listed")).to_have_text("7")
    expect(page.locator("#prices")).to_contain_text("btc/usd 65000")
    expect(page.locator("#faults")).to_have_text("none: this venue behaves")
    expect(visit.row("markets", "quiet-even")).to_contain_text("0.49")
    expect(visit.row("accounts", "alice").first).to_contain_text("polymarket")
    expect(visit.row("accounts", "alice").nth(1)).to_contain_text("40000")
    expect(visit.row("servers", "clob stream")).to_contain_text("0 connected")
    expect(visit.row("servers", "gamma")).to_contain_text(venue.at["endpoints"]["gamma"])
    assert visit.complaints == []
    assert visit.hosts == {venue.page}


def test_its_time_goes_on(visit: Visit) -> None:
    time = visit.page.locator("#time")
    expect(time).to_have_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    expect(time).not_to_have_text(time.inner_text())


def test_a_book_is_opened_and_closed_by_click(visit: Visit) -> None:
    button, ladder = visit.market("Does the coin show heads?"), visit.page.locator(".ladder")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(ladder).to_be_visible()
    expect(ladder).to_contain_text("0.47")
    expect(ladder).to_contain_text("4000")
    expect(button).to_have_attribute("aria-expanded", "true")
    visit.row("markets", "quiet-even").locator("td").nth(1).click()
    expect(ladder).to_have_count(0)
    assert visit.complaints == []


def test_a_book_is_opened_by_keyboard_and_the_focus_survives_every_refresh(
    visit: Visit, venue: Running
) -> None:
    button, ladder = visit.market("Does the coin show heads?"), visit.page.locator(".ladder")
    button.focus()
    visit.page.keyboard.press("Enter")
    expect(ladder).to_be_visible()
    venue.verb("/do", {
        "do": "order", "account": "bob", "market": "quiet-even", "outcome": "YES", "side": "buy",
        "price": "0.50", "size": "7.25", "name": "bob's",
    })  # fmt: skip
    expect(ladder).to_contain_text("7.25")
    expect(button).to_be_focused()
    visit.page.keyboard.press("Space")
    expect(ladder).to_have_count(0)
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "open", "the next market"
    venue.verb("/do", {"do": "cancel", "name": "bob's"})


def test_faults_are_shown_while_they_are_in_force(visit: Visit, venue: Running) -> None:
    told = venue.verb("/faults", {"fault": "lose", "stream": "kalshi.ws", "per_mille": 50})
    faults = visit.page.locator("#faults")
    expect(faults).to_contain_text(f"#{told['id']} lose")
    expect(faults).to_contain_text("stream=kalshi.ws")
    venue.verb("/faults", method="DELETE")
    expect(faults).to_have_text("none: this venue behaves")


def test_matches_and_what_they_cost_are_shown(visit: Visit, venue: Running) -> None:
    venue.verb("/do", {
        "do": "order", "account": "carol", "market": "quiet-wide", "outcome": "NO", "side": "buy",
        "price": "0.70", "size": "10",
    })  # fmt: skip
    trade = visit.row("trades", "quiet-wide")
    expect(trade).to_contain_text("buy NO")
    expect(trade).to_contain_text("MATCHED")
    expect(visit.row("accounts", "carol").first).to_contain_text("10 quiet-wide No")
    expect(trade).to_contain_text(re.compile("MINED|CONFIRMED"))


def test_what_is_selected_to_be_copied_stays_selected(visit: Visit) -> None:
    address = visit.row("servers", "relayer").locator("code")
    address.select_text()
    before = visit.page.evaluate("String(getSelection())")
    with visit.page.expect_response("**/status.json"):
        pass
    with visit.page.expect_response("**/status.json"):
        pass
    assert visit.page.evaluate("String(getSelection())") == before != ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [TELEPHONE, 1280])
def test_nothing_sticks_out_and_everything_can_be_read(
    browser: Browser, venue: Running, width: int, scheme: Scheme
) -> None:
    """On a telephone and on a desk, light and dark: books open, and text has contrast."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    visit = Visit(context.new_page(), venue.page)
    page = visit.page
    visit.market("Does the coin show heads?").click()
    expect(page.locator(".ladder")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    for column in ("bid", "ask", "state"):
        head = page.locator("#markets th", has_text=column)
        box = head.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width, f"{column} is out of sight"
    for place in ("h1", "#markets td.bid >> nth=0", "#markets td.ask >> nth=0", ".slug >> nth=0"):
        assert page.locator(place).first.evaluate(CONTRAST) >= 4.5, place
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(19, 21, 23)") == (scheme == "dark")
    assert visit.complaints == []
    context.close()


def test_when_the_venue_ends_the_page_says_so_and_keeps_what_it_showed(
    browser: Browser, tmp_path: Path
) -> None:
    with running(tmp_path) as venue:
        page = browser.new_page()
        page.goto(venue.page)
        gone = page.get_by_role("alert")
        expect(page.locator("#markets tr.market").first).to_be_visible()
        expect(gone).to_be_hidden()
        venue.end()
        expect(gone).to_be_visible()
        expect(gone).to_contain_text("The local venue does not answer")
        expect(page.locator("#markets tr.market").first).to_be_visible()
        page.close()


def test_without_script_the_page_says_what_it_needs(browser: Browser, venue: Running) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(venue.page)
    expect(page.get_by_text("This page needs JavaScript")).to_be_visible()
    expect(page.get_by_text("underround venue status")).to_be_visible()
    context.close()
