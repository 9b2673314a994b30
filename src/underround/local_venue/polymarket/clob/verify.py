"""Whether an order is what it claims: its id, its wallet, and whose signature is under it.

The id is the EIP-712 digest of the order under the domain of the exchange its market trades at.
A key's own account, a proxy and a safe are signed by the key over that digest; a deposit wallet's
order is signed over a digest that nests it, and the signature comes wrapped in what the wallet
needs to rebuild it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from underround.local_venue.accounts import Accounts, Login, account_of
from underround.local_venue.polymarket.clob.recovery import SIGNATURE_BYTES, signer_of
from underround.local_venue.polymarket.clob.refused import Refused
from underround.model.errors import AccountError
from underround.model.ids import OrderId
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.contracts import POLYGON, Contracts
from underround.venues.polymarket.exchange import (
    Exchange,
    OrderFields,
    contents_hash,
    exchange_of,
    nested_digest,
    order_digest,
    wrapped_signature,
)
from underround.venues.polymarket.ids import MarketProtocol
from underround.venues.polymarket.wallets import SignatureType

WRONG_OWNER: Final = "the order owner has to be the owner of the API KEY"
WRONG_SIGNER: Final = "the order signer address has to be the address of the API KEY"
WRONG_MAKER: Final = "maker address not allowed, please use the deposit wallet flow"
WRONG_VERSION: Final = "order_version_mismatch"
WRONG_SIGNATURE: Final = "invalid signature"


def signed_by(
    exchange: Exchange, fields: OrderFields, contents: bytes, signature: bytes, owner: bytes
) -> bool:
    """Whether ``owner`` (20 bytes) signed the order for ``exchange``, as its kind of wallet must.

    ``contents`` is the order's ``contents_hash``.
    """
    if fields.signature_type != SignatureType.POLY_1271:
        return signer_of(order_digest(exchange, contents), signature) == owner
    inner = signature[:SIGNATURE_BYTES]
    if signature != wrapped_signature(exchange, contents, inner):
        return False
    return signer_of(nested_digest(exchange, fields.maker, contents), inner) == owner


def verified_id(
    fields: OrderFields,
    signature: bytes,
    owner: str,
    protocol: MarketProtocol,
    neg_risk: bool,
    contracts: Contracts = POLYGON,
) -> OrderId:
    """Return the order's id; refuses a signature that is not the owner's for its exchange.

    One for an exchange of the other protocol is told apart: its client reads the version wrong.
    """
    exchange = exchange_of(contracts, protocol, neg_risk)
    contents = contents_hash(fields)
    raw = _bytes(owner)
    if signed_by(exchange, fields, contents, signature, raw):
        return OrderId(f"0x{order_digest(exchange, contents).hex()}")
    for other in _of_other_protocol(contracts, protocol):
        if signed_by(other, fields, contents, signature, raw):
            raise Refused(400, WRONG_VERSION)
    raise Refused(400, WRONG_SIGNATURE)


def _of_other_protocol(contracts: Contracts, protocol: MarketProtocol) -> tuple[Exchange, ...]:
    if protocol == "v1":
        return (exchange_of(contracts, "v2", False),)
    return (exchange_of(contracts, "v1", False), exchange_of(contracts, "v1", True))


def maker_account(fields: OrderFields, login: Login, accounts: Accounts) -> AccountId:
    """Return the account whose money it is; refuses parties that are not the API key's.

    The signer is the key itself, and of a deposit wallet's order the wallet; the maker is the
    key's own wallet of the stated kind.
    """
    deposit = fields.signature_type == SignatureType.POLY_1271
    named = fields.maker if deposit else login.owner
    if _bytes(fields.signer) != _bytes(named):
        raise Refused(400, WRONG_SIGNER)
    known = _account(login.owner, fields.maker)
    if known is None or known[1] != fields.signature_type:
        raise Refused(400, WRONG_MAKER)
    if known[1] is SignatureType.EOA and login.owner not in accounts.eoa_allowed:
        raise Refused(400, WRONG_MAKER)
    return known[0]


@lru_cache(maxsize=1 << 12)
def _account(owner: str, maker: str) -> tuple[AccountId, SignatureType] | None:
    try:
        return account_of(owner, maker)
    except AccountError:
        return None


@lru_cache(maxsize=1 << 12)
def _bytes(address: str) -> bytes:
    return address_bytes(address)
