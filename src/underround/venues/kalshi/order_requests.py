"""Requests that place, change and cancel orders (V2).

Each is sent once.  After ``OutcomeUnknown`` look the order up (``KalshiPortfolio.find_order``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from underround.model.account import Cancelled, Placed
from underround.model.errors import (
    AnswerRefused,
    NotFilled,
    OutcomeUnknown,
    RequestRefused,
    UnderroundError,
)
from underround.model.ids import OrderId
from underround.venues.kalshi import order_answers
from underround.venues.kalshi.calls import Calls, segment, unknown
from underround.venues.kalshi.limits import (
    CANCEL_COST,
    REQUEST_COST,
    SHARDS,
    TIERS,
    cancel_group,
    cancels_per_batch,
    order_group,
    orders_per_batch,
)
from underround.venues.kalshi.order_answers import Amended, CancelRow, Decreased, Taken
from underround.venues.kalshi.orders import (
    AmendBody,
    Batch,
    Cancel,
    CreateBody,
    DecreaseBody,
    shard_index,
)

_ORDERS: Final = "/portfolio/events/orders"
T = TypeVar("T")
_AT_ONCE: Final = frozenset(("immediate_or_cancel", "fill_or_kill"))


class KalshiOrders:
    """Writes of one account."""

    def __init__(
        self,
        calls: Calls,
        *,
        shards: Collection[int] = SHARDS,
        orders_at_once: int = orders_per_batch(TIERS["basic"]),
        cancels_at_once: int = cancels_per_batch(TIERS["basic"]),
    ) -> None:
        """``shards`` have a write bucket of their own; batches are cut to fit our tier."""
        self._calls = calls
        self._shards = shards
        self._orders_at_once = orders_at_once
        self._cancels_at_once = cancels_at_once

    # --- placing -------------------------------------------------------------------------------

    async def place(self, body: CreateBody) -> Placed:
        """Place one order (``orders.create_body``) and return what became of it.

        Raises ``NotFilled`` for an order that had to fill at once and found nothing, and the
        refusals of ``refusals.py``; ``AlreadyKnown`` means that the venue has this id.
        """
        place = f"POST {_ORDERS}"
        answer = await self._calls.write(
            "POST", _ORDERS, body, group=self._order_group(body.exchange_index), cost=REQUEST_COST
        )
        try:
            return _placed(body, order_answers.created(answer, place), place)
        except AnswerRefused as error:
            raise unknown(place, error) from None

    async def place_batch(
        self, bodies: Sequence[CreateBody]
    ) -> tuple[Placed | UnderroundError, ...]:
        """Place several orders, each for itself, and return the truth about each, in order.

        Too many for our tier go in several requests; one that fails as a whole is the truth about
        its own rows only.  A row that the answer leaves out is ``OutcomeUnknown``.
        """
        truths: list[Placed | UnderroundError] = []
        for chunk in _chunks(bodies, self._orders_at_once):
            try:
                truths += await self._place_chunk(chunk)
            except UnderroundError as error:
                truths += [error] * len(chunk)
        return tuple(truths)

    async def _place_chunk(self, bodies: Sequence[CreateBody]) -> list[Placed | UnderroundError]:
        path = f"{_ORDERS}/batched"
        answer = await self._calls.write(
            "POST",
            path,
            Batch(bodies),
            group=self._order_group(0),
            cost=REQUEST_COST * len(bodies),
        )
        place = f"POST {path}"
        try:
            rows = order_answers.batch_created(answer, place)
        except AnswerRefused as error:
            raise unknown(place, error) from None
        named = {client: truth for client, truth in rows if client is not None}
        whole = len(rows) == len(bodies)
        truths: list[Placed | UnderroundError] = []
        for index, body in enumerate(bodies):
            truth = named.get(body.client_order_id)
            if truth is None and whole and rows[index][0] is None:
                truth = rows[index][1]
            truths.append(_truth(body, truth, f"{place}, row {index}"))
        return truths

    # --- changing ------------------------------------------------------------------------------

    async def amend(self, native: str, body: AmendBody) -> Amended:
        """Change a resting order; raises ``NotThere`` once it is gone."""
        path = f"{_ORDERS}/{segment(native)}/amend"
        answer = await self._calls.write(
            "POST", path, body, group=self._order_group(body.exchange_index), cost=REQUEST_COST
        )
        try:
            return order_answers.amended(answer, path)
        except AnswerRefused as error:
            raise unknown(f"POST {path}", error) from None

    async def decrease(self, native: str, body: DecreaseBody) -> Decreased:
        """Make a resting order smaller; it keeps its place in the queue."""
        path = f"{_ORDERS}/{segment(native)}/decrease"
        answer = await self._calls.write(
            "POST", path, body, group=self._order_group(body.exchange_index), cost=REQUEST_COST
        )
        try:
            return order_answers.decreased(answer, path)
        except AnswerRefused as error:
            raise unknown(f"POST {path}", error) from None

    # --- cancelling ----------------------------------------------------------------------------

    async def cancel(self, native: str, shard: int, subaccount: int | None = None) -> Cancelled:
        """Cancel one order; raises ``NotThere`` when it is gone already (or on another shard)."""
        path = f"{_ORDERS}/{segment(native)}"
        answer = await self._calls.write(
            "DELETE",
            path,
            query=(("exchange_index", shard_index(shard)), ("subaccount", subaccount)),
            group=self._cancel_group(shard),
            cost=CANCEL_COST,
        )
        try:
            return _cancelled([order_answers.cancelled(answer, path)])
        except AnswerRefused as error:
            raise unknown(f"DELETE {path}", error) from None

    async def cancel_batch(self, cancels: Sequence[Cancel]) -> Cancelled:
        """Cancel several orders and return what became of each.

        An order whose request failed, or that the answer leaves out, is under ``refused`` with the
        reason; cancelling it again is harmless.
        """
        done: list[CancelRow] = []
        failed: dict[str, str] = {}
        for chunk in _chunks(cancels, self._cancels_at_once):
            asked = [each.order_id for each in chunk]
            try:
                rows = await self._cancel_chunk(chunk)
            except UnderroundError as error:
                failed |= dict.fromkeys(asked, str(error))
                continue
            done += rows
            missing = set(asked) - {row.native for row in rows}
            failed |= dict.fromkeys(sorted(missing), "the answer does not mention it: ask again")
        told = _cancelled(done)
        return msgspec.structs.replace(told, refused={**told.refused, **failed})

    async def _cancel_chunk(self, cancels: Sequence[Cancel]) -> tuple[CancelRow, ...]:
        path = f"{_ORDERS}/batched"
        for each in cancels:
            shard_index(each.exchange_index)
        answer = await self._calls.write(
            "DELETE",
            path,
            Batch(cancels),
            group=self._cancel_group(0),
            cost=CANCEL_COST * len(cancels),
        )
        try:
            return order_answers.batch_cancelled(answer, path)
        except AnswerRefused as error:
            raise unknown(f"DELETE {path}", error) from None

    async def cancel_all(self, subaccount: int | None = None) -> None:
        """Cancel everything on every shard; orders of the next minute may go with it."""
        await self._calls.write(
            "DELETE",
            _ORDERS,
            query=(("subaccount", subaccount),),
            group=self._cancel_group(0),
            cost=CANCEL_COST,
        )

    def _order_group(self, shard: int) -> str:
        return order_group(shard, self._shards)

    def _cancel_group(self, shard: int) -> str:
        return cancel_group(shard, self._shards)


def _placed(body: CreateBody, taken: Taken, place: str) -> Placed:
    ours = body.client_order_id
    if taken.client not in {None, "", ours}:
        raise AnswerRefused(f"Kalshi's answer to {place} is about order {taken.client}, not {ours}")
    if body.time_in_force in _AT_ONCE and not taken.filled:
        raise NotFilled(f"order {ours} found nothing to fill with at once: decide anew")
    return Placed(order=OrderId(ours), native=taken.native, state=taken.state, filled=taken.filled)


def _truth(
    body: CreateBody, told: Taken | UnderroundError | None, place: str
) -> Placed | UnderroundError:
    if told is None:
        return OutcomeUnknown(f"{place} does not answer for {body.client_order_id}: look it up")
    if isinstance(told, AnswerRefused):
        return unknown(place, told)
    if isinstance(told, UnderroundError):
        return told
    try:
        return _placed(body, told, place)
    except AnswerRefused as error:
        return unknown(place, error)
    except RequestRefused as error:
        return error


def _cancelled(rows: Iterable[CancelRow]) -> Cancelled:
    rows = tuple(rows)
    return Cancelled(
        cancelled=tuple(row.native for row in rows if not row.refusal),
        refused={row.native: row.refusal for row in rows if row.refusal},
    )


def _chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
