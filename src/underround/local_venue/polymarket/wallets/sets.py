"""Split, merge, redeem and convert, as the contracts of each family of markets do them.

========== ================================ ===========================
family     contracts                        takes and pays
========== ================================ ===========================
ctf        adapter; ConditionalTokens       pUSD; USDC.e
neg_risk   adapter; NegRiskAdapter          pUSD; USDC.e
v2         Router                           pUSD
========== ================================ ===========================
"""

from __future__ import annotations

from typing import Final

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.polymarket.gamma.names import neg_risk_market
from underround.local_venue.polymarket.wallets.acts import Convert, Merge, Redeem, Split
from underround.local_venue.polymarket.wallets.scratch import Deed, Scratch
from underround.local_venue.world import CallReverted, World
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OutcomeId
from underround.model.market import Resolution
from underround.model.units import ONE, Money, Size
from underround.simulation.matching.terms import AccountId
from underround.venues.polymarket.contracts import POLYGON

NOT_OPERATOR: Final = "ERC1155: need operator approval for 3rd party transfers."
TOO_MUCH: Final = "SafeMath: subtraction overflow"
_NOT_TAKEN: Final = {
    POLYGON.conditional_tokens: "could not receive collateral tokens",
    POLYGON.neg_risk_adapter: "TRANSFER_FROM_FAILED",
}
_FAMILIES: Final = {
    POLYGON.collateral_adapter: "ctf",
    POLYGON.conditional_tokens: "ctf",
    POLYGON.neg_risk_collateral_adapter: "neg_risk",
    POLYGON.neg_risk_adapter: "neg_risk",
    POLYGON.router: "v2",
}
_IN_USDC: Final = frozenset({POLYGON.conditional_tokens, POLYGON.neg_risk_adapter})


class SetDesk:
    """Tries out on a scratch what accounts do with sets of shares."""

    def __init__(self, world: World) -> None:
        """Act on the world's custody and catalogue."""
        self._world = world
        self._custody = world.polymarket.custody

    # --- split and merge -----------------------------------------------------------------------

    def split(self, scratch: Scratch, wallet: AccountId, act: Split) -> None:
        """Turn dollars into sets."""
        row = self._checked(act)
        market, size = row.listing.market.id, act.size
        if row.resolution is not None:
            raise CallReverted(f"no more sets are made here of a resolved market ({market})")
        in_usdc = act.at in _IN_USDC
        why = _NOT_TAKEN.get(act.at, "TransferFromFailed()")
        scratch.charge(wallet, act.at, size, in_usdc=in_usdc, why=why)
        custody = self._custody
        if in_usdc:
            scratch.then(lambda: custody.deposit(wallet, size))
        scratch.then(lambda: custody.split(wallet, market, size, reserved_too=True))
        outcomes = (OutcomeId(market, YES), OutcomeId(market, NO))
        for outcome in outcomes:
            scratch.count(wallet, outcome, size)
        shares = tuple((outcome, size) for outcome in outcomes)
        scratch.deeds.append(
            Deed(kind="SPLIT", wallet=wallet, market=market, size=size, cash=size, shares=shares)
        )

    def merge(self, scratch: Scratch, wallet: AccountId, act: Merge) -> None:
        """Turn sets into dollars."""
        row = self._checked(act)
        market, size = row.listing.market.id, act.size
        outcomes = (OutcomeId(market, YES), OutcomeId(market, NO))
        self._count_off(scratch, wallet, act.at, [(outcome, size) for outcome in outcomes])
        custody = self._custody
        scratch.then(lambda: custody.merge(wallet, market, size, reserved_too=True))
        self._pay(scratch, wallet, size, in_usdc=act.at in _IN_USDC)
        shares = tuple((outcome, -size) for outcome in outcomes)
        scratch.deeds.append(
            Deed(kind="MERGE", wallet=wallet, market=market, size=size, cash=size, shares=shares)
        )

    def _checked(self, act: Split | Merge) -> LocalMarket:
        if sorted(act.partition) != [1, 2]:
            raise CallReverted("got invalid index set")
        return self._market(act.at, act.condition, act.collateral)

    # --- redeem --------------------------------------------------------------------------------

    def redeem(self, scratch: Scratch, wallet: AccountId, act: Redeem) -> None:
        """Turn shares of a resolved market into what they are worth."""
        row = self._market(act.at, act.condition, act.collateral)
        market, resolution = row.listing.market.id, row.resolution
        if resolution is None:
            v2 = _FAMILIES[act.at] == "v2"
            raise CallReverted("NotResolved()" if v2 else "result for condition not received yet")
        given: list[tuple[OutcomeId, Size]] = []
        for index, stated in enumerate(act.amounts):
            outcome = OutcomeId(market, index)
            given.append((outcome, scratch.free(wallet, outcome) if stated is None else stated))
        self._count_off(scratch, wallet, act.at, given)
        paid = sum(amount * resolution.payouts[each.index] // ONE for each, amount in given)
        scratch.then(lambda: self._redeemed(wallet, resolution, given, paid))
        self._pay(scratch, wallet, paid, in_usdc=act.at in _IN_USDC)
        scratch.deeds.append(
            Deed(
                kind="REDEEM",
                wallet=wallet,
                market=market,
                size=sum(amount for _, amount in given),
                cash=paid,
                shares=tuple((outcome, -amount) for outcome, amount in given),
            )
        )

    def _redeemed(
        self,
        wallet: AccountId,
        resolution: Resolution,
        given: list[tuple[OutcomeId, Size]],
        paid: Money,
    ) -> None:
        custody = self._custody
        for outcome, amount in given:
            custody.withdraw(wallet, amount, outcome, reserved_too=True)
        if paid:
            custody.backing[resolution.market] -= paid
            custody.deposit(wallet, paid)

    # --- convert -------------------------------------------------------------------------------

    def convert(self, scratch: Scratch, wallet: AccountId, act: Convert) -> None:
        """Turn NO of several markets of a group into YES of the others and spare dollars."""
        event = self._group(act.group)
        group, size, index_set = tuple(event.markets), act.size, act.index_set
        if len(group) < 2:
            raise CallReverted("NoConvertiblePositions()")
        if not 0 < index_set < 1 << len(group):
            raise CallReverted("InvalidIndexSet()")
        if any(self._world.catalogue.markets[each].resolution is not None for each in group):
            raise CallReverted("MarketAlreadyDetermined()")
        given = [OutcomeId(each, NO) for at, each in enumerate(group) if index_set >> at & 1]
        gained = [OutcomeId(each, YES) for at, each in enumerate(group) if not index_set >> at & 1]
        self._count_off(scratch, wallet, act.at, [(outcome, size) for outcome in given])
        for outcome in gained:
            scratch.count(wallet, outcome, size)
        custody, cash = self._custody, (len(given) - 1) * size
        scratch.then(lambda: custody.convert(wallet, group, index_set, size, reserved_too=True))
        self._pay(scratch, wallet, cash, in_usdc=act.at in _IN_USDC)
        shares = [(outcome, -size) for outcome in given] + [(outcome, size) for outcome in gained]
        scratch.deeds.append(
            Deed(
                kind="CONVERSION",
                wallet=wallet,
                market=given[0].market,
                size=size,
                cash=cash,
                shares=tuple(shares),
            )
        )

    def _group(self, name: bytes) -> LocalEvent:
        sought = f"0x{name.hex()}"
        for event in self._world.catalogue.events.values():
            if event.neg_risk and neg_risk_market(event) == sought:
                return event
        raise CallReverted("MarketNotPrepared()")

    # --- parts ---------------------------------------------------------------------------------

    def _market(self, at: str, condition: bytes, collateral: str) -> LocalMarket:
        """Return the market of a condition, if ``at`` is a contract of its family."""
        v2 = _FAMILIES[at] == "v2"
        native = f"0x{condition.hex()}{'00' if v2 else ''}"
        row = self._world.catalogue.markets.get(MarketId(POLYMARKET, native))
        if row is None or _family(row) != _FAMILIES[at]:
            raise CallReverted("condition not prepared yet")
        wanted = POLYGON.usdc_e if at == POLYGON.conditional_tokens else POLYGON.collateral
        if collateral and collateral != wanted:
            raise CallReverted("could not receive collateral tokens")
        return row

    def _count_off(
        self,
        scratch: Scratch,
        wallet: AccountId,
        at: str,
        given: list[tuple[OutcomeId, Size]],
    ) -> None:
        """Count off the shares that the contract ``at`` takes."""
        held_by = POLYGON.position_manager if at == POLYGON.router else POLYGON.conditional_tokens
        if at != POLYGON.conditional_tokens and not scratch.operates(wallet, held_by, at):
            raise CallReverted(NOT_OPERATOR)
        for outcome, amount in given:
            if amount > scratch.free(wallet, outcome):
                raise CallReverted(TOO_MUCH)
            scratch.count(wallet, outcome, -amount)

    def _pay(self, scratch: Scratch, wallet: AccountId, cash: Money, *, in_usdc: bool) -> None:
        """Count what custody has just paid in pUSD; where the contract pays USDC.e, change it."""
        if not in_usdc:
            scratch.count(wallet, None, cash)
            return
        custody = self._custody
        scratch.then(lambda: custody.withdraw(wallet, cash, reserved_too=True))
        scratch.change_usdc(wallet, cash)


def _family(row: LocalMarket) -> str:
    if row.listing.protocol == "v2":
        return "v2"
    return "neg_risk" if row.listing.market.neg_risk else "ctf"
