"""The chain as its users see it: JSON-RPC over HTTP, without the verbs of a local node.

Faults of the host ``chain`` cut it off; the venue's own settlement goes on behind it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from underround.local_venue.chain.node import Node
from underround.local_venue.faults import Answer
from underround.local_venue.net.http_host import json_answer
from underround.model.errors import Unreachable

_PREFIXES: Final = ("eth_", "net_", "web3_", "txpool_")
_OWN: Final = frozenset(
    ("eth_sendTransaction", "eth_sign", "eth_signTransaction", "eth_signTypedData", "eth_accounts")
)
"""What a public node does not do: it holds no keys."""
_NO_METHOD: Final = -32_601
_NO_REQUEST: Final = -32_600


def routes(node: Node) -> list[web.RouteDef]:
    """Return what a node of the chain answers."""

    async def serve(request: web.Request) -> web.Response:
        body = await request.read()
        refused = _refused(body)
        if refused is not None:
            return json_answer(refused)
        try:
            answer = await node.forward(body)
        except Unreachable:
            return json_answer({"error": "the node is down"}, 503)
        return web.Response(body=answer, content_type="application/json")

    return [web.post("/", serve)]


def unavailable(fault: Answer) -> web.Response:
    """Return what the load balancer in front of a node answers: no JSON."""
    return web.Response(text=f"error {fault.status}", status=fault.status)


def _refused(body: bytes) -> object | None:
    """Return the answer to a body that is not passed on; ``None``: pass it on."""
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return _error(None, -32_700, "Parse error")
    calls = told if isinstance(told, list) else [told]
    answers = [_one(call) for call in calls]
    wrong = [each for each in answers if each is not None]
    if not wrong and answers:
        return None
    return (
        wrong or _error(None, _NO_REQUEST, "Invalid request")
        if isinstance(told, list)
        else wrong[0]
    )


def _one(call: Any) -> object | None:
    method = call.get("method") if isinstance(call, dict) else None
    if not isinstance(method, str):
        return _error(None, _NO_REQUEST, "Invalid request")
    if method in _OWN or method.startswith("eth_signTypedData") or not method.startswith(_PREFIXES):
        return _error(
            call.get("id"), _NO_METHOD, f"the method {method} does not exist/is not available"
        )
    return None


def _error(number: object, code: int, message: str) -> object:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
