"""From a draft to the bytes of ``POST /order``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.known import (
    API_KEY,
    DEPOSIT_BEACON,
    OWNER,
    PROXY,
    SAFE,
    known_credentials,
    known_key,
)
from tests.venues.scripted import sample
from underround.model.book import Side
from underround.model.errors import AccountError, KeyStoreError, OffGrid, RequestRefused
from underround.model.units import ONE
from underround.venues.polymarket.contracts import AMOY, POLYGON
from underround.venues.polymarket.exchange import NO_CODE, Exchange, OrderFields, exchange_of
from underround.venues.polymarket.orders import (
    LARGEST_SALT,
    OrderDraft,
    OrderSigner,
    PolymarketOrder,
)
from underround.venues.polymarket.wallets import SignatureType, Wallet

TOKEN = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
V2_TOKEN = "663574927012476832975694178961957910328055987427402067619466963999000625152"
SALT = 479249096354
NOW = 1_710_000_000_000_000_000
SECOND = 1_000_000_000
DRAFT = OrderDraft(
    token=TOKEN,
    side="buy",
    price=520_000,
    size=100 * ONE,
    tick=10_000,
    tif="GTC",
    neg_risk=False,
    protocol="v1",
)
STRANGER = "0x1111111111111111111111111111111111111111"


def signer(maker: str = OWNER, kind: SignatureType = SignatureType.EOA) -> OrderSigner:
    return OrderSigner(known_key(), Wallet(OWNER, maker, kind), known_credentials(), lambda: SALT)


def changed(**fields: Any) -> OrderDraft:
    return msgspec.structs.replace(DRAFT, **fields)


def stated_order(row: dict[str, Any]) -> PolymarketOrder:
    """Return a vector's order as ours."""
    order, domain = row["order"], row["domain"]
    fields = OrderFields(
        salt=int(order["salt"]),
        maker=order["maker"],
        signer=order["signer"],
        token=order["tokenId"],
        maker_amount=int(order["makerAmount"]),
        taker_amount=int(order["takerAmount"]),
        side=order["side"],
        signature_type=order["signatureType"],
        timestamp_ms=int(order["timestamp"]),
        metadata=order["metadata"],
        builder=order["builder"],
    )
    exchange = Exchange.at(domain["verifyingContract"], domain["version"], domain["chainId"])
    return PolymarketOrder(fields, exchange, "GTC", False, 0)


def holds(row: dict[str, Any]) -> None:
    """Assert id and signature of a vector."""
    order = stated_order(row)
    kind = SignatureType(order.fields.signature_type)
    signed = signer(order.fields.maker, kind).sign(order)
    assert order.id == signed.id == row["order_hash_eip712_digest"], row["name"]
    assert "0x" + signed.signature.hex() == row["signature"], row["name"]
    assert len(signed.signature) == (317 if kind is SignatureType.POLY_1271 else 65)


def test_every_kind_of_order_has_the_id_and_signature_of_the_official_sdks(fixtures: Path) -> None:
    rows = json.loads((fixtures / "polymarket_signing.json").read_text())["orders"]
    assert len(rows) == 8
    assert {row["order"]["signatureType"] for row in rows} == {0, 1, 2, 3}
    assert {row["domain"]["version"] for row in rows} == {"2", "3"}
    for row in rows:
        holds(row)


@pytest.mark.shared
def test_the_published_vector_of_the_test_chain_holds(shared: Path) -> None:
    vectors = json.loads(sample(shared, "polymarket/signing/signing_vectors.json"))["vectors"]
    [row] = [each for each in vectors if each["domain"]["chainId"] == 80_002]
    holds(row)


def test_a_draft_becomes_exactly_the_bytes_of_the_official_sdk(fixtures: Path) -> None:
    wire = json.loads((fixtures / "polymarket_signing.json").read_text())["wire"]
    ours = signer()
    order = ours.order(DRAFT, NOW + 999_999)
    assert order.id == wire["expected_order_id"]
    body = ours.body(ours.sign(order))
    assert body.decode() == wire["body"]
    headers = known_credentials(secret=wire["secret"]).headers(
        wire["method"], wire["path"], body, int(wire["timestamp"]) * SECOND
    )
    assert headers["POLY_SIGNATURE"] == wire["POLY_SIGNATURE"]


@pytest.mark.parametrize(
    "protocol,neg_risk,address,version",
    [
        ("v1", False, POLYGON.exchange, "2"),
        ("v1", True, POLYGON.neg_risk_exchange, "2"),
        ("v2", False, POLYGON.exchange_v3, "3"),
        ("v2", True, POLYGON.exchange_v3, "3"),
    ],
)
def test_protocol_and_neg_risk_choose_the_exchange(
    protocol: Any, neg_risk: bool, address: str, version: str
) -> None:
    token = TOKEN if protocol == "v1" else V2_TOKEN
    draft = changed(token=token, protocol=protocol, neg_risk=neg_risk)
    exchange = signer().order(draft, NOW).exchange
    assert (exchange.address, exchange.version, exchange.chain_id) == (address, version, 137)


def test_the_test_chain_has_its_own_domain() -> None:
    main, test = (exchange_of(chain, "v1", False) for chain in (POLYGON, AMOY))
    assert main.address == test.address
    assert main.separator != test.separator


@pytest.mark.parametrize("token,stated", [(TOKEN, "v2"), (V2_TOKEN, "v1"), (TOKEN, "v3")])
def test_a_token_of_another_protocol_than_the_market_states_is_not_signed(
    token: str, stated: Any
) -> None:
    with pytest.raises(AccountError, match=f"its market states '{stated}'"):
        signer().order(changed(token=token, protocol=stated), NOW)


def test_text_that_is_no_token_is_refused() -> None:
    with pytest.raises(RequestRefused, match="is no decimal id: reload the market"):
        signer().order(changed(token="0x12"), NOW)


@pytest.mark.parametrize(
    "maker,kind",
    [
        (OWNER, SignatureType.EOA),
        (PROXY, SignatureType.POLY_PROXY),
        (SAFE, SignatureType.POLY_GNOSIS_SAFE),
        (DEPOSIT_BEACON, SignatureType.POLY_1271),
    ],
)
def test_maker_signer_and_type_are_those_of_the_wallet(maker: str, kind: SignatureType) -> None:
    fields = signer(maker, kind).order(DRAFT, NOW).fields
    expected = maker if kind is SignatureType.POLY_1271 else OWNER
    assert (fields.maker, fields.signer, fields.signature_type) == (maker, expected, kind)


def test_key_wallet_and_credentials_of_different_accounts_sign_nothing() -> None:
    other = Wallet(STRANGER, STRANGER, SignatureType.EOA)
    with pytest.raises(AccountError, match="use the owner's key"):
        OrderSigner(known_key(), other, known_credentials(), lambda: SALT)
    ours = Wallet(OWNER, OWNER, SignatureType.EOA)
    with pytest.raises(AccountError, match="derive credentials with this key"):
        OrderSigner(known_key(), ours, known_credentials(STRANGER), lambda: SALT)


def test_an_order_of_another_wallet_is_neither_signed_nor_sent() -> None:
    safe = signer(SAFE, SignatureType.POLY_GNOSIS_SAFE)
    order = safe.order(DRAFT, NOW)
    signed = safe.sign(order)
    with pytest.raises(AccountError, match="use its own account"):
        signer().sign(order)
    with pytest.raises(AccountError, match="use its own account"):
        signer().body(signed)
    with pytest.raises(AccountError, match="use its own account"):
        signer().outgoing(order)


def test_a_wiped_key_signs_no_order() -> None:
    key = known_key()
    wallet = Wallet(OWNER, OWNER, SignatureType.EOA)
    ours = OrderSigner(key, wallet, known_credentials(), lambda: SALT)
    order = ours.order(DRAFT, NOW)
    key.wipe()
    with pytest.raises(KeyStoreError, match="was wiped"):
        ours.sign(order)


@given(st.integers(0, LARGEST_SALT), st.integers(0, LARGEST_SALT))
def test_two_orders_share_an_id_only_with_the_same_salt(first: int, second: int) -> None:
    salts = iter((first, second))
    wallet = Wallet(OWNER, OWNER, SignatureType.EOA)
    ours = OrderSigner(known_key(), wallet, known_credentials(), lambda: next(salts))
    one, two = ours.order(DRAFT, NOW), ours.order(DRAFT, NOW)
    assert (one.id == two.id) == (first == second)


@pytest.mark.parametrize("salt", [-1, 2**53, 2**64 - 1])
def test_a_salt_that_json_would_round_is_refused(salt: int) -> None:
    wallet = Wallet(OWNER, OWNER, SignatureType.EOA)
    ours = OrderSigner(known_key(), wallet, known_credentials(), lambda: salt)
    with pytest.raises(ValueError, match="salt"):
        ours.order(DRAFT, NOW)


def test_a_good_until_order_expires_a_minute_later_because_the_venue_drops_it_early() -> None:
    draft = changed(tif="GTD", good_until_ns=NOW + 300 * SECOND + 5)
    order = signer().order(draft, NOW)
    assert order.expiration_s == 1_710_000_000 + 300 + 60
    body = json.loads(signer().body(signer().sign(order)))
    assert (body["order"]["expiration"], body["orderType"]) == ("1710000360", "GTD")


@given(st.integers(0, 10_000 * SECOND), st.integers(0, SECOND - 1))
def test_an_expiration_is_three_minutes_ahead_or_refused(life: int, fraction: int) -> None:
    now = NOW + fraction
    draft = changed(tif="GTD", good_until_ns=now + life)
    expiration = (now + life) // SECOND + 60
    if expiration * SECOND < now + 180 * SECOND:
        with pytest.raises(RequestRefused, match="at least 120 seconds"):
            signer().order(draft, now)
        return
    order = signer().order(draft, now)
    assert order.expiration_s * SECOND >= now + 180 * SECOND
    assert 0 <= now + life - (order.expiration_s - 60) * SECOND < SECOND


def test_expiration_is_no_part_of_the_id() -> None:
    plain = signer().order(DRAFT, NOW)
    dated = signer().order(changed(tif="GTD", good_until_ns=NOW + 300 * SECOND), NOW)
    assert plain.id == dated.id


@pytest.mark.parametrize(
    "fields,words",
    [
        ({"tif": "GTD"}, "needs a time until which it is good"),
        ({"good_until_ns": NOW + 300 * SECOND}, "needs a time until which it is good"),
        ({"tif": "FAK", "post_only": True}, "FAK order cannot be post-only"),
        ({"tif": "FOK", "post_only": True}, "FOK order cannot be post-only"),
        ({"size": None}, "without size and budget"),
        ({"budget": ONE}, "only a FAK or FOK BUY has a budget"),
        ({"tif": "FAK", "budget": ONE}, "only a FAK or FOK BUY has a budget"),
        ({"tif": "FAK", "side": "sell", "size": None, "budget": ONE}, "only a FAK or FOK BUY"),
        ({"tif": "GTC", "size": None, "budget": ONE}, "only a FAK or FOK BUY"),
    ],
)
def test_a_combination_no_order_can_have_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestRefused, match=words):
        signer().order(changed(**fields), NOW)


@pytest.mark.parametrize("tif", ["FAK", "FOK"])
def test_a_taking_buy_is_counted_in_whole_cents_and_never_buys_more_than_its_size(tif: Any) -> None:
    draft = changed(tif=tif, price=333_000, size=5 * ONE, tick=1_000)
    fields = signer().order(draft, NOW).fields
    assert (fields.maker_amount, fields.taker_amount) == (1_660_000, 4_984_980)
    budget = changed(tif=tif, price=333_000, size=None, budget=50 * ONE, tick=1_000)
    fields = signer().order(budget, NOW).fields
    assert (fields.maker_amount, fields.taker_amount) == (50_000_000, 150_150_150)


def test_a_taking_sale_gives_shares() -> None:
    fields = signer().order(changed(tif="FAK", side="sell", size=13_376_000), NOW).fields
    assert (fields.side, fields.maker_amount, fields.taker_amount) == (1, 13_370_000, 6_952_400)


def test_a_price_off_the_grid_makes_no_order() -> None:
    with pytest.raises(OffGrid, match=r"price 0\.525 is no multiple of 0\.01"):
        signer().order(changed(price=525_000), NOW)


def test_post_only_travels_beside_the_order() -> None:
    ours = signer()
    body = json.loads(ours.body(ours.sign(ours.order(changed(post_only=True), NOW))))
    assert body["postOnly"] is True
    plain = json.loads(ours.body(ours.sign(ours.order(DRAFT, NOW))))
    assert "postOnly" not in plain


def test_a_builder_code_is_signed_and_sent() -> None:
    code = "0x" + "ab" * 32
    ours = signer()
    order = ours.order(changed(builder=code), NOW)
    assert order.id != ours.order(DRAFT, NOW).id
    assert json.loads(ours.body(ours.sign(order)))["order"]["builder"] == code


@pytest.mark.parametrize(
    "code", ["", "0x", "ab" * 33, NO_CODE[:-1], NO_CODE[:-2] + "\t0", "0x" + "zz" * 32]
)
def test_a_builder_code_of_another_form_is_refused(code: str) -> None:
    with pytest.raises(AccountError, match=r"builder .*: correct the configuration"):
        signer().order(changed(builder=code), NOW)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_what_is_sent_has_the_id_the_side_and_the_signed_bytes(side: Side) -> None:
    ours = signer()
    order = ours.order(changed(side=side), NOW)
    sent = ours.outgoing(order)
    assert (sent.order_id, sent.side) == (order.id, side)
    assert sent.body == ours.body(ours.sign(order))


def test_what_is_sent_shows_its_id_only() -> None:
    sent = signer().outgoing(signer().order(DRAFT, NOW))
    assert repr(sent) == f"Outgoing({sent.order_id})"
    assert API_KEY not in str(sent)
