"""A member's API keys: shown, added, made by the venue, dropped."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.members import (
    ALL_SCOPES,
    ApiKey,
    KeyKind,
    ed25519_key,
    pem_of,
    read_public,
    rsa_key,
)
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.net.http_host import json_answer


class KeyBody(msgspec.Struct):
    """A new API key: ``public_key`` is PEM; without it the venue makes a pair."""

    name: str = ""
    public_key: str = ""
    scopes: list[str] | None = None
    subaccount: int | None = None
    key_type: KeyKind = "rsa"


_key: Final = msgspec.json.Decoder(KeyBody)


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes."""
    table = (
        ("GET", "/api_keys", keys, "read"),
        ("POST", "/api_keys", add_key, "write"),
        ("POST", "/api_keys/generate", generate_key, "write"),
        ("DELETE", "/api_keys/{key}", drop_key, "write"),
    )
    return [route(desk, method, path, answer, scope=scope) for method, path, answer, scope in table]


def _key_row(key: ApiKey) -> dict[str, object]:
    row: dict[str, object] = {"api_key_id": key.id, "name": key.name, "scopes": list(key.scopes)}
    if key.subaccount is not None:
        row["subaccount"] = key.subaccount
    return row


def keys(call: Call) -> web.Response:
    """``GET /api_keys``."""
    return json_answer({"api_keys": [_key_row(key) for key in call.desk.members.of(call.account)]})


def add_key(call: Call) -> web.Response:
    """``POST /api_keys``: a public key of one's own."""
    body = call.read(_key)
    try:
        public = read_public(body.public_key)
    except ValueError as error:
        raise Refused("bad_request", str(error)) from None
    made = call.desk.members.add_key(
        call.account,
        public,
        name=body.name,
        scopes=tuple(body.scopes or ALL_SCOPES),
        subaccount=body.subaccount,
    )
    return json_answer({"api_key_id": made.id}, 201)


def generate_key(call: Call) -> web.Response:
    """``POST /api_keys/generate``: a pair made by the venue, RSA unless asked otherwise."""
    body = call.read(_key)
    name = call.desk.new_id("generated key")
    seed = call.desk.world.seed
    private = ed25519_key(seed, name) if body.key_type == "ed25519" else rsa_key(seed, name)
    made = call.desk.members.add_key(
        call.account,
        private.public_key(),
        name=body.name,
        scopes=tuple(body.scopes or ALL_SCOPES),
        subaccount=body.subaccount,
    )
    return json_answer({"api_key_id": made.id, "private_key": pem_of(private)}, 201)


def drop_key(call: Call) -> web.Response:
    """``DELETE /api_keys/{id}``."""
    found = call.desk.members.keys.get(call.part("key"))
    if found is None or found.member != call.account:
        raise Refused("not_found", "api key not found")
    del call.desk.members.keys[found.id]
    return web.Response(status=204)
