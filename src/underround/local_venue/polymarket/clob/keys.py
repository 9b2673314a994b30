"""API keys: made with the wallet's signature, used and withdrawn with their own."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Final
from uuid import UUID

import msgspec
from aiohttp import web

from underround.local_venue.accounts import Login
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.polymarket.clob.orders import is_closed_only
from underround.local_venue.polymarket.clob.refused import Refused, refusing
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos
from underround.venues.ethereum import keccak


class _Key(msgspec.Struct):
    key: str


_key: Final = msgspec.json.Decoder(_Key).decode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Keys:
    """The endpoints under ``/auth``."""

    def __init__(self, server: ClobServer) -> None:
        """Keep keys in the accounts of ``server``'s world."""
        self._server = server
        self._accounts = server.world.accounts
        self._number = 0
        self._made_ns: dict[str, Nanos] = {}
        """When each builder key was made."""

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        readonly, builder = "/auth/readonly-api-key", "/auth/builder-api-key"
        return [
            web.post("/auth/api-key", refusing(self._create)),
            web.get("/auth/derive-api-key", refusing(self._derive)),
            web.get("/auth/api-keys", refusing(self._list)),
            web.delete("/auth/api-key", refusing(self._delete)),
            web.post(readonly, refusing(self._create_readonly)),
            web.get("/auth/readonly-api-keys", refusing(self._list_readonly)),
            web.delete(readonly, refusing(self._delete_readonly)),
            web.post(builder, refusing(self._create_builder)),
            web.get(builder, refusing(self._list_builder)),
            web.delete(builder, refusing(self._delete_builder)),
            web.get("/auth/ban-status/closed-only", refusing(self._closed_only)),
        ]

    # --- a wallet's own keys -------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "auth")
        owner, nonce = self._server.gate.wallet(request.headers, now)
        login = self._accounts.create(owner, nonce)
        if login is None:
            raise Refused(400, "Could not create api key")
        return json_answer(_credentials(login))

    async def _derive(self, request: web.Request) -> web.Response:
        now = self._server.arrive(request, "auth")
        owner, nonce = self._server.gate.wallet(request.headers, now)
        login = self._accounts.derive(owner, nonce)
        if login is None:
            raise Refused(400, "Could not derive api key!")
        return json_answer(_credentials(login))

    async def _list(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.signed(request, "auth")
        return json_answer({"apiKeys": self._of(login.owner, read_only=False)})

    async def _delete(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.signed(request, "auth")
        self._accounts.revoke(login.key)
        return json_answer("OK")

    def _of(self, owner: str, *, read_only: bool) -> list[str]:
        return [
            login.key
            for login in self._accounts.logins.values()
            if login.owner == owner and login.read_only is read_only
        ]

    # --- keys that only read -------------------------------------------------------------------

    async def _create_readonly(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.signed(request, "auth")
        made = self._draw("readonly", login.owner, read_only=True)
        self._accounts.logins[made.key] = made
        return json_answer({"apiKey": made.key})

    async def _list_readonly(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.signed(request, "auth")
        return json_answer({"readonlyApiKeys": self._of(login.owner, read_only=True)})

    async def _delete_readonly(self, request: web.Request) -> web.Response:
        login, body, _ = await self._server.signed(request, "auth")
        try:
            named = self._accounts.logins.get(_key(body).key)
        except _UNREADABLE:
            named = None
        if named is None or not named.read_only or named.owner != login.owner:
            raise Refused(400, "Invalid readonly api key")
        self._accounts.revoke(named.key)
        return json_answer("OK")

    # --- builder keys --------------------------------------------------------------------------

    async def _create_builder(self, request: web.Request) -> web.Response:
        login, _, now = await self._server.signed(request, "auth")
        made = self._draw("builder", login.owner, read_only=False)
        self._accounts.builders[made.key] = made
        self._made_ns[made.key] = now
        body = {"key": made.key, "secret": made.secret, "passphrase": made.passphrase}
        return json_answer(body)

    async def _list_builder(self, request: web.Request) -> web.Response:
        login, _, _ = await self._server.signed(request, "auth")
        rows = [
            {
                "key": key,
                "createdAt": str(self._made_ns.get(key, 0) // NANOS_PER_MS),
                "revokedAt": None,
            }
            for key, made in self._accounts.builders.items()
            if made.owner == login.owner
        ]
        return json_answer(rows)

    async def _delete_builder(self, request: web.Request) -> web.Response:
        body = await request.read()
        now = self._server.arrive(request, "auth")
        made = self._server.gate.builder(request, body, now)
        del self._accounts.builders[made.key]
        return json_answer("OK")

    def _draw(self, kind: str, owner: str, *, read_only: bool) -> Login:
        """Make a key that follows from the seed and how many were made before."""
        self._number += 1
        drawn = keccak(f"{self._server.world.seed} {kind} {owner} {self._number}".encode())
        return Login(
            str(UUID(bytes=drawn[:16], version=4)),
            urlsafe_b64encode(keccak(drawn)).decode(),
            keccak(drawn + b"passphrase").hex(),
            owner,
            -self._number,  # no nonce a wallet signs: nothing derives it
            read_only,
        )

    # --- rights --------------------------------------------------------------------------------

    async def _closed_only(self, request: web.Request) -> web.Response:
        login, _, now = await self._server.reading(request, "auth")
        return json_answer({"closed_only": is_closed_only(self._server, login.owner, now)})


def _credentials(login: Login) -> dict[str, str]:
    return {"apiKey": login.key, "secret": login.secret, "passphrase": login.passphrase}
