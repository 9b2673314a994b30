"""``dutch_book``: every outcome of an exhaustive event group for less than it must pay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import msgspec

from underround.model.book import Book
from underround.model.events import MarketEvent
from underround.model.ids import GroupId, MarketId, PlanId, StrategyId
from underround.model.market import EventGroup, Market
from underround.model.orders import Intent, LegGroupIntent, OrderIntent, SetIntent, Timer
from underround.model.units import ONE, Money, Nanos, Size, decimal_text, usd
from underround.strategies.base import Strategy, StrategyParams, View, strategy
from underround.strategies.ladder import Ladder, best_size
from underround.strategies.parameters import Dollars, Millis, PriceShare, Shares

_MINT_NS: Final[Nanos] = 60_000_000_000
"""Longest wait for a mint before its sales are off."""


class Params(StrategyParams, frozen=True):
    """When to act, how large, and how to get out."""

    min_profit: PriceShare = usd("0.02")
    """Profit per set after fees, below which nothing is done."""
    slippage: PriceShare = usd("0.005")
    """Margin per set on top, for prices that move while the orders travel."""
    max_sets: Shares = usd("100")
    """Largest number of sets in one plan."""
    max_notional: Dollars = usd("50")
    """Most money in one plan."""
    outcome_cap: Shares = usd("200")
    """Most shares of one outcome held from own fills."""
    max_age_ms: Millis = 10_000
    """Oldest book of a group that is still acted on."""
    ttl_ms: Millis = 2_000
    """How long the intents live."""
    cooldown_ms: Millis = 5_000
    """Pause in a group after a plan."""
    max_unwind_loss: PriceShare = usd("0.03")
    """What selling a filled leg back may lose per share if another leg fails."""


class _Closest(msgspec.Struct):
    """The best gap between what a set costs and what it pays that was ever seen."""

    gap: Money
    what: str
    at_ns: Nanos


class State(msgspec.Struct):
    """What must survive a restart for the same decisions."""

    next_ns: list[tuple[GroupId, Nanos]]
    plans: int


@strategy("dutch_book")
class DutchBook(Strategy[Params]):
    """Buy every outcome of an exhaustive event group when the asks sum to less than one.

    Three directions, one arithmetic: buy YES of every market (pays 1); mint sets and sell YES of
    every market when the bids sum to more than one (neg-risk groups); or, where sets cannot be
    minted, buy NO of every market (pays n − 1).  Size is depth-walked: level by level as long as
    the marginal set still earns ``min_profit + slippage`` after fees.

    Only groups of two or more markets that are *proven* exhaustive are looked at.  YES and NO of
    one mirrored market always cost one dollar plus the spread: there it can never act.
    """

    params_type: ClassVar[type[StrategyParams]] = Params
    loses_when: ClassVar[str] = (
        "a leg fills and another does not (bounded by max_unwind_loss per share), or the group "
        "was not exhaustive after all"
    )

    def __init__(
        self,
        name: StrategyId,
        params: Params,
        markets: Sequence[Market],
        groups: Sequence[EventGroup],
    ) -> None:
        """Watch the groups among the given markets."""
        super().__init__(name, params, markets, groups)
        self._of: dict[MarketId, list[EventGroup]] = {}
        for group in groups:
            if group.exhaustive and len(group.markets) > 1:
                for market in group.markets:
                    self._of.setdefault(market, []).append(group)
        self._next: dict[GroupId, Nanos] = {}
        self._plans = 0
        self._closest: _Closest | None = None
        self._blocked = 0
        self._blocked_why = ""
        self._closest_pair: tuple[Money, MarketId] | None = None

    def decide(self, view: View, event: MarketEvent | Timer, now: Nanos) -> Sequence[Intent]:
        """Look at the groups of the market that changed."""
        market: MarketId | None = getattr(event, "market", None)
        if market is None:
            return ()
        groups = self._of.get(market)
        if groups is None:
            self._note_pair(view, market)
            return ()
        intents: list[Intent] = []
        for group in groups:
            if now >= self._next.get(group.id, 0):
                intents += self._look(view, group, now)
        return intents

    def _look(self, view: View, group: EventGroup, now: Nanos) -> Sequence[Intent]:
        books: list[tuple[Market, Book]] = []
        for market_id in group.markets:
            book = view.book(market_id)
            if book is None or view.book_age_ms(market_id) > self.params.max_age_ms:
                return ()
            if view.open_orders(market_id):
                return ()
            books.append((view.market(market_id), book))
        return self._buy_all(view, group, books, 0, now) or self._other_side(
            view, group, books, now
        )

    def _buy_all(
        self,
        view: View,
        group: EventGroup,
        books: list[tuple[Market, Book]],
        outcome: int,
        now: Nanos,
    ) -> Sequence[Intent]:
        """Buy ``outcome`` of every market: YES pays one dollar a set, NO pays n − 1."""
        pays = ONE if outcome == 0 else (len(books) - 1) * ONE
        asks = [book.best_ask(outcome) for _, book in books]
        cost = sum(ask for ask in asks if ask is not None)
        if None in asks:
            return ()
        label = "YES" if outcome == 0 else "NO"
        self._note(pays - cost, f"{label} asks of {group.title} sum to {decimal_text(cost)}", now)
        threshold = self.params.min_profit + self.params.slippage
        if pays - cost < threshold:
            return ()
        ladders = [Ladder(list(book.asks_of(outcome)), market.fees, 1) for market, book in books]
        cap = min(
            self.params.max_sets,
            *(
                self.params.outcome_cap - view.holding(market.outcome(outcome)).total
                for market, _ in books
            ),
        )
        found = best_size(ladders, pays, threshold, cap, self.params.max_notional)
        size = _tradable(found.size, [market for market, _ in books])
        if not size:
            why = "after fees and at the depth offered no set earns the margin"
            if found.size:
                why = f"only {decimal_text(found.size)} sets would, fewer than an order may have"
            self._block(group, why)
            return ()
        if any(
            market.min_taker_notional * ONE > price * size
            for (market, _), price in zip(books, found.limits, strict=True)
        ):
            self._block(
                group,
                f"{decimal_text(size)} shares of the cheapest leg are worth less than the "
                "smallest order the venue takes",
            )
            return ()
        edge = found.profit * size // found.size
        plan = self._plan(group, now)
        legs = tuple(
            OrderIntent(
                strategy=self.name,
                plan=plan,
                outcome=market.outcome(outcome),
                side="buy",
                price=price,
                size=size,
                tif="FOK",
                purpose="open",
                expires_ns=now + self.params.ttl_ms * 1_000_000,
                edge=edge // len(books),
                reason=f"leg of {plan}",
            )
            for (market, _), price in zip(books, found.limits, strict=True)
        )
        return (self._group(plan, legs, edge, f"{label} asks sum to {decimal_text(cost)}"),)

    def _other_side(
        self, view: View, group: EventGroup, books: list[tuple[Market, Book]], now: Nanos
    ) -> Sequence[Intent]:
        """Act on bids that sum to more than one."""
        if not group.neg_risk:
            return self._buy_all(view, group, books, 1, now)
        bids = [book.best_bid(0) for _, book in books]
        income = sum(bid for bid in bids if bid is not None)
        if None in bids:
            return ()
        self._note(income - ONE, f"YES bids of {group.title} sum to {decimal_text(income)}", now)
        threshold = self.params.min_profit + self.params.slippage
        if income - ONE < threshold:
            return ()
        ladders = [Ladder(list(book.bids_of(0)), market.fees, -1) for market, book in books]
        cap = min(
            self.params.max_sets,
            self.params.max_notional,
            *(
                self.params.outcome_cap - view.holding(market.outcome(0)).total
                for market, _ in books
            ),
        )
        found = best_size(ladders, -ONE, threshold, cap, None)
        size = _tradable(found.size, [market for market, _ in books])
        if not size:
            return ()
        edge = found.profit * size // found.size
        plan = self._plan(group, now)
        expires = now + self.params.ttl_ms * 1_000_000
        # The mint takes seconds on chain and the sales wait for it; until they are over the same
        # bids must not be minted for again.
        sales_expire = expires + _MINT_NS
        self._next[group.id] = sales_expire
        mint = SetIntent(
            strategy=self.name,
            plan=plan,
            action="mint",
            market=None,
            group=group.id,
            size=size,
            purpose="open",
            expires_ns=expires,
            edge=0,
            reason=f"sets to sell for {plan}",
        )
        sales = tuple(
            OrderIntent(
                strategy=self.name,
                plan=plan,
                outcome=market.outcome(0),
                side="sell",
                price=price,
                size=size,
                tif="FOK",
                purpose="reduce",
                expires_ns=sales_expire,
                edge=edge // len(books),
                reason=f"leg of {plan}",
            )
            for (market, _), price in zip(books, found.limits, strict=True)
        )
        reason = f"YES bids sum to {decimal_text(income)}"
        return (self._group(plan, (mint, *sales), edge, reason),)

    def _plan(self, group: EventGroup, now: Nanos) -> PlanId:
        self._plans += 1
        self._next[group.id] = now + self.params.cooldown_ms * 1_000_000
        return PlanId(f"{self.name}:{group.id}:{self._plans}")

    def _group(
        self, plan: PlanId, legs: tuple[OrderIntent | SetIntent, ...], edge: Money, reason: str
    ) -> LegGroupIntent:
        return LegGroupIntent(
            strategy=self.name,
            plan=plan,
            policy="all_or_none",
            legs=legs,
            max_unwind_loss=self.params.max_unwind_loss,
            edge=edge,
            reason=reason,
        )

    def save(self) -> bytes:
        """Return pauses and the number of plans made."""
        return msgspec.msgpack.encode(State(list(self._next.items()), self._plans))

    def restore(self, data: bytes) -> None:
        """Take back what ``save`` returned."""
        state = msgspec.msgpack.decode(data, type=State)
        self._next, self._plans = dict(state.next_ns), state.plans

    # --- why nothing happened ------------------------------------------------------------------

    def _note(self, gap: Money, what: str, now: Nanos) -> None:
        if self._closest is None or gap > self._closest.gap:
            self._closest = _Closest(gap, what, now)

    def _block(self, group: EventGroup, why: str) -> None:
        self._blocked += 1
        self._blocked_why = f"{group.title}: {why}"

    def _note_pair(self, view: View, market: MarketId) -> None:
        book = view.book(market)
        if book is None or not 0 < book.bid < book.ask < book.top:
            return
        cost = ONE + (book.ask - book.bid) * book.step
        if self._closest_pair is None or cost < self._closest_pair[0]:
            self._closest_pair = (cost, market)

    def why_idle(self) -> str:
        """Say how near it came, and why a mirrored market can never qualify."""
        if not self.markets:
            return "there is no market to trade"
        parts = []
        threshold = decimal_text(self.params.min_profit + self.params.slippage)
        if self._closest is not None:
            parts.append(
                f"the closest a group came: {self._closest.what}, a gap of "
                f"{decimal_text(self._closest.gap)} before fees; {threshold} are asked for"
            )
            if self._blocked:
                parts.append(
                    f"wide enough gaps were left alone {self._blocked} times, the last: "
                    f"{self._blocked_why}"
                )
        elif not self._of:
            parts.append("there is no event group of two or more markets proven exhaustive")
        if self._closest_pair is not None:
            cost, market = self._closest_pair
            title = self.markets[market].title
            parts.append(
                f"YES and NO of one market are one mirrored book and cost one dollar plus the "
                f"spread: at best {decimal_text(cost)} in {title}"
            )
        return "; ".join(parts)


def _tradable(size: Size, markets: list[Market]) -> Size:
    """Return ``size`` on every market's step, or 0 below any market's minimum."""
    for market in markets:
        size -= size % market.size_step
    return size if size > 0 and all(size >= market.min_size for market in markets) else 0
