"""Where Allora is reached; a configuration may name others.

Topic ids count per chain: topic 14 is BTC in five minutes on the testnet and BTC in eight hours on
the mainnet.  The public nodes need no key and promise nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Network(msgspec.Struct, frozen=True):
    """One chain and its public nodes."""

    chain: str
    lcd: str
    """Base of the REST gateway."""
    events: str
    """Base of the node's WebSocket; the path is ``/websocket``."""


TESTNET: Final = Network(
    "allora-testnet-1",
    "https://allora-api.testnet.allora.network",
    "wss://allora-rpc.testnet.allora.network",
)
MAINNET: Final = Network(
    "allora-mainnet-1",
    "https://allora-api.mainnet.allora.network",
    "wss://allora-rpc.mainnet.allora.network",
)
CONSUMER: Final = "https://api.allora.network"
"""The other way: signed values, with a key.  Its topics are the testnet's unless told otherwise."""
