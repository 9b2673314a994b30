"""Every venue and source on one loopback port, all well unless a test says otherwise.

Paths do not collide, so one scripted host is Polymarket's CLOB, catalogue, data and site, Kalshi,
Binance, Allora, two nodes of Polygon and the gas station; a socket beside it tells the time.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.operations.test_ntp import answer as ntp_answer
from tests.venues.polymarket.gamma_rows import market_row
from tests.venues.scripted import Answer, Asked, ScriptedHost, scripted_host
from underround.venues.polymarket.contracts import POLYGON, required_approvals

SECOND = 1_000_000_000
WALLET_KEY = "0x" + "4c0883a69102937d6231471b5dbb6204fe512961708279" + "f1b8e4c5a2d3f6a7b8"
PUBLIC_KEY = "0x" + "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""That of every development chain."""
API_KEY = "0f0f0f0f-aaaa-bbbb-cccc-010101010101"
API_SECRET = "cGxhbnRlZC1hcGktc2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM="
PASSPHRASE = "planted-passphrase"
KALSHI_ID = "1e1e1e1e-dddd-eeee-ffff-020202020202"
NODE_KEY = "planted-node-key-9f8e7d"
CONSUMER_KEY = "UP-planted-consumer-key"
KALSHI_PEM = (
    Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
PLANTED = (
    WALLET_KEY[2:], API_KEY, API_SECRET, PASSPHRASE, KALSHI_ID, NODE_KEY, CONSUMER_KEY,
    KALSHI_PEM.splitlines()[1],
)  # fmt: skip
"""What must never be shown."""

Clock = Callable[[], int]
KEYS = """
[venues.polymarket]
wallet = "env:T_WALLET"
[venues.kalshi]
key_id = "env:T_KALSHI_ID"
private_key = "env:T_KALSHI_KEY"
"""
ENVIRONMENT = {
    "T_WALLET": WALLET_KEY,
    "T_KALSHI_ID": KALSHI_ID,
    "T_KALSHI_KEY": KALSHI_PEM,
    "T_CONSUMER": CONSUMER_KEY,
}


def reply(value: object, status: int = 200, **headers: str) -> Answer:
    """Return a JSON answer."""
    return Answer(json.dumps(value).encode(), status, headers)


def http_date(at_ns: int) -> str:
    """Return a time as an answer's ``Date`` states it."""
    return format_datetime(datetime.fromtimestamp(at_ns // SECOND, UTC), usegmt=True)


def iso(at_ns: int) -> str:
    """Return a time in UTC."""
    return f"{datetime.fromtimestamp(at_ns // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Venues:
    """The running hosts; ``script`` may be changed until it is asked."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.script: dict[str, Any] = all_well(clock)
        self.heads = {"node0": 1_000, "node1": 1_000}
        self.chain_id = 137
        self.head_age_s = 2
        self.balance_wei = 5 * 10**18
        self.base_fee_gwei = 40
        self.ntp_offset_ns = 0
        self.url = ""
        self.ntp = ""
        self.host: ScriptedHost | None = None
        self.environment: dict[str, str] = {}
        """What the configuration refers to while the hosts run."""
        for node in self.heads:
            self.script[f"POST /{node}/{NODE_KEY}"] = self._node(node)

    def change(self, path: str, value: object, status: int = 200) -> None:
        """Answer ``path`` otherwise."""
        self.script[path] = value if isinstance(value, Answer) else reply(value, status)

    def configuration(self, *extra: str) -> str:
        """Return the file that names these hosts; tables may be opened once more by ``extra``."""
        base, stream = self.url, self.url.replace("http", "ws", 1)
        hosts = {
            "clob": base, "gamma": base, "data": base, "site": base, "relayer": base,
            "clob_market_stream": stream, "clob_user_stream": stream, "rtds_stream": stream,
            "live_prices_stream": stream, "sports_stream": stream,
        }  # fmt: skip
        inline = ", ".join(f'{name} = "{url}"' for name, url in hosts.items())
        keyed = {f"T_{node.upper()}": f"{base}/{node}/{NODE_KEY}" for node in self.heads}
        self.environment.update(keyed, T_GAS=f"{base}/gas")
        os.environ.update(self.environment)
        nodes = ", ".join(f'"env:{name}"' for name in keyed)
        sections = {
            "clock": [f'ntp = "{self.ntp}"'],
            "venues.polymarket": [f"hosts = {{ {inline} }}"],
            "venues.kalshi": [f'rest = "{base}"', f'stream = "{stream}"'],
            "venues.binance": [f'rest = "{base}"', f'stream = "{stream}"'],
            "venues.allora": [
                f'gateway = "{base}"', f'events = "{stream}"', f'consumer = "{base}"',
                'network = "mainnet"',
            ],
            "venues.polygon": [f"rpc = [{nodes}]", 'gas_station = "env:T_GAS"'],
        }  # fmt: skip
        for text in extra:
            _add(sections, text)
        return "\n".join(f"[{name}]\n" + "\n".join(rows) + "\n" for name, rows in sections.items())

    def _node(self, name: str) -> Callable[[Asked], Answer]:
        def told(asked: Asked) -> Answer:
            calls = json.loads(asked.body)
            if isinstance(calls, dict):
                return reply(self._result(name, calls))
            return reply([self._result(name, call) for call in calls])

        return told

    def _result(self, node: str, call: dict[str, Any]) -> dict[str, Any]:
        head = self.heads[node]
        method, params = call["method"], call.get("params", [])
        if method == "eth_getBlockByNumber":
            number = head if params[0] == "latest" else int(params[0], 16)
            now_s = self.clock() // SECOND
            result: Any = {
                "number": hex(number),
                "hash": f"0x{number:064x}",
                "parentHash": f"0x{number - 1:064x}",
                "timestamp": hex(now_s - self.head_age_s),
            }
        elif method == "eth_feeHistory":
            tips = [hex(30 * 10**9)] * 3
            result = {"baseFeePerGas": [hex(self.base_fee_gwei * 10**9)] * 2, "reward": [tips]}
        else:
            result = {
                "eth_chainId": hex(self.chain_id),
                "eth_blockNumber": hex(head),
                "eth_getBalance": hex(self.balance_wei),
            }[method]
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}


def _add(sections: dict[str, list[str]], text: str) -> None:
    name = ""
    for row in filter(None, map(str.strip, text.splitlines())):
        if row.startswith("["):
            name = row.strip("[]")
            continue
        key = row.partition(" = ")[0]
        rows = sections.setdefault(name, [])
        rows[:] = [each for each in rows if each.partition(" = ")[0] != key] + [row]


def all_well(clock: Clock) -> dict[str, Any]:
    """Return the script of venues with which nothing is wrong."""
    api = "/trade-api/v2"
    shards = [
        {"exchange_index": shard, "exchange_active": True, "trading_active": True}
        for shard in range(4)
    ]
    status = {
        "exchange_active": True, "trading_active": True, "exchange_index_statuses": shards,
    }  # fmt: skip
    approvals = allowances()
    return {
        "GET /ok": reply("OK"),
        "GET /version": reply({"version": 2}),
        "GET /time": lambda _: reply(clock() // SECOND),
        "GET /api/geoblock": reply(
            {"blocked": False, "ip": "192.0.2.1", "country": "CH", "region": "ZH"}
        ),
        "GET /markets/keyset": reply({"markets": [market_row(n) for n in range(1, 4)]}),
        "GET /auth/derive-api-key": reply(
            {"apiKey": API_KEY, "secret": API_SECRET, "passphrase": PASSPHRASE}
        ),
        "GET /auth/api-keys": reply({"apiKeys": [API_KEY]}),
        "GET /auth/ban-status/closed-only": reply({"closed_only": False}),
        "GET /balance-allowance": reply({"balance": "1250500000", "allowances": approvals}),
        "GET /v1/user/rate-limit-tier": reply({"tier": "Standard"}),
        "GET /v2/approvals": granted(),
        f"GET {api}/exchange/status": lambda _: reply(status, Date=http_date(clock())),
        f"GET {api}/exchange/schedule": reply(
            {"schedule": {"standard_hours": [], "maintenance_windows": []}}
        ),
        f"GET {api}/account/limits": reply(tier("basic", 200, 100)),
        f"GET {api}/portfolio/balance": reply(money(99_946, {0: "900.00", 2: "99.46"})),
        "GET /api/v3/time": lambda _: reply({"serverTime": clock() // 1_000_000}),
        "GET /api/v3/exchangeInfo": reply(rules(("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"))),
        "GET /emissions/v10/params": reply({}),
        "GET /cosmos/base/tendermint/v1beta1/blocks/latest": lambda _: reply(
            block("allora-mainnet-1", clock() - 3 * SECOND)
        ),
        **{f"GET /emissions/v10/is_topic_active/{n}": reply({"is_active": True})
           for n in (18, 20, 21)},
        "GET /v2/allora/allora-mainnet-1/topics": reply(
            {"status": True, "data": {"topics": [], "continuation_token": None}}
        ),
        "GET /gas/v2": reply({}, 503),
    }  # fmt: skip


def allowances(*without: str) -> dict[str, str]:
    """Return what the exchanges may move, as the CLOB states it."""
    names = ("exchange", "neg_risk_exchange", "exchange_v3")
    return {getattr(POLYGON, name): "0" if name in without else str(2**256 - 1) for name in names}


def granted(missing: Iterable[int] = ()) -> Callable[[Asked], Answer]:
    """Answer which permissions the wallet that is asked about gave."""
    left_out = set(missing)

    def told(asked: Asked) -> Answer:
        rows = [
            {"token": need.token.lower(), "spender": need.spender.lower(), "approved": True,
             "standard": need.standard.upper(), "amount": "max"}
            for place, need in enumerate(required_approvals()) if place not in left_out
        ]  # fmt: skip
        wallet = asked.target.partition("user=")[2]
        return reply({"data": {"address": wallet, "chain_id": 137, "contracts": rows}})

    return told


def tier(name: str, read: int, write: int) -> dict[str, Any]:
    """Return Kalshi's limits of an account."""
    return {
        "usage_tier": name,
        "read": {"bucket_capacity": 2 * read, "refill_rate": read},
        "write": {"bucket_capacity": write, "refill_rate": write},
    }


def money(cents: int, by_shard: dict[int, str]) -> dict[str, Any]:
    """Return Kalshi's balance."""
    return {
        "balance": cents,
        "balance_dollars": f"{cents / 100:.2f}",
        "portfolio_value": 0,
        "updated_ts": 1_790_000_000,
        "balance_breakdown": [
            {"exchange_index": shard, "balance": text} for shard, text in by_shard.items()
        ],
    }


def rules(symbols: Iterable[str], **states: str) -> dict[str, Any]:
    """Return Binance's rules."""
    return {
        "serverTime": 1_790_000_000_000,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": 6_000}
        ],
        "symbols": [
            {"symbol": symbol, "status": states.get(symbol, "TRADING"),
             "baseAsset": symbol[:-4], "quoteAsset": "USDT",
             "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                         {"filterType": "LOT_SIZE", "stepSize": "0.00001000"}]}
            for symbol in symbols
        ],
    }  # fmt: skip


def block(chain: str, at_ns: int) -> dict[str, Any]:
    """Return Allora's newest block."""
    return {"block": {"header": {"chain_id": chain, "height": "5100967", "time": iso(at_ns)}}}


class _TimeServer(asyncio.DatagramProtocol):
    def __init__(self, venues: Venues) -> None:
        self._venues = venues
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert self._transport is not None
        there = self._venues.clock() + self._venues.ntp_offset_ns
        self._transport.sendto(ntp_answer(there, there, nonce=data[40:48]), addr)


@asynccontextmanager
async def venue_hosts(clock: Clock) -> AsyncIterator[Venues]:
    """Serve all venues on loopback."""
    venues = Venues(clock)
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(
        lambda: _TimeServer(venues), local_addr=("127.0.0.1", 0)
    )
    try:
        async with scripted_host(venues.script) as host:
            venues.host, venues.url = host, host.url
            venues.ntp = f"127.0.0.1:{server.get_extra_info('sockname')[1]}"
            yield venues
    finally:
        server.close()
        for name in venues.environment:
            os.environ.pop(name, None)


NOBODY = "http://127.0.0.1:9"
"""An address of this machine at which nobody listens."""


def written(folder: Path, text: str) -> Path:
    """Write a configuration."""
    file = folder / "underround.toml"
    file.write_text(text)
    return file
