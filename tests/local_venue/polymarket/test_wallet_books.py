"""Wallets without a chain: what their calls do to the books, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aio import run
from tests.local_venue.polymarket.catalogue_desk import CatalogueDesk, everything
from underround.local_venue.polymarket.gamma.names import neg_risk_market
from underround.local_venue.polymarket.wallets.acts import TRANSFER, UNWRAP, WRAP
from underround.local_venue.polymarket.wallets.scratch import ENDLESS
from underround.local_venue.world import CallReverted, WalletCall
from underround.model.ids import NO, YES, OutcomeId
from underround.model.market import Market
from underround.model.units import ONE, usd
from underround.venues.polygon import calldata, positions
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.ids import protocol_of

NO_PARENT = bytes(32)
SETS = (1, 2)


class Wallet:
    """Alice's deposit wallet on a desk with every kind of market."""

    def __init__(self) -> None:
        self.desk = CatalogueDesk()
        self.markets = everything(self.desk)
        self.custody = self.desk.world.polymarket.custody
        self.books = self.desk.wallets
        self.account = self.desk.account("alice")

    def do(self, *calls: Any, who: str = "alice") -> str:
        made = [WalletCall(call.to, call.data, getattr(call, "value", 0)) for call in calls]
        return self.books.carry_out(self.desk.account(who), made, self.desk.now)

    def cash(self) -> int:
        return self.custody.balance(self.account)

    def shares(self, market: Market) -> tuple[int, int]:
        yes, no = (self.custody.balance(self.account, market.outcome(i)) for i in (YES, NO))
        return yes, no

    def refused(self, *calls: Any, why: str) -> None:
        """Nothing happens, for a stated reason."""
        before = self.state()
        with pytest.raises(CallReverted, match=why):
            self.do(*calls)
        assert self.state() == before

    def state(self) -> Any:
        held = {
            (account, outcome): (each.balance, each.reserved, each.in_flight)
            for account in self.custody.accounts()
            for outcome, each in self.custody.assets(account)
            if each.balance or each.reserved
        }
        return held, dict(self.custody.backing), dict(self.books.purse.usdc)


def family(market: Market) -> positions.Family:
    if protocol_of(int(market.tokens[0])) == "v2":
        return "router"
    return "neg_risk" if market.neg_risk else "ctf"


FAMILIES = ("plain", "first", "v2")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_set_is_split_and_merged_again(name: str) -> None:
    wallet = Wallet()
    market = wallet.markets[name]
    wallet.do(positions.split(family(market), market.id.native, usd("100")))
    assert wallet.shares(market) == (usd("100"), usd("100"))
    assert wallet.cash() == usd("9900")
    wallet.do(positions.merge(family(market), market.id.native, usd("40")))
    assert wallet.shares(market) == (usd("60"), usd("60"))
    assert wallet.cash() == usd("9940")


@pytest.mark.parametrize("name", ["plain", "first"])
@pytest.mark.parametrize("payouts", [(ONE, 0), (0, ONE), (ONE // 2, ONE // 2)])
def test_a_resolved_market_is_redeemed_whole(name: str, payouts: tuple[int, int]) -> None:
    wallet = Wallet()
    market = wallet.markets[name]
    native, kind = market.id.native, family(market)
    wallet.do(positions.split(kind, native, usd("100")))
    assert kind != "router"
    wallet.refused(positions.redeem(kind, native), why="result for condition not received yet")
    wallet.desk.resolve(market, payouts)
    wallet.do(positions.redeem(kind, native))
    assert wallet.shares(market) == (0, 0)
    assert wallet.cash() == usd("10000")
    wallet.do(positions.redeem(kind, native))
    assert wallet.cash() == usd("10000")


def test_a_protocol_v2_market_is_redeemed_by_outcome_and_amount() -> None:
    wallet = Wallet()
    market = wallet.markets["v2"]
    native = market.id.native
    wallet.do(positions.split("router", native, usd("100")))
    wallet.refused(positions.redeem_v2(native, YES, usd("1")), why="NotResolved")
    wallet.desk.resolve(market, (ONE, 0))
    total = wallet.custody.total()
    wallet.do(positions.redeem_v2(native, YES, usd("30")))
    assert wallet.shares(market) == (usd("70"), usd("100"))
    assert wallet.cash() == usd("9930")
    wallet.do(positions.redeem_v2(native, NO, usd("100")))
    assert wallet.cash() == usd("9930")
    assert wallet.custody.total() == total
    wallet.refused(positions.redeem_v2(native, YES, usd("70.000001")), why="overflow")


def test_no_of_a_group_becomes_yes_of_the_others_and_dollars() -> None:
    wallet = Wallet()
    group = [wallet.markets[name] for name in ("first", "second", "third")]
    for market in group:
        wallet.do(positions.split("neg_risk", market.id.native, usd("10")))
    event = wallet.desk.world.catalogue.events["who-wins"]
    call = positions.convert(neg_risk_market(event), 0b011, usd("4"))
    wallet.custody.allow(wallet.account, POLYGON.neg_risk_adapter, shares=True, granted=True)
    cash = wallet.cash()
    wallet.do(call)
    assert [wallet.shares(each) for each in group] == [
        (usd("10"), usd("6")),
        (usd("10"), usd("6")),
        (usd("14"), usd("10")),
    ]
    assert wallet.cash() == cash
    assert wallet.books.purse.usdc[wallet.account] == usd("4")
    to_pusd = WalletCall(POLYGON.neg_risk_collateral_adapter, call.data)
    wallet.do(to_pusd)
    assert wallet.cash() == cash + usd("4")


@pytest.mark.parametrize(
    "index_set, why",
    [(0b1000, "InvalidIndexSet"), (0b0111, "overflow")],
)
def test_a_conversion_that_cannot_be_reverts(index_set: int, why: str) -> None:
    wallet = Wallet()
    wallet.custody.allow(wallet.account, POLYGON.neg_risk_adapter, shares=True, granted=True)
    event = wallet.desk.world.catalogue.events["who-wins"]
    wallet.refused(positions.convert(neg_risk_market(event), index_set, usd("1")), why=why)
    unknown = positions.convert("0x" + "11" * 31 + "00", 1, usd("1"))
    wallet.refused(unknown, why="MarketNotPrepared")


def test_calls_of_one_transaction_happen_all_or_none() -> None:
    wallet = Wallet()
    native = wallet.markets["plain"].id.native
    split = positions.split("ctf", native, usd("100"))
    too_much = positions.merge("ctf", native, usd("100.000001"))
    wallet.refused(split, too_much, why="SafeMath: subtraction overflow")
    wallet.do(split, positions.merge("ctf", native, usd("100")))
    assert wallet.cash() == usd("10000")


def test_a_batch_may_approve_and_use_the_approval() -> None:
    wallet = Wallet()
    native = wallet.markets["plain"].id.native
    split = positions.split("ctf", native, usd("100"))
    wallet.do(positions.allow_collateral(positions.place_of("ctf"), 0))
    wallet.refused(split, why="TransferFromFailed")
    wallet.do(positions.allow_collateral(positions.place_of("ctf"), usd("150")), split)
    adapter = POLYGON.collateral_adapter
    left = wallet.books.purse.allowance(wallet.account, POLYGON.collateral, adapter)
    assert left == usd("50")
    wallet.refused(split, why="TransferFromFailed")
    wallet.do(positions.allow_collateral(positions.place_of("ctf")), split)
    assert wallet.books.purse.allowance(wallet.account, POLYGON.collateral, adapter) == ENDLESS


def test_shares_move_for_an_operator_only() -> None:
    wallet = Wallet()
    market = wallet.markets["plain"]
    wallet.do(positions.split("ctf", market.id.native, usd("10")))
    wallet.do(positions.allow_positions(positions.place_of("ctf"), allowed=False))
    merge = positions.merge("ctf", market.id.native, usd("10"))
    wallet.refused(merge, why="need operator approval")
    bob = wallet.desk.account("bob")
    send = calldata.TRANSFER_POSITION(wallet.account, bob, int(market.tokens[NO]), usd("3"), b"")
    call = WalletCall(POLYGON.conditional_tokens, send)
    made = [WalletCall(call.to, call.data)]
    with pytest.raises(CallReverted, match="need operator approval"):
        wallet.books.carry_out(bob, made, wallet.desk.now)
    wallet.do(call)
    assert wallet.custody.balance(bob, OutcomeId(market.id, NO)) == usd("3")
    assert wallet.shares(market) == (usd("10"), usd("7"))
    wallet.do(positions.allow_positions(bob.lower()))  # type: ignore[arg-type]  # as above
    wallet.books.carry_out(bob, made, wallet.desk.now)
    assert wallet.shares(market) == (usd("10"), usd("4"))


def erc20(token: str, data: bytes) -> WalletCall:
    return WalletCall(token, data)


def test_dollars_are_sent_and_change_between_their_two_forms() -> None:
    wallet = Wallet()
    bob = wallet.desk.account("bob")
    wallet.do(erc20(POLYGON.collateral, TRANSFER(bob, usd("25"))))
    assert wallet.custody.balance(bob) == usd("10025")
    too_much = erc20(POLYGON.collateral, TRANSFER(bob, usd("9975.000001")))
    wallet.refused(too_much, why="InsufficientBalance")
    total = wallet.custody.total()
    wallet.do(
        erc20(POLYGON.collateral, calldata.APPROVE(POLYGON.offramp, usd("75"))),
        erc20(POLYGON.offramp, UNWRAP(POLYGON.usdc_e, wallet.account, usd("75"))),
    )
    assert (wallet.cash(), wallet.books.purse.usdc[wallet.account]) == (usd("9900"), usd("75"))
    assert wallet.custody.total() == total - usd("75")
    wrap = erc20(POLYGON.onramp, WRAP(POLYGON.usdc_e, wallet.account, usd("50")))
    wallet.refused(wrap, why="TransferFromFailed")
    wallet.do(erc20(POLYGON.usdc_e, calldata.APPROVE(POLYGON.onramp, ENDLESS)), wrap)
    assert (wallet.cash(), wallet.books.purse.usdc[wallet.account]) == (usd("9950"), usd("25"))
    other = erc20(POLYGON.onramp, WRAP(POLYGON.collateral, wallet.account, 1))
    wallet.refused(other, why="OnlyUnpaused")
    wallet.do(erc20(POLYGON.usdc_e, TRANSFER(bob, usd("25"))))
    assert wallet.books.purse.usdc[bob] == usd("25")


def test_the_conditional_tokens_themselves_take_and_pay_usdc_e() -> None:
    wallet = Wallet()
    market = wallet.markets["plain"]
    ctf, condition = POLYGON.conditional_tokens, bytes.fromhex(market.id.native[2:])
    wallet.books.purse.usdc[wallet.account] = usd("100")
    arguments = (POLYGON.usdc_e, NO_PARENT, condition, SETS)
    split = WalletCall(ctf, calldata.SPLIT_POSITION(*arguments, usd("60")))
    wallet.refused(split, why="could not receive collateral tokens")
    wallet.do(erc20(POLYGON.usdc_e, calldata.APPROVE(ctf, ENDLESS)), split)
    assert wallet.shares(market) == (usd("60"), usd("60"))
    assert (wallet.cash(), wallet.books.purse.usdc[wallet.account]) == (usd("10000"), usd("40"))
    wallet.do(WalletCall(ctf, calldata.MERGE_POSITIONS(*arguments, usd("10"))))
    wallet.desk.resolve(market, (0, ONE))
    wallet.do(WalletCall(ctf, calldata.REDEEM_POSITIONS(*arguments)))
    assert (wallet.cash(), wallet.books.purse.usdc[wallet.account]) == (usd("10000"), usd("100"))


def test_the_neg_risk_adapter_s_own_functions_move_usdc_e() -> None:
    wallet = Wallet()
    market = wallet.markets["first"]
    at, condition = POLYGON.neg_risk_adapter, bytes.fromhex(market.id.native[2:])
    wallet.books.purse.usdc[wallet.account] = usd("10")
    wallet.custody.allow(wallet.account, at, shares=True, granted=True)
    wallet.do(
        erc20(POLYGON.usdc_e, calldata.APPROVE(at, ENDLESS)),
        WalletCall(at, calldata.NEG_RISK_SPLIT(condition, usd("10"))),
        WalletCall(at, calldata.NEG_RISK_MERGE(condition, usd("4"))),
    )
    assert wallet.shares(market) == (usd("6"), usd("6"))
    wallet.desk.resolve(market, (ONE, 0))
    wallet.do(WalletCall(at, calldata.NEG_RISK_REDEEM(condition, (usd("5"), usd("6")))))
    assert wallet.shares(market) == (usd("1"), 0)
    assert wallet.books.purse.usdc[wallet.account] == usd("9")


@pytest.mark.parametrize(
    "call, why",
    [
        (WalletCall("0x" + "11" * 20, b""), "no contract of the local venue"),
        (WalletCall(POLYGON.collateral, b"\x01\x02\x03\x04"), "has no function 01020304"),
        (WalletCall(POLYGON.collateral, calldata.APPROVE(POLYGON.router, 1), 7), "no value"),
        (WalletCall(POLYGON.collateral, calldata.APPROVE.selector), "cannot be decoded"),
        (positions.split("ctf", "0x" + "22" * 32, 1), "condition not prepared yet"),
        (
            WalletCall(
                POLYGON.collateral_adapter,
                calldata.SPLIT_POSITION(POLYGON.usdc_e, b"\1" * 32, NO_PARENT, SETS, 1),
            ),
            "parent collection",
        ),
        (
            WalletCall(
                POLYGON.collateral_adapter,
                calldata.SPLIT_POSITION(POLYGON.usdc_e, NO_PARENT, b"\1" * 32, (1,), 1),
            ),
            "got invalid index set",
        ),
    ],
)
def test_what_no_contract_takes_reverts(call: Any, why: str) -> None:
    Wallet().refused(call, why=why)


def test_the_adapter_of_the_other_family_does_not_know_the_condition() -> None:
    wallet = Wallet()
    for name, wrong in (("plain", "neg_risk"), ("first", "ctf")):
        native = wallet.markets[name].id.native
        call = positions.split(wrong, native, 1)  # type: ignore[arg-type]  # one of the families
        wallet.refused(call, why="condition not prepared yet")


def test_what_open_orders_count_on_may_leave_and_takes_them_along() -> None:
    wallet = Wallet()
    market = wallet.markets["plain"]
    placed = wallet.desk.order("alice", "buy", market, "0.50", "19000")
    assert wallet.custody.reserved(wallet.account) == usd("9500")
    wallet.do(positions.split("ctf", market.id.native, usd("1000")))
    order = wallet.desk.world.polymarket.orders[placed.id]
    assert order.state == "cancelled"
    assert wallet.cash() == usd("9000")


def test_a_set_is_not_split_from_dollars_that_are_in_flight() -> None:
    wallet = Wallet()
    market = wallet.markets["plain"]
    wallet.desk.order("bob", "buy", market, "0.50", "19000", outcome=NO)
    wallet.desk.order("alice", "buy", market, "0.50", "19000")
    assert wallet.custody.in_flight(wallet.account) >= usd("9500")
    wallet.refused(positions.split("ctf", market.id.native, usd("1000")), why="TransferFromFailed")


def test_deeds_are_told_with_their_transaction() -> None:
    wallet = Wallet()
    native = wallet.markets["plain"].id.native
    told: list[tuple[str, int, str]] = []
    wallet.books.listen(lambda deed, hash_, _at: told.append((deed.kind, deed.cash, hash_)))
    first = run(
        wallet.books.execute(
            wallet.account,
            [WalletCall(c.to, c.data) for c in (positions.split("ctf", native, 5),)],
        )
    )
    second = wallet.do(positions.merge("ctf", native, 5))
    assert told == [("SPLIT", 5, first), ("MERGE", 5, second)]
    assert first != second
    assert len(first) == 66


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["split", "merge", "redeem", "convert", "resolve", "send"]),
            st.sampled_from(["plain", "first", "second", "third", "v2"]),
            st.integers(1, 30_000_000_000),
            st.integers(1, 7),
        ),
        max_size=15,
    )
)
def test_no_sequence_of_calls_makes_or_loses_a_dollar(
    steps: Sequence[tuple[str, str, int, int]],
) -> None:
    """Both kinds of dollars together stay what they were; no balance is ever below zero."""
    wallet = Wallet()
    wallet.custody.allow(wallet.account, POLYGON.neg_risk_adapter, shares=True, granted=True)
    event = wallet.desk.world.catalogue.events["who-wins"]
    total = wallet.custody.total()
    for kind, name, size, index_set in steps:
        market = wallet.markets[name]
        native, of = market.id.native, family(market)
        try:
            if (
                kind == "resolve"
                and wallet.desk.world.catalogue.markets[market.id].resolution is None
            ):
                wallet.desk.resolve(market, (ONE, 0) if size % 2 else (0, ONE))
            elif kind == "redeem":
                call = (
                    positions.redeem_v2(native, size % 2, size)
                    if of == "router"
                    else positions.redeem(of, native)
                )
                wallet.do(call)
            elif kind == "convert":
                wallet.do(positions.convert(neg_risk_market(event), index_set, size))
            elif kind == "send":
                wallet.do(erc20(POLYGON.collateral, TRANSFER(wallet.desk.account("bob"), size)))
            elif kind in {"split", "merge"}:
                wallet.do(getattr(positions, kind)(of, native, size))
        except CallReverted:
            pass
        usdc = sum(wallet.books.purse.usdc.values())
        assert wallet.custody.total() + usdc == total
        for account in wallet.custody.accounts():
            assert all(each.balance >= 0 for _, each in wallet.custody.assets(account))
