"""The functions of Polymarket's contracts that an account calls, or that only read.

Sources: Gnosis ConditionalTokens 1.0.3, Polymarket's ``neg-risk-ctf-adapter``, its documentation
of the collateral adapters and of Protocol V2's Router, and Multicall3.  Amounts are micro-dollars
and micro-shares: collateral and positions have 6 decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from underround.venues.polygon.abi import Function
from underround.venues.polygon.contracts import MULTICALL3
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call

# ERC-20
APPROVE: Final = Function("approve(address,uint256)", "bool")
ALLOWANCE: Final = Function("allowance(address,address)", "uint256")
BALANCE_OF: Final = Function("balanceOf(address)", "uint256")

# ERC-1155: Conditional Tokens, the neg-risk adapter's view of it, and the PositionManager
SET_APPROVAL_FOR_ALL: Final = Function("setApprovalForAll(address,bool)")
IS_APPROVED_FOR_ALL: Final = Function("isApprovedForAll(address,address)", "bool")
POSITION_BALANCE: Final = Function("balanceOf(address,uint256)", "uint256")
POSITION_BALANCES: Final = Function("balanceOfBatch(address[],uint256[])", "uint256[]")
TRANSFER_POSITION: Final = Function("safeTransferFrom(address,address,uint256,uint256,bytes)")
TRANSFER_POSITIONS: Final = Function(
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"
)

# Conditional Tokens, and in the same shape both collateral adapters
PREPARE_CONDITION: Final = Function("prepareCondition(address,bytes32,uint256)")
SPLIT_POSITION: Final = Function("splitPosition(address,bytes32,bytes32,uint256[],uint256)")
MERGE_POSITIONS: Final = Function("mergePositions(address,bytes32,bytes32,uint256[],uint256)")
REDEEM_POSITIONS: Final = Function("redeemPositions(address,bytes32,bytes32,uint256[])")
REPORT_PAYOUTS: Final = Function("reportPayouts(bytes32,uint256[])")
PAYOUT_DENOMINATOR: Final = Function("payoutDenominator(bytes32)", "uint256")
PAYOUT_NUMERATOR: Final = Function("payoutNumerators(bytes32,uint256)", "uint256")
OUTCOME_SLOTS: Final = Function("getOutcomeSlotCount(bytes32)", "uint256")
CONDITION_ID: Final = Function("getConditionId(address,bytes32,uint256)", "bytes32")
COLLECTION_ID: Final = Function("getCollectionId(bytes32,bytes32,uint256)", "bytes32")
POSITION_ID: Final = Function("getPositionId(address,bytes32)", "uint256")

# NegRiskAdapter in its own shapes: they move USDC.e, not pUSD
NEG_RISK_SPLIT: Final = Function("splitPosition(bytes32,uint256)")
NEG_RISK_MERGE: Final = Function("mergePositions(bytes32,uint256)")
NEG_RISK_REDEEM: Final = Function("redeemPositions(bytes32,uint256[])")
NEG_RISK_CONVERT: Final = Function("convertPositions(bytes32,uint256,uint256)")

# Protocol V2
ROUTER_SPLIT: Final = Function("split(bytes31,uint256)")
ROUTER_MERGE: Final = Function("merge(bytes31,uint256)")
ROUTER_REDEEM: Final = Function("redeem(bytes31,uint256,uint256)")
PAYOUT_OF: Final = Function("getPayout(uint256,uint256)", "uint256")

# The exchanges
IS_OPERATOR: Final = Function("isOperator(address)", "bool")

AGGREGATE3: Final = Function("aggregate3((address,bool,bytes)[])", "(bool,bytes)[]")
MOST_IN_MULTICALL: Final = 150
"""Calls in one multicall: between the 100 and 200 that nodes are known to take."""


class Read(msgspec.Struct, frozen=True):
    """One reading call, for a multicall."""

    to: Address
    function: Function
    arguments: tuple[Any, ...] = ()

    @property
    def data(self) -> bytes:
        """The calldata."""
        return self.function(*self.arguments)


def multicall(reads: Sequence[Read]) -> Call:
    """Return one call that makes all ``reads``; a failing one does not fail the others."""
    return Call(MULTICALL3, AGGREGATE3([(read.to, True, read.data) for read in reads]))


def multicall_results(reads: Sequence[Read], data: bytes) -> list[tuple[Any, ...] | None]:
    """Return what each read returned, ``None`` for one that failed.  Raises ``AnswerRefused``.

    An address without a contract answers nothing at all; that is a failure, too.
    """
    (answers,) = AGGREGATE3.read(data)
    return [
        read.function.read(returned) if worked and returned else None
        for read, (worked, returned) in zip(reads, answers, strict=True)
    ]
