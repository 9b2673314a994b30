"""Coinbase's feed as reference prices."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick
from underround.venues.coinbase.codec import CoinbaseDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate

DECODER = CoinbaseDecoder({})
MATCH = {"type": "match", "product_id": "BTC-USD", "price": "79565.03", "size": "0.1",
         "side": "buy", "time": "2026-04-28T09:03:06.659049Z", "trade_id": 1}  # fmt: skip


@pytest.mark.parametrize("kind", ["match", "last_match", "ticker"])
def test_prints_are_exact_ticks(kind: str) -> None:
    """All three messages carry the last trade and its time, kept to the microsecond."""
    (tick,) = DECODER.decode(json.dumps(MATCH | {"type": kind}).encode())
    assert tick == ReferenceTick("coinbase:BTC-USD", 1777366986659049000, 79_565_030_000)


def test_subscriptions_say_nothing_and_errors_are_refused() -> None:
    """Acknowledgements are quiet; an error keeps the venue's words."""
    assert DECODER.decode(b'{"type":"subscriptions","channels":[]}') == ()
    with pytest.raises(FrameRefused, match="Failed to subscribe"):
        DECODER.decode(b'{"type":"error","message":"Failed to subscribe","reason":"x"}')
    with pytest.raises(FrameRefused, match="unknown type 'l2update'"):
        DECODER.decode(b'{"type":"l2update"}')


@pytest.mark.parametrize("missing", ["product_id", "price", "time", "type"])
def test_no_field_has_a_default(missing: str) -> None:
    """A print without product, price or time is refused."""
    message = {key: value for key, value in MATCH.items() if key != missing}
    with pytest.raises(FrameRefused, match=f"missing required field `{missing}`"):
        DECODER.decode(json.dumps(message).encode())


def test_mutated_frames_are_refused_or_honest(
    mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(8)
    refused = 0
    for _ in range(turns):
        broken = mutate(json.dumps(MATCH).encode(), rng)
        try:
            events = DECODER.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert invented(broken, event) == [], (broken, event)
    assert turns // 4 < refused < turns * 39 // 40


def test_the_same_said_otherwise_decodes_equal(reworded: Mutate) -> None:
    """Key order, white space, unknown fields and trailing zeros do not change the tick."""
    rng = random.Random(1)
    plain = json.dumps(MATCH).encode()
    for _ in range(20):
        assert DECODER.decode(reworded(plain, rng)) == DECODER.decode(plain)
    padded = json.dumps(MATCH | {"price": "79565.03000000"}).encode()
    assert DECODER.decode(padded) == DECODER.decode(plain)


@pytest.mark.shared
def test_every_recorded_frame_decodes(shared: Path) -> None:
    """The 367 recorded frames of April 2026 are acknowledgements or ticks."""
    ticks = frames = 0
    for path in (shared / "data/polymarket/15m-raw-sessions-2026-04").glob("*/raw_messages*"):
        data = path.read_bytes()
        if path.suffix == ".zst":
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        for line in data.splitlines():
            row = json.loads(line)
            if row["source"] == "coinbase":
                frames += 1
                ticks += len(DECODER.decode(row["payload"].encode()))
    assert (frames, ticks) == (367, 322)


def test_an_empty_frame_says_nothing() -> None:
    """It begins a connection; every codec is given it."""
    assert CoinbaseDecoder({}).decode(b"") == ()
