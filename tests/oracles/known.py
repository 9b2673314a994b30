"""A key everybody knows (the first of Hardhat's and Anvil's test accounts), and secrets around it.

Nothing of value was ever held by it, and nothing ever may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.sign import L2Credentials

PRIVATE_KEY: Final = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
OWNER: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PROXY: Final = "0x365f0CA36Ae1f641E02fE3B7743673da42A13A70"
SAFE: Final = "0xd93B25cb943D14d0d34FBaF01Fc93a0f8b5F6E47"
DEPOSIT_BEACON: Final = "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50"
DEPOSIT_UUPS: Final = "0xdf8b9E8f9AB23f261F6e1B171B7454ae6E46Ba76"
API_KEY: Final = "00000000-0000-0000-0000-000000000001"
API_SECRET: Final = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
PASSPHRASE: Final = "correct-horse"


class Lent:
    """A ``Secret`` that lends what it was given."""

    def __init__(self, name: str, value: str | bytes) -> None:
        self.name = name
        self._value = value if isinstance(value, bytes) else value.encode()

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        """Lend the bytes."""
        with memoryview(self._value) as lent:
            yield lent


def known_key() -> EvmKey:
    """Return the known key."""
    return EvmKey(Lent("known", PRIVATE_KEY))


def known_credentials(address: str = OWNER, secret: str = API_SECRET) -> L2Credentials:
    """Return API credentials of the known key."""
    return L2Credentials(
        address, Lent("api", API_KEY), Lent("secret", secret), Lent("passphrase", PASSPHRASE)
    )
