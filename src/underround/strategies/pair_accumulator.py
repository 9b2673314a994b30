"""``pair_accumulator``: YES now, NO later, together for less than one dollar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from underround.model.book import Book
from underround.model.events import MarketEvent
from underround.model.ids import MarketId, OutcomeId, PlanId, StrategyId
from underround.model.ledger import Holding
from underround.model.market import EventGroup, Market
from underround.model.orders import (
    CancelIntent,
    Intent,
    LegGroupIntent,
    OrderIntent,
    Purpose,
    Refusal,
    SetIntent,
    TimeInForce,
    Timer,
)
from underround.model.units import ONE, Money, Nanos, Price, Size, ceil_div, decimal_text, usd
from underround.strategies.base import Strategy, StrategyParams, View, strategy
from underround.strategies.parameters import Millis, PriceShare, Shares, Times


class Params(StrategyParams, frozen=True):
    """When a side is bought, how far the sides may drift apart, and how it ends."""

    target: PriceShare = usd("0.98")
    """Average YES plus average NO must stay below this, fees included."""
    open_below: PriceShare = usd("0.49")
    """The first side is bought only at or below this price."""
    trade_size: Shares = usd("10")
    """Shares per purchase."""
    max_delta: Shares = usd("30")
    """Most shares by which one side may be ahead of the other."""
    max_shares: Shares = usd("200")
    """Most shares of one side."""
    liquidity_ratio: Times = 3
    """Shares resting on the other outcome's asks, as a multiple of the trade size."""
    liquidity_band: PriceShare = usd("0.05")
    """How far from the best ask that liquidity may rest."""
    post_only: bool = False
    """Bid as a maker instead of taking the ask."""
    quote_ttl_ms: Millis = 180_000
    """How long a maker's bid rests; Polymarket takes nothing that ends within two minutes."""
    cooldown_ms: Millis = 1_000
    """Pause in a market after a purchase."""
    refused_pause_ms: Millis = 30_000
    """Pause in a market after risk refused something there."""
    ttl_ms: Millis = 2_000
    """How long the intents live."""
    equalize_below: PriceShare = usd("1.00")
    """The lagging side is bought as long as a pair costs less than this: when the sides are so far
    apart that no further trade fits into ``max_delta``, and before the close."""
    equalize_chunk: Shares = usd("5")
    """Shares per equalizing purchase."""
    settlement_buffer_ms: Millis = 120_000
    """Before the close: quotes are cancelled, the unpaired rest is equalized or sold."""


class State(msgspec.Struct):
    """What must survive a restart for the same decisions; holdings are the ledger's."""

    next_ns: list[tuple[MarketId, Nanos]]
    active: list[MarketId]
    plans: int


@strategy("pair_accumulator")
class PairAccumulator(Strategy[Params]):
    """Accumulate YES and NO of one market at different moments, below a target pair cost.

    Buys YES when ask + average NO < target, and the reverse, fees included; a pair pays one dollar
    whatever happens.  The *equalizer* buys the lagging side in chunks while the pair stays below
    ``equalize_below``: when the sides drifted to ``max_delta``, and in the settlement buffer, where
    what cannot be equalized is sold and only pairs are kept.  The buffer is this strategy's own; it
    stops nobody else.
    """

    params_type: ClassVar[type[StrategyParams]] = Params
    loses_when: ClassVar[str] = (
        "the price runs away after the first side was bought: the unpaired shares, at most "
        "max_delta, are then worth less or are sold at a loss before the close"
    )

    def __init__(
        self,
        name: StrategyId,
        params: Params,
        markets: Sequence[Market],
        groups: Sequence[EventGroup],
    ) -> None:
        """Watch every given market."""
        super().__init__(name, params, markets, groups)
        self._sides = {market.id: (market.outcome(0), market.outcome(1)) for market in markets}
        self._next: dict[MarketId, Nanos] = {}
        self._active: dict[MarketId, None] = {}
        """Markets in which something was ever sent: the only ones time alone can matter to."""
        self._plans = 0
        self._closest: tuple[Money, MarketId] | None = None
        self._chunk = {market.id: max(params.equalize_chunk, market.min_size) for market in markets}

    def decide(self, view: View, event: MarketEvent | Timer, now: Nanos) -> Sequence[Intent]:
        """Look at the market that changed; with a timer, at every market held or quoted."""
        market: MarketId | None = getattr(event, "market", None)
        if market is not None:
            return self._look(view, market, now)
        intents: list[Intent] = []
        for market_id in self._active:
            intents += self._upkeep(view, market_id, now)
        return intents

    def _upkeep(self, view: View, market_id: MarketId, now: Nanos) -> Sequence[Intent]:
        """What time alone can make necessary: nothing, unless something is held or quoted."""
        yes, no = self._sides[market_id]
        if view.holding(yes).total or view.holding(no).total or view.open_orders(market_id):
            return self._look(view, market_id, now)
        return ()

    def _look(self, view: View, market_id: MarketId, now: Nanos) -> Sequence[Intent]:
        if market_id not in self._sides:
            return ()
        book = view.book(market_id)
        remaining = view.closes_in_ms(market_id)
        if remaining is not None and remaining <= self.params.settlement_buffer_ms:
            return self._wind_up(view, book, market_id, now) if remaining > 0 else ()
        if book is None:
            return ()
        if now < self._next.get(market_id, 0) or view.open_orders(market_id):
            return ()
        yes, no = self._sides[market_id]
        held = (view.holding(yes), view.holding(no))
        delta = held[0].total - held[1].total
        if abs(delta) + self.params.trade_size > self.params.max_delta:
            equalizing = self._equalize(view, book, market_id, held, now)
            if equalizing:
                return equalizing
        cheaper = 0 if (book.best_ask(0) or ONE) <= (book.best_ask(1) or ONE) else 1
        for index in (cheaper, 1 - cheaper):
            intents = self._accumulate(view, book, market_id, held, index, now)
            if intents:
                return intents
        return ()

    # --- accumulate ----------------------------------------------------------------------------

    def _accumulate(
        self,
        view: View,
        book: Book,
        market_id: MarketId,
        held: tuple[Holding, Holding],
        index: int,
        now: Nanos,
    ) -> Sequence[Intent]:
        params = self.params
        own, other = held[index], held[1 - index]
        ask = book.best_ask(index)
        if ask is None:
            return ()
        average = _average(other)
        if average:
            self._note(ask + average, market_id)
            if ask + average >= params.target:
                return ()
        elif ask > params.open_below:
            return ()
        size = params.trade_size
        ahead = own.total + size - other.total
        if (
            ahead > params.max_delta
            or own.total + size > params.max_shares
            or self._depth(book, 1 - index) < params.liquidity_ratio * size
        ):
            return ()
        market = view.market(market_id)
        if params.post_only:
            return self._bid(view, book, market, index, average, now)
        return self._take(book, market, index, average, now)

    def _take(
        self, book: Book, market: Market, index: int, average: Price, now: Nanos
    ) -> Sequence[Intent]:
        """Take the asks for one trade size if the pair then stays below target, fees included."""
        params, size = self.params, self.params.trade_size
        found = book.buying(index, size, market.fees)
        per_share = (
            ceil_div((found.notional + found.fee) * ONE, size) if found.size == size else ONE
        )
        if found.size < size or per_share + average >= params.target:
            return ()
        if found.notional < market.min_taker_notional:
            return ()
        edge = self._edge(book, index, per_share, average)
        reason = (
            f"{decimal_text(per_share)} a share with fees, the other side averages "
            f"{decimal_text(average)}"
        )
        return (self._buy(market.outcome(index), found.worst, size, "open", edge, reason, now),)

    def _bid(
        self, view: View, book: Book, market: Market, index: int, average: Price, now: Nanos
    ) -> Sequence[Intent]:
        """Bid at the best bid, or one tick above it where the spread has room."""
        bid, ask = book.best_bid(index), book.best_ask(index)
        if bid is None or ask is None:
            return ()
        ticks = view.ticks(market.id)
        better = ticks.ceil(bid + 1) if index == 0 else ONE - ticks.floor(ONE - bid - 1)
        price = better if better < ask else bid
        fee = market.fees.fee(price, self.params.trade_size, taker=False)
        per_share = price + ceil_div(fee * ONE, self.params.trade_size)
        if per_share + average >= self.params.target:
            return ()
        edge = self._edge(book, index, per_share, average)
        reason = f"bid {decimal_text(price)}, the other side averages {decimal_text(average)}"
        return (
            self._buy(
                market.outcome(index),
                price,
                self.params.trade_size,
                "open",
                edge,
                reason,
                now,
                maker=True,
            ),
        )

    def _edge(self, book: Book, index: int, per_share: Price, average: Price) -> Money:
        """Return what one trade is expected to earn when its pair is complete.

        The pair pays one dollar.  While nothing of the other side is held, that side is taken to
        cost what it costs now: then there is no edge, only a hope.
        """
        other = average or book.best_ask(1 - index) or ONE
        return max(0, ONE - per_share - other) * self.params.trade_size // ONE

    def _depth(self, book: Book, index: int) -> Size:
        """Return the shares resting on ``index``'s asks near the best."""
        total = 0
        limit = None
        for price, size in book.asks_of(index):
            if limit is None:
                limit = price + self.params.liquidity_band
            if price > limit:
                break
            total += size
        return total

    # --- equalize and wind up ------------------------------------------------------------------

    def _equalize(
        self,
        view: View,
        book: Book,
        market_id: MarketId,
        held: tuple[Holding, Holding],
        now: Nanos,
    ) -> Sequence[Intent]:
        """Buy a chunk of the lagging side if the pair then costs less than a dollar."""
        delta = held[0].total - held[1].total
        lagging = 1 if delta > 0 else 0
        market = view.market(market_id)
        size = min(abs(delta), self._chunk[market_id])
        size -= size % market.size_step
        if size < market.min_size:
            return ()
        found = book.buying(lagging, size, market.fees)
        if found.size < size or found.notional < market.min_taker_notional:
            return ()
        per_share = ceil_div((found.notional + found.fee) * ONE, size)
        average = _average(held[1 - lagging])
        if per_share + average >= self.params.equalize_below:
            return ()
        edge = (ONE - per_share - average) * size // ONE
        reason = (
            f"equalize {decimal_text(abs(delta))} shares, pair {decimal_text(per_share + average)}"
        )
        return (
            self._buy(market.outcome(lagging), found.worst, size, "equalize", edge, reason, now),
        )

    def _wind_up(
        self, view: View, book: Book | None, market_id: MarketId, now: Nanos
    ) -> Sequence[Intent]:
        """In the settlement buffer: no quotes, equalize or sell what is unpaired, keep pairs."""
        orders = view.open_orders(market_id)
        quotes = [
            CancelIntent(self.name, order.id, "settlement buffer")
            for order in orders
            if order.purpose == "open" and not order.cancel_sent
        ]
        if book is None or orders or now < self._next.get(market_id, 0):
            return quotes
        yes, no = self._sides[market_id]
        held = (view.holding(yes), view.holding(no))
        delta = held[0].total - held[1].total
        if not delta:
            return ()
        return self._equalize(view, book, market_id, held, now) or self._sell(
            view, book, yes if delta > 0 else no, abs(delta), now
        )

    def _sell(
        self, view: View, book: Book, outcome: OutcomeId, excess: Size, now: Nanos
    ) -> Sequence[Intent]:
        market = view.market(outcome.market)
        size = min(excess, view.sellable(outcome))
        size -= size % market.size_step
        if size < market.min_size:
            return ()  # the venue takes no order so small: the rest is kept to the end
        found = book.selling(outcome.index, size, market.fees)
        if not found.size:
            return ()
        self._pause(outcome.market, now)
        return (
            OrderIntent(
                strategy=self.name,
                plan=self._plan(outcome.market),
                outcome=outcome,
                side="sell",
                price=found.worst,
                size=size,
                tif="FAK",
                purpose="reduce",
                expires_ns=now + self.params.ttl_ms * 1_000_000,
                edge=0,
                reason=f"{decimal_text(excess)} shares are unpaired before the close",
            ),
        )

    # --- shared --------------------------------------------------------------------------------

    def _buy(
        self,
        outcome: OutcomeId,
        price: Price,
        size: Size,
        purpose: Purpose,
        edge: Money,
        reason: str,
        now: Nanos,
        *,
        maker: bool = False,
    ) -> OrderIntent:
        self._pause(outcome.market, now)
        self._active[outcome.market] = None
        tif: TimeInForce = "GTD" if maker else "FAK"
        return OrderIntent(
            strategy=self.name,
            plan=self._plan(outcome.market),
            outcome=outcome,
            side="buy",
            price=price,
            size=size,
            tif=tif,
            post_only=maker,
            purpose=purpose,
            expires_ns=now + self.params.ttl_ms * 1_000_000,
            good_until_ns=now + self.params.quote_ttl_ms * 1_000_000 if maker else None,
            edge=edge,
            reason=reason,
        )

    def _plan(self, market: MarketId) -> PlanId:
        self._plans += 1
        return PlanId(f"{self.name}:{market.native}:{self._plans}")

    def _pause(self, market: MarketId, now: Nanos) -> None:
        self._next[market] = now + self.params.cooldown_ms * 1_000_000

    def _note(self, cost: Money, market: MarketId) -> None:
        if self._closest is None or cost < self._closest[0]:
            self._closest = (cost, market)

    def save(self) -> bytes:
        """Return pauses, the markets dealt in, and the number of plans made."""
        state = State(list(self._next.items()), list(self._active), self._plans)
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Take back what ``save`` returned."""
        state = msgspec.msgpack.decode(data, type=State)
        self._next, self._plans = dict(state.next_ns), state.plans
        self._active = dict.fromkeys(state.active)

    def on_refusal(
        self, refusal: Refusal, intent: OrderIntent | SetIntent | LegGroupIntent
    ) -> None:
        """Leave a market alone for a while after risk refused something there."""
        if isinstance(intent, OrderIntent):
            market = intent.outcome.market
            self._next[market] = refusal.at_ns + self.params.refused_pause_ms * 1_000_000

    def why_idle(self) -> str:
        """Say how cheap a pair ever was."""
        if not self._sides:
            return "there is no market to trade"
        if self._closest is None:
            return (
                f"no first side was ever offered at {decimal_text(self.params.open_below)} or "
                f"less with enough liquidity on the other side"
            )
        cost, market = self._closest
        return (
            f"the cheapest pair seen was {decimal_text(cost)} before fees, in "
            f"{self.markets[market].title}; pairs are bought below "
            f"{decimal_text(self.params.target)}"
        )


def _average(held: Holding) -> Price:
    """Return the average cost per share, fees included, rounded up; 0 if nothing is held."""
    return ceil_div(held.cost * ONE, held.total) if held.total else 0
