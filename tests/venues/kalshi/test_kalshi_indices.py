"""CF Benchmarks' indices on Kalshi's WebSocket as reference prices."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.venues.scripted import sample
from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick
from underround.venues.kalshi.capabilities import CAPABILITIES
from underround.venues.kalshi.codec import KalshiDecoder

if TYPE_CHECKING:
    from tests.venues.conftest import Invented, Mutate

AT = 1710000000123
DECODER = KalshiDecoder({})


def value(**changes: Any) -> str:
    return json.dumps({"type": "value", "id": "BRTI", "time": AT, "value": "68000.12"} | changes)


def mean(**changes: Any) -> dict[str, Any]:
    whole = {
        "value": "68000.23000000", "window_size": 3, "window_start_ts_ms": AT + 7 - 60_000,
        "window_end_ts_exclusive": AT + 7,
    }  # fmt: skip
    return whole | changes


def index(**changes: Any) -> bytes:
    message = {
        "index_id": "BRTI", "received_at": AT + 9, "data": value(), "avg_60s_data": mean(),
    } | changes  # fmt: skip
    message = {key: part for key, part in message.items() if part != ""}
    frame = {"type": "cfbenchmarks_value", "sid": 1, "seq": 42, "msg": message}
    return json.dumps(frame, separators=(",", ":")).encode()


def test_an_index_is_a_reference_price_and_so_is_its_mean_of_60_seconds() -> None:
    assert list(DECODER.decode(index())) == [
        ReferenceTick("cfbenchmarks:BRTI", AT * 10**6, 68_000_120_000),
        ReferenceTick("cfbenchmarks-avg60:BRTI", (AT + 7) * 10**6, 68_000_230_000),
    ]


@pytest.mark.parametrize("absent", ["", None])
def test_a_mean_that_is_not_stated_is_not_made_up(absent: str | None) -> None:
    assert list(DECODER.decode(index(avg_60s_data=absent))) == [
        ReferenceTick("cfbenchmarks:BRTI", AT * 10**6, 68_000_120_000)
    ]


def test_every_index_is_read_under_its_own_name() -> None:
    (tick,) = DECODER.decode(
        index(index_id="ETHUSD_RTI", data=value(id="ETHUSD_RTI", value="2500"), avg_60s_data="")
    )
    assert tick == ReferenceTick("cfbenchmarks:ETHUSD_RTI", AT * 10**6, 2_500_000_000)


def test_the_symbols_begin_with_what_the_capabilities_promise() -> None:
    told = {str(tick.symbol).split(":")[0] for tick in DECODER.decode(index())}  # type: ignore[union-attr]  # only ticks
    assert told == set(CAPABILITIES.reference_feeds.value)


@pytest.mark.parametrize(
    "payload, reason",
    [
        (index(data=value(id="ETHUSD_RTI")), r"with the value of 'ETHUSD_RTI'.*\$\.msg\.data"),
        (index(data=value(type="error")), r"\$\.msg\.data"),
        (index(data=value(value=68000.12)), r"\$\.msg\.data"),
        (index(data=value(value="0")), r"\$\.msg\.data\.value"),
        (index(data=value(value="x")), r"\$\.msg\.data\.value"),
        (index(data=value(time=1710000000)), r"milliseconds.*\$\.msg\.data\.time"),
        (index(data="{"), r"\$\.msg\.data"),
        (index(data="[" * 100_000), r"\$\.msg\.data"),
        (index(data=""), r"data"),
        (index(index_id="B\nRTI"), r"no name of an index.*\$\.msg\.index_id"),
        (index(avg_60s_data=mean(value="-1")), r"\$\.msg\.avg_60s_data\.value"),
        (index(avg_60s_data=mean(value=None)), r"avg_60s_data\.value"),
        (index(avg_60s_data=mean(window_start_ts_ms=AT - 900_000)), r"another span than 60"),
        (index(avg_60s_data=mean(window_end_ts_exclusive=1)), r"milliseconds.*exclusive"),
    ],
)
def test_an_index_that_cannot_be_true_is_refused_with_its_place(
    payload: bytes, reason: str
) -> None:
    with pytest.raises(FrameRefused, match=reason):
        DECODER.decode(payload)


def opened(frame: bytes) -> bytes:
    """Return the frame with the text inside it as the JSON that it is."""
    whole = json.loads(frame.decode(errors="replace"), strict=False)
    whole["msg"]["data"] = json.loads(whole["msg"]["data"], strict=False)
    return json.dumps(whole).encode()


def test_mutated_indices_are_refused_or_honest(
    mutate: Mutate, invented: Invented, turns: int
) -> None:
    """Broken outside or inside its text, no frame crashes the codec or yields a new number."""
    rng = random.Random(23)
    refused = 0
    for turn in range(turns):
        inner = mutate(value().encode(), rng).decode(errors="replace")
        broken = index(data=inner) if turn % 2 else mutate(index(), rng)
        try:
            events = DECODER.decode(broken)
        except FrameRefused:
            refused += 1
            continue
        for event in events:
            assert invented(opened(broken), event) == [], (broken, event)
    assert turns // 4 < refused < turns * 19 // 20


@pytest.mark.shared
def test_the_documented_example_is_read(shared: Path) -> None:
    told = json.loads(sample(shared, "kalshi/ws_doc_examples_asyncapi_2026-08-22.json"))
    ticks = DECODER.decode(json.dumps(told["cfbenchmarksValue"][0]).encode())
    assert list(ticks) == [
        ReferenceTick("cfbenchmarks:BRTI", AT * 10**6, 68_000_120_000),
        ReferenceTick("cfbenchmarks-avg60:BRTI", AT * 10**6, 68_000_120_000),
    ]
