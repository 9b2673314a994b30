"""The exchange contracts as signers see them: domains, the order's hash, and ERC-1271 wrapping.

Source: docs.polymarket.com (order struct of CLOB V2) and the official SDKs.  The order's hash under
its exchange's domain is the order's id.  A deposit wallet's owner signs another digest: the order
nested in ``TypedDataSign`` (ERC-7739), and sends with it what the wallet needs to rebuild it.

Words that repeat from order to order (addresses, tokens, builder codes) are encoded once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from underround.venues.ethereum import (
    WORD,
    address_bytes,
    domain_separator,
    keccak,
    struct_hash,
    typed_digest,
    word,
)
from underround.venues.polymarket.contracts import Contracts
from underround.venues.polymarket.ids import MarketProtocol, token_number

DomainVersion: TypeAlias = Literal["2", "3"]
NO_CODE: Final = "0x" + "00" * WORD
"""32 zero bytes: no builder, no metadata."""

_ORDER_TYPE: Final = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,"
    b"uint256 takerAmount,uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,"
    b"bytes32 builder)"
)
_ORDER_KIND: Final = keccak(_ORDER_TYPE)
_NESTED_KIND: Final = keccak(
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    b"address verifyingContract,bytes32 salt)" + _ORDER_TYPE
)
_WALLET_NAME: Final = keccak(b"DepositWallet")
_WALLET_VERSION: Final = keccak(b"1")
_ORDER_TAIL: Final = _ORDER_TYPE + len(_ORDER_TYPE).to_bytes(2, "big")
_SMALL: Final = tuple(word(number) for number in range(4))
"""Words of sides and signature types."""
_REMEMBERED: Final = 1 << 17


class Exchange(msgspec.Struct, frozen=True):
    """One exchange contract and the domain under which its orders are signed."""

    address: str
    version: DomainVersion
    chain_id: int
    separator: bytes

    @classmethod
    def at(cls, address: str, version: DomainVersion, chain_id: int) -> Exchange:
        """Return the exchange at ``address``."""
        separator = domain_separator(
            "Polymarket CTF Exchange", version, chain_id, address_bytes(address)
        )
        return cls(address, version, chain_id, separator)


@lru_cache(maxsize=16)
def exchange_of(contracts: Contracts, protocol: MarketProtocol, neg_risk: bool) -> Exchange:
    """Return where a market trades; for Protocol V2 ``neg_risk`` plays no part."""
    if protocol == "v2":
        return Exchange.at(contracts.exchange_v3, "3", contracts.chain_id)
    address = contracts.neg_risk_exchange if neg_risk else contracts.exchange
    return Exchange.at(address, "2", contracts.chain_id)


class OrderFields(msgspec.Struct, frozen=True):
    """The eleven signed fields of an order, in their order."""

    salt: int
    maker: str
    signer: str
    token: str
    maker_amount: int
    taker_amount: int
    side: int
    """0 buys, 1 sells."""
    signature_type: int
    timestamp_ms: int
    metadata: str
    builder: str


def contents_hash(fields: OrderFields) -> bytes:
    """Return ``hashStruct`` of the order."""
    return keccak(
        b"".join(
            (
                _ORDER_KIND,
                fields.salt.to_bytes(WORD, "big"),
                _address_word(fields.maker),
                _address_word(fields.signer),
                _token_word(fields.token),
                fields.maker_amount.to_bytes(WORD, "big"),
                fields.taker_amount.to_bytes(WORD, "big"),
                _SMALL[fields.side],
                _SMALL[fields.signature_type],
                fields.timestamp_ms.to_bytes(WORD, "big"),
                code_bytes(fields.metadata),
                code_bytes(fields.builder),
            )
        )
    )


def order_digest(exchange: Exchange, contents: bytes) -> bytes:
    """Return the order's id (32 bytes): what every wallet but a deposit wallet signs."""
    return typed_digest(exchange.separator, contents)


def nested_digest(exchange: Exchange, wallet: str, contents: bytes) -> bytes:
    """Return what the owner of a deposit wallet signs for an order of it."""
    domain = _wallet_domain(wallet, exchange.chain_id)
    return typed_digest(exchange.separator, struct_hash(_NESTED_KIND, contents, domain))


def wrapped_signature(exchange: Exchange, contents: bytes, inner: bytes) -> bytes:
    """Return the owner's signature as a deposit wallet takes it (317 bytes)."""
    return inner + exchange.separator + contents + _ORDER_TAIL


@lru_cache(maxsize=1 << 10)
def code_bytes(text: str) -> bytes:
    """Return the 32 bytes of a builder code; ``ValueError`` unless ``0x`` and 64 hex digits."""
    if len(text) == 2 + 2 * WORD and text.startswith("0x"):
        code = bytes.fromhex(text[2:])
        if len(code) == WORD:  # fromhex skips white space
            return code
    raise ValueError(f"code {text[:80]!r} is not 0x and 64 hex digits")


@lru_cache(maxsize=1 << 10)
def _address_word(address: str) -> bytes:
    return word(address_bytes(address))


@lru_cache(maxsize=_REMEMBERED)
def _token_word(token: str) -> bytes:
    return word(token_number(token))


@lru_cache(maxsize=1 << 10)
def _wallet_domain(wallet: str, chain_id: int) -> bytes:
    """Encode the domain fields of a deposit wallet; its salt is zero."""
    words = (_WALLET_NAME, _WALLET_VERSION, word(chain_id), _address_word(wallet), word(0))
    return b"".join(words)
