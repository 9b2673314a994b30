"""Our signed transactions are byte for byte those of eth_account, and the key never leaves."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from tests.chain.keys import Spoken, key_of
from underround.model.errors import AccountError
from underround.venues.ethereum import EvmKey, checksum, keccak
from underround.venues.polygon.fees import Fees
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import (
    Call,
    RlpItem,
    refuse_public_key,
    rlp,
    sign_transaction,
)

WORDS = keccak(b"a key for one test")


@given(
    to=st.binary(min_size=20, max_size=20),
    data=st.binary(max_size=300),
    value=st.integers(0, 2**128),
    nonce=st.integers(0, 2**40),
    gas=st.integers(21_000, 30_000_000),
    tip=st.integers(0, 10**13),
    more=st.integers(0, 10**13),
)
def test_a_transaction_is_signed_as_eth_account_signs_it(
    to: bytes, data: bytes, value: int, nonce: int, gas: int, tip: int, more: int
) -> None:
    fees = Fees(tip, tip + more)
    key = EvmKey(Spoken("k", WORDS))
    call = Call(Address("0x" + to.hex()), data, value)
    ours = sign_transaction(key, call, chain_id=137, nonce=nonce, gas=gas, fees=fees)
    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 137,
            "nonce": nonce,
            "maxPriorityFeePerGas": fees.tip,
            "maxFeePerGas": fees.max_fee,
            "gas": gas,
            "to": checksum(to),
            "value": value,
            "data": data,
        },
        WORDS,
    )
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == "0x" + bytes(theirs.hash).hex()


def test_rlp_is_that_of_the_yellow_paper() -> None:
    cases: list[tuple[RlpItem, str]] = [
        (b"", "80"),
        (b"\x00", "00"),
        (b"\x7f", "7f"),
        (b"\x80", "8180"),
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        ([], "c0"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"a" * 55, "b7" + "61" * 55),
        (b"a" * 56, "b838" + "61" * 56),
        (b"a" * 1024, "b90400" + "61" * 1024),
        ([b"a" * 55], "f838b7" + "61" * 55),
    ]
    for item, expected in cases:
        assert rlp(item).hex() == expected


def test_keys_from_the_manuals_of_local_nodes_are_refused() -> None:
    printed = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    key = EvmKey(Spoken("k", printed.encode()))
    with pytest.raises(AccountError, match="printed in the manuals"):
        refuse_public_key(Address(key.address))
    refuse_public_key(Address(key_of("anybody").address))
