"""Which permissions a wallet gave, as Data API v2 tells them (twenty seconds old at most)."""

from __future__ import annotations

from typing import Literal

import msgspec

from underround.model.errors import AnswerRefused
from underround.venues.polymarket.account_answers import UNLIMITED
from underround.venues.polymarket.contracts import Approval
from underround.venues.polymarket.numbers import absent, at, base_units, read_body
from underround.venues.words import venue_words


class Granted(msgspec.Struct, frozen=True):
    """A permission that a wallet has, or has not, given."""

    token: str
    spender: str
    standard: Literal["erc20", "erc1155"]
    approved: bool
    amount: int | None
    """Base units, cut at ``UNLIMITED``; ``None`` for an ERC-1155, which grants all or nothing."""


class _Contract(msgspec.Struct):
    token: str
    spender: str
    standard: Literal["ERC20", "ERC1155"]
    approved: bool
    amount: msgspec.Raw = msgspec.Raw()


class _Approvals(msgspec.Struct):
    address: str
    chain_id: int
    contracts: tuple[_Contract, ...]


_approvals = msgspec.json.Decoder(_Approvals).decode


def approvals(data: bytes, wallet: str, chain_id: int, place: str) -> tuple[Granted, ...]:
    """Return every permission that matters, given or not; refuses another wallet's or chain's."""
    read = read_body(_approvals, data, place)
    if read.address.lower() != wallet.lower() or read.chain_id != chain_id:
        raise AnswerRefused(
            f"{place}: asked about {wallet} on chain {chain_id}, told about "
            f"{venue_words(read.address)} on {read.chain_id}: ask again"
        )
    return tuple(
        Granted(
            row.token,
            row.spender,
            "erc20" if row.standard == "ERC20" else "erc1155",
            row.approved,
            None
            if absent(row.amount)
            else at(place, f".contracts[{number}].amount", _amount, row.amount),
        )
        for number, row in enumerate(read.contracts)
    )


def missing_approvals(
    granted: tuple[Granted, ...], required: tuple[Approval, ...]
) -> tuple[Approval, ...]:
    """Return which of ``required`` are not given, or not stated to be."""
    given = {(g.token.lower(), g.spender.lower()) for g in granted if g.approved}
    return tuple(a for a in required if (a.token.lower(), a.spender.lower()) not in given)


def _amount(raw: msgspec.Raw) -> int:
    return UNLIMITED if bytes(raw) == b'"max"' else min(base_units(raw), UNLIMITED)
