"""Events of UMA's optimistic oracle and of Polymarket's adapters to it.

A proposal belongs to the market whose adapter is the ``requester`` and whose question id is the
keccak of ``ancillary_data``; the condition id is keccak(adapter ‖ question id ‖ 2).
Sources: ``uma-ctf-adapter``, src/UmaCtfAdapter.sol; UMA's OptimisticOracleV2.
"""

from __future__ import annotations

from underround.venues.ethereum import keccak
from underround.venues.polygon.event import Event
from underround.venues.polygon.quantities import Address

PRICE_YES = 10**18
PRICE_HALF = 5 * 10**17
PRICE_NO = 0
PRICE_TOO_EARLY = -(2**255)
"""The proposal says that the question cannot be answered yet."""


class PriceRequested(Event, frozen=True):
    """An adapter asked the oracle; also after a first dispute, with a new clock."""

    SIGNATURE = "RequestPrice(address indexed,bytes32,uint256,bytes,address,uint256,uint256)"

    requester: Address
    identifier: bytes
    timestamp: int
    ancillary_data: bytes
    currency: Address
    reward: int
    final_fee: int


class PriceProposed(Event, frozen=True):
    """Somebody proposed an answer; undisputed, it stands from ``expires`` (Unix seconds) on."""

    SIGNATURE = (
        "ProposePrice(address indexed,address indexed,bytes32,uint256,bytes,int256,uint256,address)"
    )

    requester: Address
    proposer: Address
    identifier: bytes
    timestamp: int
    ancillary_data: bytes
    price: int
    expires: int
    currency: Address


class PriceDisputed(Event, frozen=True):
    """Somebody disputed the proposal: the first time it is asked anew, then UMA votes."""

    SIGNATURE = (
        "DisputePrice(address indexed,address indexed,address indexed,bytes32,uint256,bytes,int256)"
    )

    requester: Address
    proposer: Address
    disputer: Address
    identifier: bytes
    timestamp: int
    ancillary_data: bytes
    price: int


class PriceSettled(Event, frozen=True):
    """The oracle's answer is final."""

    SIGNATURE = (
        "Settle(address indexed,address indexed,address indexed,bytes32,uint256,bytes,int256,"
        "uint256)"
    )

    requester: Address
    proposer: Address
    disputer: Address
    identifier: bytes
    timestamp: int
    ancillary_data: bytes
    price: int
    payout: int


class QuestionInitialized(Event, frozen=True):
    """A market was handed to an adapter."""

    SIGNATURE = (
        "QuestionInitialized(bytes32 indexed,uint256 indexed,address indexed,bytes,address,"
        "uint256,uint256)"
    )

    question: bytes
    requested_at: int
    creator: Address
    ancillary_data: bytes
    reward_token: Address
    reward: int
    bond: int


class QuestionReset(Event, frozen=True):
    """The question is asked again."""

    SIGNATURE = "QuestionReset(bytes32 indexed)"

    question: bytes


class QuestionFlagged(Event, frozen=True):
    """The administrators may decide the question themselves after a safety period."""

    SIGNATURE = "QuestionFlagged(bytes32 indexed)"

    question: bytes


class QuestionResolved(Event, frozen=True):
    """The adapter reported the payouts."""

    SIGNATURE = "QuestionResolved(bytes32 indexed,int256 indexed,uint256[])"

    question: bytes
    price: int
    payouts: tuple[int, ...]


class QuestionManuallyResolved(Event, frozen=True):
    """The administrators reported the payouts."""

    SIGNATURE = "QuestionManuallyResolved(bytes32 indexed,uint256[])"

    question: bytes
    payouts: tuple[int, ...]


def condition_of(requester: Address, ancillary_data: bytes) -> bytes:
    """Return the condition id of the market that a proposal, dispute or settlement is about."""
    question = keccak(ancillary_data)
    slots = (2).to_bytes(32, "big")
    return keccak(bytes.fromhex(requester[2:]) + question + slots)
