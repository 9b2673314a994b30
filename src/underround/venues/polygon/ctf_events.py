"""Events of Conditional Tokens and of the neg-risk adapter.

Sources: the ABIs of Gnosis ConditionalTokens 1.0.3 and of Polymarket's ``neg-risk-ctf-adapter``;
checked on Polygon logs of 2026-07-23.
"""

from __future__ import annotations

from underround.venues.polygon.event import Event
from underround.venues.polygon.quantities import Address


class ConditionPreparation(Event, frozen=True):
    """A condition exists from now on."""

    SIGNATURE = "ConditionPreparation(bytes32 indexed,address indexed,bytes32 indexed,uint256)"

    condition: bytes
    oracle: Address
    question: bytes
    outcomes: int


class ConditionResolution(Event, frozen=True):
    """A condition is decided: outcome i pays ``numerators[i] / sum(numerators)``."""

    SIGNATURE = (
        "ConditionResolution(bytes32 indexed,address indexed,bytes32 indexed,uint256,uint256[])"
    )

    condition: bytes
    oracle: Address
    question: bytes
    outcomes: int
    numerators: tuple[int, ...]


class PositionSplit(Event, frozen=True):
    """Collateral, or a position, became a position of each part."""

    SIGNATURE = (
        "PositionSplit(address indexed,address,bytes32 indexed,bytes32 indexed,uint256[],uint256)"
    )

    stakeholder: Address
    collateral: Address
    parent: bytes
    condition: bytes
    partition: tuple[int, ...]
    amount: int


class PositionsMerge(Event, frozen=True):
    """The reverse of ``PositionSplit``."""

    SIGNATURE = (
        "PositionsMerge(address indexed,address,bytes32 indexed,bytes32 indexed,uint256[],uint256)"
    )

    stakeholder: Address
    collateral: Address
    parent: bytes
    condition: bytes
    partition: tuple[int, ...]
    amount: int


class PayoutRedemption(Event, frozen=True):
    """A resolved position was paid out."""

    SIGNATURE = (
        "PayoutRedemption(address indexed,address indexed,bytes32 indexed,bytes32,uint256[],"
        "uint256)"
    )

    redeemer: Address
    collateral: Address
    parent: bytes
    condition: bytes
    index_sets: tuple[int, ...]
    """Bit masks of outcomes, not amounts."""
    payout: int


class TransferSingle(Event, frozen=True):
    """Positions of one id changed hands; the zero address mints and burns."""

    SIGNATURE = "TransferSingle(address indexed,address indexed,address indexed,uint256,uint256)"

    operator: Address
    sender: Address
    receiver: Address
    token: int
    amount: int


class TransferBatch(Event, frozen=True):
    """Positions of several ids changed hands."""

    SIGNATURE = "TransferBatch(address indexed,address indexed,address indexed,uint256[],uint256[])"

    operator: Address
    sender: Address
    receiver: Address
    tokens: tuple[int, ...]
    amounts: tuple[int, ...]


class ApprovalForAll(Event, frozen=True):
    """An owner allowed, or no longer allows, an operator to move all positions."""

    SIGNATURE = "ApprovalForAll(address indexed,address indexed,bool)"

    owner: Address
    operator: Address
    allowed: bool


class NegRiskSplit(Event, frozen=True):
    """``PositionSplit`` of the neg-risk adapter."""

    SIGNATURE = "PositionSplit(address indexed,bytes32 indexed,uint256)"

    stakeholder: Address
    condition: bytes
    amount: int


class NegRiskMerge(Event, frozen=True):
    """``PositionsMerge`` of the neg-risk adapter."""

    SIGNATURE = "PositionsMerge(address indexed,bytes32 indexed,uint256)"

    stakeholder: Address
    condition: bytes
    amount: int


class NegRiskRedemption(Event, frozen=True):
    """``PayoutRedemption`` of the neg-risk adapter."""

    SIGNATURE = "PayoutRedemption(address indexed,bytes32 indexed,uint256[],uint256)"

    redeemer: Address
    condition: bytes
    amounts: tuple[int, ...]
    """Micro-shares per outcome, not bit masks."""
    payout: int


class PositionsConverted(Event, frozen=True):
    """NO of some outcomes of a group became YES of the others and cash."""

    SIGNATURE = "PositionsConverted(address indexed,bytes32 indexed,uint256 indexed,uint256)"

    stakeholder: Address
    market: bytes
    index_set: int
    amount: int
