"""The books that REST serves: the right hash, and stale ones on demand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.local_venue.net.listening import afflict
from tests.local_venue.polymarket.stand import HASHED, Stand, hash_of, served
from tests.venues.scripted import sample
from underround.local_venue.faults import (
    Stale,
)

SIDES = ("bids", "asks")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["book_ctf_2026-10-05", "book_protocol_v2_2026-10-05"])
def test_the_rule_these_tests_judge_by_gives_the_hash_of_captured_books(
    shared: Path, name: str
) -> None:
    captured = json.loads(sample(shared, f"polymarket/clob/{name}.json"))
    assert hash_of(captured) == captured["hash"]


def test_the_rule_of_this_test_gives_the_hash_of_a_served_book() -> None:
    stand = Stand()
    stand.order("alice", "buy", "0.4", "10")
    stand.pass_ms(7)
    stand.order("bob", "sell", "0.4", "5")
    body = served(stand, stand.no)
    assert list(body) == HASHED[:-1]
    assert body["timestamp"] == str(stand.now // 1_000_000)
    assert body["last_trade_price"] == "0.400"
    assert body["hash"] == hash_of(body)
    assert stand.books.last_trade(stand.no) == ("0.4", "sell")
    assert stand.books.best(stand.no) == (None, 600_000)


def test_the_best_level_is_the_last_of_its_side() -> None:
    stand = Stand()
    for bid in ("0.3", "0.4", "0.35"):
        stand.order("alice", "buy", bid, "10")
    for ask in ("0.6", "0.5", "0.55"):
        stand.order("bob", "sell", ask, "10")
    told = {
        token: [[level["price"] for level in served(stand, token)[side]] for side in SIDES]
        for token in (stand.yes, stand.no)
    }
    assert told[stand.yes] == [["0.3", "0.35", "0.4"], ["0.6", "0.55", "0.5"]]
    assert told[stand.no] == [["0.4", "0.45", "0.5"], ["0.7", "0.65", "0.6"]]


def test_a_stale_book_is_the_one_of_when_the_fault_began() -> None:
    stand = Stand()
    stand.order("alice", "buy", "0.4", "10")
    before = served(stand, stand.yes)
    afflict(stand.world, Stale(for_ms=1_000))
    stand.pass_ms(500)
    stand.order("alice", "buy", "0.41", "10")
    afflict(stand.world, Stale(for_ms=1_000))  # does not make the books younger
    assert served(stand, stand.yes) == before
    late = stand.list("late")
    assert served(stand, late.tokens[0])["bids"] == []
    stand.pass_ms(1_000)
    assert len(served(stand, stand.yes)["bids"]) == 2
    stand.order("alice", "buy", "0.42", "10")
    afflict(stand.world, Stale(count=1))
    stand.order("alice", "buy", "0.43", "10")
    assert len(served(stand, stand.yes)["bids"]) == 3
    assert len(served(stand, stand.yes)["bids"]) == 4


@pytest.mark.parametrize("state", ["unopened", "closed", "resolved"])
def test_there_is_no_book_before_trading_begins_and_after_it_ended(state: str) -> None:
    stand = Stand()
    market = stand.list("another", state=state)
    assert stand.books.book(market.tokens[0], stand.now) is None
    assert stand.books.best(market.tokens[0]) == (None, None)
    assert stand.books.last_trade(market.tokens[0]) is None
    assert stand.books.book("no token", stand.now) is None
