"""Everything Polymarket was seen to send, decoded or refused for a known reason."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from underround.model.book import Book
from underround.model.errors import FrameRefused
from underround.model.events import BookSnapshot, LevelsChanged, MarketNoticed, ReferenceTick
from underround.model.frames import NANOS_PER_MS
from underround.model.market import CENT
from underround.venues.codec import Tokens
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.rtds import RtdsDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import TokensOf

pytestmark = pytest.mark.shared

SAMPLES = Path("venues/samples/polymarket")
SESSIONS = Path("data/polymarket/15m-raw-sessions-2026-04")

NOT_OURS = {
    "clob_market_protocol_v2_2026-10-05.json": "no event_type",
    "legacy_market_2024.json": "no event_type",
    "legacy_market_closed_accepting_false_2026.json": "no event_type",
    "legacy_market_closed_accepting_true_2026.json": "no event_type",
    "post_order_docs_examples.json": "no event_type",
}
"""Bodies in the sample folders that are no market data, and why they are refused."""


def named_tokens(payloads: list[str]) -> dict[str, list[str]]:
    """Collect the tokens of each market that the messages name."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for payload in payloads:
        try:
            value = json.loads(payload)
        except ValueError:
            continue
        for message in value if isinstance(value, list) else [value]:
            names = [message.get("asset_id"), *message.get("assets_ids", [])]
            names += [entry["asset_id"] for entry in message.get("price_changes", [])]
            known = found[message.get("market", "?")]
            known += [name for name in dict.fromkeys(names) if name and name not in known]
    return {market: names for market, names in found.items() if names}


def captured(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a capture, compressed or not."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return [json.loads(line) for line in data.decode().splitlines()]


def session_rows(shared: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the messages of each of the seven recorded sessions."""
    for folder in sorted((shared / SESSIONS).iterdir()):
        yield [row for path in folder.glob("raw_messages*") for row in captured(path)]


def by_id(tokens: Tokens) -> Mapping[Any, Any]:
    return {market.id: market for market, _ in tokens.values()}


def test_every_recorded_book_hashes_to_what_the_venue_says(
    shared: Path, tokens_of: TokensOf
) -> None:
    """All 456 requested and 270 streamed books verify, by their levels and through our book."""
    counts = {"request": 0, "stream": 0}
    for rows in session_rows(shared):
        payloads = [row["payload"] for row in rows if row["source"] == "polymarket_clob"]
        tokens = tokens_of("polymarket", named_tokens(payloads))
        decoder, markets = PolymarketDecoder(tokens), by_id(tokens)
        for payload in payloads:
            for event in decoder.decode(payload.encode()):
                if not isinstance(event, BookSnapshot):
                    continue
                market = markets[event.market]
                assert snapshot_hash(event, market) == event.venue_hash
                book = Book(CENT)
                book.replace(event.outcome, event.bids, event.asks)
                assert event.at_ns is not None
                assert event.hash_inputs is not None
                at_ms = event.at_ns // NANOS_PER_MS
                ours = book_hash(market, book, event.outcome, at_ms, event.hash_inputs)
                assert ours == event.venue_hash
                counts[event.source] += 1
    assert counts == {"request": 456, "stream": 270}


def test_every_recorded_frame_of_the_sessions_decodes(shared: Path, tokens_of: TokensOf) -> None:
    """No CLOB or RTDS frame of the seven sessions is refused; RTDS prices are of that day."""
    frames = 0
    for rows in session_rows(shared):
        payloads = [row["payload"] for row in rows if row["source"] == "polymarket_clob"]
        clob = PolymarketDecoder(tokens_of("polymarket", named_tokens(payloads)))
        rtds = RtdsDecoder({})
        for row in rows:
            payload = row["payload"].encode()
            if row["source"] == "polymarket_clob":
                assert clob.decode(payload) or b'"new_market"' in payload
            elif row["source"] == "polymarket_rtds_chainlink":
                for tick in rtds.decode(payload):
                    assert isinstance(tick, ReferenceTick)
                    if tick.symbol == "chainlink:btc/usd":
                        assert 70_000_000_000 < tick.price < 80_000_000_000
            else:
                continue
            frames += 1
    assert frames == 1_528


def test_changes_prove_the_books_they_lead_to(shared: Path, tokens_of: TokensOf) -> None:
    """Applied to the stream's snapshots, the last change of each timestamp carries our hash."""
    proven = 0
    for rows in session_rows(shared):
        payloads = [row["payload"] for row in rows if row["source"] == "polymarket_clob"]
        tokens = tokens_of("polymarket", named_tokens(payloads))
        decoder, markets = PolymarketDecoder(tokens), by_id(tokens)
        books: dict[Any, tuple[Book, BookSnapshot]] = {}
        pending: dict[Any, LevelsChanged] = {}
        for payload in payloads:
            for event in decoder.decode(payload.encode()):
                if isinstance(event, BookSnapshot) and event.source == "stream":
                    book = Book(CENT)
                    book.replace(event.outcome, event.bids, event.asks)
                    books[event.market] = (book, event)
                    pending.pop(event.market, None)
                elif isinstance(event, LevelsChanged) and event.market in books:
                    book, snapshot = books[event.market]
                    before = pending.get(event.market)
                    if before is not None and before.at_ns < event.at_ns:
                        proven += _matches(before, book, snapshot, markets)
                    for change in event.changes:
                        book.set(change.outcome, change.side, change.price, change.size)
                    pending[event.market] = event
        for market_id, last in pending.items():
            proven += _matches(last, *books[market_id], markets)
    assert proven >= 20


def _matches(
    changed: LevelsChanged, book: Book, snapshot: BookSnapshot, markets: Mapping[Any, Any]
) -> int:
    assert snapshot.hash_inputs is not None
    market, at_ms = markets[changed.market], changed.at_ns // NANOS_PER_MS
    stated = {change.outcome: change.venue_hash for change in changed.changes}
    for outcome, venue_hash in stated.items():
        assert book_hash(market, book, outcome, at_ms, snapshot.hash_inputs) == venue_hash
    return len(stated)


def test_every_sample_decodes_or_is_refused_for_a_known_reason(
    shared: Path, tokens_of: TokensOf
) -> None:
    """Samples of the market channel and of ``/book`` decode; other bodies are named above."""
    decoded = 0
    folder = shared / SAMPLES
    for path in sorted([*(folder / "clob").iterdir(), *(folder / "ws").glob("market_*")]):
        if path.suffix == ".jsonl":
            rows = captured(path)
            kept = [
                row for row in rows if row.get("source", "polymarket_clob") == "polymarket_clob"
            ]
            payloads = [
                row.get("payload") or row.get("data", "")
                for row in kept
                if row.get("dir", "recv") == "recv"
            ]
        else:
            payloads = [path.read_text()]
        decoder = PolymarketDecoder(tokens_of("polymarket", named_tokens(payloads)))
        for payload in payloads:
            if path.name in NOT_OURS:
                with pytest.raises(FrameRefused, match=NOT_OURS[path.name]):
                    decoder.decode(payload.encode())
                continue
            events = decoder.decode(payload.encode())
            quiet = payload == "PONG" or '"new_market"' in payload
            assert events or quiet, (path.name, payload[:200])
            followed = [event for event in events if not isinstance(event, MarketNoticed)]
            assert followed or quiet, (path.name, payload[:200])
            decoded += 1
    assert decoded >= 60


def test_every_rtds_sample_decodes_or_is_refused_for_a_known_reason(shared: Path) -> None:
    """Crypto frames give ticks, equity frames nothing; PolyBolt is another protocol: refused."""
    decoder = RtdsDecoder({})
    ticks: dict[str, int] = {}
    for path in sorted((shared / SAMPLES / "rtds").glob("rtds_*.json")):
        ticks[path.stem] = len(decoder.decode(path.read_bytes()))
    assert ticks == {
        "rtds_crypto_prices_subscribe": 3,
        "rtds_crypto_prices_update": 1,
        "rtds_equity_prices_subscribe": 0,
        "rtds_equity_prices_update": 0,
    }
    for row in captured(shared / SAMPLES / "rtds" / "polybolt_docs_examples.jsonl"):
        with pytest.raises(FrameRefused, match="missing required field `topic`"):
            decoder.decode(json.dumps(row["frame"]).encode())
