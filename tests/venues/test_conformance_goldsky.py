"""Goldsky proves what a source of the past has to prove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.venues import conformance
from tests.venues.client_conformance import ClientConformance, Clock, Request
from tests.venues.conformance import Answered
from tests.venues.scripted import Answer
from underround.model.errors import RequestRefused, UnderroundError, VenuePaused
from underround.venues.goldsky.answers import decode_rows, filled_order
from underround.venues.goldsky.capabilities import CAPABILITIES
from underround.venues.goldsky.hosts import LAST_S, ORDERBOOK_TARGET
from underround.venues.goldsky.rest import Goldsky
from underround.venues.transport.budget import Limits, RateBudget
from underround.venues.transport.http import HttpTransport

ROW: dict[str, Any] = {
    "id": "0xaa_0xbb", "transactionHash": "0x" + "aa" * 32, "timestamp": "1770000000",
    "orderHash": "0x" + "bb" * 32, "maker": "0x" + "11" * 20, "taker": "0x" + "22" * 20,
    "makerAssetId": "0", "takerAssetId": "777", "makerAmountFilled": "500000",
    "takerAmountFilled": "1000000", "fee": "0",
}  # fmt: skip


def rows(*found: dict[str, Any]) -> bytes:
    return json.dumps({"data": {"orderFilledEvents": found}}).encode()


class TestAnswers(conformance.AnswersConformance):
    @pytest.fixture
    def answered(self) -> Sequence[Answered]:
        return (Answered("rows", decode_rows, rows(ROW)),)

    def check_retyping(self, say: Any, data: bytes, also: Any = ()) -> None:
        """What a row says is read when it is made a fill; that too is understood or refused."""
        fill = lambda b: [filled_order(row) for row in decode_rows(b)]  # noqa: E731 - one use
        super().check_retyping(fill, data, (VenuePaused, RequestRefused, UnderroundError))


class TestClient(ClientConformance):
    limits = Limits({}, {})
    budgeted = False

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> Goldsky:
        return Goldsky(http)

    def reads(self) -> Sequence[Request]:
        async def all_rows(client: Goldsky) -> Any:
            return [page async for page in client.rows(1_770_000_000, LAST_S)]

        return (Request(f"POST {ORDERBOOK_TARGET}", all_rows, rows(ROW)),)

    def test_hostile_headers_raise_nothing(self) -> None:
        """Whatever a 429 says about waiting, it is a refusal of our tree."""
        for text in ("-1", "9" * 5_000, "Fri, 20 Nov 2026 10:00:00 GMT", "\xb2"):
            (request,) = self.reads()
            met = self.meet(request, Answer(b"{}", 429, {"Retry-After": text}))
            assert isinstance(met.error, UnderroundError), text


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/goldsky"
