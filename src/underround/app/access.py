"""How each venue is reached and with whose keys: ``[venues.*]``, ``[keys]`` and ``[clock]``.

Secrets are references.  A venue without keys still gives what is public.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from underround.app.markets.rolling import rolling_named
from underround.app.node_address import check_node_address
from underround.model.errors import ConfigError
from underround.model.units import usd
from underround.operations.secret import SecretRef
from underround.venues.allora.hosts import CONSUMER
from underround.venues.binance.hosts import MARKET_DATA_REST, MARKET_DATA_STREAMS
from underround.venues.goldsky.hosts import URL as GOLDSKY_URL
from underround.venues.polygon.hosts import CHAIN_ID, GAS_STATION_URL, RPC_URLS
from underround.venues.polymarket.hosts import PolymarketHosts
from underround.venues.transport.http import host_of

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_BUILDER_CODE: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_KALSHI_SERIES: Final = re.compile(r"[A-Z0-9][A-Z0-9.]*", re.ASCII)
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KEY_FILE: Final = "keys.json"
Positive = Annotated[int, msgspec.Meta(ge=1)]
Dollars = Annotated[int, msgspec.Meta(ge=0, extra={"micros": "dollars"})]


def _check_addresses(of: msgspec.Struct, *names: str) -> None:
    """Raise ``ValueError`` naming the first field that is neither empty nor a base address."""
    for name in names:
        given = getattr(of, name)
        for address in (given,) if isinstance(given, str) else given:
            if not address:
                continue
            try:
                host_of(address, schemes=("http", "https", "ws", "wss"))
            except ConfigError as error:
                raise ValueError(f"{name}: {error}") from None


class KeySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the key store is."""

    file: str = ""
    """Path of the key store; empty: ``underround/keys.json`` in the user's configuration folder,
    because the state folder may be deleted at any time."""

    def path(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Return the file.  Raises ``ConfigError`` where there is no home folder."""
        try:
            if self.file:
                return Path(self.file).expanduser()
            base = environ.get("XDG_CONFIG_HOME") or "~/.config"
            return Path(base).expanduser() / "underround" / _KEY_FILE
        except RuntimeError:
            raise ConfigError("keys.file: there is no home folder: write the whole path") from None


class PolymarketAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Polymarket's CLOB, catalogue and data."""

    enabled: bool = True
    """Whether ``doctor``, ``markets`` and ``record`` look at it."""
    hosts: PolymarketHosts = PolymarketHosts()
    """Base addresses, without a slash at the end."""
    wallet: SecretRef | None = None
    """Private key of the account that signs (the owner of a proxy, safe or deposit wallet)."""
    maker: str = ""
    """Address that holds the funds; empty: the wallet itself."""
    api_key: SecretRef | None = None
    """CLOB API key; without one it is derived from the wallet."""
    api_secret: SecretRef | None = None
    """Secret of the API key."""
    api_passphrase: SecretRef | None = None
    """Passphrase of the API key."""
    builder_code: str = ""
    """Public 32-byte code that attributes our orders to a builder; empty: none."""
    builder_key: SecretRef | None = None
    """Builder API key, for the relayer."""
    builder_secret: SecretRef | None = None
    """Secret of the builder key."""
    builder_passphrase: SecretRef | None = None
    """Passphrase of the builder key."""
    relayer_key: SecretRef | None = None
    """Relayer API key, instead of a builder key."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` naming the field that cannot be what it should be."""
        _check_addresses(self.hosts, *PolymarketHosts.__struct_fields__)
        if self.maker and not _ADDRESS.fullmatch(self.maker):
            raise ValueError("maker: expected an address, 0x and 40 hex digits")
        if self.builder_code and not _BUILDER_CODE.fullmatch(self.builder_code):
            raise ValueError("builder_code: expected a code, 0x and 64 hex digits")
        parts = (self.api_key, self.api_secret, self.api_passphrase)
        if any(parts) and not all(parts):
            raise ValueError("api_key: give api_key, api_secret and api_passphrase, or none")
        builder = (self.builder_key, self.builder_secret, self.builder_passphrase)
        if any(builder) and not all(builder):
            raise ValueError("builder_key: give key, secret and passphrase of the builder, or none")


class KalshiAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kalshi's exchange; its streams need a key even for public data."""

    enabled: bool = True
    """Whether ``doctor``, ``markets`` and ``record`` look at it."""
    rest: str = "https://external-api.kalshi.com"
    """Base address of the REST API, without a path."""
    stream: str = "wss://external-api-ws.kalshi.com"
    """Base address of the WebSocket, without a path."""
    key_id: SecretRef | None = None
    """Id of the API key."""
    private_key: SecretRef | None = None
    """Private key (PEM) of the API key."""
    tier: Literal["basic", "advanced", "expert", "premier", "paragon", "prime", "prestige"] = (
        "basic"
    )
    """Rate tier of the account."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for half a key, or for what is no address."""
        _check_addresses(self, "rest", "stream")
        if (self.key_id is None) != (self.private_key is None):
            raise ValueError("key_id: give key_id and private_key, or none")


class BinanceAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Binance's public market data."""

    enabled: bool = True
    """Whether ``doctor`` and ``record`` look at it."""
    rest: str = MARKET_DATA_REST
    """Base address of the REST API."""
    stream: str = MARKET_DATA_STREAMS
    """Base address of the streams."""
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
    """Pairs that serve as reference prices."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for what is no address."""
        _check_addresses(self, "rest", "stream")


class AlloraAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Allora's inferences."""

    enabled: bool = True
    """Whether ``doctor`` looks at it."""
    network: Literal["testnet", "mainnet"] = "testnet"
    """Which chain's topics; ids count per chain."""
    gateway: str = ""
    """Base address of the REST gateway; empty: the network's public node."""
    events: str = ""
    """Base address of the node's WebSocket; empty: the network's public node."""
    consumer: str = CONSUMER
    """Base address of the consumer API."""
    api_key: SecretRef | None = None
    """Key of the consumer API; without one it is not used."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for what is no address."""
        _check_addresses(self, "gateway", "events", "consumer")


class PolygonAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nodes of the Polygon chain."""

    enabled: bool = True
    """Whether ``doctor`` looks at it."""
    chain_id: Literal[137, 80002] = CHAIN_ID
    """137 Polygon, 80002 its test network."""
    rpc: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = RPC_URLS
    """JSON-RPC nodes; name two or more, so that their heads can be compared.  One whose address
    has a path or query, which may be a key, is a reference: ``env:NAME``, ``file:PATH`` or
    ``keystore:NAME``."""
    gas_station: str = GAS_STATION_URL
    """Base address of the gas station, or a reference to it; empty: the nodes are asked."""
    max_fee_gwei: Positive = 2_000
    """Most we pay per gas; above it a transaction waits and an alarm is raised."""
    private_rpc: str = ""
    """Node that takes transactions privately, or a reference to its address; empty: they are sent
    publicly."""
    private_headers: dict[str, SecretRef] = {}
    """Headers that the private node asks for, each with a reference to its value."""
    private_method: str = "eth_sendRawTransaction"
    """What the private node calls sending."""
    private_form: Literal["raw", "transaction"] = "raw"
    """How it wants a transaction: ``raw`` is ``["0x…"]``, ``transaction`` is
    ``{"transaction": "…"}`` without 0x (bloXroute)."""
    public_after_blocks: Positive = 5
    """Blocks without a receipt after which a private transaction goes to the public nodes."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for what is no address; it is not repeated, it may hold a key."""
        for name in ("rpc", "gas_station", "private_rpc"):
            given = getattr(self, name)
            for address in filter(None, (given,) if isinstance(given, str) else given):
                try:
                    check_node_address(address)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        if not all(self.rpc):
            raise ValueError("rpc: an empty text is no node: name it or leave it out")
        for name in self.private_headers:
            if not _HEADER.fullmatch(name):
                raise ValueError(f"private_headers: {name!r} is no name of a header")


class VenueAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every venue and source."""

    polymarket: PolymarketAccess = PolymarketAccess()
    kalshi: KalshiAccess = KalshiAccess()
    binance: BinanceAccess = BinanceAccess()
    allora: AlloraAccess = AlloraAccess()
    polygon: PolygonAccess = PolygonAccess()
    goldsky: str = GOLDSKY_URL
    """Base address of the subgraphs: history up to April 2026."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for what is no address."""
        _check_addresses(self, "goldsky")


class ClockSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How our clock is judged."""

    ntp: str = "pool.ntp.org"
    """Time server, ``HOST`` or ``HOST:PORT``; empty: none is asked."""
    warn_ms: Positive = 500
    """Difference to a venue or the time server from which there is a warning."""
    refuse_ms: Positive = 2_000
    """Difference from which live trading is refused."""


class DiscoverySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which markets are looked for, and how often."""

    interval_s: Annotated[int, msgspec.Meta(ge=5)] = 30
    """Time between two looks at a venue's catalogue."""
    jitter_percent: Annotated[int, msgspec.Meta(ge=0, le=90)] = 20
    """Each pause is shorter or longer by up to so much."""
    longest_s: Positive = 600
    """Where the doubling of the pause after failures ends."""
    whole_s: Positive = 900
    """How often the whole of Polymarket's catalogue is read; the looks between read what is new,
    the rolling series and the markets that are followed."""
    min_liquidity: Dollars = usd("2000")
    """Least dollars resting in the book.  Kalshi states none, so there it is not asked for."""
    min_volume: Dollars = 0
    """Least dollars traded since the market began."""
    tags: tuple[str, ...] = ()
    """At least one of these tags of Polymarket; empty: any."""
    without_tags: tuple[str, ...] = ()
    """None of these tags."""
    exclude_augmented: bool = True
    """Leave out groups that may be given more outcomes: the listed ones are not all."""
    series: tuple[str, ...] = (
        "btc-updown-5m",
        "btc-updown-15m",
        "btc-updown-1h",
        "eth-updown-5m",
        "eth-updown-15m",
        "eth-updown-1h",
    )
    """Rolling series of Polymarket whose windows are found ahead of time."""
    ahead: Annotated[int, msgspec.Meta(ge=0, le=100)] = 4
    """How many windows after the present one."""
    kalshi_series: tuple[str, ...] = ("KXBTC15M", "KXETH15M")
    """Series of Kalshi whose open markets are looked at; of its 120,000 nobody wants all."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` naming the field that cannot be what it should be."""
        try:
            for name in self.series:
                rolling_named(name)
        except ConfigError as error:
            raise ValueError(f"series: {error}") from None
        for name in self.kalshi_series:
            if not _KALSHI_SERIES.fullmatch(name):
                raise ValueError(f"kalshi_series: {name!r} is no ticker such as KXBTC15M")
