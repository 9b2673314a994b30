"""Ids computed offline: outcome tokens of a condition, and the bits of Protocol V2 ids.

CTF ids (Gnosis conditional tokens, ``CTHelpers.sol``): a condition and an index set are hashed onto
the curve y² = x³ + 3 over the field of alt_bn128; the first x from the hash upwards that lies on
the curve is kept, and bit 254 marks the root whose parity the hash's top bit asks for.  Which root
that is follows from the parity alone, so it suffices to know *that* there is one: the Jacobi symbol
says so in a fifth of the time a root takes.  (x³ + 3 is never 0: the curve's order is odd.)

The collateral is USDC.e, or the wrapped collateral of neg-risk markets, in the age of pUSD too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from underround.venues.ethereum import WORD, address_bytes, keccak, word
from underround.venues.polymarket.contracts import POLYGON

MarketProtocol: TypeAlias = Literal["v1", "v2"]
"""A market's protocol in the words of Gamma's ``version``: CTF ids, or those of Protocol V2."""

FIELD: Final = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""Prime of alt_bn128's field."""
_CURVE: Final = 3
_PARITY: Final = 1 << 255
_ROOT: Final = 1 << 254
_OUTCOMES: Final = 2
_REMEMBERED: Final = 1 << 17
_USDC_E: Final = address_bytes(POLYGON.usdc_e)
_WRAPPED: Final = address_bytes(POLYGON.wrapped_collateral)

_MODULES: Final = (1, 2, 3)
_RESERVED: Final = ((1 << 64) - 1) << 40
_LARGEST: Final = 1 << 256
_CONDITION_BYTES: Final = 31


# --- Protocol V1: conditional tokens -----------------------------------------------------------


def is_square(value: int, prime: int = FIELD) -> bool:
    """Whether ``value`` is a non-zero square modulo the odd prime: the Jacobi symbol is 1."""
    top, below, sign = value % prime, prime, 1
    while top:
        twos = (top & -top).bit_length() - 1
        top >>= twos
        if twos & 1 and below & 7 in {3, 5}:
            sign = -sign
        if top & 3 == 3 and below & 3 == 3:
            sign = -sign
        top, below = below % top, top
    return below == 1 and sign == 1


def condition_id(oracle: bytes, question: bytes, outcomes: int = _OUTCOMES) -> bytes:
    """Return the condition of a question (32 bytes) that ``oracle`` (20 bytes) answers."""
    return keccak(oracle + question + word(outcomes))


def collection_id(condition: bytes, index_set: int) -> bytes:
    """Return the collection of ``index_set`` (bits of the outcomes) under no parent."""
    digest = int.from_bytes(keccak(condition + word(index_set)), "big")
    x = digest % FIELD
    while True:
        x = (x + 1) % FIELD
        if is_square(x * x * x + _CURVE):
            break
    return word(x ^ _ROOT if digest & _PARITY else x)


def position_id(collateral: bytes, collection: bytes) -> int:
    """Return the ERC-1155 id of a collection's shares backed by ``collateral`` (20 bytes)."""
    return int.from_bytes(keccak(collateral + collection), "big")


@lru_cache(maxsize=_REMEMBERED)
def derive_tokens(condition: str, neg_risk: bool) -> tuple[str, str]:
    """Return the wire ids of the YES and NO tokens of a CTF market, remembered.

    ``condition`` is the market's ``0x`` id of 32 bytes; raises ``ValueError`` for anything else.
    What Gamma lists as ``clobTokenIds`` must equal this, or the listing is not to be trusted.
    """
    if not condition.startswith("0x") or len(condition) != 2 + 2 * WORD:
        raise ValueError(f"condition {condition[:80]!r} is not 0x and 64 hex digits")
    raw = bytes.fromhex(condition[2:])
    collateral = _WRAPPED if neg_risk else _USDC_E
    yes, no = (position_id(collateral, collection_id(raw, index_set)) for index_set in (1, 2))
    return str(yes), str(no)


# --- Protocol V2: position ids -----------------------------------------------------------------


def token_number(token: str) -> int:
    """Return a wire token (decimal text, as the venue writes it) as a number of 256 bits.

    Raises ``ValueError`` for other text: signs, leading zeros, 0, other digits, more bits.
    """
    if not (token.isascii() and token.isdigit()) or token[0] == "0" or len(token) > 78:
        raise ValueError(f"token {token[:90]!r} is no decimal id")
    number = int(token)
    if number >= _LARGEST:
        raise ValueError(f"token {token!r} has more than 256 bits")
    return number


def protocol_of(number: int) -> MarketProtocol:
    """Return the protocol whose ids look like this: V2 ids keep 64 bits at zero."""
    return "v1" if number & _RESERVED else "v2"


class PositionId(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome of a Protocol V2 market, by the bits of its id."""

    module: int
    """1 binary, 2 neg-risk, 3 combination."""
    base: bytes
    """Hash, 16 bytes."""
    arity: int
    chain: int
    """Where it is resolved."""
    condition_index: int
    outcome: int
    """0 is the first outcome: YES."""

    def __post_init__(self) -> None:
        if self.module not in _MODULES:
            raise ValueError(f"a Protocol V2 id of the unknown module {self.module}")
        words = (self.arity, self.chain, self.condition_index)
        if len(self.base) != 16 or any(not 0 <= each < 1 << 16 for each in words):
            raise ValueError("a field of a Protocol V2 id does not fit into its bits")
        if not 0 <= self.outcome < 1 << 8:
            raise ValueError(f"outcome {self.outcome} does not fit into a Protocol V2 id")

    @classmethod
    def parse(cls, token: str) -> PositionId:
        """Return the fields of a wire token; raises ``ValueError`` when it is no V2 id."""
        number = token_number(token)
        if protocol_of(number) != "v2":
            raise ValueError(f"token {token} is a CTF id, not one of Protocol V2")
        return cls(
            module=number >> 248,
            base=(number >> 120 & (1 << 128) - 1).to_bytes(16, "big"),
            arity=number >> 104 & 0xFFFF,
            chain=number >> 24 & 0xFFFF,
            condition_index=number >> 8 & 0xFFFF,
            outcome=number & 0xFF,
        )

    @property
    def number(self) -> int:
        """The id as a number."""
        return (
            self.module << 248
            | int.from_bytes(self.base, "big") << 120
            | self.arity << 104
            | self.chain << 24
            | self.condition_index << 8
            | self.outcome
        )

    @property
    def token(self) -> str:
        """The id as the venue writes it."""
        return str(self.number)

    @property
    def condition(self) -> bytes:
        """The market's condition: the id without its last byte, 31 bytes."""
        return (self.number >> 8).to_bytes(_CONDITION_BYTES, "big")

    @property
    def padded_condition(self) -> str:
        """The condition as REST paths want it: ``0x`` and 32 bytes, a zero byte at the end."""
        return f"0x{self.condition.hex()}00"

    def sibling(self, outcome: int) -> PositionId:
        """Return another outcome of the same market."""
        return msgspec.structs.replace(self, outcome=outcome)
