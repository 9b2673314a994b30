"""Reading an account on chain: balances, approvals, payouts, roles; exact, at one block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.units import Money, Size
from underround.venues.polygon import calldata
from underround.venues.polygon.calldata import MOST_IN_MULTICALL, Read
from underround.venues.polygon.contracts import CONDITIONAL_TOKENS, EXCHANGE_V2, PUSD
from underround.venues.polygon.quantities import Address, HexBytes
from underround.venues.polygon.rpc import Rpc

_PAYOUT_CALLS = 3


class Payout(msgspec.Struct, frozen=True):
    """How a condition resolved: outcome i pays ``numerators[i] / denominator`` per share."""

    numerators: tuple[int, int]
    denominator: int

    def paid(self, outcome: int, size: Size) -> Money:
        """Return what ``size`` of an outcome pays; the contract rounds down."""
        return size * self.numerators[outcome] // self.denominator


class Accounts:
    """Answers questions about accounts with as few requests as possible.

    ``tag`` is the block to read at: ``latest``, ``finalized`` or a number in hex.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def read(
        self, reads: Sequence[Read], tag: str = "latest"
    ) -> list[tuple[Any, ...] | None]:
        """Return what each read returned, ``None`` where the contract refused it."""
        results: list[tuple[Any, ...] | None] = []
        for first in range(0, len(reads), MOST_IN_MULTICALL):
            part = reads[first : first + MOST_IN_MULTICALL]
            call = calldata.multicall(part)
            params = {"to": call.to, "data": "0x" + call.data.hex()}
            returned = await self._rpc.call(HexBytes, "eth_call", params, tag)
            results += calldata.multicall_results(part, returned)
        return results

    async def collateral(self, owner: Address, token: Address = PUSD, tag: str = "latest") -> Money:
        """Return how much collateral ``owner`` holds."""
        return int(await self._one(Read(token, calldata.BALANCE_OF, (owner,)), tag))

    async def allowance(
        self, owner: Address, spender: Address, token: Address = PUSD, tag: str = "latest"
    ) -> int:
        """Return how much of it ``spender`` may still take."""
        return int(await self._one(Read(token, calldata.ALLOWANCE, (owner, spender)), tag))

    async def positions(
        self,
        owner: Address,
        tokens: Sequence[int],
        holder: Address = CONDITIONAL_TOKENS,
        tag: str = "latest",
    ) -> list[Size]:
        """Return the balance of each position.  ``holder``: ``POSITION_MANAGER`` for V2 ids."""
        reads = [Read(holder, calldata.POSITION_BALANCE, (owner, token)) for token in tokens]
        return [
            int(_told(read, told))
            for read, told in zip(reads, await self.read(reads, tag), strict=True)
        ]

    async def may_move_positions(
        self,
        owner: Address,
        operator: Address,
        holder: Address = CONDITIONAL_TOKENS,
        tag: str = "latest",
    ) -> bool:
        """Whether ``operator`` is approved for all positions of ``owner``."""
        read = Read(holder, calldata.IS_APPROVED_FOR_ALL, (owner, operator))
        return bool(await self._one(read, tag))

    async def payouts(
        self, conditions: Sequence[bytes], tag: str = "latest"
    ) -> list[Payout | None]:
        """Return how each condition resolved on Conditional Tokens; ``None``: not yet."""
        reads = [
            read
            for condition in conditions
            for read in (
                Read(CONDITIONAL_TOKENS, calldata.PAYOUT_DENOMINATOR, (condition,)),
                Read(CONDITIONAL_TOKENS, calldata.PAYOUT_NUMERATOR, (condition, 0)),
                Read(CONDITIONAL_TOKENS, calldata.PAYOUT_NUMERATOR, (condition, 1)),
            )
        ]
        told = await self.read(reads, tag)
        found: list[Payout | None] = []
        for first in range(0, len(reads), _PAYOUT_CALLS):
            denominator = int(_told(reads[first], told[first]))
            if denominator == 0:  # then the numerators do not exist and their reads failed
                found.append(None)
                continue
            yes, no = (int(_told(reads[at], told[at])) for at in (first + 1, first + 2))
            found.append(Payout((yes, no), denominator))
        return found

    async def is_operator(
        self, account: Address, exchange: Address = EXCHANGE_V2, tag: str = "latest"
    ) -> bool:
        """Whether ``account`` may call ``matchOrders`` of ``exchange``."""
        return bool(await self._one(Read(exchange, calldata.IS_OPERATOR, (account,)), tag))

    async def _one(self, read: Read, tag: str) -> Any:
        params = {"to": read.to, "data": "0x" + read.data.hex()}
        returned = await self._rpc.call(HexBytes, "eth_call", params, tag)
        return _told(read, read.function.read(returned) if returned else None)


def _told(read: Read, told: tuple[Any, ...] | None) -> Any:
    if told is None:
        raise AnswerRefused(
            f"{read.to}, {read.function.signature}: no answer: is there a contract at this address?"
        )
    return told[0]
