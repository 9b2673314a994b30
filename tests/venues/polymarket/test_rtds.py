"""Relayed reference prices, exact in millionths."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick
from underround.venues.polymarket.rtds import RtdsDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate

DECODER = RtdsDecoder({})


def chainlink(**fields: Any) -> bytes:
    payload = {"symbol": "btc/usd", "timestamp": 1777381686000, "value": 76211.80016560019}
    payload["full_accuracy_value"] = "76211800165600190000000"
    message = {"connection_id": "c", "topic": "crypto_prices_chainlink", "type": "update"}
    return json.dumps(message | {"timestamp": 1777381687612, "payload": payload | fields}).encode()


def binance(**fields: Any) -> bytes:
    payload = {"symbol": "btcusdt", "timestamp": 1780730269000, "value": 61035.86}
    payload["full_accuracy_value"] = "61035.86000000"
    message = {"topic": "crypto_prices", "type": "update", "timestamp": 1780730269142}
    return json.dumps(message | {"payload": payload | fields}).encode()


def average(topic: str = "crypto_prices_twap_sixty", **fields: Any) -> bytes:
    return chainlink(**fields).replace(b"crypto_prices_chainlink", topic.encode())


def backlog(symbol: str) -> bytes:
    data = [{"timestamp": 1777381626000 + n * 1000, "value": 76248.5 + n} for n in range(3)]
    message = {"topic": "crypto_prices", "type": "subscribe", "timestamp": 1777381690000}
    return json.dumps(message | {"payload": {"symbol": symbol, "data": data}}).encode()


def test_the_two_scales_of_the_accurate_value() -> None:
    """Chainlink's accurate value is times 10^18, Binance's is plain; both come out exact."""
    at = 1777381686000 * 1_000_000
    assert DECODER.decode(chainlink()) == [ReferenceTick("chainlink:btc/usd", at, 76_211_800_166)]
    (tick,) = DECODER.decode(binance())
    assert tick == ReferenceTick("binance-rtds:BTCUSDT", 1780730269000000000, 61_035_860_000)


def test_a_wrong_scale_is_refused() -> None:
    """A value read at the wrong scale can not pass: it disagrees with the rough one."""
    for wrong in ("76211.80016560019", "7621180016560019", "76211800165600190000"):
        with pytest.raises(FrameRefused, match="full_accuracy_value"):
            DECODER.decode(chainlink(full_accuracy_value=wrong))
    with pytest.raises(FrameRefused, match="disagree"):
        DECODER.decode(binance(full_accuracy_value="61035860000000000000000"))


def test_the_chainlink_snapshot_under_the_wrong_topic() -> None:
    """A snapshot labelled ``crypto_prices`` is Chainlink's when its symbol has a slash."""
    ticks = DECODER.decode(backlog("eth/usd"))
    assert [tick.symbol for tick in ticks if isinstance(tick, ReferenceTick)] == [
        "chainlink:eth/usd"
    ] * 3
    (first, *_) = DECODER.decode(backlog("ethusdt"))
    assert isinstance(first, ReferenceTick)
    assert (first.symbol, first.price) == ("binance-rtds:ETHUSDT", 76_248_500_000)


def test_averages_are_named_by_their_seconds() -> None:
    """The topic says how long an average is, the payload may repeat it; never a spot price."""
    for frame, seconds in (
        (average(), 60),
        (average(window_s=60), 60),
        (average("crypto_prices_twap_thirty"), 30),
        (average("crypto_prices", window_s=30), 30),
    ):
        (tick,) = DECODER.decode(frame)
        assert isinstance(tick, ReferenceTick)
        assert (tick.symbol, tick.price) == (f"chainlink-twap{seconds}:btc/usd", 76_211_800_166)


@pytest.mark.parametrize(
    "frame, reason",
    [
        (average(window_s=30), r"30 seconds under topic 'crypto_prices_twap_sixty'"),
        (average("crypto_prices", window_s=45), r"no average covers 45 seconds"),
        (average(symbol="btcusd"), r"has no slash at `\$\.payload\.symbol`"),
        (average(symbol="btc/eur"), r"no pair in dollars.*payload\.symbol"),
        (binance(window_s=60), r"has no slash"),
        (average(full_accuracy_value="76211.80016560019"), "integer times 10"),
    ],
)
def test_an_average_of_unknown_meaning_is_refused(frame: bytes, reason: str) -> None:
    """A name is never guessed: another average, another quote or another scale is another price."""
    with pytest.raises(FrameRefused, match=reason):
        DECODER.decode(frame)


def test_numbers_are_read_digit_by_digit() -> None:
    """A JSON number that a double can not hold keeps its digits."""
    frame = binance().replace(b"61035.86,", b"90071992547409.931234,")
    frame = frame.replace(b"61035.86000000", b"90071992547409.931234")
    (tick,) = DECODER.decode(frame)
    assert isinstance(tick, ReferenceTick)
    assert tick.price == 90_071_992_547_409_931_234


@pytest.mark.parametrize("missing", ["symbol", "timestamp", "value"])
def test_no_field_has_a_default(missing: str) -> None:
    """A tick without symbol, time or price is refused."""
    message = json.loads(chainlink())
    del message["payload"][missing]
    with pytest.raises(FrameRefused, match=f"{missing}.*payload"):
        DECODER.decode(json.dumps(message).encode())


def test_unknown_topics_are_refused_and_unused_ones_are_quiet() -> None:
    """An unknown topic is kept and counted; topics we have no use for say nothing."""
    with pytest.raises(FrameRefused, match="unknown topic 'crypto_prices_twap_ninety'"):
        DECODER.decode(chainlink().replace(b"prices_chainlink", b"prices_twap_ninety"))
    assert not DECODER.decode(b'{"topic":"comments","type":"x","payload":{}}')
    assert not DECODER.decode(b"PONG")


def test_mutated_frames_are_refused_or_honest(
    mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(5)
    frames = [chainlink(), binance(), backlog("eth/usd"), average(window_s=60)]
    refused = 0
    for turn in range(turns):
        broken = mutate(frames[turn % 4], rng)
        try:
            events = DECODER.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert invented(broken, event) == [], (broken, event)
    assert turns // 4 < refused < turns * 39 // 40


def test_the_same_said_otherwise_decodes_equal(reworded: Mutate) -> None:
    """Key order, white space and unknown fields do not change the ticks."""
    rng = random.Random(3)
    for plain in (chainlink(), binance(), backlog("sol/usd"), average()):
        for _ in range(20):
            assert DECODER.decode(reworded(plain, rng)) == DECODER.decode(plain)
