"""Calls of a proxy: through its factory, signed by the Gas Station Network's relay hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from eth_abi.abi import encode

from underround.venues.ethereum import EvmKey, address_bytes, keccak, word
from underround.venues.polymarket.contracts import PolygonContracts
from underround.venues.polymarket.relayer.wallet_calls import Call, hex_text, message_digest

GAS_PER_CALL: Final = 200_000
"""What a proxy's call may use at most, where nobody estimates it."""
_PROXY: Final = keccak(b"proxy((uint8,address,uint256,bytes)[])")[:4]
_PROXY_CALL: Final = 1


def proxy_data(calls: Sequence[Call]) -> bytes:
    """Return the call data of the proxy factory for ``calls``."""
    rows = [(_PROXY_CALL, address_bytes(call.target), call.value, call.data) for call in calls]
    return _PROXY + encode(["(uint8,address,uint256,bytes)[]"], [rows])


def proxy_digest(
    owner: str, data: bytes, gas_limit: int, nonce: int, relay: str, contracts: PolygonContracts
) -> bytes:
    """Return the relay hash of a proxy's call: fee and gas price are nothing."""
    return keccak(
        b"rlx:"
        + address_bytes(owner)
        + address_bytes(contracts.wallets.proxy_factory)
        + data
        + word(0)
        + word(0)
        + word(gas_limit)
        + word(nonce)
        + address_bytes(contracts.relay_hub)
        + address_bytes(relay)
    )


def proxy_body(
    key: EvmKey,
    proxy: str,
    nonce: int,
    relay: str,
    gas_limit: int,
    calls: Sequence[Call],
    contracts: PolygonContracts,
    metadata: str,
) -> bytes:
    """Return the body that makes a proxy do ``calls``, in order."""
    data = proxy_data(calls)
    digest = proxy_digest(key.address, data, gas_limit, nonce, relay, contracts)
    return msgspec.json.encode(
        {
            "type": "PROXY",
            "from": key.address,
            "to": contracts.wallets.proxy_factory,
            "proxyWallet": proxy,
            "data": hex_text(data),
            "nonce": str(nonce),
            "signature": hex_text(key.sign(message_digest(digest))),
            "metadata": metadata,
            "signatureParams": {
                "gasLimit": str(gas_limit),
                "gasPrice": "0",
                "relay": relay,
                "relayHub": contracts.relay_hub,
                "relayerFee": "0",
            },
        }
    )
