"""Levels as Polymarket writes them → levels of the model, with the path of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, le
from typing import Final

from underround.model.book import Level, Side
from underround.model.events import LevelChange, LevelsChanged, MarketEvent, MarketNoticed
from underround.model.ids import MarketId
from underround.model.units import Nanos, Price, Size, parse_price, parse_size
from underround.venues.codec import PriceTexts, SizeTexts, Tokens
from underround.venues.polymarket import wire

SIDES: Final[dict[str, Side]] = {"BUY": "buy", "SELL": "sell"}


class StatedTexts(dict[str | None, Price | None]):
    """A best price as stated → price, remembered; missing and empty text state nothing."""

    def __missing__(self, text: str | None) -> Price | None:
        price = parse_price(text) if text else None
        if len(self) >= 1 << 16:
            self.clear()
        self[text] = price
        return price


def field(parse: Callable[[str], int], text: str, path: str) -> int:
    """Return ``parse(text)``; its ``ValueError`` then names the path."""
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `${path}`") from None


def stated_price(text: str | None, path: str) -> Price | None:
    """Return a stated best price; ``None`` where the message states nothing."""
    return field(parse_price, text, path) if text else None


def side_levels(
    levels: list[wire.Level], name: str, prices: PriceTexts, sizes: SizeTexts
) -> tuple[Level, ...]:
    """Return a snapshot's ``bids`` (ascending) or ``asks`` (descending), as ``name`` says.

    Raises ``ValueError`` for levels out of order, doubled, of size 0 or not numbers.
    """
    try:
        at: list[Price] = [prices[level.price] for level in levels]
        resting: list[Size] = [sizes[level.size] for level in levels]
    except ValueError:
        for place, level in enumerate(levels):
            field(parse_price, level.price, f".{name}[{place}].price")
            field(parse_size, level.size, f".{name}[{place}].size")
        raise
    wrong = ge if name == "bids" else le
    if any(map(wrong, at, at[1:])):
        place = next(i for i in range(1, len(at)) if wrong(at[i - 1], at[i]))
        fault = "is listed twice" if at[place] in at[:place] else "is out of order"
        raise ValueError(f"price {levels[place].price} {fault} - at `$.{name}[{place}].price`")
    if 0 in resting:
        raise ValueError(f"a resting level of size 0 - at `$.{name}[{resting.index(0)}].size`")
    return tuple(zip(at, resting, strict=True))


def levels_changed(
    native: str, at_ns: Nanos, entries: list[wire.Change], path: str | None, tokens: Tokens
) -> list[MarketEvent]:
    """Return one ``LevelsChanged`` per market among ``entries``, each in their order.

    Entries of tokens outside the catalogue are checked too and give one ``MarketNoticed`` of
    ``native``.  ``path`` names the list inside the message; ``None``: the message is the entry.
    """
    changes: dict[MarketId, list[LevelChange]] = {}
    unknown = False
    for place, entry in enumerate(entries):
        at = "" if path is None else f".{path}[{place}]"
        price = field(parse_price, entry.price, at + ".price")
        size = field(parse_size, entry.size, at + ".size")
        side = SIDES.get(entry.side)
        if side is None:
            raise ValueError(f"side {entry.side!r} is neither BUY nor SELL - at `${at}.side`")
        bid = stated_price(entry.best_bid, at + ".best_bid")
        ask = stated_price(entry.best_ask, at + ".best_ask")
        found = tokens.get(entry.asset_id)
        if found is None:
            unknown = True
            continue
        market, outcome = found
        change = LevelChange(outcome, side, price, size, entry.hash, bid, ask)
        changes.setdefault(market.id, []).append(change)
    events: list[MarketEvent] = [
        LevelsChanged(market_id, at_ns, tuple(group)) for market_id, group in changes.items()
    ]
    if unknown:
        events.append(MarketNoticed(native, ""))
    return events


def join(events: list[MarketEvent], event: MarketEvent) -> None:
    """Add ``event``; changes of one market and time that follow each other become one event."""
    if events and isinstance(event, LevelsChanged):
        last = events[-1]
        if (
            isinstance(last, LevelsChanged)
            and last.market == event.market
            and last.at_ns == event.at_ns
        ):
            changes = last.changes + event.changes
            events[-1] = LevelsChanged(event.market, event.at_ns, changes)
            return
    events.append(event)
