"""Keccak, addresses, keys that show nothing, and EIP-712, against published and other code."""

from __future__ import annotations

import copy
import pickle
from typing import Any, Final

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.known import OWNER, PRIVATE_KEY, Lent, known_key
from underround.model.errors import KeyStoreError
from underround.venues.ethereum import (
    EvmKey,
    address_bytes,
    checksum,
    domain_separator,
    keccak,
    struct_hash,
    typed_digest,
    word,
)

ORDER_OF_CURVE: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = st.integers(1, ORDER_OF_CURVE - 1).map(lambda number: number.to_bytes(32, "big"))
DIGESTS = st.binary(min_size=32, max_size=32)
EIP_55: Final = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


def test_keccak_is_ethereums_and_not_sha3() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"").hex() == empty
    assert keccak(bytearray(b"")).hex() == empty


@pytest.mark.parametrize("text", EIP_55)
def test_the_examples_of_eip_55_are_checksummed_and_read(text: str) -> None:
    raw = bytes.fromhex(text[2:])
    assert checksum(raw) == text
    assert address_bytes(text) == raw
    assert address_bytes(text.lower()) == raw
    assert address_bytes("0x" + text[2:].upper()) == raw


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "does not begin with 0x"),
        (OWNER[2:], "does not begin with 0x"),
        ("0X" + OWNER[2:], "does not begin with 0x"),
        (OWNER[:-1], "39 hex digits instead of 40"),
        (OWNER + "0", "41 hex digits instead of 40"),
        ("0x" + "g" * 40, "no hex digits"),
        (OWNER[:-2] + "6 ", "no hex digits"),
        (OWNER[:-2] + "٣6", "no hex digits"),
        ("0xF" + OWNER[3:], "wrong checksum"),
        (OWNER[:-1] + "7", "wrong checksum"),
    ],
)
def test_a_wrong_address_is_refused_naming_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        address_bytes(text)


def test_an_address_has_twenty_bytes() -> None:
    with pytest.raises(ValueError, match="20 bytes, not 19"):
        checksum(bytes(19))


@given(KEYS, DIGESTS)
def test_addresses_and_signatures_are_those_of_eth_account(key: bytes, digest: bytes) -> None:
    ours, theirs = EvmKey(Lent("k", key)), Account.from_key(key)
    assert ours.address == theirs.address
    signature = ours.sign(digest)
    assert signature == bytes(theirs.unsafe_sign_hash(digest).signature)
    assert len(signature) == 65
    assert signature[64] in {27, 28}
    assert 0 < int.from_bytes(signature[32:64], "big") <= ORDER_OF_CURVE // 2


def test_every_form_of_a_stored_key_is_the_same_key() -> None:
    digits = PRIVATE_KEY[2:]
    forms: tuple[str | bytes, ...] = (
        PRIVATE_KEY,
        digits,
        digits.upper(),
        "0X" + digits,
        bytes.fromhex(digits),
    )
    assert {EvmKey(Lent("k", form)).address for form in forms} == {OWNER}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        "0x",
        PRIVATE_KEY[:-1],
        PRIVATE_KEY + "0",
        PRIVATE_KEY[2:] + "\n",
        "0x" + "zz" * 32,
        bytes(32),
        ORDER_OF_CURVE.to_bytes(32, "big"),
        b"\xff" * 32,
        "two words that are no key",
    ],
)
def test_what_is_no_key_is_refused_by_name_and_not_shown(value: str | bytes) -> None:
    with pytest.raises(KeyStoreError, match="the secret wallet-key is no Ethereum") as caught:
        EvmKey(Lent("wallet-key", value))
    text = value if isinstance(value, str) else value.hex()
    assert len(text) < 4 or text not in str(caught.value)


def test_a_key_prints_its_address_and_is_neither_pickled_nor_copied() -> None:
    key = known_key()
    assert str(key) == repr(key) == f"EvmKey({OWNER})"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither pickled nor copied"):
            attempt(key)


def test_a_wiped_key_is_overwritten_and_signs_nothing() -> None:
    key = known_key()
    assert bytes(key._memory).hex() == PRIVATE_KEY[2:]
    key.wipe()
    assert bytes(key._memory) == bytes(32)
    with pytest.raises(KeyStoreError, match="the key known was wiped"):
        key.sign(bytes(32))


def test_only_a_digest_is_signed() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        known_key().sign(bytes(31))


MAIL: Final = "Mail(address to,uint256 number,string text)"


def typed(domain: dict[str, Any], fields: list[dict[str, str]], number: int) -> dict[str, Any]:
    """Return the same message as eth-account wants it."""
    return {
        "types": {
            "EIP712Domain": fields,
            "Mail": [
                {"name": "to", "type": "address"},
                {"name": "number", "type": "uint256"},
                {"name": "text", "type": "string"},
            ],
        },
        "primaryType": "Mail",
        "domain": domain,
        "message": {"to": OWNER, "number": number, "text": "hello"},
    }


@given(st.booleans(), st.integers(0, 2**256 - 1), st.integers(1, 2**64))
def test_typed_data_is_hashed_as_eth_account_does(contract: bool, number: int, chain: int) -> None:
    fields = [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
    ]
    domain: dict[str, Any] = {"name": "Post", "version": "7", "chainId": chain}
    if contract:
        fields.append({"name": "verifyingContract", "type": "address"})
        domain["verifyingContract"] = OWNER
    theirs = encode_typed_data(full_message=typed(domain, fields, number))
    separator = domain_separator("Post", "7", chain, address_bytes(OWNER) if contract else None)
    contents = struct_hash(
        keccak(MAIL.encode()), word(address_bytes(OWNER)), word(number), keccak(b"hello")
    )
    assert (separator, contents) == (theirs.header, theirs.body)
    assert typed_digest(separator, contents) == keccak(b"\x19\x01" + separator + contents)


@pytest.mark.parametrize("value", [-1, 2**256, bytes(33)])
def test_what_does_not_fit_into_a_word_is_refused(value: int | bytes) -> None:
    with pytest.raises(OverflowError):
        word(value)
