"""A subgraph that answers the queries of ``paging`` from rows, as Graph Node does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from tests.venues.scripted import Answer, Asked

_QUERY = re.compile(
    r"\{orderFilledEvents\(first:(?P<first>\d+),orderBy:(?P<order>timestamp|id),"
    r"orderDirection:asc,where:\{(?P<where>[^}]*)\}\)\{(?P<fields>[A-Za-z ]+)\}\}"
)
_CONDITION = re.compile(r'(\w+):"([^"]*)"')
MOST = 1_000


def row(number: int, at_s: int, **fields: str) -> dict[str, str]:
    """Make a row; its id says nothing about its time."""
    transaction = f"0x{(number * 7_919) % 10_007:064x}"
    order = f"0x{number:064x}"
    return {
        "id": f"{transaction}_{order}",
        "transactionHash": transaction,
        "timestamp": str(at_s),
        "orderHash": order,
        "maker": "0x" + "aa" * 20,
        "taker": "0x" + "bb" * 20,
        "makerAssetId": "0",
        "takerAssetId": "77",
        "makerAmountFilled": "400000",
        "takerAmountFilled": "1000000",
        "fee": "0",
    } | fields


class Subgraph:
    """Holds rows and answers."""

    def __init__(self, rows: Sequence[dict[str, str]]) -> None:
        self.rows = list(rows)
        self.queries = 0

    def answer(self, asked: Asked) -> Answer:
        """Answer an HTTP request."""
        return Answer(self.body(asked.body))

    def body(self, request: bytes) -> bytes:
        """Answer a request body."""
        self.queries += 1
        query = _QUERY.fullmatch(json.loads(request)["query"])
        assert query is not None, request
        conditions = dict(_CONDITION.findall(query["where"]))
        found = [one for one in self.rows if all(_holds(one, *c) for c in conditions.items())]
        # Graph Node breaks ties of the order by id.
        found.sort(key=lambda one: (int(one["timestamp"]), one["id"]))
        if query["order"] == "id":
            found.sort(key=lambda one: one["id"])
        first = int(query["first"])
        assert first <= MOST
        fields = query["fields"].split()
        told: list[dict[str, Any]] = [{name: one[name] for name in fields} for one in found[:first]]
        return json.dumps({"data": {"orderFilledEvents": told}}).encode()


def _holds(one: dict[str, str], condition: str, value: str) -> bool:
    if condition == "id_gt":
        return one["id"] > value
    at, than = int(one["timestamp"]), int(value)
    return {"timestamp": at == than, "timestamp_gt": at > than, "timestamp_lte": at <= than}[
        condition
    ]
