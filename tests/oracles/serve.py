"""Run by ``.venv-oracles``: answer JSON lines on stdin with what the official SDKs make of them.

``{"do": "order", …}`` → ``{"client": {…}, "clob": {…}}``: ``client`` is ``polymarket-client``,
``clob`` is ``py-clob-client-v2``; what one of them lacks the other answers alone.  Each is used at
the lowest level that takes every signed field.  Nothing here opens a connection: hosts are a closed
port of this machine.  This file imports nothing of underround.
"""

# mypy: ignore-errors
# The SDKs live in an environment of their own, which the type checker does not see.

from __future__ import annotations

import dataclasses
import gc
import json
import sys
import time
import traceback
from decimal import Decimal
from pathlib import Path

import httpx
from eth_account import Account
from eth_utils import keccak
from polymarket._internal import environment as environments
from polymarket._internal import wallet as wallets
from polymarket._internal.actions.orders import limit, market, orders, post, typed_data
from polymarket._internal.actions.orders.market_data import MarketInfo, PlatformFeeInfo
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.actions.relayer import approvals
from polymarket._internal.hmac import build_hmac_signature as client_hmac
from polymarket._internal.l1_auth import sign_api_key_auth
from polymarket._internal.protocol import decode_v2_outcome_position_id, is_v2_position_id
from polymarket._internal.streams.clob.market_protocol import parse_events
from polymarket.clients.secure import SecureClient, _make_l2_header_resolver_sync
from polymarket.environments import PRODUCTION
from polymarket.models.clob import ApiKeyCreds
from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import ApiCreds, OrderArgsV2, PartialCreateOrderOptions
from py_clob_client_v2.headers.headers import create_level_1_headers
from py_clob_client_v2.http_helpers import helpers as clob_helpers
from py_clob_client_v2.order_utils import ExchangeOrderBuilderV2, OrderDataV2
from py_clob_client_v2.order_utils.model.order_data_v2 import order_to_json_v2
from py_clob_client_v2.order_utils.model.side import Side
from py_clob_client_v2.order_utils.model.signature_type_v2 import SignatureTypeV2
from py_clob_client_v2.signer import Signer
from py_clob_client_v2.signing.hmac import build_hmac_signature as clob_hmac

sys.path.insert(0, str(Path(__file__).parent))
from wire import AbsentHost  # a neighbour: isolated mode leaves its folder out

NOWHERE = "https://127.0.0.1:9"
CONFIG = environments.PRODUCTION_CONFIG
SIDES = ("BUY", "SELL")


def compact(value):
    """Return JSON as both SDKs put it on the wire."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# --- orders ------------------------------------------------------------------------------------


def client_order(asked):
    """Sign with polymarket-client: an unsigned order of its own, then its own steps."""
    fields = asked["fields"]
    unsigned = UnsignedOrder(
        chain_id=asked["chain_id"],
        builder=fields["builder"],
        exchange_address=asked["exchange"],
        expiration=asked["expiration"],
        maker=fields["maker"],
        maker_amount=fields["maker_amount"],
        metadata=fields["metadata"],
        order_type=asked["tif"],
        salt=fields["salt"],
        side=SIDES[fields["side"]],
        signature_type=fields["signature_type"],
        signer=fields["signer"],
        taker_amount=fields["taker_amount"],
        timestamp=fields["timestamp_ms"],
        token_id=fields["token"],
        protocol_version=asked["version"],
    )
    message = typed_data.build_order_typed_data(unsigned)
    inner = Account.from_key(asked["key"]).sign_typed_data(full_message=message).signature.hex()
    signature = typed_data.build_order_signature(unsigned, "0x" + inner)
    separator = typed_data._app_domain_separator(unsigned, protocol_version=asked["version"])
    contents = typed_data._order_contents_hash(unsigned)
    digest = keccak(b"\x19\x01" + bytes.fromhex(separator[2:]) + contents)
    signed = orders.create_signed_order(unsigned, signature, post_only=asked["post_only"])
    _, payload = post.build_post_order_request(signed, owner_api_key=asked["owner"])
    return {"digest": "0x" + digest.hex(), "signature": signature, "body": compact(payload)}


def clob_builder(asked):
    """Return py-clob-client-v2's order builder and the data it takes."""
    fields = asked["fields"]
    builder = ExchangeOrderBuilderV2(
        asked["exchange"],
        asked["chain_id"],
        Signer(asked["key"], asked["chain_id"]),
        generate_salt=lambda: str(fields["salt"]),
        domain_version=asked["version"],
    )
    data = OrderDataV2(
        maker=fields["maker"],
        tokenId=fields["token"],
        makerAmount=str(fields["maker_amount"]),
        takerAmount=str(fields["taker_amount"]),
        side=Side(fields["side"]),
        signer=fields["signer"],
        signatureType=SignatureTypeV2(fields["signature_type"]),
        timestamp=str(fields["timestamp_ms"]),
        metadata=fields["metadata"],
        builder=fields["builder"],
        expiration=str(asked["expiration"]),
    )
    return builder, data


def clob_order(asked):
    """Sign with py-clob-client-v2."""
    builder, data = clob_builder(asked)
    digest = builder.build_order_hash(builder.build_order_typed_data(builder.build_order(data)))
    signed = builder.build_signed_order(data)
    payload = order_to_json_v2(signed, asked["owner"], asked["tif"], asked["post_only"])
    return {"digest": digest, "signature": signed.signature, "body": compact(payload)}


def order(asked):
    """Sign one order with both."""
    return {"client": client_order(asked), "clob": clob_order(asked)}


def amounts(asked):
    """Amounts of a limit or market order; of the decimal SDK only: the other has floats."""
    price, tick = Decimal(asked["price"]), Decimal(asked["tick"])
    given = Decimal(asked["given"])
    if asked["kind"] == "limit":
        pair = limit._compute_limit_order_amounts(
            price=price, size=given, side=asked["side"], tick_size=tick
        )
    else:
        pair = market._compute_market_order_amounts(
            amount=given, price=price, side=asked["side"], tick_size=tick
        )
    return {"client": list(pair)}


def budget(asked):
    """Return what a BUY may spend under a total with fees, as text."""
    spent = market.adjust_buy_amount_for_fees(
        amount=Decimal(asked["total"]),
        price=Decimal(asked["price"]),
        max_spend=Decimal(asked["total"]),
        fee=PlatformFeeInfo(Decimal(asked["rate"]), Decimal(asked["exponent"])),
        builder_taker_fee_rate=Decimal(asked["builder_rate"]),
    )
    return {"client": str(spent)}


# --- headers, wallets, ids, approvals ----------------------------------------------------------


def l1(asked):
    """Return the headers of the wallet's own signature."""
    signed = sign_api_key_auth(
        Account.from_key(asked["key"]),
        chain_id=asked["chain_id"],
        timestamp=asked["timestamp"],
        nonce=asked["nonce"],
    )
    signer = Signer(asked["key"], asked["chain_id"])
    client = {
        "POLY_ADDRESS": signed.address,
        "POLY_SIGNATURE": signed.signature,
        "POLY_TIMESTAMP": str(signed.timestamp),
        "POLY_NONCE": str(signed.nonce),
    }
    return {
        "client": client,
        "clob": create_level_1_headers(signer, asked["nonce"], asked["timestamp"]),
    }


def l2(asked):
    """Return the HMAC of one request."""
    secret, timestamp, method, path = (asked[k] for k in ("secret", "timestamp", "method", "path"))
    body = asked["body"] or None
    client = client_hmac(secret=secret, timestamp=timestamp, method=method, path=path, body=body)
    return {"client": client, "clob": clob_hmac(secret, str(timestamp), method, path, body)}


def derive(asked):
    """Return every wallet of an owner; py-clob-client-v2 derives none."""
    owner, config = asked["owner"], CONFIG.wallet_derivation
    return {
        "client": {
            "proxy": wallets.derive_proxy_wallet_address(owner, config),
            "safe": wallets.derive_safe_wallet_address(owner, config),
            "beacon": wallets.derive_beacon_deposit_wallet_address(owner, config),
            "uups": wallets.derive_uups_deposit_wallet_address(owner, config),
        }
    }


def position(asked):
    """Say whether a token is of Protocol V2, and its condition and outcome if so."""
    token = asked["token"]
    if not is_v2_position_id(token):
        return {"client": None}
    decoded = decode_v2_outcome_position_id(token)
    return {"client": [str(decoded.condition_id), decoded.outcome_index]}


def required_approvals(_asked):
    """Return the pairs of token and spender that trading needs, perpetuals left out."""
    cash, shares = approvals._required_trading_approvals(CONFIG)
    pairs = [("erc20", each.token_address, each.spender) for each in cash]
    pairs += [("erc1155", each.token_address, each.operator) for each in shares]
    return {"client": [each for each in pairs if each[2] != CONFIG.perps_deposit_contract]}


# --- time --------------------------------------------------------------------------------------


class Contest:
    """Both SDKs, warm, as a program that trades would hold them.

    Their hosts speak ``protocol`` and are not there (``wire.py``).
    """

    def __init__(self, asked, protocol):
        self.asked = asked
        key, self.token = asked["key"], asked["fields"]["token"]
        config = dataclasses.replace(
            CONFIG,
            **{
                field.name: NOWHERE
                for field in dataclasses.fields(CONFIG)
                if field.name.endswith("_url") and "ws" not in field.name
            },
        )
        account = Account.from_key(key)
        credentials = ApiKeyCreds(
            key=asked["owner"], secret=asked["secret"], passphrase=asked["passphrase"]
        )
        self.client = SecureClient._construct_for_wallet(
            signer=account,
            wallet=account.address,
            wallet_type="EOA",
            signer_type="OWNER",
            environment=PRODUCTION,
            config=config,
            credentials=credentials,
            api_key=None,
            logger=None,
            on_rate_limit_update=None,
        )
        self.resolve = _make_l2_header_resolver_sync(account, credentials)
        cache = self.client._ctx.order_metadata
        cache._conditions.set(self.token, "0x" + "ab" * 32)
        cache._markets.set(
            "0x" + "ab" * 32,
            MarketInfo(
                fee_info=PlatformFeeInfo(Decimal("0.04"), Decimal(1)),
                neg_risk=False,
                tick_size=Decimal("0.01"),
                token_ids=frozenset((self.token,)),
            ),
        )
        creds = ApiCreds(asked["owner"], asked["secret"], asked["passphrase"])
        self.clob = ClobClient(NOWHERE, asked["chain_id"], key, creds)
        self.clob._ClobClient__tick_sizes[self.token] = "0.01"
        self.clob._ClobClient__cached_version = 2
        self.builder, self.data = clob_builder(asked)
        self.host = AbsentHost(protocol)
        self.clob_http = httpx.Client(http2=True)  # as its module makes it
        for each in (self.client._ctx.secure_clob._client, self.clob_http):
            for transport in (each._transport, *each._mounts.values()):
                if transport is not None:
                    transport._pool._network_backend = self.host

    def clob_signed(self):
        """py-clob-client-v2: typed data and signature, without the order's id."""
        self.builder.build_signed_order(self.data)

    def clob_hashed(self):
        """The same with the order's id."""
        typed = self.builder.build_order_typed_data(self.builder.build_order(self.data))
        self.builder.build_order_hash(typed)
        self.builder.build_order_signature(typed)

    def clob_request(self):
        """py-clob-client-v2: price and size → body and headers."""
        return self._clob_bytes(0.52)

    def _clob_order(self, price):
        args = OrderArgsV2(token_id=self.token, price=price, size=100.0, side="BUY")
        options = PartialCreateOrderOptions(tick_size="0.01", neg_risk=False)
        return self.clob.create_order(args, options)

    def _clob_bytes(self, price):
        signed = self._clob_order(price)
        payload = order_to_json_v2(signed, self.asked["owner"], "GTC", False, False)
        body = compact(payload)
        headers = self.clob._l2_headers("POST", "/order", body=payload, serialized_body=body)
        return body.encode(), headers

    def client_request(self):
        """polymarket-client: price and size → body and headers, by its own public method."""
        return self._client_bytes(Decimal("0.52"))

    def client_tick(self):
        """polymarket-client: a market message as received → event → body and headers."""
        return self._client_bytes(self._client_price())

    def _client_price(self):
        events, dropped = parse_events(json.loads(self.asked["frame"]))
        change = events[0].payload.price_changes[0]
        if dropped or change.token_id != self.token:
            raise ValueError("the frame was not understood")
        return change.best_ask

    def clob_tick(self):
        """py-clob-client-v2, which has no streams: plain JSON → body and headers."""
        return self._clob_bytes(self._clob_price())

    def _clob_price(self):
        change = json.loads(self.asked["frame"])["price_changes"][0]
        return float(change["best_ask"])

    def client_sent(self):
        """polymarket-client: a market message → its last bytes at the socket."""
        self.client.post_order(self._client_order(self._client_price()))

    def clob_sent(self):
        """py-clob-client-v2: a market message → its last bytes at the socket."""
        clob_helpers._http_client = self.clob_http
        self.clob.post_order(self._clob_order(self._clob_price()))

    def _client_order(self, price):
        return self.client.create_limit_order(
            asset_id=self.token, price=price, size=Decimal(100), side="BUY"
        )

    def _client_bytes(self, price):
        signed = self._client_order(price)
        path, payload = post.build_post_order_request(signed, owner_api_key=self.asked["owner"])
        body = json.dumps(payload, separators=(",", ":"))
        return body.encode("utf-8"), self.resolve("POST", path, body)


_contests = {}


def _contest(asked, protocol):
    if protocol not in _contests:
        _contests[protocol] = Contest(asked, protocol)
    return _contests[protocol]


def timed(asked):
    """Return the seconds that ``count`` calls take, garbage frozen as in benchmarks/measure.py."""
    run = getattr(_contest(asked, "h2"), asked["what"])
    gc.collect()
    gc.freeze()
    begin = time.perf_counter()
    for _ in range(asked["count"]):
        run()
    took = time.perf_counter() - begin
    gc.unfreeze()
    return {"seconds": took}


def sent(asked):
    """Return the seconds until the last bytes of each of ``count`` orders are at the socket."""
    contest = _contest(asked, asked["protocol"])
    run, host = getattr(contest, asked["what"]), contest.host
    took = 0.0
    gc.collect()
    gc.freeze()
    for _ in range(asked["count"]):
        host.asking = True
        begin = time.perf_counter()
        run()
        took += host.written_at - begin
    gc.unfreeze()
    if json.loads(host.body)["order"]["tokenId"] != contest.token:
        raise ValueError("what was sent is not the order")
    return {"seconds": took}


def posted(asked):
    """Return the processor's seconds that ``count`` POSTs over one warm httpx connection take."""
    body = asked["body"].encode()
    with httpx.Client() as client:
        client.post(asked["url"], content=body, headers=asked["headers"])
        begin = time.process_time()
        for _ in range(asked["count"]):
            client.post(asked["url"], content=body, headers=asked["headers"])
        return {"seconds": time.process_time() - begin}


VERBS = {
    "order": order,
    "amounts": amounts,
    "budget": budget,
    "l1": l1,
    "l2": l2,
    "derive": derive,
    "position": position,
    "approvals": required_approvals,
    "timed": timed,
    "sent": sent,
    "posted": posted,
}


def main():
    """Answer one line with one line until stdin ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = VERBS[asked["do"]](asked)
        except Exception:  # noqa: BLE001 - the driver turns it into a failure of its own
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
