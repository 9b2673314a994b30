"""Rows of the Data API as the service writes them: snake case, doubles, seconds."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.polymarket.data.basis import Basis
from underround.local_venue.polymarket.data.ledger import Entry
from underround.local_venue.polymarket.gamma import text
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import MarketId, OutcomeId
from underround.model.units import ONE, Nanos, Price, Size
from underround.simulation.matching.terms import AccountId

Row: TypeAlias = dict[str, Any]
_BLOCK_S: Final = 2
_NOBODY: Final[Row] = {
    "name": "",
    "pseudonym": "",
    "bio": "",
    "profile_image": "",
    "profile_image_optimized": "",
}


def trade_row(world: World, entry: Entry) -> Row:
    """Return a row of ``/v2/trades``."""
    assert entry.outcome is not None
    assert entry.side is not None
    return {
        "proxy_wallet": entry.wallet.lower(),
        "side": entry.side.upper(),
        "token_id": _token(world, entry.outcome),
        "condition_id": entry.outcome.market.native,
        "size": text.number(entry.size),
        "price": text.quotient(entry.cost, entry.size),
        "timestamp": entry.at_ns // NANOS_PER_SECOND,
        **_market_fields(world, entry.outcome.market),
        **_outcome_fields(world, entry.outcome),
        **_NOBODY,
        "transaction_hash": entry.transaction,
    }


def activity_row(world: World, entry: Entry) -> Row:
    """Return a row of ``/v2/activity``."""
    told: Row = {
        "proxy_wallet": entry.wallet.lower(),
        "timestamp": entry.at_ns // NANOS_PER_SECOND,
        "condition_id": entry.market.native if entry.market is not None else "",
        "type": entry.kind,
        "size": text.number(entry.size if entry.market is not None else entry.cost),
        "usdc_size": text.number(entry.cash),
        "transaction_hash": entry.transaction,
    }
    if entry.outcome is not None and entry.side is not None:
        told["price"] = text.quotient(entry.cost, entry.size)
        told["token_id"] = _token(world, entry.outcome)
        told["side"] = entry.side.upper()
        told |= _outcome_fields(world, entry.outcome)
    else:
        told |= {"price": 0, "token_id": "", "side": "", "outcome": "", "outcome_index": 999}
    told |= {"title": "", "slug": "", "icon": "", "event_slug": ""}
    if entry.market is not None:
        told |= _market_fields(world, entry.market)
    return told | _NOBODY


def position_row(
    world: World,
    wallet: AccountId,
    outcome: OutcomeId,
    size: Size,
    basis: Basis,
    price: Price,
    *,
    mergeable: bool,
) -> Row:
    """Return a row of ``/v2/positions``; ``price`` is what a share is worth now."""
    row = world.catalogue.markets[outcome.market]
    market, home = row.listing.market, world.catalogue.events[row.event]
    other = 1 - outcome.index
    cost = basis.cost * size // basis.size if basis.size else 0
    fees = basis.fees * size // basis.size if basis.size else 0
    value = size * price // ONE
    unrealized = value - cost - fees
    told: Row = {
        "proxy_wallet": wallet.lower(),
        "token_id": market.tokens[outcome.index],
        "condition_id": market.id.native,
        "current_size": text.number(size),
        "avg_price": _average(basis),
        "entry_cost_usdc": text.number(cost),
        "entry_fees_usdc": text.number(fees),
        "total_cost_usdc": text.number(cost + fees),
        "current_price": text.number(price),
        "current_value": text.number(value),
        "total_size": text.number(max(basis.bought, size)),
        "realized_pnl": text.number(basis.realized),
        "unrealized_pnl": text.number(unrealized),
        "total_pnl": text.number(basis.realized + unrealized),
        "percent_pnl": text.quotient(unrealized * 100, cost + fees, 6),
        "percent_realized_pnl": text.quotient(basis.realized * 100, basis.spent, 6),
        "status": status_of(row, size),
        "redeemable": bool(size) and row.resolution is not None and price > 0,
        "mergeable": mergeable,
        "negative_risk": market.neg_risk,
        "archived": False,
        "verified": False,
        **_market_fields(world, market.id),
        "event_id": home.id,
        "outcome": market.outcomes[outcome.index],
        "outcome_index": outcome.index,
        "opposite_outcome": market.outcomes[other],
        "opposite_token_id": market.tokens[other],
        "end_date": text.day(row.listing.ends_ns) if row.listing.ends_ns is not None else "",
        "name": "",
        "profile_image": "",
    }
    if basis.last_ns:
        told["last_event_at"] = basis.last_ns // NANOS_PER_SECOND
        told["first_entry_at"] = basis.first_ns // NANOS_PER_SECOND
    return told


def _average(basis: Basis) -> object:
    """Return the average price of what is left, or of all that was bought when nothing is."""
    if basis.size:
        return text.quotient(basis.cost, basis.size)
    return text.quotient(basis.spent, basis.bought)


def status_of(row: LocalMarket, size: Size) -> str:
    """Return how a position reports itself."""
    if not size:
        return "CLOSED"
    return "OPEN" if row.resolution is None else "REDEEMABLE"


def resolution_row(row: LocalMarket, now: Nanos, *, augmented: bool) -> Row | None:
    """Return a row of ``/v2/resolutions``; ``None`` while nothing was proposed."""
    listing = row.listing
    if listing.state not in {"closed", "resolved"}:
        return None
    rolling = listing.window is not None
    resolution = row.resolution
    changed = resolution.at_ns if resolution else listing.updated_ns or now
    changed -= changed % NANOS_PER_SECOND
    kind = "BINARY"
    if listing.market.neg_risk:
        kind = "INCREMENTAL_NEGRISK" if augmented else "ATOMIC_NEGRISK"
    told: Row = {"condition_id": listing.market.id.native}
    if row.question_id and not rolling:
        told["question_id"] = row.question_id
    told |= {
        "status": "resolved" if resolution else "disputed" if row.disputed else "proposed",
        "extended_review": False,
        "was_disputed": row.disputed,
        "new_version_q": False,
        "transaction_hash": "",
        "log_index": "",
        "last_update_timestamp": text.stamp(changed),
        "market_type": kind,
    }
    if resolution is not None:
        told |= {
            "payouts": list(resolution.payouts),
            "resolution_source": "reported",
            "reporter": "CHAINLINK" if rolling else "UMA_OO",
            "was_arbitrated": False,
            "resolved_block": changed // NANOS_PER_SECOND // _BLOCK_S,
            "resolved_at": text.stamp(changed),
        }
    return told


def _token(world: World, outcome: OutcomeId) -> str:
    return world.catalogue.markets[outcome.market].listing.market.tokens[outcome.index]


def _market_fields(world: World, market: MarketId) -> Row:
    row = world.catalogue.markets[market]
    return {
        "title": row.listing.market.title,
        "slug": row.listing.slug,
        "icon": "",
        "event_slug": row.event,
    }


def _outcome_fields(world: World, outcome: OutcomeId) -> Row:
    market = world.catalogue.markets[outcome.market].listing.market
    return {"outcome": market.outcomes[outcome.index], "outcome_index": outcome.index}
