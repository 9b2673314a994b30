"""The relayer: wallet transactions without gas, and what their signers must know first.

Submissions need a key; nonces and whether a wallet exists are public.  Orders never go here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.polymarket.clob.auth import Gate
from underround.local_venue.polymarket.clob.refused import Handler, Refused, refusing
from underround.local_venue.polymarket.gamma.text import stamp
from underround.local_venue.polymarket.relayer.keys import RelayerGate
from underround.local_venue.polymarket.relayer.requests import read
from underround.local_venue.polymarket.relayer.transactions import (
    RELAY,
    RelayTimes,
    Transaction,
    Transactions,
)
from underround.local_venue.world import WalletDesk, World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos, ceil_div
from underround.venues.ethereum import address_bytes, checksum
from underround.venues.transport.budget import Bucket, Rate

SUBMITS: Final = Rate(tokens=25, burst=25, per_s=60)
"""What one key may submit."""
_KINDS: Final = frozenset({"PROXY", "SAFE", "WALLET"})
_MOST_KEYS: Final = 4_096


def routes(
    world: World,
    desk: WalletDesk,
    *,
    times: RelayTimes | None = None,
    deployed: Sequence[str] = (),
    gate: Gate | None = None,
    same_time: bool = True,
) -> list[web.RouteDef]:
    """Return what ``relayer-v2`` answers.

    ``desk`` carries calls out; ``deployed`` are the wallets that exist from the beginning; ``gate``
    checks builder keys where their time may differ from the venue's.  ``same_time``: whether the
    venue's clock is its clients', so that deadlines they sign can be judged.
    """
    transactions = Transactions(world, desk, times=times, deployed=deployed, same_time=same_time)
    relayer = _Relayer(transactions, world, gate)
    paths: dict[str, Handler] = {
        "/v1/account/transactions": relayer.own,
        "/v1/account/transactions/params": relayer.account_params,
        "/v1/account/transactions/{id}": relayer.account_transaction,
        "/transaction": relayer.transaction,
        "/transactions": relayer.own_old,
        "/relay-payload": relayer.params,
        "/nonce": relayer.nonce,
        "/deployed": relayer.deployed,
    }
    found = [web.get(path, refusing(handler)) for path, handler in paths.items()]
    return [web.post("/submit", refusing(relayer.submit)), *found]


class _Relayer:
    def __init__(self, transactions: Transactions, world: World, gate: Gate | None) -> None:
        self._transactions = transactions
        self._gate = RelayerGate(world, gate)
        self._buckets: dict[str, Bucket] = {}

    # --- submitting ----------------------------------------------------------------------------

    async def submit(self, request: web.Request) -> web.Response:
        now, body = now_of(request), await request.read()
        holder = self._gate.holder(request, body, now)
        self._spend(holder.key, now)
        taken = self._transactions.submit(read(body, RELAY), holder.key, now)
        return json_answer({"transactionID": taken.id, "state": f"STATE_{taken.state}"})

    def _spend(self, key: str, now: Nanos) -> None:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST_KEYS:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[key] = Bucket(SUBMITS, now)
        wait = bucket.wait(1, now)
        if wait:
            seconds = ceil_div(wait, NANOS_PER_SECOND)
            raise Refused(429, "Too Many Requests", headers={"Retry-After": str(seconds)})
        bucket.take(1, now)

    # --- transactions --------------------------------------------------------------------------

    async def account_transaction(self, request: web.Request) -> web.Response:
        holder = self._gate.holder(request, b"", now_of(request))
        found = self._transactions.of(request.match_info["id"])
        if found is None or not (found.by == holder.key or found.sent.owner == holder.owner):
            raise Refused(404, "transaction not found")
        return json_answer(_account_row(found))

    async def own(self, request: web.Request) -> web.Response:
        holder = self._gate.holder(request, b"", now_of(request))
        found = self._transactions.sent_by(holder.key, holder.owner)
        return json_answer([_account_row(each) for each in found[:100]])

    async def own_old(self, request: web.Request) -> web.Response:
        holder = self._gate.holder(request, b"", now_of(request))
        found = self._transactions.sent_by(holder.key, holder.owner)
        return json_answer([_row(each) for each in found[:100]])

    async def transaction(self, request: web.Request) -> web.Response:
        number = request.query.get("id", "")
        if not number:
            raise Refused(400, "id is required")
        found = self._transactions.of(number)
        if found is None:
            raise Refused(404, "transaction not found")
        return json_answer([_row(found)])

    # --- what signers must know ----------------------------------------------------------------

    async def account_params(self, request: web.Request) -> web.Response:
        self._gate.holder(request, b"", now_of(request))
        return await self.params(request)

    async def params(self, request: web.Request) -> web.Response:
        return json_answer({"address": RELAY, "nonce": str(self._nonce(request))})

    async def nonce(self, request: web.Request) -> web.Response:
        return json_answer({"nonce": str(self._nonce(request))})

    async def deployed(self, request: web.Request) -> web.Response:
        wallet = checksum(_address(request))
        return json_answer({"deployed": self._transactions.deployed(wallet)})

    def _nonce(self, request: web.Request) -> int:
        kind = request.query.get("type", "")
        if kind not in _KINDS:
            raise Refused(400, "invalid type")
        return self._transactions.nonce(kind, checksum(_address(request)))


def _address(request: web.Request) -> bytes:
    try:
        return address_bytes(request.query.get("address", ""))
    except ValueError:
        raise Refused(400, "invalid address") from None


def _row(each: Transaction) -> dict[str, Any]:
    """Return a transaction as ``GET /transaction`` lists it."""
    sent = each.sent
    return {
        "transactionID": each.id,
        "transactionHash": each.hash,
        "from": sent.owner.lower(),
        "to": sent.to.lower(),
        "proxyAddress": sent.wallet.lower(),
        "data": sent.data,
        "nonce": "" if sent.nonce is None else str(sent.nonce),
        "value": "" if sent.value == "0" else sent.value,
        "signature": sent.signature,
        "state": f"STATE_{each.state}",
        "type": sent.kind,
        "owner": sent.owner.lower(),
        "metadata": sent.metadata,
        "createdAt": stamp(each.created_ns),
        "updatedAt": stamp(each.changed_ns),
    }


def _account_row(each: Transaction) -> dict[str, Any]:
    """Return a transaction as the account's own path tells it."""
    sent = each.sent
    return {
        "transaction_id": each.id,
        "transaction_hash": each.hash or None,
        "from": sent.owner,
        "to": sent.to,
        "proxy_address": sent.wallet,
        "nonce": "" if sent.nonce is None else str(sent.nonce),
        "state": f"STATE_{each.state}",
        "type": sent.kind,
        "metadata": sent.metadata,
        "error_msg": each.error or None,
        "created_at": stamp(each.created_ns),
        "updated_at": stamp(each.changed_ns),
    }
