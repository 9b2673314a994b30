"""PolyBolt's prices: exact, named by their source, and with every lost frame visible."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.venues.scripted import sample
from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick, Sequence, SequenceUsed
from underround.venues.polymarket.polybolt import SPOT, TWAP, PolyboltDecoder
from underround.venues.polymarket.reference import chainlink_symbol
from underround.venues.polymarket.rtds import RtdsDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate

DECODER = PolyboltDecoder({})
AT_MS = 1788973001000


def message(channel: str, payload: dict[str, Any], **fields: Any) -> bytes:
    envelope = {"v": 1, "channel": channel, "seq": 2, "ts": AT_MS, "payload": payload}
    return json.dumps(envelope | fields).encode()


def spot(**fields: Any) -> bytes:
    payload = {"symbol": "btcusd", "value": 64126.0, "full_accuracy_value": "64126.00000000"}
    return message(SPOT, payload | {"timestamp": AT_MS, "source": "pyth"} | fields)


def twap(**fields: Any) -> bytes:
    payload = {"symbol": "btcusd", "value": 78788.78657993881, "timestamp": AT_MS}
    payload |= {"full_accuracy_value": "78788.786579938813673472", "window_seconds": 60}
    return message(TWAP, payload | {"source": "chainlink"} | fields)


def backlog(channel: str = TWAP, **fields: Any) -> bytes:
    data = [{"timestamp": AT_MS + n * 1000, "value": 64123.5 + n} for n in range(3)]
    payload = {"symbol": "ethusd", "source": "chainlink", "window_seconds": 60, "data": data}
    return message(channel, payload | fields, snapshot=True, seq=1)


def ticks(frame: bytes) -> list[ReferenceTick]:
    return [event for event in DECODER.decode(frame) if isinstance(event, ReferenceTick)]


def test_spot_and_average_are_named_by_source_and_seconds() -> None:
    at = AT_MS * 1_000_000
    assert ticks(spot()) == [ReferenceTick("pyth:btcusd", at, 64_126_000_000)]
    assert ticks(spot(source="chainlink"))[0].symbol == "chainlink:btc/usd"
    assert ticks(twap()) == [ReferenceTick("chainlink-twap60:btc/usd", at, 78_788_786_580)]


def test_the_average_has_one_name_on_both_relays() -> None:
    payload = {"symbol": "btc/usd", "timestamp": AT_MS, "value": 78788.78657993881,
               "full_accuracy_value": "78788786579938813673472", "window_s": 60}  # fmt: skip
    legacy = {"topic": "crypto_prices_twap_sixty", "type": "update", "payload": payload}
    assert list(RtdsDecoder({}).decode(json.dumps(legacy).encode())) == ticks(twap())
    assert chainlink_symbol("btcusd", 60) == chainlink_symbol("btc/usd", 60)


def test_a_snapshot_gives_its_history_in_order() -> None:
    number, *history = DECODER.decode(backlog())
    assert number == SequenceUsed(Sequence(2, 1))
    assert [tick.price for tick in history if isinstance(tick, ReferenceTick)] == [
        64_123_500_000,
        64_124_500_000,
        64_125_500_000,
    ]
    assert DECODER.decode(backlog(data=[])) == [SequenceUsed(Sequence(2, 1))]


def test_each_channel_counts_for_itself() -> None:
    """The number comes before the ticks, so that a hole is known before the price after it."""
    assert DECODER.decode(spot())[0] == SequenceUsed(Sequence(1, 2))
    assert DECODER.decode(twap())[0] == SequenceUsed(Sequence(2, 2))


@pytest.mark.parametrize(
    "wrong", ["64126000000000000000000", "6412600000000", "64127", "0", "-64126", "x", "", 64126]
)
def test_an_accurate_value_at_another_scale_is_refused(wrong: object) -> None:
    """RTDS wrote integers times 10^18 here; read as dollars they disagree with the rough value."""
    with pytest.raises(FrameRefused, match="full_accuracy_value"):
        DECODER.decode(spot(full_accuracy_value=wrong))


@pytest.mark.parametrize(
    "frame, reason",
    [
        (twap(window_seconds=30), r"average of 30 seconds.*payload\.window_seconds"),
        (twap(window_seconds=None), r"average of None seconds"),
        (twap(source="pyth"), r"average of source 'pyth'"),
        (twap(symbol="btcusdt"), r"no pair in dollars.*payload\.symbol"),
        (twap(symbol="BTCusd"), r"no pair in dollars"),
        (spot(symbol="btc/usd"), r"lower case.*payload\.symbol"),
        (spot(source="oracle"), r"unknown source 'oracle'.*payload\.source"),
        (spot(window_seconds=60), r"channel of spot prices"),
        (spot(value="64126.0"), r"expected a number.*payload\.value"),
        (spot(value=0), r"not a positive amount"),
        (spot(timestamp=12), r"timestamp 12"),
        (message("price.perps", {}), r"unknown channel"),
        (message(SPOT, {}, v=2), r"version 2"),
        (message(SPOT, {}, seq=0), r"number 0.*\$\.seq"),
        (backlog(data=None, value=1.0, timestamp=AT_MS), r"a snapshot has `data`"),
        (b'{"op":"error","code":"auth_required","rid":"s1"}', r"an error: auth_required"),
        (b'{"op":"noticed"}', r"unknown op 'noticed'"),
        (b"[]", r"array"),
    ],
)
def test_what_is_not_known_is_refused_with_its_place(frame: bytes, reason: str) -> None:
    with pytest.raises(FrameRefused, match=reason):
        DECODER.decode(frame)


@pytest.mark.parametrize(
    "frame, fields",
    [(spot(), ("symbol", "source", "timestamp", "value")),
     (twap(), ("symbol", "source", "timestamp", "value", "window_seconds"))],
)  # fmt: skip
def test_no_field_of_a_price_has_a_default(frame: bytes, fields: tuple[str, ...]) -> None:
    for name in fields:
        said = json.loads(frame)
        value = said["payload"].pop(name)
        with pytest.raises(FrameRefused):
            DECODER.decode(json.dumps(said).encode())
        said["payload"][f"{name}_v2"] = value
        with pytest.raises(FrameRefused):
            DECODER.decode(json.dumps(said).encode())
        said["payload"][name] = [value]
        with pytest.raises(FrameRefused):
            DECODER.decode(json.dumps(said).encode())


@pytest.mark.parametrize("op", ["authed", "subscribed", "unsubscribed", "pong"])
def test_acknowledgements_and_unused_channels_say_nothing(op: str) -> None:
    assert not DECODER.decode(json.dumps({"op": op, "rid": "a1"}).encode())
    assert not DECODER.decode(message("price.equity", {"symbol": "aapl"}))


def test_mutated_frames_are_refused_or_honest(
    mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Of 2,000 broken frames none crashes the codec or yields a number it does not contain."""
    rng = random.Random(29)
    frames = [spot(), twap(), backlog()]
    refused = 0
    for turn in range(turns):
        broken = mutate(frames[turn % 3], rng)
        try:
            events = DECODER.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert invented(broken, event) == [], (broken, event)
    assert turns // 4 < refused < turns * 39 // 40


def test_the_same_said_otherwise_decodes_equal(reworded: Mutate) -> None:
    """Key order, white space, unknown fields and trailing zeros do not change the events."""
    rng = random.Random(31)
    for plain in (spot(), twap(), backlog()):
        for _ in range(20):
            assert DECODER.decode(reworded(plain, rng)) == DECODER.decode(plain)
    assert DECODER.decode(spot(full_accuracy_value="64126")) == DECODER.decode(spot())


@pytest.mark.shared
def test_every_example_of_the_documentation_decodes(shared: Path) -> None:
    lines = sample(shared, "polymarket/rtds/polybolt_docs_examples.jsonl").splitlines()
    answers = [row["frame"] for row in map(json.loads, lines) if row["dir"] == "s2c"]
    seen: list[ReferenceTick] = []
    for frame in answers:
        said = json.dumps(frame).encode()
        if frame.get("op") == "error":
            with pytest.raises(FrameRefused, match="auth_required"):
                DECODER.decode(said)
            continue
        seen += ticks(said)
    assert [(tick.symbol, tick.price) for tick in seen] == [
        ("pyth:btcusd", 64_123_500_000),
        ("pyth:btcusd", 64_125_100_000),
        ("pyth:btcusd", 64_126_000_000),
    ]
