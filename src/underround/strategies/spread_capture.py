"""``spread_capture``: post-only quotes on both sides of a fair value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from underround.model.book import Book, Side
from underround.model.events import MarketEvent
from underround.model.ids import MarketId, OutcomeId, PlanId, StrategyId
from underround.model.market import EventGroup, Market, TickEpoch
from underround.model.orders import (
    CancelIntent,
    Intent,
    LegGroupIntent,
    Order,
    OrderIntent,
    Refusal,
    SetIntent,
    Timer,
)
from underround.model.units import ONE, Nanos, Price, Size, decimal_text, usd
from underround.strategies.base import Strategy, StrategyParams, View, strategy
from underround.strategies.parameters import Millis, PriceShare, Shares, Times


class Params(StrategyParams, frozen=True):
    """Where to quote, how much, how often, and how inventory leans on it."""

    half_spread: PriceShare = usd("0.01")
    """Distance of each quote from fair value."""
    min_market_spread: PriceShare = usd("0.01")
    """Quotes only where the market's own spread is at least this."""
    max_market_spread: PriceShare = usd("0.10")
    """A wider market has no fair value worth believing."""
    size: Shares = usd("20")
    """Shares per quote."""
    max_inventory: Shares = usd("100")
    """Net YES minus NO, beyond which the side that adds to it is not quoted."""
    skew: PriceShare = usd("0.02")
    """How far full inventory moves both quotes against itself."""
    requote_ticks: Times = 2
    """A resting quote is left alone until the wanted price is this many ticks away."""
    requote_ms: Millis = 1_000
    """Least time between changes of quotes in one market."""
    quote_ttl_ms: Millis = 600_000
    """How long a quote rests at most."""
    lowest: PriceShare = usd("0.05")
    """No quotes when fair value is below this or above one minus this."""
    stop_before_close_ms: Millis = 300_000
    """Quotes are withdrawn this long before the close."""
    merge_at: Shares = usd("50")
    """Pairs of YES and NO are merged back into dollars from this many on."""
    refused_pause_ms: Millis = 30_000
    """No new quotes in a market for this long after risk refused one there."""
    ttl_ms: Millis = 2_000
    """How long the intents live."""


class State(msgspec.Struct):
    """What must survive a restart for the same decisions; quotes are the executor's."""

    next_ns: list[tuple[MarketId, Nanos]]
    refused_until_ns: list[tuple[MarketId, Nanos]]
    quoted: list[MarketId]
    plans: int


class Quote(msgspec.Struct, frozen=True):
    """A quote that should rest."""

    outcome: OutcomeId
    side: Side
    price: Price
    size: Size


@strategy("spread_capture")
class SpreadCapture(Strategy[Params]):
    """Quote both sides of fair value, post-only, and earn the spread.

    Fair value is the size-weighted middle of the best prices.  The bid buys YES; the ask sells
    YES that is owned and free, else it buys NO, which is the same quote on a mirrored book.
    Quotes move only when the wanted price is ``requote_ticks`` away or the size changed, at most
    once per ``requote_ms`` and market: queue position is worth more than a tick of noise.  A
    replacement is sent after its predecessor's cancellation is confirmed, never before.
    """

    params_type: ClassVar[type[StrategyParams]] = Params
    loses_when: ClassVar[str] = (
        "informed flow takes the quotes just before the price moves, or inventory is still held "
        "when the market resolves against it"
    )

    def __init__(
        self,
        name: StrategyId,
        params: Params,
        markets: Sequence[Market],
        groups: Sequence[EventGroup],
    ) -> None:
        """Quote every given market."""
        super().__init__(name, params, markets, groups)
        self._sides = {market.id: (market.outcome(0), market.outcome(1)) for market in markets}
        self._next: dict[MarketId, Nanos] = {}
        self._quoted: dict[MarketId, None] = {}
        self._plans = 0
        self._refused_until: dict[MarketId, Nanos] = {}
        self._too_tight = 0
        self._too_wide = 0
        self._looked = 0

    def decide(self, view: View, event: MarketEvent | Timer, now: Nanos) -> Sequence[Intent]:
        """Requote the market that changed; with a timer, those where quotes rest."""
        market: MarketId | None = getattr(event, "market", None)
        if market is not None:
            if now < self._next.get(market, 0) or market not in self._sides:
                return ()
            return self._requote(view, market, now)
        intents: list[Intent] = []
        for market_id in list(self._quoted):
            if not view.open_orders(market_id):
                del self._quoted[market_id]  # only what rests can need withdrawing
            elif now >= self._next.get(market_id, 0):
                intents += self._requote(view, market_id, now)
        return intents

    def _requote(self, view: View, market_id: MarketId, now: Nanos) -> Sequence[Intent]:
        book = view.book(market_id)
        resting = view.open_orders(market_id)
        wanted = () if book is None else self._wanted(view, book, market_id)
        if not resting and not wanted:
            return self._merge(view, market_id, now) if book is not None else ()
        actions = self._difference(view, market_id, wanted, resting, now)
        if actions:
            self._quoted[market_id] = None
            self._next[market_id] = now + self.params.requote_ms * 1_000_000
        return actions

    # --- what should rest ----------------------------------------------------------------------

    def _wanted(self, view: View, book: Book, market_id: MarketId) -> Sequence[Quote]:
        params = self.params
        remaining = view.closes_in_ms(market_id)
        if remaining is not None and remaining <= params.stop_before_close_ms:
            return ()
        bid, ask = book.best_bid(0), book.best_ask(0)
        if bid is None or ask is None:
            return ()
        self._looked += 1
        if ask - bid < params.min_market_spread:
            self._too_tight += 1
            return ()
        if ask - bid > params.max_market_spread:
            self._too_wide += 1
            return ()
        bid_size, ask_size = book.size(0, "buy", bid), book.size(0, "sell", ask)
        fair = (bid * ask_size + ask * bid_size) // (bid_size + ask_size)
        if not params.lowest <= fair <= ONE - params.lowest:
            return ()
        yes, no = self._sides[market_id]
        net = view.holding(yes).total - view.holding(no).total
        lean = params.skew * max(-params.max_inventory, min(params.max_inventory, net))
        fair -= lean // params.max_inventory
        ticks = view.ticks(market_id)
        quotes = []
        if net + params.size <= params.max_inventory:
            price = min(ticks.floor(max(fair - params.half_spread, 0)), _below(ticks, ask))
            if price > 0:
                quotes.append(Quote(yes, "buy", price, params.size))
        if net - params.size >= -params.max_inventory:
            price = max(ticks.ceil(min(fair + params.half_spread, ONE)), _above(ticks, bid))
            if price < ONE:
                quotes.append(self._offer(view, yes, no, price))
        return quotes

    def _offer(self, view: View, yes: OutcomeId, no: OutcomeId, price: Price) -> Quote:
        """Sell YES if enough is owned (or already offered by us), else buy NO at the mirror."""
        offered = sum(
            order.remaining
            for order in view.open_orders(yes.market)
            if order.side == "sell" and order.outcome == yes
        )
        if view.sellable(yes) + offered >= self.params.size:
            return Quote(yes, "sell", price, self.params.size)
        return Quote(no, "buy", ONE - price, self.params.size)

    # --- wanted against resting ----------------------------------------------------------------

    def _difference(
        self,
        view: View,
        market_id: MarketId,
        wanted: Sequence[Quote],
        resting: Sequence[Order],
        now: Nanos,
    ) -> Sequence[Intent]:
        """Cancel what is too far from any wanted quote; place what is missing and not in the way.

        A side whose predecessor is still being cancelled waits.
        """
        unmet = list(wanted)
        intents: list[Intent] = []
        busy: set[tuple[int, Side]] = set()
        for order in resting:
            match = next((quote for quote in unmet if self._close(view, order, quote)), None)
            if match is not None and not order.cancel_sent:
                unmet.remove(match)
                continue
            busy.add(_book_side(order.outcome, order.side))
            if not order.cancel_sent:
                intents.append(CancelIntent(self.name, order.id, "requote"))
        if now < self._refused_until.get(market_id, 0):
            return intents
        market = view.market(market_id)
        intents += (
            self._place(market, quote, now)
            for quote in unmet
            if _book_side(quote.outcome, quote.side) not in busy
        )
        return intents

    def _close(self, view: View, order: Order, quote: Quote) -> bool:
        if order.outcome != quote.outcome or order.side != quote.side:
            return False
        price = quote.price if quote.outcome.index == 0 else ONE - quote.price
        step = view.ticks(order.outcome.market).step_at(price)
        near = abs(order.price - quote.price) < self.params.requote_ticks * step
        return near and order.size == quote.size and not order.filled

    def _place(self, market: Market, quote: Quote, now: Nanos) -> OrderIntent:
        self._plans += 1
        label = market.label(quote.outcome.index)
        return OrderIntent(
            strategy=self.name,
            plan=PlanId(f"{self.name}:{market.id.native}:{self._plans}"),
            outcome=quote.outcome,
            side=quote.side,
            price=quote.price,
            size=quote.size,
            tif="GTD",
            post_only=True,
            purpose="reduce" if quote.side == "sell" else "open",
            expires_ns=now + self.params.ttl_ms * 1_000_000,
            good_until_ns=now + self.params.quote_ttl_ms * 1_000_000,
            edge=self.params.half_spread * quote.size // ONE,
            reason=f"quote {label} {quote.side} at {decimal_text(quote.price)}",
        )

    def _merge(self, view: View, market_id: MarketId, now: Nanos) -> Sequence[Intent]:
        yes, no = self._sides[market_id]
        pairs = min(view.sellable(yes), view.sellable(no))
        market = view.market(market_id)
        pairs -= pairs % market.size_step
        if pairs < self.params.merge_at:
            return ()
        self._plans += 1
        return (
            SetIntent(
                strategy=self.name,
                plan=PlanId(f"{self.name}:{market_id.native}:{self._plans}"),
                action="merge",
                market=market_id,
                group=None,
                size=pairs,
                purpose="reduce",
                expires_ns=now + self.params.ttl_ms * 1_000_000,
                edge=0,
                reason=f"{decimal_text(pairs)} pairs are worth a dollar each now",
            ),
        )

    def save(self) -> bytes:
        """Return pauses, the markets quoted, and the number of plans made."""
        state = State(
            list(self._next.items()),
            list(self._refused_until.items()),
            list(self._quoted),
            self._plans,
        )
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> None:
        """Take back what ``save`` returned."""
        state = msgspec.msgpack.decode(data, type=State)
        self._next, self._plans = dict(state.next_ns), state.plans
        self._refused_until = dict(state.refused_until_ns)
        self._quoted = dict.fromkeys(state.quoted)

    def on_refusal(
        self, refusal: Refusal, intent: OrderIntent | SetIntent | LegGroupIntent
    ) -> None:
        """Leave a market alone for a while after risk refused a quote there."""
        if isinstance(intent, OrderIntent):
            market = intent.outcome.market
            self._refused_until[market] = refusal.at_ns + self.params.refused_pause_ms * 1_000_000

    def why_idle(self) -> str:
        """Say how often there was nothing worth quoting."""
        if not self._sides:
            return "there is no market to trade"
        if not self._looked:
            return "no market had a trusted two-sided book"
        return (
            f"of {self._looked:,} looks at a trusted book, the market was tighter than "
            f"{decimal_text(self.params.min_market_spread)} in {self._too_tight:,} and wider than "
            f"{decimal_text(self.params.max_market_spread)} in {self._too_wide:,}"
        )


def _book_side(outcome: OutcomeId, side: Side) -> tuple[int, Side]:
    """Return the side of the one mirrored book, in YES terms: a NO buy is a YES offer."""
    if outcome.index == 0:
        return 0, side
    return 0, "sell" if side == "buy" else "buy"


def _below(ticks: TickEpoch, price: Price) -> Price:
    """Return the highest grid price below ``price``."""
    return ticks.floor(price - 1)


def _above(ticks: TickEpoch, price: Price) -> Price:
    """Return the lowest grid price above ``price``."""
    return ticks.ceil(price + 1)
