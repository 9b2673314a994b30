"""Polymarket as one account meets it: its clients, its wallet, its credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from underround.app.access import PolymarketAccess
from underround.app.connections import Connections
from underround.model.errors import AccountError
from underround.model.market import Market
from underround.model.units import Nanos
from underround.operations.memory import LockedSecret
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.contracts import contracts_of
from underround.venues.polymarket.data_api import PolymarketData
from underround.venues.polymarket.exchange import NO_CODE
from underround.venues.polymarket.gamma.rest import GammaRest
from underround.venues.polymarket.limits import limits_of as polymarket_limits
from underround.venues.polymarket.orders import OrderSigner
from underround.venues.polymarket.relayer.rest import PolymarketRelayer, RelayerKey
from underround.venues.polymarket.requests import Authorizer, Requests
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.polymarket.sign import BuilderCredentials, L2Credentials, l1_headers
from underround.venues.polymarket.trades import Account
from underround.venues.polymarket.wallets import SignatureType, Wallet


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

    def __init__(self, access: PolymarketAccess, chain_id: int, connections: Connections) -> None:
        self.access = access
        self._connections = connections
        self._chain_id = chain_id
        hosts = access.hosts
        self.tokens: dict[str, tuple[Market, int]] = {}
        """The catalogue that answers are read with; it may grow."""
        self._clob = connections.http(hosts.clob)
        self._budget = connections.budget(polymarket_limits())
        self.rest = PolymarketRest(self._clob, self._budget, connections.clock, self.tokens)
        """Public reads; with an account after ``log_in``."""
        self.gamma = GammaRest(connections.http(hosts.gamma), self._budget)
        self.data = PolymarketData(self._requests(hosts.data))
        self.site = self._requests(hosts.site)
        self.key: EvmKey | None = None
        self.wallet: Wallet | None = None
        self.credentials: L2Credentials | None = None
        if access.wallet is not None:
            self.key = EvmKey(connections.secrets.open(access.wallet))
            self.wallet = wallet_of(self.key.address, access.maker)

    def _requests(self, host: str, by: Authorizer | None = None) -> Requests:
        return Requests(self._connections.http(host), self._budget, self._connections.clock, by)

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
            self._connections.clock,
            self.tokens,
            authorizer=self.credentials,
            identity=Account(self.credentials.owner, self.wallet.maker),
            signature_type=self.wallet.kind,
            orders=self._connections.line(self.access.hosts.clob),
        )
        return self.credentials

    def warm_up(self) -> None:
        """Open the connections that orders leave by, ahead of the first order."""
        self._connections.line(self.access.hosts.clob).open()

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
        access, secrets = self.access, self._connections.secrets
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
        return PolymarketRelayer(requests, self.key, self.wallet, self._connections.sleep)

    async def _credentials(self, key: EvmKey, *, create: bool) -> L2Credentials:
        access, secrets = self.access, self._connections.secrets
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
