"""Run by ``.venv-oracles``: ``polymarket-client`` as a judge of a local venue, over JSON lines.

Streams are heard beside the questions: ``{"heard": name, "event": {…}}`` is a line of its own.
"""

# mypy: ignore-errors
# The SDKs live in an environment of their own, which the type checker does not see.

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import polymarket.streams as specs
from polymarket import AsyncPublicClient, AsyncSecureClient, RelayerApiKey
from polymarket.errors import PolymarketError
from polymarket.models.clob import ApiKeyCreds
from polymarket.models.clob.order_response import AcceptedOrder
from polymarket.pagination import AsyncPaginator

sys.path.insert(0, str(Path(__file__).parent))
from answering import failure, plain, write  # a neighbour: isolated mode leaves its folder out
from place import environment

SETTLED = {"CONFIRMED", "FAILED"}
WAIT_S = 20.0
POLL_S = 0.05


class Judge:
    """One venue, and everybody who has a client for it."""

    def __init__(self):
        self.clients = {}
        self.heard = {}
        self.where = None

    # --- who ---------------------------------------------------------------------------------

    async def venue(self, endpoints):
        """Forget everybody; the venue is there."""
        await self.end()
        self.where = environment(endpoints)
        self.clients = {"anyone": AsyncPublicClient(environment=self.where)}

    async def end(self):
        """Close everything."""
        for name in tuple(self.heard):
            await self.unsubscribe(name)
        for client in self.clients.values():
            await client.close()
        self.clients = {}

    async def open(self, who, key, kind, wallet, credentials=None, nonce=0, relayer=None):
        """Make a client; without credentials they are derived, or made.

        Without a wallet it is the SDK that finds the deposit wallet of the key.
        """
        creds = None
        if credentials:
            creds = ApiKeyCreds(
                key=credentials["api_key"],
                secret=credentials["api_secret"],
                passphrase=credentials["api_passphrase"],
            )
        client = await AsyncSecureClient.create(
            private_key=key,
            wallet=wallet,
            environment=self.where,
            credentials=creds,
            nonce=nonce,
            api_key=RelayerApiKey(**relayer) if relayer else None,
        )
        if (old := self.clients.pop(who, None)) is not None:
            await old.close()
        self.clients[who] = client
        made = client.credentials
        return {
            "api_key": made.key,
            "api_secret": made.secret,
            "api_passphrase": made.passphrase,
            "wallet": client.wallet,
            "wallet_type": client.wallet_type,
            "signer": client.signer,
            "kind": kind,
        }

    # --- orders ------------------------------------------------------------------------------

    async def place(self, who, **asked):
        """Sign and post one order; ``amount`` (dollars of a BUY, shares of a SELL): at market."""
        return _placed(await self._order(self.clients[who], "place", asked))

    @staticmethod
    def _order(client, verb, asked):
        if "amount" in asked:
            buying = asked["side"] == "BUY"
            worst = {"max_price" if buying else "min_price": asked.get("price")}
            return getattr(client, f"{verb}_market_order")(
                asset_id=asked["token"],
                side=asked["side"],
                order_type=asked["tif"],
                **{"amount" if buying else "shares": asked["amount"]},
                **{name: value for name, value in worst.items() if value is not None},
            )
        return getattr(client, f"{verb}_limit_order")(
            asset_id=asked["token"],
            price=asked["price"],
            size=asked["size"],
            side=asked["side"],
            post_only=asked.get("post_only", False),
            expiration=asked.get("expiration"),
        )

    async def batch(self, who, orders):
        """Post several at once."""
        client = self.clients[who]
        signed = [await self._order(client, "create", each) for each in orders]
        return [_placed(each) for each in await client.post_orders(signed)]

    async def settled(self, who, trades):
        """Return the trades once each has its end: first by the SDK's own waiting, then asked."""
        client = self.clients[who]
        order = AcceptedOrder(
            order_id="0x",
            status="matched",
            making_amount=0,
            taking_amount=0,
            trade_ids=tuple(trades),
            transactions_hashes=(),
        )
        hashes = await client.wait_for_order_fill_settlement(order, timeout_s=WAIT_S)
        rows = [
            row
            for each in trades
            for row in (await client.list_account_trades(id=each).first_page()).items
        ]
        if {row.transaction_hash for row in rows} != set(hashes):
            raise ValueError(f"{hashes} are not the hashes of {rows}")
        return plain(rows)

    async def cancel(self, who, order):
        """Cancel one."""
        return _cancelled(await self.clients[who].cancel_order(order_id=order))

    async def cancel_many(self, who, orders):
        """Cancel some."""
        return _cancelled(await self.clients[who].cancel_orders(order_ids=orders))

    async def cancel_market(self, who, market=None, token=None):
        """Cancel those of a market, or of a token."""
        client = self.clients[who]
        return _cancelled(await client.cancel_market_orders(market=market, asset_id=token))

    async def cancel_all(self, who):
        """Cancel all."""
        return _cancelled(await self.clients[who].cancel_all())

    async def open_orders(self, who, **wanted):
        """List what rests."""
        return plain(await _every(self.clients[who].list_open_orders(**wanted)))

    async def order(self, who, order):
        """Return one order."""
        return plain(await self.clients[who].get_order(order_id=order))

    async def trades(self, who, **wanted):
        """List trades."""
        return plain(await _every(self.clients[who].list_account_trades(**wanted)))

    async def balance(self, who, token=None):
        """Return what the venue says somebody has, in millionths, and who may move it."""
        kind = "COLLATERAL"
        if token:
            v2 = int(token) & ((2**64 - 1) << 40) == 0
            kind = "CONDITIONAL-V2" if v2 else "CONDITIONAL"
        told = await self.clients[who].get_balance_allowance(asset_type=kind, asset_id=token)
        return {**plain(told), "balance": str(told.balance)}

    # --- anything else -----------------------------------------------------------------------

    async def call(self, who, name, given=None):
        """Call a method that takes plain values; lists are read to their end, waits waited for."""
        answer = getattr(self.clients[who], name)(**given or {})
        if isinstance(answer, AsyncPaginator):
            return plain(await _every(answer))
        answer = await answer
        if hasattr(answer, "wait"):
            answer = await answer.wait()
        return plain(answer)

    # --- streams -----------------------------------------------------------------------------

    async def subscribe(self, who, name, wanted):
        """Hear streams, ``[[spec, given], …]``; their events come as lines of their own."""
        chosen = [getattr(specs, spec)(**given) for spec, given in wanted]
        handle = await self.clients[who].subscribe(chosen)
        self.heard[name] = (handle, asyncio.create_task(_hear(name, handle)))

    async def unsubscribe(self, name):
        """Hear it no more; returns how many events were dropped."""
        handle, task = self.heard.pop(name)
        dropped = getattr(handle, "dropped", 0)
        await handle.close()
        await task
        return dropped


async def _hear(name, handle):
    async for event in handle:
        write({"heard": name, "event": {"kind": type(event).__name__, **plain(event)}})


async def _every(pages):
    return [item async for page in pages for item in page.items]


def _placed(answer):
    if not answer.ok:
        return {"order": "", "status": "", "refused": answer.message, "code": answer.code}
    return {
        "order": answer.order_id,
        "status": answer.status,
        "made": plain(answer.making_amount),
        "taken": plain(answer.taking_amount),
        "trades": list(answer.trade_ids),
        "hashes": list(answer.transactions_hashes),
        "refused": "",
    }


def _cancelled(answer):
    return {"cancelled": list(answer.canceled), "kept": dict(answer.not_canceled)}


async def main():
    """Answer one line with one line until stdin ends."""
    judge = Judge()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        asked = json.loads(line)
        try:
            answer = {"answer": await getattr(judge, asked.pop("do"))(**asked)}
        except Exception as error:  # noqa: BLE001 - the driver turns it into a failure of its own
            answer = failure(error, PolymarketError)
        write(answer)
    await judge.end()


if __name__ == "__main__":
    asyncio.run(main())
