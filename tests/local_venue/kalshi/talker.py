"""A small client of Kalshi, written from the venue's documentation alone.

It shares no code with ``underround.venues.kalshi``: where both understand the same servers, the
servers speak the venue's language and not our reading of it.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.local_venue.kalshi.stand import Stand
from underround.local_venue.kalshi.members import Credentials

WAIT_S = 20.0


def signed(
    who: Credentials, method: str, path: str, at_ms: int, *, key_id: str = ""
) -> dict[str, str]:
    """Sign ``timestamp + METHOD + path`` by the kind of the private key."""
    text = f"{at_ms}{method}{path.split('?', maxsplit=1)[0]}".encode()
    key = load_pem_private_key(who.private_key.encode(), None)
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(text)
    else:
        assert isinstance(key, RSAPrivateKey)
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        signature = key.sign(text, pss, hashes.SHA256())
    return {
        "KALSHI-ACCESS-KEY": key_id or who.key_id,
        "KALSHI-ACCESS-TIMESTAMP": str(at_ms),
        "KALSHI-ACCESS-SIGNATURE": b64encode(signature).decode(),
    }


class Reply:
    def __init__(self, status: int, body: Any, headers: Any) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def code(self) -> str:
        """The code of a nested error."""
        return str(self.body["error"]["code"])


class Rest:
    """Requests of one member, or of nobody."""

    def __init__(self, session: aiohttp.ClientSession, stand: Stand, who: Credentials | None):
        self._session = session
        self._stand = stand
        self._who = who

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Reply:
        full = f"/trade-api/v2{path}"
        headers = {}
        if self._who is not None:
            at_ms = more.pop("at_ms", self._stand.clock.now() // 10**6)
            headers = signed(self._who, method, full, at_ms)
        headers |= more.pop("headers", {})
        data = more.pop("raw", None if body is None else json.dumps(body).encode())
        request = self._session.request(
            method, self._stand.rest + full, data=data, headers=headers, **more
        )
        async with request as answer:
            said = await answer.read()
            parsed = json.loads(said) if said else None
            return Reply(answer.status, parsed, answer.headers)

    async def get(self, path: str) -> Any:
        reply = await self.ask("GET", path)
        assert reply.status == 200, reply.body
        return reply.body

    async def place(self, ticker: str, side: str, count: str, price: str, **more: Any) -> Any:
        body = {
            "ticker": ticker,
            "side": side,
            "count": count,
            "price": price,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        reply = await self.ask("POST", "/portfolio/events/orders", body | more)
        assert reply.status == 201, reply.body
        return reply.body


class Ear:
    """One WebSocket; keeps books as the documentation says they are kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._id = 0
        self._seq: dict[int, int] = {}
        self.books: dict[str, dict[str, dict[Decimal, Decimal]]] = {}

    async def command(self, cmd: str, **params: Any) -> int:
        self._id += 1
        told: dict[str, Any] = {"id": self._id, "cmd": cmd}
        if params:
            told["params"] = params
        await self._socket.send_str(json.dumps(told))
        return self._id

    async def say(self, text: str) -> None:
        await self._socket.send_str(text)

    async def next(self) -> Any:
        """Return the next message; numbers must follow each other for each subscription."""
        message = await asyncio.wait_for(self._socket.receive(), WAIT_S)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        told = json.loads(message.data)
        if "seq" in told:
            assert told["seq"] == self._seq.get(told["sid"], 0) + 1
            self._seq[told["sid"]] = told["seq"]
        self._keep(told)
        return told

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[Any]:
        """Return everything that was sent until now: what comes before the next answer."""
        asked = await self.command("list_subscriptions")
        heard = []
        while (told := await self.next()).get("id") != asked:
            heard.append(told)
        return heard

    async def subscribe(self, *channels: str, **params: Any) -> list[Any]:
        """Subscribe and return all that is said at once."""
        await self.command("subscribe", channels=list(channels), **params)
        return await self.rest()

    def _keep(self, told: Any) -> None:
        msg = told.get("msg")
        if told["type"] == "orderbook_snapshot":
            self.books[msg["market_ticker"]] = {
                side: {
                    Decimal(price): Decimal(size)
                    for price, size in msg.get(f"{side}_dollars_fp", [])
                }
                for side in ("yes", "no")
            }
        elif told["type"] == "orderbook_delta":
            side = self.books[msg["market_ticker"]][msg["side"]]
            price = Decimal(msg["price_dollars"])
            side[price] = side.get(price, Decimal(0)) + Decimal(msg["delta_fp"])
            assert side[price] >= 0
            if not side[price]:
                del side[price]


@asynccontextmanager
async def rest_of(stand: Stand, who: Credentials | None = None) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        yield Rest(session, stand, who)


@asynccontextmanager
async def ear_of(stand: Stand, who: Credentials, **options: Any) -> AsyncIterator[Ear]:
    path = "/trade-api/ws/v2"
    headers = signed(who, "GET", path, stand.clock.now() // 10**6)
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(stand.socket + path, headers=headers, **options)
        try:
            yield Ear(socket)
        finally:
            await socket.close()
