"""Exact things at exact times: what a scene lists, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import msgspec

from underround.local_venue.catalogue import LocalEvent
from underround.local_venue.faults import ClosedOnly
from underround.local_venue.flow.cast import Cast
from underround.local_venue.flow.house import House
from underround.local_venue.flow.listings import Draft, kalshi_listing, polymarket_listing
from underround.local_venue.flow.prints import take_print
from underround.local_venue.flow.scene import (
    AnyStep,
    CancelStep,
    ClearStep,
    ClosedOnlyStep,
    CloseStep,
    FaultStep,
    FundStep,
    OrderStep,
    PriceStep,
    PrintStep,
    ResolveStep,
    RestartStep,
    RulesStep,
    Scene,
    SceneMarket,
    TicksStep,
    Wins,
)
from underround.local_venue.flow.scene_check import outcome_index
from underround.local_venue.participants import NAMES
from underround.local_venue.world import World
from underround.model.errors import ConfigError
from underround.model.fees import PolymarketFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, POLYMARKET, GroupId, OrderId, OutcomeId, Venue
from underround.model.market import Market, Resolution, uniform_ticks
from underround.model.units import ONE, Nanos, Price
from underround.operations.fields import nearest
from underround.simulation.matching.terms import Submission

Restart: TypeAlias = Callable[[Nanos, int, int], None]
"""``(now, down_ms, post_only_ms)``: restarts Polymarket's matching engine."""
_PAYOUTS: Final[dict[Wins, tuple[Price, Price]]] = {
    "YES": (ONE, 0),
    "NO": (0, ONE),
    "void": (ONE // 2, ONE // 2),
}
_QUOTES: Final = "scene"


class Script:
    """The markets and steps of one scene."""

    def __init__(self, world: World, house: House, scene: Scene, restart: Restart | None) -> None:
        """``restart``: how the servers restart the engine; ``None``: its mode is set, no more."""
        self._world = world
        self._house = house
        self._scene = scene
        self._restart = restart or self._set_modes
        self._cast = Cast(world, house, {account.name for account in scene.accounts})
        self._written = {market.slug: market for market in scene.markets}
        self._markets: dict[str, Market] = {}
        self._named: dict[str, tuple[Venue, OrderId]] = {}

    def begin(self, now: Nanos) -> None:
        """List the markets, give everybody what is theirs, and plan the steps."""
        events = {
            event.slug: self._world.catalogue.add_event(
                event.slug,
                event.title,
                group=GroupId(f"{POLYMARKET}:{event.slug}") if event.neg_risk else None,
                neg_risk=event.neg_risk,
            )
            for event in self._scene.events
        }
        for market in self._scene.markets:
            self._list(market, events, now)
        for account in self._scene.accounts:
            self._cast.settle_in(account, self._markets, self._written)
        for step in self._scene.steps:
            self._world.agenda.plan(now + step.at, partial(self._perform, step))

    def _perform(self, step: AnyStep, now: Nanos) -> None:
        self.perform(step, now)

    def perform(self, step: AnyStep, now: Nanos) -> str:
        """Do one step now; raises ``ConfigError`` for a market or an account nobody knows.

        What the venue refuses (an order, say) is refused, as it would be to anybody: returns its
        reason, and nothing when the step was done.
        """
        deeds: Mapping[type, Callable[..., str | None]] = {
            OrderStep: self._order,
            CancelStep: self._cancel,
            PrintStep: self._print,
            PriceStep: self._price,
            CloseStep: self._close,
            ResolveStep: self._resolve,
            TicksStep: self._ticks,
            RulesStep: self._rules,
            ClosedOnlyStep: self._closed_only,
            FundStep: self._fund,
            RestartStep: self._restarts,
            FaultStep: self._fault,
            ClearStep: self._clear,
        }
        return deeds[type(step)](step, now) or ""

    # --- what is listed ------------------------------------------------------------------------

    def _list(self, written: SceneMarket, events: dict[str, LocalEvent], now: Nanos) -> None:
        event = events.get(written.event or "")
        if event is None:
            event = self._world.catalogue.add_event(written.slug, written.title, tags=written.tags)
        draft = Draft(
            slug=written.slug,
            title=written.title,
            rules=written.rules,
            outcomes=written.outcomes,
            tick=written.tick,
            min_size=int(written.min_size),
            fees=PolymarketFees(int(written.fee_rate)),
            rebate=0,
            delay_ms=written.taker_delay // NANOS_PER_MS,
            group=event.group,
            neg_risk=event.neg_risk,
            opens_ns=now,
            ends_ns=None if written.ends is None else now + written.ends,
            tags=written.tags,
        )
        if written.venue == KALSHI:
            listing, question = (
                kalshi_listing(
                    written.slug, draft, closes_ns=draft.ends_ns, ticks=uniform_ticks(written.tick)
                ),
                "",
            )
        else:
            listing, question = polymarket_listing(draft, event)
        market = self._markets[written.slug] = listing.market
        self._world.list_market(event, listing, now, question)
        account = self._house.account(_QUOTES, market.id.venue)
        shares = sum(size for _, size in (*written.bids, *written.asks))
        self._house.stock(account, market.id, shares)
        for bid, quotes in ((True, written.bids), (False, written.asks)):
            for price, size in quotes:
                self._house.send(market, account, int(price), int(size), now, bid=bid)

    def _market(self, slug: str) -> Market:
        """Return a market of the scene, or any other that is listed under ``slug``."""
        known = self._markets.get(slug)
        if known is None:
            row = self._world.catalogue.of_slug(slug)
            if row is None:
                near = nearest(slug, self._markets)
                raise ConfigError(f"market: there is no market {slug}{near}")
            known = row.listing.market
        return known

    def _outcome(self, slug: str, written: str) -> OutcomeId:
        market = self._market(slug)
        names = SceneMarket(slug=slug, title=slug, outcomes=market.outcomes)
        index = outcome_index(names, written)
        if index is None:
            yes, no = market.outcomes
            raise ConfigError(f"outcome: {slug} has no {written}: use YES ({yes}) or NO ({no})")
        return market.outcome(index)

    # --- orders --------------------------------------------------------------------------------

    def _order(self, step: OrderStep, now: Nanos) -> str:
        outcome = self._outcome(step.market, step.outcome)
        venue = outcome.market.venue
        who = self._cast.actor(step.account, venue)
        sent = self._house.submission(
            outcome,
            who.account,
            int(step.price),
            int(step.size),
            now,
            buying=step.side == "buy",
            tif=step.tif,
            post_only=step.post_only,
        )
        until = None if step.lives is None else now + step.lives
        sent = msgspec.structs.replace(sent, owner=who.login, good_until_ns=until)
        return self._submit(sent, step.name, now)

    def _submit(self, sent: Submission, name: str, now: Nanos) -> str:
        placed = self._house.submit(sent, now)
        if name:
            self._named[name] = (sent.outcome.market.venue, sent.id)
        return placed.reason

    def _cancel(self, step: CancelStep, now: Nanos) -> str:
        if step.name:
            named = self._named.pop(step.name, None)
            if named is None:
                return f"no order is called {step.name}"
            self._house.cancel(named[0], [named[1]], now)
            return ""
        for venue in (POLYMARKET, KALSHI):
            self._house.cancel_all(venue, self._cast.actor(step.account, venue).account, now)
        return ""

    def _print(self, step: PrintStep, now: Nanos) -> None:
        outcome = self._outcome(step.market, step.outcome)
        market = self._market(step.market)
        take_print(
            self._house, market, outcome.index, step.side, int(step.price), int(step.size), now
        )

    def _fund(self, step: FundStep, _now: Nanos) -> None:
        self._cast.fund(step.account, Venue(step.venue), int(step.cash))

    # --- markets -------------------------------------------------------------------------------

    def _price(self, step: PriceStep, now: Nanos) -> str:
        if not step.price:
            return "a price of 0 is none"
        self._world.prices.tell(step.symbol, int(step.price), now)
        return ""

    def _close(self, step: CloseStep, now: Nanos) -> None:
        market = self._market(step.market).id
        if self._world.catalogue.markets[market].resolution is not None:
            return
        exchange = self._world.polymarket if market.venue == POLYMARKET else self._world.kalshi
        exchange.close(market, now)
        self._world.change(market, now, state="closed")

    def _resolve(self, step: ResolveStep, now: Nanos) -> str:
        market = self._market(step.market).id
        if self._world.catalogue.markets[market].resolution is not None:
            return f"{step.market} has ended already"
        self._world.resolve(Resolution(market, now, _PAYOUTS[step.wins], "scene"), now)
        return ""

    def _ticks(self, step: TicksStep, now: Nanos) -> None:
        market = self._market(step.market).id
        if market.venue == KALSHI:
            raise ConfigError("market: Kalshi's grids do not change here: name a Polymarket market")
        self._world.polymarket.change_ticks(market, uniform_ticks(step.tick, now), now)

    def _rules(self, step: RulesStep, now: Nanos) -> None:
        self._world.change(self._market(step.market).id, now, rules=step.text)

    # --- what goes wrong -----------------------------------------------------------------------

    def _closed_only(self, step: ClosedOnlyStep, now: Nanos) -> None:
        owner = self._cast.actor(step.account, POLYMARKET).owner
        if not owner:
            ready = ", ".join(NAMES)
            raise ConfigError(f"account: only a ready-made account can be: use one of {ready}")
        lasts = None if step.lasts is None else max(1, step.lasts // NANOS_PER_MS)
        self._world.faults.set(ClosedOnly(account=owner, for_ms=lasts), now)

    def _restarts(self, step: RestartStep, now: Nanos) -> None:
        self._restart(now, step.down // NANOS_PER_MS, step.post_only // NANOS_PER_MS)

    def _set_modes(self, now: Nanos, down_ms: int, post_only_ms: int) -> None:
        exchange, plan = self._world.polymarket, self._world.agenda.plan
        up = now + down_ms * NANOS_PER_MS
        exchange.mode = "down"
        plan(up, lambda _: setattr(exchange, "mode", "post_only"))
        plan(up + post_only_ms * NANOS_PER_MS, lambda _: setattr(exchange, "mode", "open"))

    def _fault(self, step: FaultStep, now: Nanos) -> None:
        self._world.faults.set(step.set, now)

    def _clear(self, _step: ClearStep, _now: Nanos) -> None:
        self._world.faults.clear()
