"""Kalshi's signatures, verified with the public key."""

from __future__ import annotations

import copy
import pickle
from base64 import b64decode
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.kalshi.making import KEY_ID, HeldPem, edwards_key, pem_of, rsa_key, signer
from underround.model.errors import AccountError
from underround.venues.kalshi.sign import KalshiSigner, signed_text

times = st.integers(10**18, 4 * 10**18)
methods = st.sampled_from(["GET", "post", "DELETE", "PUT"])
paths = st.from_regex(r"/trade-api/v2/[a-z/_-]{1,40}(\?[a-z=&0-9]{0,30})?", fullmatch=True)


@cache
def rsa_signer() -> KalshiSigner:
    return KalshiSigner(KEY_ID, HeldPem(pem_of(rsa_key())))


def test_the_signed_text_is_the_documented_one() -> None:
    text = signed_text("get", "/trade-api/v2/portfolio/balance?x=1", 1703123456789)
    assert text == b"1703123456789GET/trade-api/v2/portfolio/balance"


@given(times, methods, paths)
def test_rsa_signatures_verify_with_a_salt_of_32_bytes(now: int, method: str, path: str) -> None:
    headers = rsa_signer().headers(method, path, now)
    assert headers["KALSHI-ACCESS-KEY"] == KEY_ID
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == str(now // 10**6)
    rsa_key().public_key().verify(
        b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True),
        f"{now // 10**6}{method.upper()}{path.partition('?')[0]}".encode(),
        PSS(MGF1(SHA256()), 32),
        SHA256(),
    )


@given(times, methods, paths)
def test_edwards_signatures_verify(now: int, method: str, path: str) -> None:
    headers = signer().headers(method, path, now)
    edwards_key().public_key().verify(
        b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True),
        f"{now // 10**6}{method.upper()}{path.partition('?')[0]}".encode(),
    )


def test_the_handshake_signs_the_path_of_the_socket() -> None:
    headers = dict(signer().handshake(1_703_123_456_789_000_000))
    edwards_key().public_key().verify(
        b64decode(headers["KALSHI-ACCESS-SIGNATURE"]), b"1703123456789GET/trade-api/ws/v2"
    )


def test_the_kind_of_signature_follows_from_the_key_and_not_from_its_header() -> None:
    """An RSA key in either PEM form signs RSA-PSS: 256 bytes; an Ed25519 one 64."""
    for pem, length in (
        (pem_of(rsa_key()), 256),
        (pem_of(rsa_key(), old=True), 256),
        (pem_of(edwards_key()), 64),
    ):
        assert len(KalshiSigner(KEY_ID, HeldPem(pem)).sign(b"x")) == length


def unusable() -> list[bytes]:
    curve = ec.generate_private_key(ec.SECP256R1())
    locked = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    return [
        b"",
        b"hunter2-secret",
        pem_of(edwards_key())[:-40],
        pem_of(edwards_key()).replace(b"PRIVATE", b"PUBLIC"),
        curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        locked,
    ]


@pytest.mark.parametrize(
    "pem", unusable(), ids=["empty", "no-pem", "cut", "public", "curve", "locked"]
)
def test_an_unusable_key_is_named_and_never_shown(pem: bytes) -> None:
    with pytest.raises(AccountError, match="kalshi-key") as told:
        KalshiSigner(KEY_ID, HeldPem(pem))
    assert told.value.__cause__ is None
    assert told.value.__context__ is None or told.value.__suppress_context__
    for line in pem.decode().splitlines():
        assert not line or line not in str(told.value)


def test_a_key_id_cannot_smuggle_a_header() -> None:
    for bad in ("", "x", KEY_ID + "\r\nX: 1", "ü" * 36):
        with pytest.raises(AccountError, match="UUID"):
            KalshiSigner(bad, HeldPem(pem_of(edwards_key())))


def test_a_signer_shows_its_name_only_and_is_never_pickled_or_copied() -> None:
    made = signer()
    assert repr(made) == "KalshiSigner('kalshi-key')"
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never pickled"):
            take(made)
