"""Everything Kalshi was seen to send, decoded or refused for a known reason."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from underround.model.book import Book
from underround.model.errors import FrameRefused
from underround.model.events import BestStated, BookSnapshot, LevelAdjusted, SequenceUsed
from underround.model.ids import KALSHI, YES, MarketId
from underround.venues.kalshi.codec import KalshiDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import TokensOf

pytestmark = pytest.mark.shared

SAMPLES = Path("venues/samples/kalshi")
DOC_REFUSALS = {
    "errorResponse": "the venue answers with error",
    "eventFeeUpdate": "reload the catalogue",
    "marketLifecycleV2": "has no time",
    "communications": "unknown type",
}
"""Documented messages that may be refused, and the words of the refusal."""


def frames_of(path: Path) -> list[bytes]:
    """Undo the recorders' wrappers; one of them dropped ``sid``, which was 1."""
    frames = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        row = row.get("frame", row)
        if "local_recv_ts" in row:
            del row["local_recv_ts"]
            row["sid"] = 1
        frames.append(json.dumps(row).encode())
    return frames


def natives(frames: list[bytes]) -> dict[str, tuple[str, ...]]:
    messages = [json.loads(frame).get("msg", {}) for frame in frames]
    named = [m["market_ticker"] for m in messages if isinstance(m, dict) and "market_ticker" in m]
    return dict.fromkeys(named, ())


def test_every_captured_frame_decodes(shared: Path, tokens_of: TokensOf) -> None:
    """Only the venue's own errors are refused, and no number of a subscription is missing."""
    refused: Counter[str] = Counter()
    frames_seen = 0
    for path in sorted((shared / SAMPLES).glob("ws_*.ndjson")):
        frames = frames_of(path)
        decoder = KalshiDecoder(tokens_of("kalshi", natives(frames)))
        numbers: list[int] = []
        for frame in frames:
            frames_seen += 1
            try:
                events = decoder.decode(frame)
            except FrameRefused as refusal:
                refused[str(refusal)] += 1
                continue
            for event in events:
                if isinstance(event, BookSnapshot | LevelAdjusted | SequenceUsed):
                    assert event.sequence is not None
                    numbers.append(event.sequence.number)
        if path.name.startswith(("ws_KXBTC15M", "ws_orderbook_multi")):
            assert numbers == list(range(1, len(numbers) + 1))
    assert frames_seen == 263 + 74 + 7 + 5 + 70
    assert list(refused) == ["the venue answers with error 8: Unknown channel name"]


def test_snapshot_and_deltas_agree_with_the_ticker(shared: Path, tokens_of: TokensOf) -> None:
    """A book built from 250 deltas has the best prices that all twelve tickers state."""
    frames = frames_of(shared / SAMPLES / "ws_KXBTC15M_snapshot_deltas_ticker_2026-05-11.ndjson")
    decoder = KalshiDecoder(tokens_of("kalshi", natives(frames)))
    book, agreed = Book(1_000), 0
    for frame in frames:
        for event in decoder.decode(frame):
            if isinstance(event, BookSnapshot):
                book.replace(event.outcome, event.bids, event.asks)
            elif isinstance(event, LevelAdjusted):
                book.add(event.outcome, event.side, event.price, event.delta)
            elif isinstance(event, BestStated):
                assert (event.bid, event.ask) == (book.best_bid(YES), book.best_ask(YES))
                agreed += 1
    assert agreed == 12


def test_requested_books_decode(shared: Path) -> None:
    """The recorded bodies of order book requests are uncrossed books."""
    decoder = KalshiDecoder({})
    for name in ("rest_orderbook_2026-08-09", "rest_market_orderbook_KXFED_2026-07-18"):
        payload = (shared / SAMPLES / f"{name}.json").read_bytes()
        book = decoder.decode_orderbook(payload, MarketId(KALSHI, "X"))
        assert book.bids[-1][0] < book.asks[-1][0]


def test_documented_messages_decode_or_are_refused_for_a_known_reason(
    shared: Path, tokens_of: TokensOf
) -> None:
    """Every message of the specification is an event, quiet, or refused as listed above."""
    path = shared / SAMPLES / "ws_doc_examples_asyncapi_2026-08-22.json"
    documented: dict[str, list[Any]] = json.loads(path.read_text())
    refusals: list[tuple[str, str]] = []
    for name, examples in documented.items():
        for example in examples:
            if not isinstance(example, dict) or "type" not in example:
                continue  # commands we send, and pings
            frame = json.dumps(example).encode()
            decoder = KalshiDecoder(tokens_of("kalshi", natives([frame])))
            try:
                decoder.decode(frame)
            except FrameRefused as refusal:
                refusals.append((name, str(refusal)))
    assert len(refusals) > 5
    for name, reason in refusals:
        assert DOC_REFUSALS.get(name, "(never)") in reason, (name, reason)
