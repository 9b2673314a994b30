"""What a market is worth just now, what rests in its book and what was traded: indicative."""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeAlias

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.polymarket.gamma import text
from underround.local_venue.polymarket.gamma.figures import DAY_S, HOUR_S, MONTH_S, Figures
from underround.local_venue.world import World
from underround.model.ids import YES
from underround.model.units import ONE, Money, Nanos, Price, decimal_text

Row: TypeAlias = dict[str, Any]
_WEEK_S: Final = 7 * DAY_S
_SHOWN_DECIMALS: Final = 100
"""Prices of outcomes are written with four decimals."""
_CHANGES: Final = (
    ("oneDayPriceChange", DAY_S),
    ("oneHourPriceChange", HOUR_S),
    ("oneWeekPriceChange", _WEEK_S),
    ("oneMonthPriceChange", MONTH_S),
)


class Quotes(Protocol):
    """What the public sees of the books (``published.PublishedBooks``)."""

    def best(self, token: str) -> tuple[Price | None, Price | None]:
        """Return the best bid and ask of a token."""


class Measures:
    """Measures the markets of a world."""

    def __init__(self, world: World, quotes: Quotes, figures: Figures) -> None:
        """``quotes`` gives best bid and ask, ``figures`` volumes and last prices."""
        self._world = world
        self._quotes = quotes
        self._figures = figures

    def volume(self, row: LocalMarket) -> Money:
        """Return what was traded in a market: the listed figure, and what was traded here."""
        return (row.listing.volume or 0) + self._figures.of(row.listing.market.id).volume

    def volume_24h(self, row: LocalMarket, now: Nanos) -> Money:
        """Return what was traded within a day."""
        figures = self._figures.of(row.listing.market.id)
        return (row.listing.volume_24h or 0) + figures.volume_since(DAY_S, now)

    def liquidity(self, row: LocalMarket) -> Money:
        """Return the dollars that rest in a market's book."""
        if row.listing.state in {"closed", "resolved"}:
            return 0
        bids, asks = self._world.polymarket.levels(row.listing.market.id)
        paid = sum(level.price * level.size for level in bids)
        return (paid + sum((ONE - level.price) * level.size for level in asks)) // ONE

    def finest_tick(self, row: LocalMarket) -> Price:
        """Return the price step of now."""
        market = row.listing.market
        live = row.listing.state not in {"closed", "resolved"}
        ticks = self._world.polymarket.ticks(market.id) if live else market.ticks[-1]
        return ticks.finest

    def volumes(self, row: LocalMarket, now: Nanos) -> Row:
        """Return the fields of volume and liquidity."""
        figures, before = self._figures.of(row.listing.market.id), row.listing.volume or 0
        total = text.number(self.volume(row))
        within = {
            "volume24hr": self.volume_24h(row, now),
            "volume1wk": before + figures.volume_since(_WEEK_S, now),
            "volume1mo": before + figures.volume_since(MONTH_S, now),
            "volume1yr": self.volume(row),
        }
        told: Row = {"volumeNum": total, "liquidityNum": text.number(self.liquidity(row))}
        told |= {name: text.number(money) for name, money in within.items()}
        told |= {f"{name}Clob": text.number(money) for name, money in within.items()}
        return told | {"volumeClob": total, "liquidityClob": told["liquidityNum"]}

    def prices(self, row: LocalMarket, now: Nanos) -> Row:
        """Return the fields of present and past prices."""
        figures = self._figures.of(row.listing.market.id)
        bid, ask = self._best(row)
        told: Row = {"spread": text.number((ONE if ask is None else ask) - (bid or 0))}
        for name, seconds in _CHANGES:
            change = figures.change(seconds, now)
            if change is not None:
                told[name] = text.number(change)
        named = {"lastTradePrice": figures.last, "bestBid": bid, "bestAsk": ask}
        return told | {name: text.number(at) for name, at in named.items() if at is not None}

    def _best(self, row: LocalMarket) -> tuple[Price | None, Price | None]:
        if row.listing.state in {"closed", "resolved"}:
            return None, None
        return self._quotes.best(row.listing.market.tokens[YES])

    def price(self, row: LocalMarket) -> Price:
        """Return what YES is worth: its payout, else the middle, else the last price, else half."""
        if row.resolution is not None:
            return row.resolution.payouts[YES]
        bid, ask = self._best(row)
        if bid is not None and ask is not None:
            return (bid + ask) // 2
        last = self._figures.of(row.listing.market.id).last
        return ONE // 2 if last is None else last

    def outcome_prices(self, row: LocalMarket) -> str:
        """Return ``outcomePrices``."""
        first = self.price(row)
        first -= first % _SHOWN_DECIMALS
        return text.text_list((decimal_text(first), decimal_text(ONE - first)))
