"""What the codec tests share: markets made from bare names, and mutations of frames."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import pytest

from underround.model.events import (
    BestStated,
    BookSnapshot,
    LevelAdjusted,
    LevelsChanged,
    MarketEvent,
    ReferenceTick,
    TradePrinted,
)
from underround.model.fees import NoFees
from underround.model.ids import MarketId, Venue
from underround.model.market import Catalogue, Market, uniform_ticks
from underround.model.units import ONE, parse_micros
from underround.venues.codec import Tokens, iso_nanos, reference_price, unix_nanos

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
MarketOf = Callable[[str, str, tuple[str, str]], Market]
TokensOf = Callable[[str, Mapping[str, Iterable[str]]], Tokens]
Mutate = Callable[[bytes, random.Random], bytes]
Invented = Callable[[bytes, MarketEvent], list[str]]


@pytest.fixture(params=[2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def turns(request: pytest.FixtureRequest) -> int:
    """Return how many frames are mutated: more in ``make soak``."""
    return int(request.param)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Return the folder of committed frames; its README names their source."""
    return Path(__file__).parent / "fixtures"


def _market(venue: str, native: str, tokens: tuple[str, str]) -> Market:
    return Market(
        id=MarketId(Venue(venue), native),
        title=native,
        outcomes=("Yes", "No"),
        tokens=tokens,
        currency="USD",
        ticks=(uniform_ticks("0.01"),),
        min_size=parse_micros("5"),
        size_step=parse_micros("0.01"),
        fees=NoFees(),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )


@pytest.fixture(scope="session")
def market_of() -> MarketOf:
    """Make a market of a venue from its native id and its tokens."""
    return _market


@pytest.fixture(scope="session")
def tokens_of() -> TokensOf:
    """Make ``Catalogue.by_token()`` of the named markets; missing tokens are made up."""

    def make(venue: str, natives: Mapping[str, Iterable[str]]) -> Tokens:
        markets = []
        for native, names in natives.items():
            yes, no, *_ = [*names, f"{native}/a", f"{native}/b"]
            markets.append(_market(venue, native, (yes, no)))
        return Catalogue(tuple(markets)).by_token()

    return make


def _paths(value: Json) -> list[tuple[dict[str, Json] | list[Json], str | int]]:
    found: list[tuple[dict[str, Json] | list[Json], str | int]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            found.append((value, key))
            found += _paths(inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            found.append((value, place))
            found += _paths(inner)
    return found


_ODD: list[Json] = [
    None, True, 0, -1, 1.5, "", "x", "-1", "1e3", "NaN", "0", "1", "1.0000001", " 1", "1_0", [], {},
    "٣", "0." + "9" * 50, "9" * 40, 10**30, [["0.1", "1"]], {"price": "0.5"}, "\ud7ff", "buy", "no",
]  # fmt: skip


@pytest.fixture(scope="session")
def mutate() -> Mutate:
    """Break a frame: a value, a key, a byte, or its end."""

    def broken(frame: bytes, rng: random.Random) -> bytes:
        kind = rng.randrange(6)
        if kind == 0:
            place = rng.randrange(len(frame))
            return frame[:place] + bytes([rng.randrange(256)]) + frame[place + 1 :]
        if kind == 1:
            return frame[: rng.randrange(len(frame))]
        value: Json = json.loads(frame)
        for _ in range(rng.randrange(1, 3)):
            paths = _paths(value)
            if not paths:
                break
            holder, key = rng.choice(paths)
            if kind == 2:
                del holder[key]  # type: ignore[arg-type]  # key fits its own holder
            elif kind == 3 and isinstance(holder, list):
                holder.append(deepcopy(holder[int(key)]))
            else:
                holder[key] = deepcopy(rng.choice(_ODD))  # type: ignore[index]  # as above
        return json.dumps(value).encode()

    return broken


def _numbers(event: MarketEvent) -> dict[str, int | None]:
    """Return the event's prices, sizes and times by a name for the failure message."""
    if isinstance(event, LevelsChanged):
        named: dict[str, int | None] = {"at": event.at_ns}
        for place, change in enumerate(event.changes):
            named |= {f"price{place}": change.price, f"size{place}": change.size}
            named |= {f"bid{place}": change.stated_bid, f"ask{place}": change.stated_ask}
        return named
    if isinstance(event, BookSnapshot):
        levels = [*event.bids, *event.asks]
        named = {f"price{place}": price for place, (price, _) in enumerate(levels)}
        named |= {f"size{place}": size for place, (_, size) in enumerate(levels)}
        return named | {"at": event.at_ns}
    if isinstance(event, LevelAdjusted):
        return {"at": event.at_ns, "price": event.price, "delta": event.delta}
    if isinstance(event, BestStated):
        return {"at": event.at_ns, "bid": event.bid, "ask": event.ask}
    if isinstance(event, TradePrinted):
        return {"at": event.at_ns, "price": event.price, "size": event.size}
    if isinstance(event, ReferenceTick):
        return {"at": event.at_ns, "price": event.price}
    return {}


def _readings(text: str) -> set[int]:
    """Return every number that ``text`` can honestly be read as."""
    found: set[int] = set()
    for read in (parse_micros, reference_price, lambda t: reference_price(t, 18), iso_nanos):
        try:
            found.add(read(text))
        except ValueError:
            continue
    with suppress(ValueError):
        found.add(unix_nanos(int(text)))
    return found | {ONE - number for number in found}


@pytest.fixture(scope="session")
def invented() -> Invented:
    """Name the numbers of an event that its frame does not contain."""

    def check(frame: bytes, event: MarketEvent) -> list[str]:
        numbers = _numbers(event)
        if not numbers:
            return []
        value: Json = json.loads(
            frame.decode(errors="replace"), parse_float=str, parse_int=str, strict=False
        )
        said: set[int] = set()
        for holder, key in _paths(value):
            inner = holder[key]  # type: ignore[index]  # key fits its own holder
            if isinstance(inner, str):
                said |= _readings(inner)
        return [f"{k}={n}" for k, n in numbers.items() if n is not None and n not in said]

    return check


@pytest.fixture(scope="session")
def reworded() -> Mutate:
    """Say the same in other bytes: key order, white space, unknown fields."""

    def turn(value: Json, rng: random.Random) -> Json:
        if isinstance(value, dict):
            keys = list(value)
            rng.shuffle(keys)
            turned = {key: turn(value[key], rng) for key in keys}
            if rng.random() < 0.5:
                turned["unheard_of"] = {"price": "0.123", "event_type": ["book"]}
            return turned
        if isinstance(value, list):
            return [turn(inner, rng) for inner in value]
        return value

    def again(frame: bytes, rng: random.Random) -> bytes:
        text = json.dumps(turn(json.loads(frame), rng), indent=rng.choice([None, 0, 2]))
        return (" " * rng.randrange(2) + text + "\n" * rng.randrange(2)).encode()

    return again
