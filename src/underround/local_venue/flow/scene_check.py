"""What a scene says that is well written and still wrong: names nobody has, prices off the grid."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from underround.local_venue.flow.scene import (
    AnyStep,
    CancelStep,
    ClosedOnlyStep,
    FundStep,
    OrderStep,
    PrintStep,
    Scene,
    SceneMarket,
    SceneShares,
    TicksStep,
)
from underround.local_venue.participants import NAMES
from underround.model.ids import NO, YES
from underround.model.market import uniform_ticks
from underround.model.units import Price, decimal_text
from underround.operations.fields import nearest
from underround.venues.ethereum import address_bytes

_STEP: Final = 10_000
Trouble = tuple[str, str]
"""Where, and what is wrong there and the remedy."""


def outcome_index(market: SceneMarket, written: str) -> int | None:
    """Return which outcome a text means: YES, NO or the market's own word for it."""
    for index, names in ((YES, ("yes", market.outcomes[YES])), (NO, ("no", market.outcomes[NO]))):
        if written.lower() in (each.lower() for each in names):
            return index
    return None


def check(scene: Scene) -> Iterator[Trouble]:
    """Yield everything that is wrong, in the order in which it is written."""
    markets = {market.slug: market for market in scene.markets}
    accounts = {account.name for account in scene.accounts}
    yield from _doubles(scene)
    yield from _lonely_groups(scene)
    if scene.starts is not None and scene.starts.tzinfo is None:
        yield "starts", "it has no time zone: write it like 2026-11-20T12:00:00Z"
    for number, account in enumerate(scene.accounts):
        for place, held in enumerate(account.shares):
            yield from _share(f"accounts[{number}].shares[{place}]", held, account.venue, markets)
    events = {event.slug for event in scene.events}
    for number, market in enumerate(scene.markets):
        yield from _market(f"markets[{number}]", market, events)
    names: set[str] = set()
    for number, step in enumerate(scene.steps):
        yield from _step(f"steps[{number}]", step, markets, accounts, names)


def _doubles(scene: Scene) -> Iterator[Trouble]:
    kinds: dict[str, list[object]] = {
        "accounts": [(each.name, each.venue) for each in scene.accounts],
        "events": [each.slug for each in scene.events],
        "markets": [each.slug for each in scene.markets],
    }
    for kind, names in kinds.items():
        for number, name in enumerate(names):
            if name in names[:number]:
                what = name[0] if isinstance(name, tuple) else name
                yield f"{kind}[{number}]", f"{what} is there already: give it another name"


def _lonely_groups(scene: Scene) -> Iterator[Trouble]:
    for number, event in enumerate(scene.events):
        members = sum(market.event == event.slug for market in scene.markets)
        least = 2 if event.neg_risk else 1
        if members < least:
            need = "at least two markets" if event.neg_risk else "a market"
            yield f"events[{number}]", f"{event.slug} needs {need}: add markets that name it"


def _market(where: str, market: SceneMarket, events: Collection[str]) -> Iterator[Trouble]:
    if market.event is not None and market.event not in events:
        yield f"{where}.event", f"there is no event {market.event}{nearest(market.event, events)}"
    if market.outcomes[0].lower() == market.outcomes[1].lower():
        yield f"{where}.outcomes", "both have the same name: give each its own"
    for name, quotes in (("bids", market.bids), ("asks", market.asks)):
        for place, (price, size) in enumerate(quotes):
            spot = f"{where}.{name}[{place}]"
            yield from _price(spot, price, market)
            yield from _size(spot, size, market)
    if market.bids and market.asks:
        bid, ask = max(price for price, _ in market.bids), min(price for price, _ in market.asks)
        if bid >= ask:
            yield (
                f"{where}.asks",
                f"the bid {decimal_text(bid)} meets the ask {decimal_text(ask)}: move them apart",
            )


def _share(
    where: str, held: SceneShares, venue: str, markets: dict[str, SceneMarket]
) -> Iterator[Trouble]:
    yield from _outcome(where, held.market, held.outcome, markets)
    if venue == "kalshi":
        yield where, "Kalshi's positions come from trades only: let the account send an order"
    elif held.market in markets and markets[held.market].venue != venue:
        yield where, f"{held.market} is a market of another venue: name one of {venue}"


def _step(
    where: str,
    step: AnyStep,
    markets: dict[str, SceneMarket],
    accounts: Collection[str],
    names: set[str],
) -> Iterator[Trouble]:
    slug = getattr(step, "market", None)
    if slug is not None and slug not in markets:
        yield f"{where}.market", f"there is no market {slug}{nearest(slug, markets)}"
        return
    yield from _who(f"{where}.account", step, (*accounts, *NAMES))
    if isinstance(step, OrderStep | PrintStep):
        yield from _outcome(where, step.market, step.outcome, markets)
        if not step.size:
            yield f"{where}.size", 'an order of nothing: write a size above 0, like "10"'
    if isinstance(step, OrderStep):
        names.add(step.name)
    elif isinstance(step, CancelStep) and step.name and step.name not in names:
        known = tuple(name for name in names if name)
        yield f"{where}.name", f"no order before is called {step.name}{nearest(step.name, known)}"
    elif isinstance(step, TicksStep) and markets[step.market].venue == "kalshi":
        yield f"{where}.market", "Kalshi's grids do not change here: name a Polymarket market"


def _who(where: str, step: AnyStep, known: Collection[str]) -> Iterator[Trouble]:
    account = getattr(step, "account", "")
    if isinstance(step, FundStep) and step.venue == "polymarket" and account.startswith("0x"):
        try:
            address_bytes(account)
        except ValueError as error:
            yield where, f"{error}: write 0x and 40 hex digits"
    elif account and account not in known:
        yield where, f"there is no account {account}{nearest(account, known)}"
    elif isinstance(step, ClosedOnlyStep) and account not in NAMES:
        yield where, f"only a ready-made account can be: use one of {', '.join(NAMES)}"


def _outcome(
    where: str, slug: str, written: str, markets: dict[str, SceneMarket]
) -> Iterator[Trouble]:
    market = markets.get(slug)
    if market is None:
        yield f"{where}.market", f"there is no market {slug}{nearest(slug, markets)}"
    elif outcome_index(market, written) is None:
        yes, no = market.outcomes
        yield f"{where}.outcome", f"{slug} has no outcome {written}: use YES ({yes}) or NO ({no})"


def _price(where: str, price: Price, market: SceneMarket) -> Iterator[Trouble]:
    if not uniform_ticks(market.tick).valid(price):
        yield where, f"{decimal_text(price)} is off the grid of {market.tick}: use a multiple of it"


def _size(where: str, size: int, market: SceneMarket) -> Iterator[Trouble]:
    least = market.min_size if market.venue == "polymarket" else _STEP
    if size < least:
        yield where, f"{decimal_text(size)} is below the least size {decimal_text(least)}: add more"
    elif size % _STEP:
        yield where, f"{decimal_text(size)} is no multiple of 0.01: round it"
