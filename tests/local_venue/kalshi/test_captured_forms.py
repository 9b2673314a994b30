"""What the local Kalshi sends has the keys and the forms of what the venue was seen to send."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import aio
from tests.local_venue.kalshi.stand import COIN, EVENT, GAME, OTHER, by_hand, served
from tests.local_venue.kalshi.talker import ear_of, rest_of

pytestmark = pytest.mark.shared

SAMPLES = Path("venues/samples/kalshi")
_FORMS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "time"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid"),
    (r"-?\d+\.\d\d", "two decimals"),
    (r"-?\d+\.\d{4}", "four decimals"),
    (r"-?\d+\.\d{6}", "six decimals"),
)
_GONE = {
    "liquidity_dollars",  # removed 2026-10-01
    "fractional_trading_enabled",  # removed 2026-07-09
    "response_price_units",  # removed 2026-07-09
    "resting_orders_count",  # removed 2026-07-09
}
_ABOUT_THE_QUESTION = {
    "subtitle", "occurrence_datetime", "floor_strike", "custom_strike", "product_metadata",
    "settlement_ts", "settlement_value_dollars",
}  # fmt: skip
"""Fields that a market has or not, depending on what it asks and how far it is."""


_UNSAID = ("", None)


def form(value: Any) -> Any:
    """Return what a value looks like, without what it is."""
    if isinstance(value, str):
        found = [name for pattern, name in _FORMS if re.fullmatch(pattern, value)]
        return found[0] if found else "text"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict):
        return {key: form(each) for key, each in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return None


def fits(sample: Any, ours: Any, path: str = "$") -> None:
    """Check that ours has every key of the sample, in the same form."""
    if isinstance(sample, dict):
        for key, value in sample.items():
            if key in _GONE or key == "custom_strike":
                continue
            if key not in ours and key in _ABOUT_THE_QUESTION:
                continue
            assert key in ours, f"{path}.{key} is missing"
            fits(value, ours[key], f"{path}.{key}")
    elif isinstance(sample, list):
        assert isinstance(ours, list), path
        if sample and ours:
            fits(sample[0], ours[0], f"{path}[0]")
    elif sample not in _UNSAID and ours not in _UNSAID and not str(sample).endswith("..."):
        assert form(ours) == form(sample), f"{path}: {ours!r} is not like {sample!r}"


async def _conversation() -> tuple[dict[str, Any], list[Any]]:
    """Return REST bodies by name, and every frame of a socket that hears everything."""
    async with served(by_hand()) as stand:
        ann = stand.member("ann", "rsa", "basic")
        async with rest_of(stand, ann) as rest, ear_of(stand, ann) as ear:
            stand.house("ask", 70, 5)
            stand.house("bid", 20, 5)
            frames = await ear.subscribe("orderbook_delta", market_tickers=[GAME, OTHER])
            frames += await ear.subscribe("ticker", "trade", "market_lifecycle_v2")
            frames += await ear.subscribe("orderbook_delta", market_ticker=COIN)
            frames += await ear.subscribe("nonsense")
            stand.house("ask", 60, 5)
            stand.house("bid", 48, 5)
            created = await rest.place(GAME, "bid", "1", "0.40", client_order_id="c")
            path = f"/portfolio/events/orders/{created['order_id']}"
            cancelled = await rest.ask("DELETE", path)
            await rest.place(GAME, "ask", "1", "0.48")
            bodies = {
                "balance": await rest.get("/portfolio/balance?exchange_index=0"),
                "fills": await rest.get("/portfolio/fills"),
                "positions": await rest.get("/portfolio/positions"),
                "limits": await rest.get("/account/limits"),
                "costs": await rest.get("/account/endpoint_costs"),
                "market": await rest.get(f"/markets/{GAME}"),
                "orderbook": await rest.get(f"/markets/{GAME}/orderbook"),
                "series": await rest.get("/series/KXNCAAFGAME"),
                "trade": (await rest.get("/markets/trades"))["trades"][0],
                "cutoff": await rest.get("/historical/cutoff"),
                "created": created,
                "cancelled": cancelled.body,
                "refused": (await rest.ask("GET", "/markets?status=x")).body,
            }
            start = stand.clock.now() // 10**9
            candles = f"/series/KXNCAAFGAME/markets/{GAME}/candlesticks?start_ts={start}"
            stand.wait(60)
            stand.house("ask", 58, 5)
            query = f"&end_ts={start + 600}&period_interval=1"
            bodies["candles"] = (await rest.get(candles + query))["candlesticks"]
            stand.end(GAME, "0")
            stand.wait(6)
            bodies["settlements"] = await rest.get(f"/portfolio/settlements?event_ticker={EVENT}")
            bodies["settled"] = await rest.get("/markets?status=settled")
            return bodies, frames + await ear.rest()


@pytest.fixture(scope="module")
def said() -> tuple[dict[str, Any], list[Any]]:
    return aio.run(_conversation())


def sample(shared: Path, name: str) -> Any:
    return json.loads((shared / SAMPLES / name).read_text())


@pytest.mark.parametrize(
    "name, file, place",
    [
        ("balance", "rest_balance_demo_2026-07-06.json", ()),
        ("fills", "rest_fills_demo_2026-07-06.json", ("taker_no_side",)),
        ("fills", "rest_portfolio_fills_redacted_2026-08.json", ()),
        ("positions", "rest_positions_demo_2026-07-06.json", ()),
        ("settlements", "rest_portfolio_settlements_redacted_2026-08.json", ()),
        ("limits", "rest_account_limits_demo_2026-07-06.json", ()),
        ("costs", "rest_account_endpoint_costs_demo_2026-07-06.json", ()),
        ("market", "rest_market_single_2026-08-09.json", ()),
        ("market", "rest_market_demo_2026-07-06.json", ()),
        ("settled", "rest_markets_settled_2026-08-08.json", ()),
        ("orderbook", "rest_orderbook_2026-08-09.json", ()),
        ("series", "rest_series_KXMLBGAME_2026-08-20.json", ()),
        ("trade", "rest_trade_KXBTC15M_2026-09-26.json", ()),
        ("cutoff", "rest_historical_cutoff_2026-09-26.json", ()),
        ("refused", "rest_errors.json", ("bad_request_400_live_2026-08-08",)),
        ("created", "rest_order_v2_create_cancel_live_2026-06-18.json", ("create_201",)),
        ("cancelled", "rest_order_v2_create_cancel_live_2026-06-18.json", ("cancel_200",)),
    ],
)
def test_an_answer_has_the_keys_and_forms_of_the_captured_one(
    shared: Path,
    said: tuple[dict[str, Any], list[Any]],
    name: str,
    file: str,
    place: tuple[str, ...],
) -> None:
    captured = sample(shared, file)
    for key in place:
        captured = captured[key]
    fits(captured, said[0][name])


def test_candles_have_the_captured_forms_with_and_without_trades(
    shared: Path, said: tuple[dict[str, Any], list[Any]]
) -> None:
    captured = sample(shared, "rest_candlesticks_2026-09-26.json")
    traded, quiet = said[0]["candles"]
    price = captured["live"]["price"]
    del price["previous_dollars"]  # ours is the first candle there is
    fits(captured["live"], traded)
    fits(captured["live_no_trades"], quiet)
    assert set(quiet["price"]) == {"previous_dollars"}


def captured_frames(shared: Path) -> dict[str, list[Any]]:
    """Return the live frames without cents, by type; lifecycle also by what happened."""
    found: dict[str, list[Any]] = {}
    for file in (
        "ws_demo_frames_2026-08-27.ndjson",
        "ws_frames_misc_prod_2026.ndjson",
        "ws_orderbook_multi_market_2026-08-07.ndjson",
    ):
        for line in (shared / SAMPLES / file).read_text().splitlines():
            row = json.loads(line)
            frame = row.get("frame", row)
            kind = frame["type"]
            if kind == "market_lifecycle_v2":
                kind += f" {frame['msg']['event_type']}"
            found.setdefault(kind, []).append(frame)
    return found


def test_every_captured_frame_has_one_of_ours_with_its_keys_and_forms(
    shared: Path, said: tuple[dict[str, Any], list[Any]]
) -> None:
    ours: dict[str, list[Any]] = {}
    for frame in said[1]:
        kind = frame["type"]
        if kind == "market_lifecycle_v2":
            kind += f" {frame['msg']['event_type']}"
        ours.setdefault(kind, []).append(frame)
    captured = captured_frames(shared)
    assert set(captured) == {
        "subscribed", "orderbook_snapshot", "orderbook_delta", "ticker", "ok", "error", "trade",
        "market_lifecycle_v2 determined", "market_lifecycle_v2 settled",
    }  # fmt: skip
    for kind, frames in captured.items():
        for frame in frames:
            assert any(_is_like(frame, each) for each in ours[kind]), (frame, ours[kind][:2])


def _is_like(captured: Any, ours: Any) -> bool:
    """Return whether ours has exactly these keys, ``sending_ts_ms`` aside, in these forms."""
    if set(captured) != set(ours) - {"sending_ts_ms"}:
        return False
    theirs, told = captured["msg"], ours["msg"]
    if not set(theirs) <= set(told):
        return False
    try:
        fits({key: value for key, value in theirs.items() if key != "trade_id"}, told)
    except AssertionError:
        return False
    return True
