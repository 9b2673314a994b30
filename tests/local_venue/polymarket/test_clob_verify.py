"""Signed orders at the local CLOB: the official SDKs' are taken, and not one altered field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.known import DEPOSIT_BEACON, DEPOSIT_UUPS, OWNER, PROXY, SAFE
from underround.local_venue.accounts import Accounts, Login
from underround.local_venue.polymarket.clob.order_terms import Terms, terms_of
from underround.local_venue.polymarket.clob.order_wire import read_order, read_rows
from underround.local_venue.polymarket.clob.recovery import hex_bytes, signer_of
from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.polymarket.clob.verify import maker_account, signed_by, verified_id
from underround.model.ids import OrderId
from underround.model.units import ONE, parse_micros
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.amounts import SHARE_STEPS, limit_amounts
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.exchange import (
    NO_CODE,
    OrderFields,
    contents_hash,
    exchange_of,
    order_digest,
)
from underround.venues.polymarket.ids import MarketProtocol

FIXTURES = Path(__file__).parents[2] / "venues" / "fixtures"
STATED = json.loads((FIXTURES / "polymarket_signing.json").read_text())
VECTORS = {row["name"]: row for row in STATED["orders"]}
OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
LOGIN = Login("key", "c2VjcmV0", "pass", OWNER, 0)


def fields_of(row: dict[str, Any]) -> OrderFields:
    order = row["order"]
    return OrderFields(
        int(order["salt"]),
        order["maker"],
        order["signer"],
        order["tokenId"],
        int(order["makerAmount"]),
        int(order["takerAmount"]),
        order["side"],
        order["signatureType"],
        int(order["timestamp"]),
        order["metadata"],
        order["builder"],
    )


def market_of(row: dict[str, Any]) -> tuple[MarketProtocol, bool]:
    domain = row["domain"]
    risky = domain["verifyingContract"] == POLYGON.neg_risk_exchange
    return ("v2" if domain["version"] == "3" else "v1"), risky


def bytes_of(text: str) -> bytes:
    found = hex_bytes(text)
    assert found is not None
    return found


def refusal(run: Any, *given: Any) -> str:
    with pytest.raises(Refused) as caught:
        run(*given)
    assert caught.value.status == 400
    return caught.value.text


# --- signatures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VECTORS)
def test_the_official_sdks_orders_are_taken_under_their_own_id(name: str) -> None:
    row = VECTORS[name]
    found = verified_id(fields_of(row), bytes_of(row["signature"]), OWNER, *market_of(row))
    assert found == row["order_hash_eip712_digest"]


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("field", OrderFields.__struct_fields__)
def test_an_order_with_any_field_altered_is_refused(name: str, field: str) -> None:
    row = VECTORS[name]
    fields = fields_of(row)
    altered: dict[str, Any] = {
        "maker": OTHER,
        "signer": OTHER,
        "token": "1" + fields.token[1:] if fields.token[0] != "1" else "2" + fields.token[1:],
        "side": 1 - fields.side,
        "signature_type": (fields.signature_type + 1) % 3,
        "metadata": "0x" + "01" * 32,
        "builder": "0x" + "02" * 32,
    }
    value = altered.get(field)
    if value is None:
        value = getattr(fields, field) + 1
    changed = msgspec.structs.replace(fields, **{field: value})
    text = refusal(verified_id, changed, bytes_of(row["signature"]), OWNER, *market_of(row))
    assert text == "invalid signature"


@pytest.mark.parametrize("name", VECTORS)
def test_a_signature_for_another_exchange_is_refused_and_the_wrong_protocol_told_apart(
    name: str,
) -> None:
    row = VECTORS[name]
    protocol, risky = market_of(row)
    fields, signature = fields_of(row), bytes_of(row["signature"])
    other: MarketProtocol = "v1" if protocol == "v2" else "v2"
    text = refusal(verified_id, fields, signature, OWNER, other, False)
    assert text == "order_version_mismatch"
    if protocol == "v1":
        text = refusal(verified_id, fields, signature, OWNER, protocol, not risky)
        assert text == "invalid signature"


@given(st.data())
def test_a_signature_with_any_byte_altered_is_refused(data: st.DataObject) -> None:
    row = VECTORS[data.draw(st.sampled_from(sorted(VECTORS)))]
    signature = bytearray(bytes_of(row["signature"]))
    place = data.draw(st.integers(0, len(signature) - 1))
    signature[place] ^= data.draw(st.integers(1, 255))
    text = refusal(verified_id, fields_of(row), bytes(signature), OWNER, *market_of(row))
    assert text == "invalid signature"


@given(st.binary(max_size=400))
def test_bytes_that_are_no_signature_are_refused(signature: bytes) -> None:
    for row in VECTORS.values():
        text = refusal(verified_id, fields_of(row), signature, OWNER, *market_of(row))
        assert text == "invalid signature"


def test_the_other_half_of_the_curve_is_refused_as_the_contracts_do() -> None:
    row = VECTORS["clobv2-standard-eoa-buy"]
    digest = bytes_of(row["order_hash_eip712_digest"])
    signature = bytes_of(row["signature"])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    mirrored = signature[:32] + high + bytes((55 - signature[64],))
    assert signer_of(digest, signature) == address_bytes(OWNER)
    assert signer_of(digest, mirrored) is None


def test_a_deposit_wallets_bare_signature_is_not_enough() -> None:
    row = VECTORS["clobv2-standard-deposit-wallet-1271-buy"]
    fields, signature = fields_of(row), bytes_of(row["signature"])
    exchange = exchange_of(POLYGON, "v1", False)
    contents = contents_hash(fields)
    raw = address_bytes(OWNER)
    assert len(signature) == 317
    assert signed_by(exchange, fields, contents, signature, raw)
    assert not signed_by(exchange, fields, contents, signature[:65], raw)


# --- parties -------------------------------------------------------------------------------------


def parties(maker: str, kind: int, signer: str | None = None) -> OrderFields:
    named = signer or (maker if kind == 3 else OWNER)
    return OrderFields(1, maker, named, "1", 1, 1, 0, kind, 1, NO_CODE, NO_CODE)


def accounts(*allowed: str) -> Accounts:
    made = Accounts()
    made.eoa_allowed |= set(allowed)
    return made


@pytest.mark.parametrize(
    "kind, maker", [(1, PROXY), (2, SAFE), (3, DEPOSIT_BEACON), (3, DEPOSIT_UUPS)]
)
def test_a_keys_own_wallets_may_be_makers_in_any_case(kind: int, maker: str) -> None:
    assert maker_account(parties(maker, kind), LOGIN, accounts()) == maker
    assert maker_account(parties(maker.lower(), kind), LOGIN, accounts()) == maker


@pytest.mark.parametrize(
    "kind, maker",
    [(0, PROXY), (1, SAFE), (2, PROXY), (3, SAFE), (1, OTHER), (2, OTHER), (3, OTHER)],
)
def test_a_maker_that_is_not_the_keys_wallet_of_its_kind_is_refused(kind: int, maker: str) -> None:
    text = refusal(maker_account, parties(maker, kind), LOGIN, accounts(OWNER))
    assert text == "maker address not allowed, please use the deposit wallet flow"


def test_only_members_on_the_list_trade_without_a_wallet_contract() -> None:
    order = parties(OWNER, 0)
    text = refusal(maker_account, order, LOGIN, accounts())
    assert text == "maker address not allowed, please use the deposit wallet flow"
    assert maker_account(order, LOGIN, accounts(OWNER)) == OWNER


@pytest.mark.parametrize("kind, maker", [(0, OWNER), (1, PROXY), (2, SAFE), (3, DEPOSIT_BEACON)])
def test_an_order_names_the_key_or_the_deposit_wallet_as_its_signer(kind: int, maker: str) -> None:
    text = refusal(maker_account, parties(maker, kind, OTHER), LOGIN, accounts(OWNER))
    assert text == "the order signer address has to be the address of the API KEY"


# --- the body ------------------------------------------------------------------------------------


def wire() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(STATED["wire"]["body"])
    return body


def test_the_sdks_body_is_read_and_its_order_has_the_id_it_must_have() -> None:
    sent = read_order(STATED["wire"]["body"].encode())
    found = verified_id(sent.order.fields(), sent.order.signature_bytes(), OWNER, "v1", False)
    assert found == STATED["wire"]["expected_order_id"]
    assert (sent.tif, sent.post_only, sent.owner) == ("GTC", None, wire()["owner"])


@pytest.mark.parametrize(
    "field, value",
    [
        ("salt", "479249096354"),
        ("salt", -1),
        ("side", 0),
        ("side", "buy"),
        ("signatureType", 4),
        ("signatureType", "0"),
        ("makerAmount", 52_000_000),
        ("tokenId", 71),
    ],
)
def test_a_field_of_another_type_is_refused(field: str, value: object) -> None:
    body = wire()
    body["order"][field] = value
    assert refusal(read_order, json.dumps(body).encode()) == "Invalid order payload"


@pytest.mark.parametrize(
    "field", ["salt", "maker", "signer", "tokenId", "makerAmount", "signature"]
)
def test_a_missing_field_is_refused(field: str) -> None:
    body = wire()
    del body["order"][field]
    assert refusal(read_order, json.dumps(body).encode()) == "Invalid order payload"


def test_an_order_of_the_old_version_is_told_apart() -> None:
    body = wire()
    del body["order"]["timestamp"]
    body["order"] |= {"nonce": "0", "feeRateBps": "0", "taker": "0x" + "00" * 20}
    assert refusal(read_order, json.dumps(body).encode()) == "order_version_mismatch"


@given(st.binary())
def test_a_body_that_is_no_order_is_refused(body: bytes) -> None:
    assert refusal(read_order, body) == "Invalid order payload"


@pytest.mark.parametrize("count, text", [(0, "Invalid order payload"), (16, None), (15, "")])
def test_a_batch_holds_up_to_fifteen_orders(count: int, text: str | None) -> None:
    body = json.dumps([{}] * count).encode()
    if text == "":
        assert len(read_rows(body)) == count
        return
    expected = text or "Too many orders in payload: 16, max allowed: 15"
    assert refusal(read_rows, body) == expected


# --- amounts -------------------------------------------------------------------------------------

NAME = OrderId("0x01")


def _decimals(kind: str, maker: int, taker: int) -> str:
    return (
        f"invalid amounts, the {kind} orders maker amount supports a max accuracy of {maker} "
        f"decimals, taker amount a max of {taker} decimals"
    )


def amounts(maker: int, taker: int, side: int) -> OrderFields:
    return OrderFields(1, OWNER, OWNER, "1", maker, taker, side, 0, 1, NO_CODE, NO_CODE)


@pytest.mark.parametrize("row", STATED["limit_amounts"], ids=lambda row: json.dumps(row)[:60])
def test_the_sdks_limit_amounts_mean_their_price_and_size(row: dict[str, str]) -> None:
    side = 0 if row["side"] == "BUY" else 1
    fields = amounts(int(row["makerAmount"]), int(row["takerAmount"]), side)
    for at_once in (False, True) if side else (False,):
        found = terms_of(NAME, fields, at_once, parse_micros(row["tick"]))
        size = parse_micros(row["size"])
        assert found == Terms(parse_micros(row["price"]), size - size % 10_000, None)


@pytest.mark.parametrize("row", STATED["market_amounts"], ids=lambda row: json.dumps(row)[:60])
def test_the_sdks_market_amounts_mean_their_price_and_budget(row: dict[str, str]) -> None:
    side = 0 if row["side"] == "BUY" else 1
    maker, taker = int(row["makerAmount"]), int(row["takerAmount"])
    found = terms_of(NAME, amounts(maker, taker, side), True, parse_micros(row["tick"]))
    price = parse_micros(row["price"])
    assert found == (Terms(price, maker, None) if side else Terms(price, taker, maker))


@given(st.sampled_from(sorted(SHARE_STEPS)), st.data())
def test_our_own_amounts_come_back_as_what_was_meant(tick: int, data: st.DataObject) -> None:
    price = tick * data.draw(st.integers(1, ONE // tick - 1))
    size = 10_000 * data.draw(st.integers(1, 10**8))
    for side in ("buy", "sell"):
        made = limit_amounts(side, price, size, tick)
        fields = amounts(made.maker, made.taker, 0 if side == "buy" else 1)
        assert terms_of(NAME, fields, False, tick) == Terms(price, size, None)


@given(st.sampled_from(sorted(SHARE_STEPS)), st.data())
def test_a_budget_of_a_dollar_or_more_is_understood_as_the_sdks_round_it(
    tick: int, data: st.DataObject
) -> None:
    price = tick * data.draw(st.integers(1, ONE // tick - 1))
    budget = 10_000 * data.draw(st.integers(100, 10**8))
    asked = budget * ONE // price
    asked -= asked % SHARE_STEPS[tick]
    found = terms_of(NAME, amounts(budget, asked, 0), True, tick)
    assert found == Terms(price, asked, budget)


@pytest.mark.parametrize(
    "maker, taker, side, at_once, text",
    [
        (
            962_000,
            1_000_001,
            0,
            False,
            _decimals("buy", 4, 2),
        ),
        (
            1_000_001,
            500_000,
            1,
            False,
            _decimals("sell", 2, 4),
        ),
        (
            1_999_422,
            2_019_600,
            0,
            True,
            _decimals("market buy", 2, 4),
        ),
        (
            5_000_000,
            9_800_000,
            0,
            False,
            "order 0x01 is invalid. Price (0.5102040816326531) breaks minimum tick size rule: 0.01",
        ),
        (
            5_150_000,
            10_000_000,
            0,
            True,
            "order 0x01 is invalid. Price (0.515) breaks minimum tick size rule: 0.01",
        ),
        (
            10_000_000,
            10_000_000,
            0,
            False,
            "order 0x01 is invalid. Price (1) breaks minimum tick size rule: 0.01",
        ),
        (0, 1_000_000, 0, False, "Invalid order payload"),
        (1_000_000, 0, 1, False, "Invalid order payload"),
    ],
)
def test_amounts_against_the_rules_are_refused_in_the_venues_words(
    maker: int, taker: int, side: int, at_once: bool, text: str
) -> None:
    assert refusal(terms_of, NAME, amounts(maker, taker, side), at_once, 10_000) == text


def test_the_id_is_the_digest_under_the_markets_own_exchange() -> None:
    row = VECTORS["clobv2-standard-eoa-buy"]
    contents = contents_hash(fields_of(row))
    digest = order_digest(exchange_of(POLYGON, "v1", False), contents)
    assert f"0x{digest.hex()}" == row["order_hash_eip712_digest"]
