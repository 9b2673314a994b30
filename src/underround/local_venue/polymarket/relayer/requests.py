"""What is submitted to the relayer: read, taken apart into calls, and its signature checked.

Every kind of wallet has a form and a signature of its own.  The owner's signature covers wallet,
nonce and calls; the relayer pays the gas, so nobody is to be paid for it.  Sources:
docs.polymarket.com/api-reference/relayer and the official clients.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from underround.local_venue.polymarket.clob.recovery import SIGNATURE_BYTES, hex_bytes, signer_of
from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.polymarket.relayer.calls import proxy_calls, safe_calls
from underround.local_venue.world import WalletCall
from underround.venues.ethereum import address_bytes, checksum
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.relayer.proxy_calls import proxy_digest
from underround.venues.polymarket.relayer.safe_calls import safe_create_digest, safe_digest
from underround.venues.polymarket.relayer.wallet_calls import (
    LONGEST_METADATA,
    ZERO,
    Call,
    batch_digest,
    message_digest,
)
from underround.venues.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

Kind: TypeAlias = Literal["PROXY", "SAFE", "SAFE-CREATE", "WALLET", "WALLET-CREATE"]
_BY_MESSAGE: Final = 4
_NUMBER: Final = re.compile(r"\d{1,77}", re.ASCII)
_MOST_CALLS: Final = 200
INVALID_SIGNATURE: Final = "invalid signature"


class _Batch(msgspec.Struct, rename="camel"):
    deposit_wallet: str
    deadline: str
    calls: list[dict[str, str]]


class _Body(msgspec.Struct, rename="camel"):
    type: Kind
    to: str
    owner: str = msgspec.field(name="from")
    proxy_wallet: str = ""
    data: str = ""
    nonce: str = ""
    value: str = "0"
    signature: str = ""
    metadata: str = ""
    signature_params: dict[str, str] = {}
    deposit_wallet_params: _Batch | None = None


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """A submission whose signature is the owner's."""

    kind: Kind
    owner: str
    wallet: str
    to: str
    nonce: int | None
    deadline_s: int | None = None
    calls: tuple[WalletCall, ...]
    data: str
    value: str
    signature: str
    metadata: str

    @property
    def creates(self) -> bool:
        """Whether the wallet is made by it."""
        return self.kind.endswith("-CREATE")

    @property
    def wallet_kind(self) -> str:
        """The kind of the wallet: what nonces are counted by."""
        return self.kind.removesuffix("-CREATE")


_body = msgspec.json.Decoder(_Body).decode


def read(body: bytes, relay: str) -> Submitted:
    """Return what a body submits; ``relay`` is who sends calls of proxies.

    Refuses (400) what has another form, and a signature that is not the owner's.
    """
    try:
        told = _body(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"invalid request body: {error}") from None
    if len(told.metadata) > LONGEST_METADATA:
        raise Refused(400, f"metadata must be at most {LONGEST_METADATA} characters")
    owner = _address(told.owner, "from")
    return _READERS[told.type](told, owner, relay)


# --- one reader for each kind --------------------------------------------------------------------


def _read_proxy(told: _Body, owner: bytes, relay: str) -> Submitted:
    _same(told.to, POLYGON.wallets.proxy_factory, "to")
    wallet = proxy_wallet(owner)
    _same(told.proxy_wallet, wallet, "proxyWallet")
    params = told.signature_params
    _same(params.get("relay", ""), relay, "signatureParams.relay")
    _same(params.get("relayHub", ""), POLYGON.relay_hub, "signatureParams.relayHub")
    _nothing(params, "gasPrice", "relayerFee")
    data, nonce = _data(told.data), _number(told.nonce, "nonce")
    gas = _number(params.get("gasLimit", ""), "signatureParams.gasLimit")
    digest = proxy_digest(checksum(owner), data, gas, nonce, relay, POLYGON)
    _check(message_digest(digest), _signature(told), owner)
    return _submitted(told, owner, wallet, nonce, proxy_calls(data))


def _read_safe(told: _Body, owner: bytes, _relay: str) -> Submitted:
    wallet = safe_wallet(owner)
    _same(told.proxy_wallet, wallet, "proxyWallet")
    params = told.signature_params
    _nothing(params, "baseGas", "gasPrice", "safeTxnGas")
    for name in ("gasToken", "refundReceiver"):
        _same(params.get(name, ZERO), ZERO, f"signatureParams.{name}")
    operation = _number(params.get("operation", ""), "signatureParams.operation")
    nonce, value = _number(told.nonce, "nonce"), _number(told.value, "value")
    one = Call(checksum(_address(told.to, "to")), _data(told.data), value)
    digest = safe_digest(wallet, one, operation, nonce, POLYGON.chain_id)
    signature = _signature(told)
    if signature[-1] > 30:  # over the signed message, as ``eth_sign`` makes it
        digest = message_digest(digest)
        signature = signature[:-1] + bytes((signature[-1] - _BY_MESSAGE,))
    _check(digest, signature, owner)
    return _submitted(told, owner, wallet, nonce, safe_calls(one, operation))


def _read_safe_create(told: _Body, owner: bytes, _relay: str) -> Submitted:
    _same(told.to, POLYGON.wallets.safe_factory, "to")
    wallet = safe_wallet(owner)
    _same(told.proxy_wallet, wallet, "proxyWallet")
    params = told.signature_params
    _nothing(params, "payment")
    for name in ("paymentToken", "paymentReceiver"):
        _same(params.get(name, ZERO), ZERO, f"signatureParams.{name}")
    _check(safe_create_digest(POLYGON), _signature(told), owner)
    return _submitted(told, owner, wallet, None, ())


def _read_wallet(told: _Body, owner: bytes, _relay: str) -> Submitted:
    _same(told.to, POLYGON.wallets.deposit_factory, "to")
    batch = told.deposit_wallet_params
    if batch is None:
        raise Refused(400, "depositWalletParams is required")
    wallet = checksum(_address(batch.deposit_wallet, "depositWallet"))
    if wallet not in deposit_wallets(owner):
        raise Refused(
            400, f"wallet registry validation failed: wallet {wallet} does not belong to from"
        )
    if not 0 < len(batch.calls) <= _MOST_CALLS:
        raise Refused(400, f"a batch has 1 to {_MOST_CALLS} calls")
    calls = tuple(_stated(row) for row in batch.calls)
    nonce, deadline = _number(told.nonce, "nonce"), _number(batch.deadline, "deadline")
    signed = [Call(call.to, call.data, call.value) for call in calls]
    digest = batch_digest(wallet, nonce, deadline, signed, POLYGON.chain_id)
    _check(digest, _signature(told), owner)
    return _submitted(told, owner, wallet, nonce, calls, deadline)


def _stated(row: dict[str, str]) -> WalletCall:
    target = checksum(_address(row.get("target", ""), "target"))
    return WalletCall(target, _data(row.get("data", "")), _number(row.get("value", ""), "value"))


def _read_wallet_create(told: _Body, owner: bytes, _relay: str) -> Submitted:
    _same(told.to, POLYGON.wallets.deposit_factory, "to")
    return _submitted(told, owner, deposit_wallets(owner)[0], None, ())


_Reader: TypeAlias = Callable[[_Body, bytes, str], Submitted]
_READERS: Final[dict[Kind, _Reader]] = {
    "PROXY": _read_proxy,
    "SAFE": _read_safe,
    "SAFE-CREATE": _read_safe_create,
    "WALLET": _read_wallet,
    "WALLET-CREATE": _read_wallet_create,
}


# --- parts ---------------------------------------------------------------------------------------


def _submitted(
    told: _Body,
    owner: bytes,
    wallet: str,
    nonce: int | None,
    calls: tuple[WalletCall, ...],
    deadline_s: int | None = None,
) -> Submitted:
    if nonce is not None and not 0 < len(calls) <= _MOST_CALLS:
        raise Refused(400, f"a transaction has 1 to {_MOST_CALLS} calls")
    return Submitted(
        kind=told.type,
        owner=checksum(owner),
        wallet=wallet,
        to=checksum(_address(told.to, "to")),
        nonce=nonce,
        deadline_s=deadline_s,
        calls=calls,
        data=told.data,
        value=told.value,
        signature=told.signature,
        metadata=told.metadata,
    )


def _check(digest: bytes, signature: bytes, owner: bytes) -> None:
    if signer_of(digest, signature) != owner:
        raise Refused(400, INVALID_SIGNATURE)


def _signature(told: _Body) -> bytes:
    found = hex_bytes(told.signature)
    if found is None or len(found) != SIGNATURE_BYTES:
        raise Refused(400, INVALID_SIGNATURE)
    return found


def _address(text: str, name: str) -> bytes:
    try:
        return address_bytes(text)
    except ValueError as error:
        raise Refused(400, f"invalid {name}: {error}") from None


def _data(text: str) -> bytes:
    found = hex_bytes(text)
    if found is None:
        raise Refused(400, "data is no hex text")
    return found


def _number(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise Refused(400, f"invalid {name}")
    return int(text)


def _same(told: str, expected: str, name: str) -> None:
    if told.lower() != expected.lower():
        raise Refused(400, f"invalid {name}: expected {expected}")


def _nothing(params: dict[str, str], *names: str) -> None:
    for name in names:
        if params.get(name, "0") != "0":
            raise Refused(400, f"invalid signatureParams.{name}: the relayer is paid nothing")
