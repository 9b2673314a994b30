"""The clients of every configured venue, made from the configuration and the secrets it names.

Nothing is opened until it is used; when the block of ``Clients`` ends every connection is closed
and every secret that was read is wiped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from underround.app.access import PolymarketAccess, VenueAccess
from underround.model.errors import AccountError
from underround.model.market import Market
from underround.model.units import Nanos
from underround.operations.memory import LockedSecret
from underround.operations.secret import SecretRef
from underround.venues.allora.hosts import MAINNET, TESTNET
from underround.venues.allora.limits import LIMITS as ALLORA_LIMITS
from underround.venues.allora.rest import AlloraRest
from underround.venues.binance.limits import LIMITS as BINANCE_LIMITS
from underround.venues.binance.rest import BinanceRest
from underround.venues.budget import Limits, RateBudget, Sleep
from underround.venues.ethereum import EvmKey
from underround.venues.http import HttpClient
from underround.venues.kalshi.hosts import Hosts as KalshiHosts
from underround.venues.kalshi.limits import TIERS as KALSHI_TIERS
from underround.venues.kalshi.limits import limits_of as kalshi_limits
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.order_line import OrderLine
from underround.venues.polygon.rpc import Rpc
from underround.venues.polymarket.contracts import contracts_of
from underround.venues.polymarket.data_api import PolymarketData
from underround.venues.polymarket.exchange import NO_CODE
from underround.venues.polymarket.gamma import GammaRest
from underround.venues.polymarket.limits import limits_of as polymarket_limits
from underround.venues.polymarket.orders import OrderSigner
from underround.venues.polymarket.relayer import PolymarketRelayer, RelayerKey
from underround.venues.polymarket.requests import Authorizer, Requests
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.sign import BuilderCredentials, L2Credentials, l1_headers
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.wallets import SignatureType, Wallet

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


class _WalletProof:
    """Signs requests with the wallet itself (L1)."""

    def __init__(self, key: EvmKey, chain_id: int) -> None:
        self._key = key
        self._chain_id = chain_id

    def headers(self, method: str, path: str, body: bytes, now: Nanos) -> Mapping[str, str]:
        """Return the headers that prove control of the wallet now."""
        del method, path, body
        return l1_headers(self._key, self._chain_id, now)


class PolymarketDesk:
    """Polymarket's clients, with an account if one is configured."""

    def __init__(self, access: PolymarketAccess, chain_id: int, clients: Clients) -> None:
        self.access = access
        self._clients = clients
        self._chain_id = chain_id
        hosts = access.hosts
        self.tokens: dict[str, tuple[Market, int]] = {}
        """The catalogue that answers are read with; it may grow."""
        self._clob = clients.http(hosts.clob)
        self._budget = clients.budget(polymarket_limits())
        self.rest = PolymarketRest(self._clob, self._budget, clients.clock, self.tokens)
        """Public reads; with an account after ``log_in``."""
        self.gamma = GammaRest(clients.http(hosts.gamma), self._budget)
        self.data = PolymarketData(self._requests(hosts.data))
        self.site = self._requests(hosts.site)
        self.key: EvmKey | None = None
        self.wallet: Wallet | None = None
        self.credentials: L2Credentials | None = None
        if access.wallet is not None:
            self.key = EvmKey(clients.secrets.open(access.wallet))
            self.wallet = wallet_of(self.key.address, access.maker)

    def _requests(self, host: str, by: Authorizer | None = None) -> Requests:
        return Requests(self._clients.http(host), self._budget, self._clients.clock, by)

    async def log_in(self, *, create: bool = True) -> L2Credentials:
        """Return the account's API credentials: the configured ones, else derived or created.

        ``rest`` acts for the account afterwards.  Raises ``AccountError`` without a wallet, and
        whatever the venue answers.  Without ``create`` nothing is made: a wallet that has no key
        yet is ``NotThere`` or ``RequestRefused``.
        """
        if self.credentials is not None:
            return self.credentials
        if self.key is None or self.wallet is None:
            raise AccountError(
                "venues.polymarket.wallet is not set: name the secret that holds the private key"
            )
        self.credentials = await self._credentials(self.key, create=create)
        self.rest = PolymarketRest(
            self._clob,
            self._budget,
            self._clients.clock,
            self.tokens,
            authorizer=self.credentials,
            identity=Account(self.credentials.owner, self.wallet.maker),
            signature_type=self.wallet.kind,
            orders=self._clients.line(self.access.hosts.clob),
        )
        return self.credentials

    def warm_up(self) -> None:
        """Open the connections that orders leave by, ahead of the first order."""
        self._clients.line(self.access.hosts.clob).open()

    @property
    def builder_code(self) -> str:
        """What every order's draft says about its builder."""
        return self.access.builder_code or NO_CODE

    def order_signer(self, salts: Callable[[], int]) -> OrderSigner:
        """Return what makes and signs the account's orders; ``salts``: see ``OrderSigner``.

        Raises ``AccountError`` before ``log_in``.
        """
        if self.key is None or self.wallet is None or self.credentials is None:
            raise AccountError("nobody is logged in at Polymarket: orders cannot be signed")
        contracts = contracts_of(self._chain_id)
        return OrderSigner(self.key, self.wallet, self.credentials, salts, contracts)

    def relayer(self) -> PolymarketRelayer:
        """Return the relayer's client with the configured relayer or builder key.

        Raises ``AccountError`` naming what is not configured.
        """
        access, secrets = self.access, self._clients.secrets
        if self.key is None or self.wallet is None:
            raise AccountError("venues.polymarket.wallet is not set: the relayer serves wallets")
        by: Authorizer
        if access.relayer_key is not None:
            by = RelayerKey(secrets.open(access.relayer_key), self.key.address)
        elif access.builder_key and access.builder_secret and access.builder_passphrase:
            by = BuilderCredentials(
                secrets.open(access.builder_key),
                secrets.open(access.builder_secret),
                secrets.open(access.builder_passphrase),
            )
        else:
            raise AccountError(
                "neither venues.polymarket.relayer_key nor builder_key is set: the relayer asks "
                "for one of them"
            )
        requests = self._requests(access.hosts.relayer, by)
        return PolymarketRelayer(requests, self.key, self.wallet, self._clients.sleep)

    async def _credentials(self, key: EvmKey, *, create: bool) -> L2Credentials:
        access, secrets = self.access, self._clients.secrets
        if access.api_key and access.api_secret and access.api_passphrase:
            return L2Credentials(
                key.address,
                secrets.open(access.api_key),
                secrets.open(access.api_secret),
                secrets.open(access.api_passphrase),
            )
        keys, proof = self.rest.keys, _WalletProof(key, self._chain_id)
        made = await (keys.derive_or_create(proof) if create else keys.derive(proof))
        parts = {"key": made.key, "secret": made.secret, "passphrase": made.passphrase}
        # The credentials keep the secret for the user stream and wipe it when they are wiped; the
        # other two are wiped as soon as they are dropped here.
        opened = [
            LockedSecret(f"derived API {name}", bytearray(text.encode()))
            for name, text in parts.items()
        ]
        return L2Credentials(key.address, *opened)

    def wipe(self) -> None:
        """Wipe the keys."""
        if self.key is not None:
            self.key.wipe()
        if self.credentials is not None:
            self.credentials.wipe()


def wallet_of(owner: str, maker: str) -> Wallet:
    """Return the wallet that trades: ``maker`` with the kind its address tells, else the owner."""
    if not maker:
        return Wallet(owner, owner, SignatureType.EOA)
    return Wallet.recognised(owner, maker)


class Clients:
    """The clients of a process; an async context manager."""

    def __init__(
        self,
        access: VenueAccess,
        *,
        keystore: OpenKeyStore | None = None,
        clock: Callable[[], Nanos] = time.time_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.access = access
        self.secrets = Secrets(keystore)
        self.clock = clock
        self.sleep = sleep
        self._https: dict[str, HttpClient] = {}
        self._lines: dict[str, OrderLine] = {}
        self._polymarket: PolymarketDesk | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._https.values():
            await client.close()
        for line in self._lines.values():
            await line.close()
        if self._polymarket is not None:
            self._polymarket.wipe()
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

    @property
    def polymarket(self) -> PolymarketDesk:
        """Polymarket's clients, made once."""
        if self._polymarket is None:
            self._polymarket = PolymarketDesk(
                self.access.polymarket, self.access.polygon.chain_id, self
            )
        return self._polymarket

    def kalshi_signer(self) -> KalshiSigner | None:
        """Return the signer of the configured key; ``None`` without one."""
        access = self.access.kalshi
        if access.key_id is None or access.private_key is None:
            return None
        with self.secrets.open(access.key_id).reveal() as bare:
            key_id = bytes(bare).decode("ascii", "replace")
        return KalshiSigner(key_id, self.secrets.open(access.private_key))

    def kalshi_hosts(self) -> KalshiHosts:
        """Return where Kalshi is."""
        return KalshiHosts(self.access.kalshi.rest, self.access.kalshi.stream)

    def kalshi(self) -> KalshiRest:
        """Return Kalshi's client, with an account if one is configured."""
        tier = KALSHI_TIERS[self.access.kalshi.tier]
        return KalshiRest(
            self.http(self.access.kalshi.rest),
            self.budget(kalshi_limits(tier)),
            self.kalshi_signer(),
            self.clock,
            tier=tier,
        )

    def binance(self) -> BinanceRest:
        """Return Binance's client."""
        return BinanceRest(
            self.http(self.access.binance.rest), self.budget(BINANCE_LIMITS), self.clock
        )

    def allora(self) -> AlloraRest:
        """Return the client of the configured network's gateway."""
        access = self.access.allora
        network = TESTNET if access.network == "testnet" else MAINNET
        gateway = access.gateway or network.lcd
        return AlloraRest(self.http(gateway), network.chain, self.budget(ALLORA_LIMITS))

    def polygon(self) -> Rpc:
        """Return the client of the configured nodes; call its ``start`` first."""
        access = self.access.polygon
        names = [f"rpc[{place}]" for place in range(len(access.rpc))]
        transports = [self.http(url) for url in access.rpc]
        return Rpc(transports, names=names, chain_id=access.chain_id)
