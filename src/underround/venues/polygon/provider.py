"""One node behind an ``HttpTransport``: asks it, and never shows its address.

A provider's URL often holds a key, and a transport's errors name the URL.  Here they are worded
anew with the provider's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from underround.model.errors import AnswerRefused, OutcomeUnknown, Unreachable, VenuePaused
from underround.venues.polygon.messages import Ask, Result, decode_results, encode_asks
from underround.venues.polygon.refusals import status_refusal
from underround.venues.transport.http import HttpTransport

MOST_IN_BATCH: Final = 100
"""Calls in one request; providers count each of them against their limits."""


class Provider:
    """A node with a name of ours."""

    __slots__ = ("_transport", "name")

    def __init__(self, name: str, transport: HttpTransport) -> None:
        self.name = name
        self._transport = transport

    async def ask(self, asks: Sequence[Ask]) -> list[Result]:
        """Return one result per call.  More than ``MOST_IN_BATCH`` go in several requests.

        Raises ``Unreachable``, ``RateLimited``, ``VenuePaused``, ``AccountError`` or
        ``AnswerRefused``; what a node says no to is a ``fault`` of its result.
        """
        results: list[Result] = []
        for first in range(0, len(asks), MOST_IN_BATCH):
            results += await self._request(asks[first : first + MOST_IN_BATCH], write=False)
        return results

    async def write(self, ask: Ask) -> Result:
        """Make one call that may change something.

        Raises as ``ask`` does, and ``OutcomeUnknown`` when it may have been executed.
        """
        try:
            return (await self._request((ask,), write=True))[0]
        except (AnswerRefused, VenuePaused) as error:  # a gateway's 502 says nothing about the node
            raise OutcomeUnknown(f"{error}; it may have worked: look it up") from None

    async def _request(self, asks: Sequence[Ask], *, write: bool) -> list[Result]:
        place = f"{self.name}, {asks[0].method}"
        body = encode_asks(asks, batch=len(asks) > 1)
        try:
            reply = await self._transport.send("POST", "", body=body, write=write)
        except Unreachable:
            raise Unreachable(f"{place}: no connection: check the network and the node") from None
        except OutcomeUnknown:
            raise OutcomeUnknown(f"{place}: no answer: look the transaction up") from None
        except AnswerRefused:
            raise AnswerRefused(f"{place}: the answer is too large: ask for less") from None
        refused = status_refusal(reply, place)
        if refused is not None:
            raise refused
        return decode_results(reply.body, asks, self.name)
