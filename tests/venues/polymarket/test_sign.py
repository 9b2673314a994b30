"""Headers that prove who we are, and credentials that show nothing."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import pickle
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.known import (
    API_KEY,
    API_SECRET,
    OWNER,
    PASSPHRASE,
    Lent,
    known_credentials,
    known_key,
)
from tests.venues.scripted import sample
from underround.model.errors import AccountError
from underround.venues.polymarket.sign import (
    BuilderCredentials,
    L2Credentials,
    l1_headers,
    relayer_headers,
)

SECOND = 1_000_000_000


def builder(secret: str = API_SECRET) -> BuilderCredentials:
    return BuilderCredentials(Lent("b-key", "bkey"), Lent("b-secret", secret), Lent("b-pass", "bp"))


def test_the_wallets_signature_is_that_of_the_official_sdk(fixtures: Path) -> None:
    stated = json.loads((fixtures / "polymarket_signing.json").read_text())["clob_auth"]
    now = int(stated["timestamp"]) * SECOND + 999_999_999
    assert l1_headers(known_key(), stated["chainId"], now, stated["nonce"]) == {
        "POLY_ADDRESS": stated["address"],
        "POLY_SIGNATURE": stated["signature"],
        "POLY_TIMESTAMP": stated["timestamp"],
        "POLY_NONCE": "0",
    }


@given(st.integers(0, 2**33), st.integers(0, 2**64), st.integers(1, 2**32))
def test_the_wallets_proof_covers_its_time_its_nonce_and_the_chain(
    second: int, nonce: int, chain: int
) -> None:
    headers = l1_headers(known_key(), chain, second * SECOND, nonce)
    message = {
        "address": OWNER,
        "timestamp": str(second),
        "nonce": nonce,
        "message": "This message attests that I control the given wallet",
    }
    theirs = encode_typed_data(
        {"name": "ClobAuthDomain", "version": "1", "chainId": chain},
        {
            "ClobAuth": [
                {"name": "address", "type": "address"},
                {"name": "timestamp", "type": "string"},
                {"name": "nonce", "type": "uint256"},
                {"name": "message", "type": "string"},
            ]
        },
        message,
    )
    assert Account.recover_message(theirs, signature=headers["POLY_SIGNATURE"]) == OWNER
    assert (headers["POLY_TIMESTAMP"], headers["POLY_NONCE"]) == (str(second), str(nonce))


@pytest.mark.shared
def test_the_published_signature_and_hmac_hold(shared: Path) -> None:
    vectors = json.loads(sample(shared, "polymarket/signing/signing_vectors.json"))
    stated = vectors["published_clob_auth_vector"]
    headers = l1_headers(
        known_key(), stated["chainId"], int(stated["timestamp"]) * SECOND, stated["nonce"]
    )
    assert headers["POLY_SIGNATURE"] == stated["signature"]
    assert headers["POLY_NONCE"] == str(stated["nonce"])
    for row in vectors["hmac"]:
        sealed = known_credentials(secret=row["secret"]).headers(
            row["method"],
            row["path"],
            (row["body"] or "").encode(),
            int(row["timestamp"]) * SECOND,
        )
        assert sealed["POLY_SIGNATURE"] == row["expected"]


def test_every_private_request_carries_the_five_headers(fixtures: Path) -> None:
    [stated] = json.loads((fixtures / "polymarket_signing.json").read_text())["hmac"]
    headers = known_credentials(secret=stated["secret"]).headers(
        stated["method"],
        stated["path"] + "?market=0xab&id=1",
        b"",
        int(stated["timestamp"]) * SECOND,
    )
    assert headers == {
        "POLY_ADDRESS": OWNER,
        "POLY_API_KEY": API_KEY,
        "POLY_PASSPHRASE": PASSPHRASE,
        "POLY_SIGNATURE": stated["expected"],
        "POLY_TIMESTAMP": stated["timestamp"],
    }


@given(
    st.binary(min_size=1, max_size=150),
    st.binary(max_size=2_000),
    st.integers(0, 2**33),
    st.booleans(),
)
def test_the_seal_is_the_hmac_of_time_method_path_and_body(
    secret: bytes, body: bytes, second: int, padded: bool
) -> None:
    text = base64.urlsafe_b64encode(secret).decode()
    credentials = known_credentials(secret=text if padded else text.rstrip("="))
    sealed = credentials.headers("POST", "/order", body, second * SECOND)
    expected = hmac.digest(secret, f"{second}POST/order".encode() + body, hashlib.sha256)
    assert sealed["POLY_SIGNATURE"] == base64.urlsafe_b64encode(expected).decode()
    again = credentials.headers("POST", "/order", body, second * SECOND)
    assert again == sealed


def test_a_builder_key_seals_in_the_same_way_under_its_own_names() -> None:
    ours = known_credentials().headers("POST", "/submit", b"{}", 7 * SECOND)
    assert builder().headers("POST", "/submit", b"{}", 7 * SECOND) == {
        "POLY_BUILDER_API_KEY": "bkey",
        "POLY_BUILDER_PASSPHRASE": "bp",
        "POLY_BUILDER_SIGNATURE": ours["POLY_SIGNATURE"],
        "POLY_BUILDER_TIMESTAMP": "7",
    }


def test_a_relayer_key_travels_as_it_is() -> None:
    assert relayer_headers(Lent("relayer", "r-key"), OWNER.lower()) == {
        "RELAYER_API_KEY": "r-key",
        "RELAYER_API_KEY_ADDRESS": OWNER,
    }


def test_a_socket_gets_the_secret_as_it_was_stored() -> None:
    unpadded = API_SECRET.rstrip("=")
    assert known_credentials(secret=unpadded).stream_auth() == {
        "apiKey": API_KEY,
        "secret": unpadded,
        "passphrase": PASSPHRASE,
    }


@pytest.mark.parametrize("value", ["", "=", "AAA*", "AA AA", "A", "AAAA\n", "ÄÄÄÄ"])
def test_a_secret_that_is_no_base64_is_refused_by_name_and_not_shown(value: str) -> None:
    with pytest.raises(AccountError, match="the secret secret is no base64 text") as caught:
        known_credentials(secret=value)
    assert len(value) < 4 or value not in str(caught.value)


@pytest.mark.parametrize("value", ["", "a b", "a\nX-Evil: 1", 'a"b', "a\\b", "ключ", "x" * 201])
@pytest.mark.parametrize("place", [0, 1])
def test_what_no_header_or_body_can_carry_is_refused_by_name(value: str, place: int) -> None:
    texts = ["key", "pass"]
    texts[place] = value
    with pytest.raises(
        AccountError, match=f"the secret {('the-key', 'the-pass')[place]} is empty"
    ) as e:
        L2Credentials(
            OWNER, Lent("the-key", texts[0]), Lent("s", API_SECRET), Lent("the-pass", texts[1])
        )
    assert len(value) < 4 or value not in str(e.value)
    if place == 0:
        with pytest.raises(AccountError, match="the secret r is empty"):
            relayer_headers(Lent("r", value), OWNER)


def test_credentials_belong_to_an_address() -> None:
    assert known_credentials(OWNER.lower()).address == OWNER
    with pytest.raises(AccountError, match="wrong checksum: a character is mistyped: correct"):
        known_credentials(OWNER[:-1] + "7")
    with pytest.raises(AccountError, match="correct the account"):
        relayer_headers(Lent("r", "key"), "0x12")


def test_credentials_print_names_and_are_neither_pickled_nor_copied() -> None:
    for credentials, text in (
        (known_credentials(), "L2Credentials(api, secret, passphrase)"),
        (builder(), "BuilderCredentials(b-key, b-secret, b-pass)"),
    ):
        assert str(credentials) == repr(credentials) == text
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                attempt(credentials)


def test_wiped_credentials_seal_nothing_and_hold_nothing() -> None:
    credentials = known_credentials()
    credentials.wipe()
    for use in (
        lambda: credentials.headers("GET", "/", b"", 0),
        credentials.stream_auth,
        lambda: credentials.owner,
    ):
        with pytest.raises(AccountError, match="credentials api, secret, passphrase were wiped"):
            use()
    held = [getattr(credentials, name, None) for name in ("_api_key", "_passphrase", "_secret")]
    assert held == ["", "", None]
