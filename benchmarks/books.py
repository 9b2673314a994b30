"""``book``: from the bytes of a message to the best price, unproven, proven and the plain way."""

from __future__ import annotations

import json
from collections.abc import Callable

from benchmarks import baseline
from benchmarks.measure import Figure, against, figure, interleave, ratios
from benchmarks.traffic import Traffic, bundled, hashed, make_hub, require_proven
from underround.market.hub import TOP, Hub
from underround.model.errors import Bug
from underround.model.ids import MarketId
from underround.model.run import ProofKind
from underround.model.units import decimal_text
from underround.venues.polymarket.codec import PolymarketDecoder

TARGET_US = 4.0
TARGET_TIMES = 4.0


def through_hub(
    traffic: Traffic, proof: ProofKind, callback: Callable[[MarketId, int, int], None]
) -> Hub:
    """Decode and apply every message; call back with the best prices whenever they changed."""
    hub, feed = make_hub(traffic.catalogue, proof)
    decode = PolymarketDecoder(traffic.catalogue.by_token()).decode
    apply, books = hub.apply, hub.books
    for now, payload in zip(traffic.times, traffic.payloads, strict=True):
        for event in decode(payload):
            if apply(event, feed, now) & TOP:
                # Only events of a market have TOP; asserting that would be timed.
                market: MarketId = event.market  # type: ignore[union-attr, assignment]
                book = books[market].book
                callback(market, book.bid * book.step, book.ask * book.step)
    hub.finish(traffic.times[-1])
    return hub


def ignore(_market: object, _first: object, _second: object = None) -> None:
    """Do nothing: the cost of being called is part of the work."""


def _same_books(traffic: Traffic) -> None:
    """Raise ``Bug`` unless every way ends with the same best prices of outcome YES."""
    hub = through_hub(traffic, "stated_best", ignore)
    for kind in (baseline.PlainBook, baseline.SearchedBook, baseline.TrackedBook):
        texts = baseline.run(traffic.payloads, ignore, kind)
        for market, tracked in hub.books.items():
            book = tracked.book
            bid, _, ask, _ = texts[hub.markets[market].tokens[0]].seen
            ours = decimal_text(book.bid * book.step), decimal_text(book.ask * book.step)
            if ours != (bid or "0", ask or "1"):
                raise Bug(f"the baseline ends with another book of {market}")


def _parse(traffic: Traffic) -> None:
    loads = json.loads
    for payload in traffic.payloads:
        loads(payload)


def _work(plain: Traffic, proven: Traffic) -> dict[str, Callable[[], object]]:
    searched, tracked = baseline.SearchedBook, baseline.TrackedBook
    by_number = baseline.PlainBook
    return {
        "ours": lambda: through_hub(plain, "stated_best", ignore),
        "plain": lambda: baseline.run(plain.payloads, ignore, by_number),
        "searched": lambda: baseline.run(plain.payloads, ignore, searched),
        "tracked": lambda: baseline.run(plain.payloads, ignore, tracked),
        "json": lambda: _parse(plain),
        "ours, with hash": lambda: through_hub(proven, "stated_best", ignore),
        "verified": lambda: through_hub(proven, "venue_hash", ignore),
    }


def measure(rounds: int) -> list[Figure]:
    """Measure every way, interleaved."""
    plain = bundled()
    proven = hashed(plain)
    _same_books(plain)
    hub = through_hub(proven, "venue_hash", ignore)
    held = require_proven(hub, list(hub.markets))
    seconds = interleave(_work(plain, proven), rounds)
    count, longer = len(plain.payloads), len(proven.payloads)
    rebuilt = f"{count:,} rebuilt messages, {plain.mean_bytes:.0f} B on average"
    with_hash = f"{longer:,} messages with our own hashes, {proven.mean_bytes:.0f} B on average"

    def per_message(name: str, benchmark: str, what: str, messages: int, note: str) -> Figure:
        values = [took / messages * 1e6 for took in seconds[name]]
        return figure(benchmark, what, "µs/message", values, note=note)

    def times(name: str, what: str) -> Figure:
        return figure("book", what, "×", ratios(seconds[name], seconds["ours"]))

    ours = per_message("ours", "book", "bytes → events → book → callback", count,
                       f"{rebuilt}; stated best compared, no hash verified")  # fmt: skip
    return [
        against(ours, "≤", TARGET_US),
        per_message("plain", "book", "json and dictionaries, best by number", count, rebuilt),
        per_message("searched", "book", "json and dictionaries, best by text", count, rebuilt),
        per_message("tracked", "book", "json and dictionaries, best tracked", count, rebuilt),
        per_message("json", "book", "json.loads alone", count, "the floor of both baselines"),
        against(times("plain", "best by number ÷ ours"), "≥", TARGET_TIMES),
        times("searched", "best by text ÷ ours"),
        times("tracked", "best tracked ÷ ours"),
        per_message("ours, with hash", "book-verified", "hash in every change, not verified",
                    longer, with_hash),
        per_message("verified", "book-verified", "every hash verified", longer,
                    f"{with_hash}; {held:,} hashes held"),
    ]  # fmt: skip
