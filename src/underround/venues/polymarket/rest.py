"""Polymarket's CLOB over REST: orders, cancels, and what the venue says about our orders.

A write is sent once and never again: what its answer does not settle is ``OutcomeUnknown``, and
``lookup`` finds the truth by the id that we computed before sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.account import Cancelled, Placed, StatedFill, StatedOrder
from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    AnswerRefused,
    NotThere,
    RequestRefused,
    UnderroundError,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OrderId
from underround.model.units import Nanos, Size
from underround.venues.codec import Tokens
from underround.venues.polymarket import answers
from underround.venues.polymarket.account import PolymarketAccount
from underround.venues.polymarket.fills import OwnFills, own_fills
from underround.venues.polymarket.keys import PolymarketKeys
from underround.venues.polymarket.orders import Outgoing
from underround.venues.polymarket.public import PolymarketPublic, pages
from underround.venues.polymarket.requests import Authorizer, Query, Requests
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.budget import ClockNs, RateBudget
from underround.venues.transport.http import HttpTransport

MOST_ORDERS: Final = 15
MOST_CANCELS: Final = 1_000


class PolymarketRest:
    """The CLOB's REST client of one account, or of none (then only ``public`` works).

    ``public``, ``keys`` and ``account`` are its other reads and writes.
    """

    def __init__(
        self,
        transport: HttpTransport,
        budget: RateBudget,
        clock: ClockNs,
        tokens: Tokens,
        *,
        authorizer: Authorizer | None = None,
        identity: Account | None = None,
        signature_type: SignatureType = SignatureType.POLY_1271,
        orders: HttpTransport | None = None,
    ) -> None:
        """``tokens`` is the catalogue and may grow while this lives; times are Unix ns.

        ``orders`` is what orders and cancels leave by (``venues.order_line``), so that no slow read
        is ever in their way; without it they share ``transport``.
        """
        self._requests = Requests(transport, budget, clock, authorizer)
        self._orders = Requests(orders or transport, budget, clock, authorizer)
        self._tokens = tokens
        self._identity = identity
        self.public = PolymarketPublic(self._requests, tokens)
        self.keys = PolymarketKeys(self._requests)
        self.account = PolymarketAccount(self._requests, signature_type)

    # --- placing -------------------------------------------------------------------------------

    async def post_order(self, order: Outgoing) -> Placed:
        """Send one order, once.

        Raises the class of the error tree that says what must happen next; ``OutcomeUnknown``
        whenever the order may live; ``Bug`` when the venue knows it by another id than we do.
        """
        body = await self._orders.signed(
            "POST", "/order", group="order", body=order.body, write=True
        )
        outcome = answers.placed(
            body, order.order_id, order.side, "Polymarket POST /order", tif=order.tif
        )
        if isinstance(outcome, UnderroundError):
            raise outcome
        return outcome

    async def post_orders(self, orders: Sequence[Outgoing]) -> tuple[Placed | UnderroundError, ...]:
        """Send 1 … ``MOST_ORDERS`` orders in one request, once; return what became of each.

        Raises only when the request as a whole was refused or is unknown: then it is so for all.
        """
        if not 0 < len(orders) <= MOST_ORDERS:
            raise RequestRefused(
                f"Polymarket takes 1 … {MOST_ORDERS} orders at once, not {len(orders)}: split them"
            )
        sent = tuple((order.order_id, order.side, order.tif) for order in orders)
        if len({order_id for order_id, _, _ in sent}) < len(sent):
            raise AlreadyKnown("an order is twice in one batch for Polymarket: send it once")
        body = await self._orders.signed(
            "POST",
            "/orders",
            group="orders",
            body=b"[" + b",".join(order.body for order in orders) + b"]",
            write=True,
            cost=len(orders),
        )
        return answers.placed_batch(body, sent, "Polymarket POST /orders")

    # --- cancelling ----------------------------------------------------------------------------

    @property
    def most_cancels(self) -> int:
        """How many ids one ``cancel_orders`` may name: the venue's limit and the signer's burst."""
        return min(MOST_CANCELS, self._requests.budget.largest("cancels"))

    async def cancel_order(self, native: str) -> Cancelled:
        """Cancel one order, once."""
        return await self._cancel("/order", "cancel", {"orderID": native}, 1, (native,))

    async def cancel_orders(self, natives: Sequence[str]) -> Cancelled:
        """Cancel 1 … ``most_cancels`` orders in one request, once; the answer is per id.

        What the answer does not mention is under ``refused``.
        """
        if not 0 < len(natives) <= MOST_CANCELS:
            raise RequestRefused(
                f"Polymarket cancels 1 … {MOST_CANCELS} orders at once, not {len(natives)}: split"
            )
        unique = list(dict.fromkeys(natives))
        return await self._cancel("/orders", "cancels", unique, len(unique), unique)

    async def cancel_all(self) -> Cancelled:
        """Cancel every order of the account, once."""
        return await self._cancel_many("/cancel-all", "cancel_all", None)

    async def cancel_market(
        self, condition: str | None = None, token: str | None = None
    ) -> Cancelled:
        """Cancel the orders of a market, of one token, or of both restrictions, once."""
        named = {"market": condition, "asset_id": token}
        asked = {name: value for name, value in named.items() if value}
        if not asked:
            raise RequestRefused(
                "cancelling a market's orders needs a market or a token: use cancel_all for all"
            )
        return await self._cancel_many("/cancel-market-orders", "cancel_market", asked)

    async def _cancel_many(self, path: str, group: str, asked: dict[str, str] | None) -> Cancelled:
        found = await self._cancel(path, group, asked, 1)
        if found.cancelled:
            # The venue charges one token more per order that it cancelled.
            self._requests.budget.debit(group, len(found.cancelled))
        return found

    async def _cancel(
        self,
        path: str,
        group: str,
        asked: dict[str, str] | list[str] | None,
        cost: int,
        natives: Sequence[str] = (),
    ) -> Cancelled:
        body = None if asked is None else msgspec.json.encode(asked)
        answer = await self._orders.signed(
            "DELETE", path, group=group, body=body, write=True, cost=cost
        )
        return answers.cancelled(answer, f"Polymarket DELETE {path}", natives)

    # --- looking -------------------------------------------------------------------------------

    async def open_orders(
        self, *, condition: str | None = None, token: str | None = None
    ) -> answers.Orders:
        """Return every open order of the account, or of one market or token."""
        path, place = "/data/orders", "Polymarket GET /data/orders"
        query: Query = {"market": condition, "asset_id": token}
        orders: dict[str, StatedOrder] = {}
        unlisted: dict[str, str] = {}
        async for rows in pages(self._requests, path, group="ledger", query=query, signed=True):
            found = answers.stated_orders(rows, self._tokens, place)
            # An order can slip from one page to the next while they are turned.
            orders.update((order.native, order) for order in found.orders)
            unlisted |= found.unlisted
        return answers.Orders(tuple(orders.values()), unlisted)

    async def order(self, native: str) -> StatedOrder:
        """Return one order; raises ``NotThere`` when the venue has none of this id any more."""
        path = f"/data/order/{native}"
        place = f"Polymarket GET {path}"
        body = await self._requests.signed("GET", path, group="ledger")
        found = answers.stated_order(body, self._tokens, place)
        if found is None:
            raise NotThere(f"{place}: the venue has no such order: look at its trades")
        if found.native.lower() != native.lower():
            raise AnswerRefused(f"{place}: the venue answers with {found.native}: ask again")
        return found

    async def fills(
        self,
        *,
        after_ns: Nanos | None = None,
        before_ns: Nanos | None = None,
        condition: str | None = None,
        trade: str | None = None,
    ) -> OwnFills:
        """Return the account's fills, as taker and as maker, in our own terms.

        Never filtered by token: the venue filters by the taker's, and a maker's fill by minting or
        merging is under the other one.
        """
        identity = self._own()
        path, place = "/data/trades", "Polymarket GET /data/trades"
        query: Query = {
            "maker_address": identity.wallet,
            "market": condition,
            "id": trade,
            "after": None if after_ns is None else after_ns // NANOS_PER_SECOND,
            "before": None if before_ns is None else -(-before_ns // NANOS_PER_SECOND),
        }
        fills: dict[str, StatedFill] = {}
        unlisted: dict[str, str] = {}
        async for rows in pages(self._requests, path, group="ledger", query=query, signed=True):
            found = own_fills(rows, identity, self._tokens, place)
            fills.update((fill.id, fill) for fill in found.fills)
            unlisted |= found.unlisted
        return OwnFills(tuple(fills.values()), unlisted)

    async def lookup(
        self, order: OrderId, *, sent_ns: Nanos, size: Size | None = None
    ) -> StatedOrder | None:
        """Return the truth about an order whose outcome is unknown; ``None``: no trace of it.

        Asks for the order, and when it is gone for its trades since ``sent_ns``.  What only trades
        tell has their worst price; it counts as filled if ``size``, where told, is reached, and as
        cancelled otherwise.  ``None`` is no proof while the venue may still work on the request:
        ask again before believing it.
        """
        try:
            return await self.order(order)
        except NotThere:
            pass
        found = await self.fills(after_ns=sent_ns - NANOS_PER_SECOND)
        own = [fill for fill in found.fills if fill.order.lower() == order.lower()]
        return _told_by(own, order, size) if own else None

    def _own(self) -> Account:
        if self._identity is None:
            raise AccountError("reading fills needs to know our wallet: configure the account")
        return self._identity


def _told_by(fills: Sequence[StatedFill], order: OrderId, size: Size | None) -> StatedOrder:
    """Return an order that is gone as its fills tell it; what failed to settle is not filled."""
    first = fills[0]
    filled = sum(fill.size for fill in fills if fill.finality != "failed")
    worst = max if first.side == "buy" else min
    return StatedOrder(
        order=order,
        native=order,
        outcome=first.outcome,
        side=first.side,
        price=worst(fill.price for fill in fills),
        size=filled if size is None else size,
        filled=filled,
        state="filled" if filled and (size is None or filled >= size) else "cancelled",
        created_ns=min(fill.at_ns for fill in fills),
        reason="told by its trades",
    )
