from __future__ import annotations

import msgspec
import pytest

from tests.research.sample_run import SampleRun
from underround.model.run import (
    BookCounters,
    ProofKind,
    RunSummary,
    StreamCounters,
    StreamCoverage,
)
from underround.research.report import render
from underround.research.report.facts import Fact, facts, why_no_gaps

HOUR = 3_600_000_000_000


def book(proof: ProofKind, title: str, **counters: int) -> BookCounters:
    return msgspec.structs.replace(
        BookCounters(market=f"p:{title}", title=title, proof=proof, trusted_ns=HOUR), **counters
    )


def run(
    nothing: SampleRun, books: list[BookCounters], covered: float = 1.0, silences: int = 0
) -> RunSummary:
    return msgspec.structs.replace(
        nothing.summary,
        last_ns=nothing.summary.first_ns + 4 * HOUR,
        books=books,
        streams=[StreamCounters(stream="s", silences=silences)],
        coverage=[StreamCoverage("s", 9, None, None, 1, 9, (), covered)],
    )


@pytest.mark.parametrize(
    "proof, counters, tone",
    [
        ("venue_hash", {"verified": 7}, "good"),
        ("sequence", {"verified": 7}, "good"),
        ("sequence", {"verified": 7, "gaps": 1}, "plain"),
        ("venue_hash", {"verified": 7, "mismatched": 1}, "note"),
        ("venue_hash", {}, "plain"),
        ("stated_best", {"verified": 7}, "plain"),
        ("restated", {"verified": 7}, "plain"),
        ("polled", {}, "note"),
        ("none", {}, "bad"),
    ],
)
def test_only_a_strong_proof_without_contradiction_is_green(
    nothing: SampleRun, proof: ProofKind, counters: dict[str, int], tone: str
) -> None:
    """A hash or a sequence that never failed is good; nothing weaker ever is."""
    assert facts(run(nothing, [book(proof, "M", **counters)]))[0].tone == tone


def test_contradictions_name_the_worst_market(nothing: SampleRun) -> None:
    """The numbers are sums over the books; the market with most contradictions is named."""
    books = [
        book("stated_best", "market 1", verified=80_000, mismatched=1_013),
        book("stated_best", "market 4", verified=8_801, mismatched=13_369),
    ]
    text = "88,801 comparisons with stated best held, 14,382 did not (13,369 of them in market 4)"
    found = facts(run(nothing, books))
    assert found[0] == Fact("note", text, "proof")
    assert found[1] == Fact("plain", "books trusted 25.00 % of the time", "proof")


def test_polled_books_prove_nothing(nothing: SampleRun) -> None:
    """They are never called proven, and the time they were trusted is beside them."""
    found = facts(run(nothing, [book("polled", "M"), book("polled", "N")]))
    assert found[0].text == "2 polled books: nothing to prove; trusted 25.00 % of the time"


@pytest.mark.parametrize("covered, silences", [(0.6791, 0), (1.0, 3)])
def test_no_gaps_is_only_claimed_for_whole_streams(
    nothing: SampleRun, covered: float, silences: int
) -> None:
    """A stream that covers less than its span, or fell silent, is never called gapless."""
    assert Fact("good", "no gaps in any stream", "coverage") in facts(run(nothing, []))
    part = run(nothing, [], covered, silences)
    assert not [fact for fact in facts(part) if fact.part == "coverage" and fact.tone == "good"]
    assert "no gaps in any stream" not in render(part, [], [])
    assert "longer than it may" not in why_no_gaps(part)
