"""Run by ``.venv-oracles``: ``py-clob-client-v2`` as a judge of a local venue, over JSON lines.

The package is used as its README says, ``host=`` is all that is different.
"""

# mypy: ignore-errors
# The SDKs live in an environment of their own, which the type checker does not see.

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import (
    ApiCreds,
    AssetType,
    BalanceAllowanceParams,
    BookParams,
    MarketOrderArgsV2,
    OpenOrderParams,
    OrderArgsV2,
    OrderMarketCancelParams,
    OrderPayload,
    OrdersScoringParams,
    PostOrdersV2Args,
    PricesHistoryParams,
    TradeParams,
)
from py_clob_client_v2.exceptions import PolyException

sys.path.insert(0, str(Path(__file__).parent))
from answering import failure, plain, write  # a neighbour: isolated mode leaves its folder out

CHAIN = 137
KINDS = {"EOA": 0, "POLY_PROXY": 1, "POLY_GNOSIS_SAFE": 2, "POLY_1271": 3}
SETTLED = {"CONFIRMED", "FAILED"}
WAIT_S = 20.0
POLL_S = 0.05


class Judge:
    """One venue, and everybody who has a client for it."""

    def __init__(self):
        self.host = ""
        self.clients = {}

    # --- who ---------------------------------------------------------------------------------

    def venue(self, endpoints):
        """Forget everybody; the venue is there."""
        self.host = endpoints["clob"]
        self.clients = {"anyone": ClobClient(self.host, CHAIN)}

    def open(self, who, key, kind, wallet, credentials=None):
        """Make a client; without credentials they are derived, or made."""
        client = ClobClient(
            self.host,
            CHAIN,
            key=key,
            signature_type=KINDS[kind],
            funder=wallet,
        )
        creds = ApiCreds(**credentials) if credentials else client.create_or_derive_api_key()
        client.set_api_creds(creds)
        self.clients[who] = client
        return plain(creds)

    def create_key(self, who, nonce):
        """Make an API key of another nonce."""
        return plain(self.clients[who].create_api_key(nonce))

    def derive_key(self, who, nonce):
        """Return the API key of a nonce."""
        return plain(self.clients[who].derive_api_key(nonce))

    # --- orders ------------------------------------------------------------------------------

    def _signed(self, client, asked):
        if "amount" in asked:
            return client.create_market_order(
                MarketOrderArgsV2(
                    amount=float(asked["amount"]),
                    side=asked["side"],
                    price=float(asked.get("price", 0)),
                    order_type=asked["tif"],
                    **_asset(asked["token"]),
                )
            )
        return client.create_order(
            OrderArgsV2(
                price=float(asked["price"]),
                size=float(asked["size"]),
                side=asked["side"],
                expiration=asked.get("expiration", 0),
                **_asset(asked["token"]),
            )
        )

    def place(self, who, **asked):
        """Sign and post one order; ``amount`` (dollars of a BUY, shares of a SELL): at market."""
        client = self.clients[who]
        signed = self._signed(client, asked)
        answer = client.post_order(signed, asked["tif"], asked.get("post_only", False))
        return _placed(answer)

    def batch(self, who, orders):
        """Post several at once."""
        client = self.clients[who]
        args = [PostOrdersV2Args(self._signed(client, each), each["tif"]) for each in orders]
        return [_placed(each) for each in client.post_orders(args)]

    def settled(self, who, trades):
        """Return the trades once each has its end, by asking again and again."""
        client, deadline = self.clients[who], time.monotonic() + WAIT_S
        while True:
            rows = [row for each in trades for row in client.get_trades(TradeParams(id=each))]
            if len(rows) == len(trades) and all(row["status"] in SETTLED for row in rows):
                return rows
            if time.monotonic() > deadline:
                raise TimeoutError(f"not settled: {rows}")
            time.sleep(POLL_S)

    def cancel(self, who, order):
        """Cancel one."""
        return _cancelled(self.clients[who].cancel_order(OrderPayload(order)))

    def cancel_many(self, who, orders):
        """Cancel some."""
        return _cancelled(self.clients[who].cancel_orders(orders))

    def cancel_market(self, who, market=None, token=None):
        """Cancel those of a market, or of a token."""
        params = OrderMarketCancelParams(market=market, asset_id=token)
        return _cancelled(self.clients[who].cancel_market_orders(params))

    def cancel_all(self, who):
        """Cancel all."""
        return _cancelled(self.clients[who].cancel_all())

    def open_orders(self, who, **wanted):
        """List what rests."""
        return self.clients[who].get_open_orders(OpenOrderParams(**wanted))

    def order(self, who, order):
        """Return one order."""
        return self.clients[who].get_order(order)

    def trades(self, who, **wanted):
        """List trades."""
        return self.clients[who].get_trades(TradeParams(**wanted))

    def balance(self, who, token=None):
        """Return what the venue says somebody has, in millionths, and who may move it."""
        kind = AssetType.CONDITIONAL if token else AssetType.COLLATERAL
        params = BalanceAllowanceParams(asset_type=kind, token_id=token)
        self.clients[who].update_balance_allowance(params)
        return self.clients[who].get_balance_allowance(params)

    # --- what is public, and what is called just like that -----------------------------------

    def book(self, token):
        """Return a book, and whether its hash is what the SDK makes of it."""
        book = self.clients["anyone"].get_order_book(token)
        made = self.clients["anyone"].get_order_book_hash(dict(book))
        return {**book, "hash_holds": made == book["hash"]}

    def listed(self, name):
        """Return every page of a listing."""
        rows, cursor = [], "MA=="
        while cursor != "LTE=":
            page = getattr(self.clients["anyone"], name)(next_cursor=cursor)
            rows += page["data"]
            cursor = page["next_cursor"]
        return rows

    def quotes(self, name, tokens, side=""):
        """Ask one of the methods that take several tokens."""
        return getattr(self.clients["anyone"], name)([BookParams(each, side) for each in tokens])

    def history(self, token):
        """Return the prices of a token."""
        wanted = PricesHistoryParams(market=token, interval="1h", fidelity=1)
        return self.clients["anyone"].get_prices_history(wanted)["history"]

    def scoring(self, who, orders):
        """Say which orders earn rewards."""
        return self.clients[who].are_orders_scoring(OrdersScoringParams(orders))

    def call(self, who, name, given=()):
        """Call a method that takes plain values."""
        return plain(getattr(self.clients[who], name)(*given))


def _asset(token):
    """Protocol V2 is chosen by naming the id a position: the SDK leaves that to its caller."""
    v2 = int(token) & ((2**64 - 1) << 40) == 0
    return {"position_id" if v2 else "token_id": token}


def _placed(answer):
    return {
        "order": answer["orderID"],
        "status": answer["status"],
        "made": answer["makingAmount"] or "0",
        "taken": answer["takingAmount"] or "0",
        "trades": answer.get("tradeIDs") or [],
        "hashes": answer.get("transactionsHashes") or [],
        "refused": answer["errorMsg"],
    }


def _cancelled(answer):
    return {"cancelled": answer["canceled"], "kept": answer["not_canceled"]}


def main():
    """Answer one line with one line until stdin ends."""
    logging.disable(logging.CRITICAL)  # refusals are answers here
    judge = Judge()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"answer": getattr(judge, asked.pop("do"))(**asked)}
        except Exception as error:  # noqa: BLE001 - the driver turns it into a failure of its own
            answer = failure(error, PolyException)
        write(answer)


if __name__ == "__main__":
    main()
