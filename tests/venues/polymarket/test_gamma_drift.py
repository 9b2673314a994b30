"""Every field we read is in a stored answer of the venue, with its type; a change is noticed."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.venues.polymarket.gamma_rows import look_at
from tests.venues.scripted import sample
from underround.venues.polymarket.gamma.wire import (
    CryptoConfig,
    EventHead,
    EventRow,
    EventsPage,
    FeeSchedule,
    MarketRow,
    MarketsPage,
    Reward,
    SearchPage,
    SearchPages,
    SeriesRow,
    TagRow,
)

pytestmark = pytest.mark.shared

Path_ = tuple[str | int, ...]
OPEN_15M: Final = "market_btc_updown_15m_2026-10-05.json"
LIVE_5M: Final = "market_btc_updown_5m_live_2026-03-12.json"
RESOLVED_5M: Final = "market_btc_updown_5m_resolved_2026-07-24.json"
ACCEPTING: Final = "market_closed_binary_accepting_true.json"
MONEY_LINE: Final = "market_sports_market_money_line.json"
EVENT: Final = "event_2026.json"

SEEN: Final[dict[type[msgspec.Struct], tuple[tuple[str, Path_], ...]]] = {
    MarketRow: tuple(
        (name, ()) for name in (OPEN_15M, LIVE_5M, RESOLVED_5M, ACCEPTING, MONEY_LINE)
    ),
    FeeSchedule: ((OPEN_15M, ("feeSchedule",)),),
    CryptoConfig: ((OPEN_15M, ("cryptoMarketConfig",)),),
    Reward: ((ACCEPTING, ("clobRewards", 0)),),
    EventHead: ((LIVE_5M, ("events", 0)), (EVENT, (0,))),
    EventRow: ((EVENT, (0,)), (LIVE_5M, ("events", 0))),
    SeriesRow: ((LIVE_5M, ("events", 0, "series", 0)),),
    TagRow: (("tags.json", (0,)), (EVENT, (0, "tags", 0))),
    SearchPage: (("public_search.json", ()),),
    SearchPages: (("public_search.json", ("pagination",)),),
}
"""Where each struct stands in the stored answers."""
DOCUMENTED_ONLY: Final = {
    "MarketRow.positionIds",
    "MarketRow.resolutionStatus",
    "MarketRow.tags",
    "MarketsPage.markets",
    "MarketsPage.next_cursor",
    "EventsPage.events",
    "EventsPage.next_cursor",
}
"""Fields of the documentation and the SDK that no stored answer shows."""


def at(shared: Path, name: str, path: Path_) -> Any:
    value = json.loads(sample(shared, f"polymarket/gamma/{name}"))
    for step in path:
        value = value[step]
    return value


def fits(kind: Any, value: object) -> bool:
    """Whether a value is of a field's type; ``Raw`` stands for numbers."""
    if kind is msgspec.Raw:
        return isinstance(value, int | float) and not isinstance(value, bool)
    try:
        msgspec.json.decode(json.dumps(value), type=kind)
    except msgspec.ValidationError:
        return False
    return value is not None


def test_every_field_was_seen_with_its_type(shared: Path) -> None:
    unseen = set()
    structs: list[type[msgspec.Struct]] = [*SEEN, MarketsPage, EventsPage]
    for struct in structs:
        places = [at(shared, *place) for place in SEEN.get(struct, ())]
        for field in msgspec.structs.fields(struct):
            values = [each[field.encode_name] for each in places if field.encode_name in each]
            if not any(fits(field.type, value) for value in values):
                unseen.add(f"{struct.__name__}.{field.encode_name}")
    assert unseen == DOCUMENTED_ONLY


WRONG: Final[object] = {"another": ["form"]}


def rows_with(shared: Path, name: str) -> list[dict[str, Any]]:
    """Return the stored market rows that state a field."""
    rows = [at(shared, *place) for place in SEEN[MarketRow]]
    return [row for row in rows if row.get(name) is not None]


MARKET_FIELDS: Final = sorted(
    field.encode_name
    for field in msgspec.structs.fields(MarketRow)
    if f"MarketRow.{field.encode_name}" not in DOCUMENTED_ONLY
)


@pytest.mark.parametrize("name", MARKET_FIELDS)
def test_another_type_of_a_market_field_refuses_the_row(shared: Path, name: str) -> None:
    for row in rows_with(shared, name):
        found = look_at({**row, name: WRONG}, archive=True)
        assert not found.listings
        assert list(found.refused.values()) == [1]


@pytest.mark.parametrize("name", MARKET_FIELDS)
def test_another_name_of_a_market_field_refuses_the_row_or_moves_no_money(
    shared: Path, name: str
) -> None:
    """What may be absent decides neither about a token nor about a price, a size or a fee."""
    for row in rows_with(shared, name):
        (before,) = look_at(row, archive=True).listings
        renamed = {("renamed" if key == name else key): value for key, value in row.items()}
        for after in look_at(renamed, archive=True).listings:
            assert after.market.tokens == before.market.tokens
            assert after.market.ticks == before.market.ticks
            assert after.market.min_size == before.market.min_size
            assert after.market.fees == before.market.fees
            assert after.market.neg_risk == before.market.neg_risk


@pytest.mark.parametrize(
    "outer, struct",
    [
        (("feeSchedule",), FeeSchedule),
        (("cryptoMarketConfig",), CryptoConfig),
        (("clobRewards", 0), Reward),
        (("events", 0), EventHead),
        (("events", 0, "series", 0), SeriesRow),
    ],
)
def test_another_type_inside_a_market_refuses_the_row(
    shared: Path, outer: Path_, struct: type[msgspec.Struct]
) -> None:
    (name, _), *_rest = SEEN[struct]
    row = at(shared, name, ())
    for field in msgspec.structs.fields(struct):
        broken = deepcopy(row)
        inner = broken
        for step in outer:
            inner = inner[step]
        inner[field.encode_name] = WRONG
        found = look_at(broken, archive=True)
        assert list(found.refused.values()) == [1], field.name


@pytest.mark.parametrize("struct", [EventRow, EventHead, SeriesRow, TagRow, SearchPage])
def test_what_has_no_default_cannot_be_left_out(shared: Path, struct: type[msgspec.Struct]) -> None:
    row = at(shared, *SEEN[struct][0])
    msgspec.json.decode(json.dumps(row), type=struct)
    required = [f.encode_name for f in msgspec.structs.fields(struct) if f.required]
    assert required
    for name in required:
        for broken in (
            {key: value for key, value in row.items() if key != name},
            {**row, name: 7},
        ):
            with pytest.raises(msgspec.ValidationError, match=name):
                msgspec.json.decode(json.dumps(broken), type=struct)
