from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest

from tests.research.sample_run import SampleRun, busy_run
from underround.model.run import ProofKind, RefusalRow, RunSummary
from underround.research.report import render, sentences

EXTERNAL = re.compile(
    r"""(?:src|href|action|srcset|data|poster)\s*=\s*["']?\s*(?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//"""
)
SECTIONS = (
    "equity markets strategies positions fills refusals proof coverage assumptions configuration"
)


class Text(HTMLParser):
    """Collects what a reader without JavaScript sees, and the ids and links."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        self.skip += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.skip -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self.skip:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(run: SampleRun) -> Text:
    page = Text()
    page.feed(render(*run))
    return page


def changed(run: SampleRun, **fields: object) -> SampleRun:
    return run._replace(summary=msgspec.structs.replace(run.summary, **fields))


def test_the_page_refers_to_nothing_outside_itself(busy: SampleRun) -> None:
    """No source, link, style or font names another place, and the content policy forbids it."""
    html = render(*busy)
    assert not EXTERNAL.search(html)
    assert "default-src 'none'" in html
    page = read(busy)
    assert {link for link in page.links if not link.startswith("#")} == {"data:,"}
    assert not {"iframe", "link rel=stylesheet", "img", "object", "embed"} & set(page.tags)


def test_the_sections_come_in_order_and_links_lead_to_them(busy: SampleRun) -> None:
    """Every part of the report is there, once, and each link has a target."""
    page = read(busy)
    assert [name for name in page.ids if name in SECTIONS.split()] == SECTIONS.split()
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_the_same_run_gives_the_same_page(busy: SampleRun) -> None:
    """Nothing but the values decides what is written: no clock, no order of a set."""
    assert render(*busy) == render(*busy_run())


def test_the_sentence_of_truth_is_in_the_head(busy: SampleRun, nothing: SampleRun) -> None:
    """Both a busy and an empty report say what their figures are worth."""
    for run in (busy, nothing):
        text = read(run).text
        assert text.index(sentences.TRUTH) < text.index("Equity change")
        assert run.summary.decision_digest in text


def test_a_sound_run_raises_no_alarm(busy: SampleRun) -> None:
    """The banner is only for what is wrong."""
    assert 'role="alert"' not in render(*busy)


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"status": "failed"}, "This run failed"),
        ({"status": "interrupted"}, "This run was interrupted"),
        ({"halted": "Loss limit of $50.00 reached."}, "Loss limit of $50.00 reached."),
        ({"imbalance": {"polymarket:USD": -17}}, "polymarket:USD: \N{MINUS SIGN}17 millionths"),
    ],
)
def test_what_is_wrong_is_said_loudly(
    busy: SampleRun, fields: dict[str, object], words: str
) -> None:
    """A failed, interrupted, halted or unbalanced run carries a banner before any figure."""
    run = changed(busy, **fields)
    assert 'role="alert"' in render(*run)
    text = read(run).text
    assert text.index(words) < text.index("Equity change")


def test_an_empty_run_says_why_each_part_is_empty(nothing: SampleRun) -> None:
    """No part is left blank: each says in a sentence why there is nothing."""
    text = read(nothing).text
    parts = "equity curve|markets|strategies|leg groups|positions|fills|refusals|streams|books"
    for part in parts.split("|"):
        assert f"No {part}: " in text
    assert "No fills: no order was sent: the recording holds no frames." in text


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"orders": 7}, "7 orders were sent and none was matched"),
        ({"orders": 0, "intents": 0}, "no strategy wanted to trade in 471,902 events"),
        ({"orders": 0, "intents": 9, "refusals": 9}, "each of the 9 intents was refused"),
        ({"orders": 0, "strategies": []}, "no strategy was configured"),
    ],
)
def test_no_fills_has_a_reason_with_numbers(
    busy: SampleRun, fields: dict[str, object], words: str
) -> None:
    """The reason for having no fills follows from how far the intents came."""
    quiet = changed(busy, fills=0, fills_by_kind=[], positions=[], **fields)
    assert words in read(quiet._replace(fills=[], orders=[])).text


def test_text_from_outside_cannot_become_markup(busy: SampleRun) -> None:
    """A market title, a refusal or a file name with tags in it stays text."""
    evil = "</script><img src=x onerror=alert(1)>"
    line = msgspec.structs.replace(busy.summary.series[0], title=evil, outcomes=(evil, "No"))
    row = RefusalRow(evil, 1, 1, evil)
    run = changed(busy, series=[line], refusals_by_gate=[row], recordings=[evil], config={evil: 1})
    page = read(run)
    assert "img" not in page.tags
    assert evil in page.text


def test_markets_with_most_own_fills_come_first(busy: SampleRun) -> None:
    """Markets are ordered by own fills, then by own orders and by how much their book changed."""
    html = render(*busy)
    options = re.findall(r"<option[^>]*>([^<]*)", html)
    fills = [int(found[1]) if (found := re.search(r"· (\d+)", name)) else 0 for name in options]
    assert len(fills) == len(busy.summary.series)
    assert fills == sorted(fills, reverse=True)


def test_fees_by_market_sum_to_the_fees_of_the_fills(busy: SampleRun) -> None:
    """The table's last line is the exact sum."""
    text = read(busy).text
    assert "Fees by market" in text
    assert busy.summary.fees == 14_885_621
    assert text.count("$14.885621") >= 3


def test_every_proof_kind_has_an_explanation() -> None:
    """No book is shown with a proof the page can not put into words, strongest first."""
    kinds: tuple[ProofKind, ...] = (
        "venue_hash",
        "sequence",
        "stated_best",
        "restated",
        "polled",
        "none",
    )
    assert tuple(sentences.PROOFS) == kinds
    strengths = [proof.strength for proof in sentences.PROOFS.values()]
    assert strengths == sorted(set(strengths), reverse=True)


def test_the_command_quotes_what_a_shell_would_split(busy: SampleRun) -> None:
    """The line under 'how to reproduce' can be pasted as it is."""
    assert "underround replay 'recordings/2026-06 sample' recordings/binance" in read(busy).text


def test_each_figure_of_the_summary_is_readable_without_script(busy: SampleRun) -> None:
    """Strategies, refusals, gaps, doubts and settings are text in the page, not only in charts."""
    text = read(busy).text
    for words in (
        "The asks of the closest group summed to 1.013",
        "book doubted since 14:02:11 (reconnect)",
        "2026-05-28 20:50:40.123",
        "hash differs from the venue's",
        "strategies.spread_maker.params.half_spread",
        "The charts need JavaScript",
    ):
        assert words in text


def test_twenty_markets_with_two_thousand_points_stay_below_two_megabytes() -> None:
    """A large run is still a file one can mail."""
    run = busy_run(markets=20, points=2_000, trades=2_000)
    assert all(len(line.prices) == 2_000 for line in run.summary.series)
    assert len(render(*run).encode()) < 2_000_000


def test_a_summary_survives_the_journal(busy: SampleRun) -> None:
    """A summary read back from JSON gives the same page."""
    stored = msgspec.json.encode(busy.summary)
    again = msgspec.json.decode(stored, type=RunSummary)
    assert render(again, busy.fills, busy.orders) == render(*busy)
