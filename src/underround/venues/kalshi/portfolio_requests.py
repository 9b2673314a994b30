"""Requests about our account: balance, positions, orders, fills, settlements, money by shard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from underround.model.account import StatedFill, StatedOrder
from underround.model.errors import AnswerRefused, OffGrid, RequestRefused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OrderId
from underround.model.units import Money, Nanos, Size
from underround.venues.kalshi import account_answers, portfolio_answers, stated_orders
from underround.venues.kalshi.account_answers import AccountLimits, Allocation, EndpointCosts
from underround.venues.kalshi.calls import Calls, Query, segment, unknown
from underround.venues.kalshi.limits import ORDER_READ_COST, REQUEST_COST, order_group
from underround.venues.kalshi.market_requests import seconds
from underround.venues.kalshi.orders import shard_index
from underround.venues.kalshi.portfolio_answers import AccountBalance, HeldPosition, Settlement

ROWS_PER_PAGE: Final = 1_000
_CENTICENT: Final = 100
_CLOCKS_APART_NS: Final = 60 * NANOS_PER_SECOND
"""More than the venue tolerates between its clock and ours."""
_EVERYTHING: Final = 100
"""Percent."""

OrderFilter: TypeAlias = Literal["resting", "canceled", "executed"]


class KalshiPortfolio:
    """What only we may ask."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def balance(self, shard: int | None = None) -> AccountBalance:
        """Return the cash, in all or of one shard."""
        path = "/portfolio/balance"
        body = await self._read(path, (("exchange_index", shard),))
        return portfolio_answers.balance(body, path)

    async def positions(self, ticker: str = "", event: str = "") -> tuple[HeldPosition, ...]:
        """Return the unsettled positions that are not flat, all pages."""
        path = "/portfolio/positions"
        query: Query = (
            ("limit", ROWS_PER_PAGE),
            ("ticker", ticker),
            ("event_ticker", event),
            ("count_filter", "position"),
        )
        found: list[HeldPosition] = []
        async for body in self._calls.pages(path, query, private=True):
            found += portfolio_answers.positions(body, path)
        return tuple(found)

    # --- orders and fills ----------------------------------------------------------------------

    async def order(self, native: str) -> StatedOrder:
        """Return one order by the venue's id; raises ``NotThere``."""
        path = f"/portfolio/orders/{segment(native)}"
        body = await self._calls.read(path, private=True, cost=ORDER_READ_COST)
        return stated_orders.order(body, path)

    async def orders(
        self,
        *,
        ticker: str = "",
        event: str = "",
        status: OrderFilter | None = None,
        since_ns: Nanos | None = None,
        until_ns: Nanos | None = None,
        archived: bool = False,
    ) -> AsyncIterator[tuple[StatedOrder, ...]]:
        """Yield pages of our orders, each stated as a purchase (``orders.in_own_terms``)."""
        path = "/historical/orders" if archived else "/portfolio/orders"
        query: Query = (
            ("limit", ROWS_PER_PAGE),
            ("ticker", ticker),
            ("event_ticker", event),
            ("status", status),
            ("min_ts", seconds(since_ns)),
            ("max_ts", seconds(until_ns)),
        )
        async for body in self._calls.pages(path, query, private=True):
            yield stated_orders.orders(body, path)

    async def find_order(self, order: OrderId, ticker: str, sent_ns: Nanos) -> StatedOrder | None:
        """Look an order up by our own id after ``OutcomeUnknown``; nothing is sent again.

        ``sent_ns``: when it was sent, give or take the clocks.  Orders that ended before the
        venue's cutoff are looked for in its archive.  ``None`` proves that the order was never
        taken only once ``KalshiMarkets.user_data_as_of`` is later than the answer could have been.
        """
        since_ns = max(0, sent_ns - _CLOCKS_APART_NS)
        for archived in (False, True):
            async for page in self.orders(ticker=ticker, since_ns=since_ns, archived=archived):
                for each in page:
                    if each.order == order:
                        return each
        return None

    async def fills(
        self,
        ours: Mapping[str, OrderId],
        *,
        tickers: Sequence[str] = (),
        native: str = "",
        since_ns: Nanos | None = None,
        archived: bool = False,
    ) -> AsyncIterator[tuple[StatedFill, ...]]:
        """Yield pages of our fills; ``ours``: the venue's order ids → ours (``fills``)."""
        path = "/historical/fills" if archived else "/portfolio/fills"
        query: Query = (
            ("limit", ROWS_PER_PAGE),
            ("ticker", ",".join(tickers)),
            ("order_id", native),
            ("min_ts", seconds(since_ns)),
        )
        async for body in self._calls.pages(path, query, private=True):
            yield stated_orders.fills(body, path, ours)

    async def settlements(
        self, ticker: str = "", since_ns: Nanos | None = None
    ) -> AsyncIterator[tuple[Settlement, ...]]:
        """Yield pages of what ended markets paid us."""
        path = "/portfolio/settlements"
        query: Query = (
            ("limit", ROWS_PER_PAGE),
            ("ticker", ticker),
            ("min_ts", seconds(since_ns)),
        )
        async for body in self._calls.pages(path, query, private=True):
            yield portfolio_answers.settlements(body, path)

    async def queue_positions(
        self, tickers: Sequence[str] = (), event: str = ""
    ) -> dict[str, Size]:
        """Return native order id → contracts that match before it; name markets or an event."""
        path = "/portfolio/orders/queue_positions"
        query: Query = (("market_tickers", ",".join(tickers)), ("event_ticker", event))
        return portfolio_answers.queue_positions(await self._read(path, query), path)

    async def resting_value(self) -> tuple[Money, dict[int, Money]]:
        """Return what resting orders bind, in all and by shard."""
        path = "/portfolio/summary/total_resting_order_value"
        return portfolio_answers.resting_value(await self._read(path), path)

    # --- the account ---------------------------------------------------------------------------

    async def limits(self) -> AccountLimits:
        """Return our tier and its buckets."""
        path = "/account/limits"
        return account_answers.account_limits(await self._read(path), path)

    async def endpoint_costs(self) -> EndpointCosts:
        """Return what requests cost."""
        path = "/account/endpoint_costs"
        return account_answers.endpoint_costs(await self._read(path), path)

    async def transfer(self, amount: Money, source: int, destination: int) -> str:
        """Move cash from one shard to another and return the transfer's id.

        It is carried out later: look at the balance before ordering.  ``amount`` is whole
        hundredths of a cent, else ``OffGrid``.  Asking twice moves it twice.
        """
        if amount <= 0 or amount % _CENTICENT:
            raise OffGrid(f"{amount} micro-dollars is not a positive number of centi-cents")
        if source == destination:
            raise RequestRefused(f"shard {source} is source and destination of the transfer")
        path = "/portfolio/intra_exchange_instance_transfer"
        body = {
            "source": "event_contract",
            "destination": "event_contract",
            "amount": amount // _CENTICENT,
            "source_exchange_shard": shard_index(source),
            "destination_exchange_shard": shard_index(destination),
        }
        answer = await self._write(path, body)
        try:
            return account_answers.transfer(answer, path)
        except AnswerRefused as error:
            raise unknown(f"POST {path}", error) from None

    async def target_allocation(self) -> tuple[Allocation, ...]:
        """Return how the venue spreads free cash over the shards; empty: it does not."""
        path = "/portfolio/target_balance_allocation"
        return account_answers.allocations(await self._read(path), path)

    async def set_target_allocation(self, allocations: Sequence[Allocation]) -> None:
        """Have the venue spread free cash over the shards every ten seconds; empty: stop it."""
        total = sum(each.percent for each in allocations)
        if allocations and (total != _EVERYTHING or min(e.percent for e in allocations) < 0):
            raise RequestRefused(f"shares of {total} percent in all: they must sum to 100")
        path = "/portfolio/target_balance_allocation"
        await self._write(path, {"allocations": list(allocations)})

    async def _read(self, path: str, query: Query = ()) -> bytes:
        return await self._calls.read(path, query, private=True)

    async def _write(self, path: str, body: object) -> bytes:
        return await self._calls.write("POST", path, body, group=order_group(0), cost=REQUEST_COST)
