"""What the REST client asks about series, events and fees, and answers that nobody can read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.venues.kalshi.making import CENTS, NOW, TICKER, order
from tests.venues.kalshi.talking import API, ORDERS, Talk, ask, drained, fails, query, reply
from tests.venues.kalshi.test_kalshi_answers import FILL
from tests.venues.kalshi.test_kalshi_catalogue import BITCOIN, EVENT, MARKET
from tests.venues.scripted import Answer, Script
from underround.model.errors import OutcomeUnknown, RequestRefused
from underround.model.fees import KalshiFees
from underround.model.ids import NO, YES, MarketId, OrderId, OutcomeId, Venue
from underround.model.listing import FeeEpoch
from underround.model.units import ONE
from underround.venues.kalshi.catalogue_answers import EventFeeChange
from underround.venues.kalshi.fees import FeeTerms, fee_epochs
from underround.venues.kalshi.fixed_point import IsoTime, Ratio
from underround.venues.kalshi.orders import amend_body, decrease_body, fill_in_own_terms
from underround.venues.kalshi.stated_orders import fills

CHANGE = {"id": "c", "series_ticker": "KXBTC15M", "scheduled_ts": "2026-10-01T00:00:00Z"}


def test_series_events_and_fee_changes() -> None:
    limits = {"bucket_capacity": 400, "refill_rate": 200}
    script: Script = {
        f"GET {API}/series/KXBTC15M": reply({"series": BITCOIN}),
        f"GET {API}/series": reply({"series": [BITCOIN]}),
        f"GET {API}/series/fee_changes": reply(
            {"series_fee_change_arr": [CHANGE | {"fee_type": "quadratic", "fee_multiplier": 0.5}]}
        ),
        f"GET {API}/events/fee_changes": reply(
            {"event_fee_changes": [CHANGE | {"event_ticker": "E"}], "cursor": ""}
        ),
        f"GET {API}/events/E": reply({"event": EVENT, "markets": [MARKET]}),
        f"GET {API}/events": reply({"events": [EVENT, {}], "cursor": ""}),
        f"GET {API}/account/limits": reply(
            {"usage_tier": "basic", "read": limits, "write": limits, "grants": []}
        ),
        f"GET {API}/account/endpoint_costs": reply({"default_cost": 10, "endpoint_costs": []}),
        f"GET {API}/portfolio/settlements": reply({"settlements": [], "cursor": ""}),
    }

    async def work(talk: Talk) -> None:
        own = talk.rest.markets
        assert (await own.series("KXBTC15M")).fee_multiplier == ONE
        assert len(await own.all_series("Crypto")) == 1
        (change,) = await own.series_fee_changes("KXBTC15M", past=True)
        assert change.fee_multiplier == 500_000
        (cleared,) = await own.event_fee_changes()
        assert (cleared.fee_type_override, cleared.fee_multiplier_override) == (None, None)
        assert len((await own.event("E")).markets or ()) == 1
        (page,) = await drained(own.events(status="open"))
        assert len(page.read) == 1
        assert sum(page.refused.values()) == 1
        assert (await talk.rest.portfolio.limits()).read.refill_rate == 200
        assert (await talk.rest.portfolio.endpoint_costs()).default_cost == 10
        assert await drained(talk.rest.portfolio.settlements()) == [()]

    _, talk = ask(script, work)
    (asked,) = talk.host.of(f"{API}/series/fee_changes")
    assert query(asked) == [("series_ticker", "KXBTC15M"), ("show_historical", "true")]


def test_schedule_and_cutoff() -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    hours: dict[str, object] = {
        day: [{"open_time": "08:00", "close_time": "03:00"}] for day in days
    }
    week = hours | {"start_time": "2026-01-01T00:00:00Z", "end_time": "2027-01-01T00:00:00Z"}
    pause = {
        "start_datetime": "2026-10-01T03:00:00-04:00",
        "end_datetime": "2026-10-01T05:00:00-04:00",
    }
    names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts")
    script: Script = {
        f"GET {API}/exchange/schedule": reply(
            {"schedule": {"standard_hours": [week], "maintenance_windows": [pause]}}
        ),
        f"GET {API}/historical/cutoff": reply(dict.fromkeys(names, "2026-07-28T00:00:00Z")),
    }

    async def work(talk: Talk) -> None:
        told = await talk.rest.markets.schedule()
        (window,) = told.maintenance_windows
        assert window.end_datetime - window.start_datetime == 7_200 * 10**9
        assert told.standard_hours[0].monday[0].open_time == "08:00"
        assert (await talk.rest.markets.cutoff()).orders_updated_ts > 0

    ask(script, work)


GROUPS = f"{API}/portfolio/order_groups"
WRITES: dict[str, Callable[[Talk], Awaitable[object]]] = {
    f"POST {ORDERS}/n1/amend": lambda t: t.rest.orders.amend(
        "n1", amend_body(order(), CENTS, 2, price=470_000, size=ONE)
    ),
    f"POST {ORDERS}/n1/decrease": lambda t: t.rest.orders.decrease(
        "n1", decrease_body(TICKER, 2, by=ONE)
    ),
    f"DELETE {ORDERS}/n1": lambda t: t.rest.orders.cancel("n1", 2),
    f"POST {GROUPS}/create": lambda t: t.rest.groups.create(ONE, 2),
    f"POST {API}/portfolio/intra_exchange_instance_transfer": lambda t: t.rest.portfolio.transfer(
        ONE, 0, 2
    ),
}


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("body", [b"", b"{}", b"<html>"], ids=["empty", "object", "html"])
def test_a_write_with_an_unreadable_answer_is_unknown(call: str, body: bytes) -> None:
    """The venue acted and its words are lost: whoever asked must look it up."""
    talk = fails({call: Answer(body)}, WRITES[call], OutcomeUnknown)
    assert len(talk.host.asked) == 1


def test_a_past_override_of_the_event_is_history() -> None:
    began = EventFeeChange(
        "c", "E", "S", IsoTime(NOW - 10), "quadratic_with_maker_fees", Ratio(ONE // 2)
    )
    told = fee_epochs(
        FeeTerms("quadratic", ONE),
        FeeTerms("quadratic_with_maker_fees", ONE // 2),
        [began],
        NOW,
    )
    assert told == (FeeEpoch(NOW - 10, KalshiFees(ONE // 2, 250_000)),)


def test_a_stated_fill_is_told_in_our_terms() -> None:
    """A purchase of NO at 0.52 was our sale of YES at 0.48."""
    (told,) = fills(reply({"fills": [FILL]}).body, "x", {"n1": OrderId("run1-o1")})
    own = fill_in_own_terms(told, OutcomeId(told.outcome.market, YES), "sell")
    assert (own.outcome.index, own.side, own.price, own.fee) == (YES, "sell", 480_000, 17_500)
    other = OutcomeId(MarketId(Venue("kalshi"), "OTHER"), NO)
    for outcome, side in ((other, "buy"), (told.outcome, "sell")):
        with pytest.raises(RequestRefused, match="not our"):
            fill_in_own_terms(told, outcome, side)  # type: ignore[arg-type]  # words of the loop
