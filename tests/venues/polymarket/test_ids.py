"""Token ids from conditions, and the bits of Protocol V2 ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.scripted import sample
from underround.venues.ethereum import address_bytes, keccak, word
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.ids import (
    FIELD,
    PositionId,
    collection_id,
    condition_id,
    derive_tokens,
    is_square,
    position_id,
    protocol_of,
    token_number,
)

WORDS = st.binary(min_size=32, max_size=32)
V2_TOKEN = "663574927012476832975694178961957910328055987427402067619466963999000625152"
V1_TOKEN = "71321045679252212594626385532706912750332728571942532289631379312455583992563"


def collection_by_its_root(condition: bytes, index_set: int) -> bytes:
    """As the contract does it: find x, take the root, choose its sign, mark its parity."""
    digest = int.from_bytes(keccak(condition + index_set.to_bytes(32, "big")), "big")
    odd, x = digest >> 255, digest % FIELD
    while True:
        x = (x + 1) % FIELD
        square = (x**3 + 3) % FIELD
        root = pow(square, (FIELD + 1) // 4, FIELD)
        if root * root % FIELD == square:
            break
    if root % 2 != odd:
        root = FIELD - root
    if root % 2:
        x ^= 1 << 254
    return x.to_bytes(32, "big")


@given(WORDS, st.sampled_from((1, 2, 3)))
def test_a_collection_is_that_of_the_contract_which_computes_the_root(
    condition: bytes, index_set: int
) -> None:
    assert collection_id(condition, index_set) == collection_by_its_root(condition, index_set)


@given(st.integers(1, FIELD - 1))
def test_a_number_is_a_square_when_eulers_criterion_says_so(value: int) -> None:
    assert is_square(value) == (pow(value, (FIELD - 1) // 2, FIELD) == 1)
    assert is_square(value * value)


def test_zero_is_no_square_that_a_point_could_use() -> None:
    assert not is_square(0)
    assert not is_square(FIELD)


@given(WORDS, st.booleans())
def test_tokens_are_positions_of_both_outcomes_under_the_right_collateral(
    condition: bytes, neg_risk: bool
) -> None:
    collateral = address_bytes(POLYGON.wrapped_collateral if neg_risk else POLYGON.usdc_e)
    expected = tuple(
        str(int.from_bytes(keccak(collateral + collection_by_its_root(condition, index)), "big"))
        for index in (1, 2)
    )
    assert derive_tokens(f"0x{condition.hex()}", neg_risk=neg_risk) == expected


@pytest.mark.shared
def test_tokens_of_real_markets_are_derived(shared: Path) -> None:
    stated = json.loads(sample(shared, "polymarket/signing/ctf_position_id_vectors.json"))
    assert len(stated["vectors"]) == 4
    for row in stated["vectors"]:
        tokens = derive_tokens(row["condition_id"], neg_risk=row["collateral"] != "usdce")
        assert tokens == (row["yes_index_set_1"], row["no_index_set_2"])


@pytest.mark.shared
def test_tokens_that_gamma_lists_are_derived_from_their_condition(shared: Path) -> None:
    for name in ("market_btc_updown_15m_2026-10-05", "market_sports_market_money_line"):
        row = json.loads(sample(shared, f"polymarket/gamma/{name}.json"))
        listed = tuple(json.loads(row["clobTokenIds"]))
        assert derive_tokens(row["conditionId"], neg_risk=bool(row.get("negRisk"))) == listed


def test_a_condition_hashes_oracle_question_and_two_outcomes() -> None:
    oracle, question = bytes(range(20)), bytes(range(32))
    assert condition_id(oracle, question) == keccak(oracle + question + word(2))
    assert condition_id(oracle, question, 3) != condition_id(oracle, question)


def test_a_position_depends_on_its_collateral() -> None:
    collection = collection_id(bytes(32), 1)
    assert position_id(bytes(20), collection) != position_id(b"\1" * 20, collection)


@pytest.mark.parametrize("condition", ["", "0x12", "ab" * 33, "0x" + "zz" * 32, "0x" + "ab" * 33])
def test_what_is_no_condition_has_no_tokens(condition: str) -> None:
    with pytest.raises(ValueError, match="hex"):
        derive_tokens(condition, neg_risk=False)


POSITIONS = st.builds(
    PositionId,
    module=st.sampled_from((1, 2, 3)),
    base=st.binary(min_size=16, max_size=16),
    arity=st.integers(0, 0xFFFF),
    chain=st.integers(0, 0xFFFF),
    condition_index=st.integers(0, 0xFFFF),
    outcome=st.integers(0, 255),
)


@given(POSITIONS)
def test_a_position_id_is_read_as_it_is_written(position: PositionId) -> None:
    assert PositionId.parse(position.token) == position
    assert protocol_of(position.number) == "v2"
    assert position.number.bit_length() <= 256
    assert position.number == int.from_bytes(position.condition + bytes((position.outcome,)), "big")
    assert len(position.padded_condition) == 66
    assert position.padded_condition == f"0x{position.condition.hex()}00"
    assert position.sibling(1).condition == position.condition


def test_the_bits_of_a_known_position_are_told_apart() -> None:
    position = PositionId.parse(V2_TOKEN)
    assert (position.module, position.outcome, position.arity, position.chain) == (1, 0, 0, 0)
    assert position.base.hex() == "7791f201d5a788e0039e511fc1900e5f"
    assert position.padded_condition == "0x017791f201d5a788e0039e511fc1900e5f" + "0" * 30


@given(st.integers(0, 2**256 - 1))
def test_reserved_bits_decide_the_protocol(number: int) -> None:
    reserved = number >> 40 & (1 << 64) - 1
    assert protocol_of(number) == ("v1" if reserved else "v2")


@pytest.mark.parametrize(
    "token",
    ["", "0", "01", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "٣", str(2**256), "9" * 79],
)
def test_text_that_is_no_decimal_id_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        token_number(token)


@pytest.mark.parametrize(
    "token,words",
    [(V1_TOKEN, "is a CTF id"), (str(4 << 248), "unknown module 4"), ("1", "unknown module 0")],
)
def test_an_id_that_is_not_of_protocol_v2_has_no_fields(token: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PositionId.parse(token)


@pytest.mark.parametrize(
    "field,value", [("arity", 1 << 16), ("chain", -1), ("base", bytes(15)), ("outcome", 256)]
)
def test_a_field_that_does_not_fit_is_refused(field: str, value: object) -> None:
    fields: dict[str, object] = {
        "module": 1, "base": bytes(16), "arity": 0, "chain": 0, "condition_index": 0, "outcome": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="fit"):
        PositionId(**{**fields, field: value})  # type: ignore[arg-type]  # wrong on purpose
