"""Connections of a process: one warm client per host, budgets on one clock, secrets on loan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from underround.model.units import Nanos
from underround.operations.memory import LockedSecret
from underround.operations.secret import SecretRef
from underround.venues.transport.budget import Limits, RateBudget, Sleep
from underround.venues.transport.http import HttpClient
from underround.venues.transport.order_line import OrderLine

OpenKeyStore = Callable[[str], LockedSecret]
"""Gives a secret of the key store by its name; opens the store when first asked."""


class Secrets:
    """Opens references once and wipes what it opened."""

    def __init__(self, keystore: OpenKeyStore | None) -> None:
        self._keystore = keystore
        self._opened: dict[str, LockedSecret] = {}

    def open(self, reference: SecretRef) -> LockedSecret:
        """Return a secret.  Raises ``ConfigError`` or ``KeyStoreError`` naming the reference."""
        found = self._opened.get(reference.reference)
        if found is None:
            found = self._opened[reference.reference] = reference.open(keystore=self._keystore)
        return found

    def wipe(self) -> None:
        """Wipe everything that was opened."""
        for secret in self._opened.values():
            secret.wipe()
        self._opened.clear()


class Connections:
    """What clients are made of; closes every connection and wipes every secret at its end."""

    def __init__(
        self,
        *,
        keystore: OpenKeyStore | None = None,
        clock: Callable[[], Nanos] = time.time_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.secrets = Secrets(keystore)
        self.clock = clock
        self.sleep = sleep
        self._https: dict[str, HttpClient] = {}
        self._lines: dict[str, OrderLine] = {}

    async def close(self) -> None:
        """Close and wipe."""
        for client in self._https.values():
            await client.close()
        for line in self._lines.values():
            await line.close()
        self.secrets.wipe()

    def http(self, base_url: str) -> HttpClient:
        """Return the one warm client of a host."""
        if base_url not in self._https:
            self._https[base_url] = HttpClient(base_url)
        return self._https[base_url]

    def line(self, base_url: str) -> OrderLine:
        """Return the one order line to a host; ``open`` it to have it warm."""
        if base_url not in self._lines:
            self._lines[base_url] = OrderLine(base_url)
        return self._lines[base_url]

    def budget(self, limits: Limits) -> RateBudget:
        """Return a budget on this process's clock."""
        return RateBudget(limits, self.clock, self.sleep)
