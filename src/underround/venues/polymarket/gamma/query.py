"""What can be asked of Gamma's lists: a field per filter, in the model's units."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Money, Nanos, decimal_text

Pair: TypeAlias = tuple[str, str]
"""One parameter of a query; a list is its name several times."""


class MarketQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of ``/markets/keyset``; ``None`` and empty leave one out."""

    closed: bool = False
    """Only closed markets, or only others: the venue has no query for both."""
    slugs: tuple[str, ...] = ()
    condition_ids: tuple[str, ...] = ()
    token_ids: tuple[str, ...] = ()
    position_ids: tuple[str, ...] = ()
    tag_id: int | None = None
    related_tags: bool | None = None
    tag_match: Literal["any", "all"] | None = None
    liquidity_min: Money | None = None
    liquidity_max: Money | None = None
    volume_min: Money | None = None
    volume_max: Money | None = None
    ends_after_ns: Nanos | None = None
    ends_before_ns: Nanos | None = None
    starts_after_ns: Nanos | None = None
    starts_before_ns: Nanos | None = None
    game_id: str | None = None
    sports_market_types: tuple[str, ...] = ()
    uma_resolution_status: str | None = None
    order: Literal["volume24hr", "volumeNum", "liquidityNum", "endDate", "startDate", "id"] = "id"
    ascending: bool = True
    include_tag: bool = True


class EventQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of ``/events/keyset``; ``None`` and empty leave one out."""

    closed: bool = False
    slugs: tuple[str, ...] = ()
    tag_ids: tuple[int, ...] = ()
    exclude_tag_ids: tuple[int, ...] = ()
    tag_slug: str | None = None
    tag_match: Literal["any", "all"] | None = None
    related_tags: bool | None = None
    series_ids: tuple[int, ...] = ()
    recurrence: Literal["daily", "weekly", "monthly"] | None = None
    title: str | None = None
    featured: bool | None = None
    live: bool | None = None
    liquidity_min: Money | None = None
    liquidity_max: Money | None = None
    volume_min: Money | None = None
    volume_max: Money | None = None
    ends_after_ns: Nanos | None = None
    ends_before_ns: Nanos | None = None
    starts_after_ns: Nanos | None = None
    starts_before_ns: Nanos | None = None
    order: Literal["volume24hr", "volume", "liquidity", "endDate", "startDate", "id"] = "id"
    ascending: bool = True


_NAMES: Final = {
    "slugs": "slug",
    "token_ids": "clob_token_ids",
    "tag_ids": "tag_id",
    "exclude_tag_ids": "exclude_tag_id",
    "series_ids": "series_id",
    "title": "title_search",
    "ends_after_ns": "end_date_min",
    "ends_before_ns": "end_date_max",
    "starts_after_ns": "start_date_min",
    "starts_before_ns": "start_date_max",
}
"""Our name → the venue's, where they differ."""
_MONEY: Final = frozenset(("liquidity_min", "liquidity_max", "volume_min", "volume_max"))


def pairs(query: MarketQuery | EventQuery) -> list[Pair]:
    """Return the parameters of a query in the order of its fields."""
    found: list[Pair] = []
    for field in msgspec.structs.fields(query):
        value = getattr(query, field.name)
        if value is None:
            continue
        name = _NAMES.get(field.name, field.name)
        if field.name in _MONEY and isinstance(query, MarketQuery):
            name = name.replace("_m", "_num_m")  # markets are filtered by the Num fields
        values = value if isinstance(value, tuple) else (value,)
        found += [(name, _text(field.name, each)) for each in values]
    return found


def _text(name: str, value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and name in _MONEY:
        return decimal_text(value)
    if isinstance(value, int) and name.endswith("_ns"):
        moment = datetime.fromtimestamp(value // NANOS_PER_SECOND, tz=UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)
