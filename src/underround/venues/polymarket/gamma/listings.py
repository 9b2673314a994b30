"""Rows of Gamma → listings, resolutions and event groups.  Pure: the time is told.

A row is believed as a whole or refused as a whole.  Nothing is filled in: no price grid, minimum
size, fee or token that the row does not state, and its tokens must follow from its condition id.

Sources: docs.polymarket.com (Gamma markets, negative risk, fees); captures of 2026-03 … 2026-10.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.ids import POLYMARKET, GroupId, MarketId
from underround.model.listing import FeeEpoch, Listing, Window
from underround.model.market import CENT, EventGroup, Market, Resolution
from underround.model.units import Nanos
from underround.venues.polymarket.gamma.series import series_of, window_of
from underround.venues.polymarket.gamma.states import resolution_of, state_of
from underround.venues.polymarket.gamma.terms import (
    above_zero,
    delay,
    fees,
    filled,
    pair,
    read,
    rebate,
    rewards,
    ticks,
    two,
)
from underround.venues.polymarket.gamma.wire import (
    EventHead,
    MarketRow,
    indicative,
    indicative_number,
    stamp,
)
from underround.venues.polymarket.ids import PositionId, derive_tokens

CURRENCY: Final = "pUSD"
_SIZE_STEP: Final = CENT
"""Sizes have two decimals on every market."""
_CONDITION: Final = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_CONDITION_V2: Final = re.compile(r"(0x[0-9a-f]{62})(?:00)?", re.ASCII)
_SLUG: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.%-]*", re.ASCII)
_UNNAMED: Final = re.compile(r".+\s[A-Z]{1,2}|(?i:other|another .*|someone else|no one listed)")

ProtocolVersion: TypeAlias = Literal["v1", "v2"]


class DerivesTokens(Protocol):
    """``ids.derive_tokens``: a CTF market's token ids from its condition id."""

    def __call__(self, condition: str, /, *, neg_risk: bool) -> tuple[str, str]:
        """Return the ids of YES and NO."""


class Listed(msgspec.Struct, frozen=True):
    """What one row says."""

    listing: Listing
    resolution: Resolution | None


def listed(
    row: MarketRow,
    *,
    now: Nanos,
    event: EventHead | None = None,
    archive: bool = False,
    derive: DerivesTokens = derive_tokens,
) -> Listed:
    """Return the listing of a row; raises ``AnswerRefused`` with a countable reason.

    ``event`` is what the market belongs to, where the row itself does not say.  ``archive``: the
    row was stored before rows had a ``version`` (September 2026) and fees a schedule.
    """
    home = event if event is not None else next(iter(row.events or ()), None)
    market, protocol = _market(row, home, archive=archive, derive=derive)
    ends_ns = read("endDate", stamp, row.end_date)
    resolution = resolution_of(row, market.id, market.closes_ns)
    augmented = _augmented(home, neg_risk=row.neg_risk)
    listing = Listing(
        market=market,
        slug=_slug(row.slug),
        state=state_of(row, resolution, market.opens_ns, now),
        protocol=protocol,
        placeholder=_placeholder(row, augmented=augmented),
        augmented=augmented,
        rules=filled("description", row.description),
        resolution_source=row.resolution_source or "",
        tags=_tags(row, home),
        series=_series(row, home),
        ends_ns=ends_ns,
        game_starts_ns=read("gameStartTime", stamp, row.game_start_time),
        liquidity=read("liquidity", indicative, row.liquidity),
        volume=read("volume", indicative, row.volume),
        volume_24h=read("volume24hr", indicative_number, row.volume_24h),
        fee_history=(FeeEpoch(0, market.fees),),
        maker_rebate=rebate(row.fee_schedule),
        rewards=rewards(row, now),
        taker_delay_ms=delay(row),
        window=_window(row, ends_ns),
        updated_ns=read("updatedAt", stamp, row.updated_at),
    )
    return Listed(listing, resolution)


def _market(
    row: MarketRow, home: EventHead | None, *, archive: bool, derive: DerivesTokens
) -> tuple[Market, ProtocolVersion]:
    protocol = _protocol(row, archive=archive)
    native, tokens = _identity(row, protocol, derive)
    market = Market(
        id=MarketId(POLYMARKET, native),
        title=filled("question", row.question),
        outcomes=_outcomes(row),
        tokens=tokens,
        currency=CURRENCY,
        ticks=(ticks(row),),
        min_size=above_zero("orderMinSize", row.order_min_size),
        size_step=_SIZE_STEP,
        fees=fees(row, archive=archive),
        opens_ns=read("acceptingOrdersTimestamp", stamp, row.accepting_orders_timestamp),
        # The nominal end is no cut-off: only a market that has closed knows when it did.
        closes_ns=read("closedTime", stamp, row.closed_time) if row.closed else None,
        group=group_id(home) if home is not None and grouped(home) else None,
        neg_risk=row.neg_risk,
    )
    return market, protocol


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise AnswerRefused("`slug` cannot be part of a name")
    return text


def _outcomes(row: MarketRow) -> tuple[str, str]:
    first, second = pair("outcomes", row.outcomes)
    if not first.strip() or not second.strip() or first == second:
        raise AnswerRefused("`outcomes` does not hold two different labels")
    return first, second


# --- identity ----------------------------------------------------------------------------------


def _protocol(row: MarketRow, *, archive: bool) -> ProtocolVersion:
    if row.version == "v1":
        return "v1"
    if row.version == "v2":
        return "v2"
    if row.version is not None:
        raise AnswerRefused("`version` is neither v1 nor v2: ids and signing domain are unknown")
    if not archive:
        raise AnswerRefused("`version` is missing: ids and signing domain are unknown")
    return "v1"


def _identity(
    row: MarketRow, protocol: ProtocolVersion, derive: DerivesTokens
) -> tuple[str, tuple[str, str]]:
    """Return the condition id as the stream writes it and the tokens, proven to belong to it."""
    if protocol == "v2":
        return _identity_v2(row)
    if not _CONDITION.fullmatch(row.condition_id):
        raise AnswerRefused("`conditionId` is not 0x and 64 hex digits")
    tokens = pair("clobTokenIds", row.clob_token_ids)
    if tokens != derive(row.condition_id, neg_risk=row.neg_risk):
        raise AnswerRefused(
            "`clobTokenIds` are not the tokens of `conditionId`: trust nothing of this row"
        )
    return row.condition_id, tokens


def _identity_v2(row: MarketRow) -> tuple[str, tuple[str, str]]:
    match = _CONDITION_V2.fullmatch(row.condition_id)
    if match is None:
        raise AnswerRefused("`conditionId` is not 0x and 62 hex digits of Protocol V2")
    if row.position_ids is None:
        raise AnswerRefused("`positionIds` is missing")
    tokens = two("positionIds", row.position_ids)
    try:
        first = PositionId.parse(tokens[0])
    except ValueError:
        raise AnswerRefused("`positionIds` does not hold ids of Protocol V2") from None
    own = f"0x{first.condition.hex()}" == match[1]
    if not own or first.outcome != 0 or tokens[1] != first.sibling(1).token:
        raise AnswerRefused(
            "`positionIds` are not the outcomes of `conditionId`: trust nothing of this row"
        )
    return first.padded_condition, tokens


# --- where it belongs --------------------------------------------------------------------------


def _augmented(home: EventHead | None, *, neg_risk: bool) -> bool:
    """Whether outcomes may be added; a neg-risk market that does not say counts as such."""
    if home is None or home.neg_risk_augmented is None:
        return neg_risk
    return home.neg_risk_augmented


def _placeholder(row: MarketRow, *, augmented: bool) -> bool:
    """Whether the outcome may still be given a name, or a new meaning.

    In an augmented group these are "Other" and titles such as "Person B".  The venue has no field
    for the latter, so a title that ends in one or two capital letters counts; a real name that
    does ("Malcolm X") is left out too, which costs a market and no money.
    """
    if row.neg_risk_other:
        return True
    if not augmented:
        return False
    title = (row.group_item_title or "").strip()
    return not title or row.active is False or _UNNAMED.fullmatch(title) is not None


def _tags(row: MarketRow, home: EventHead | None) -> tuple[str, ...]:
    rows = row.tags if row.tags is not None else (home.tags if home is not None else None)
    return tuple(dict.fromkeys(tag.slug for tag in rows or ()))


def _series(row: MarketRow, home: EventHead | None) -> str:
    if home is not None and home.series_slug:
        return home.series_slug
    if home is not None and home.series:
        return home.series[0].slug
    rolling = series_of(row.slug)
    return rolling.slug if rolling is not None else ""


def _window(row: MarketRow, ends_ns: Nanos | None) -> Window | None:
    starts_ns = read("eventStartTime", stamp, row.event_start_time)
    try:
        return window_of(row.slug, starts_ns, ends_ns, row.crypto_market_config)
    except ValueError as error:
        raise AnswerRefused(str(error)) from None


def grouped(event: EventHead) -> bool:
    """Whether the event's markets exclude each other on chain."""
    return bool(event.neg_risk) or bool(event.enable_neg_risk)


def group_id(event: EventHead) -> GroupId:
    """Return the name of the event's group."""
    return GroupId(f"{POLYMARKET}:{_slug(event.slug)}")


def group_of(event: EventHead, listings: Sequence[Listing], refused: int) -> EventGroup | None:
    """Return the event as a group; ``None`` unless it has two markets that exclude each other.

    ``refused`` counts its markets that could not be read.  It is proven exhaustive only if every
    market is known, named and open, and the venue says that no outcome can be added.
    """
    if len(listings) < 2 or not grouped(event):
        return None
    neg_risk = bool(event.neg_risk) and all(each.market.neg_risk for each in listings)
    augmented = event.neg_risk_augmented is not False
    proven = (
        neg_risk
        and not augmented
        and not refused
        and all(each.state == "open" and not each.placeholder for each in listings)
    )
    because = (
        f"a neg-risk event of {len(listings)} markets, all known, named and open, to which no "
        "outcome can be added"
    )
    return EventGroup(
        id=group_id(event),
        title=event.title,
        markets=tuple(each.market.id for each in listings),
        neg_risk=neg_risk,
        augmented=augmented,
        exhaustive_because=because if proven else None,
    )
