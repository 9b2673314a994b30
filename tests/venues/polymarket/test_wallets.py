"""Wallet addresses of an owner, and contradictions that are caught before anything is signed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.oracles.known import DEPOSIT_BEACON, DEPOSIT_UUPS, OWNER, PROXY, SAFE
from underround.model.errors import AccountError
from underround.venues.ethereum import address_bytes, checksum
from underround.venues.polymarket.contracts import (
    AMOY,
    POLYGON,
    contracts_of,
    required_approvals,
)
from underround.venues.polymarket.wallets import (
    SignatureType,
    Wallet,
    deposit_wallets,
    proxy_wallet,
    safe_wallet,
    wallet_kind,
)

KINDS = [
    (OWNER, SignatureType.EOA),
    (PROXY, SignatureType.POLY_PROXY),
    (SAFE, SignatureType.POLY_GNOSIS_SAFE),
    (DEPOSIT_BEACON, SignatureType.POLY_1271),
    (DEPOSIT_UUPS, SignatureType.POLY_1271),
]
STRANGER = "0x1111111111111111111111111111111111111111"


def test_wallets_of_the_known_owner_are_those_of_the_official_sdk(fixtures: Path) -> None:
    stated = json.loads((fixtures / "polymarket_signing.json").read_text())["wallets"]
    owner = address_bytes(stated["owner_eoa"])
    assert proxy_wallet(owner) == stated["proxy_wallet_type1"] == PROXY
    assert safe_wallet(owner) == stated["safe_wallet_type2"] == SAFE
    assert deposit_wallets(owner) == (DEPOSIT_BEACON, DEPOSIT_UUPS)
    assert stated["deposit_wallet_type3_beacon"] == DEPOSIT_BEACON
    assert stated["deposit_wallet_type3_uups"] == DEPOSIT_UUPS


@pytest.mark.parametrize("maker,kind", KINDS)
def test_the_kind_of_a_wallet_is_recognised_by_its_address(maker: str, kind: SignatureType) -> None:
    assert wallet_kind(OWNER, maker) is kind
    assert wallet_kind(OWNER.lower(), maker.lower()) is kind
    wallet = Wallet.recognised(OWNER.lower(), maker.lower())
    assert wallet == Wallet(OWNER, maker, kind)
    assert (wallet.owner, wallet.maker) == (OWNER, maker)


@pytest.mark.parametrize("maker,kind", KINDS)
def test_only_a_deposit_wallet_is_its_own_signer(maker: str, kind: SignatureType) -> None:
    signer = Wallet(OWNER, maker, kind).signer
    assert signer == (maker if kind is SignatureType.POLY_1271 else OWNER)


def test_a_strangers_wallet_is_not_recognised() -> None:
    with pytest.raises(AccountError, match=f"{STRANGER} is no wallet of {OWNER}"):
        wallet_kind(OWNER, STRANGER)


@pytest.mark.parametrize("maker,kind", KINDS)
@pytest.mark.parametrize("stated", SignatureType)
def test_a_wallet_of_another_kind_than_stated_is_refused(
    maker: str, kind: SignatureType, stated: SignatureType
) -> None:
    if stated is kind:
        assert Wallet(OWNER, maker, stated).kind is kind
        return
    with pytest.raises(AccountError, match="signature type"):
        Wallet(OWNER, maker, stated)


def test_an_unrecognised_wallet_is_taken_as_stated_unless_it_claims_to_be_the_key() -> None:
    assert Wallet(OWNER, STRANGER, SignatureType.POLY_1271).signer == STRANGER
    with pytest.raises(AccountError, match="cannot be an EOA account"):
        Wallet(OWNER, STRANGER, SignatureType.EOA)


@pytest.mark.parametrize(
    "owner,maker", [("nobody", OWNER), (OWNER, "0x12"), (OWNER, OWNER[:-1] + "7")]
)
def test_what_is_no_address_is_refused_as_an_account(owner: str, maker: str) -> None:
    with pytest.raises(AccountError, match="correct the account"):
        Wallet(owner, maker, SignatureType.EOA)
    with pytest.raises(AccountError, match="correct the account"):
        wallet_kind(owner, maker)


def test_every_address_of_every_chain_is_checksummed_and_named_once() -> None:
    for contracts in (POLYGON, AMOY):
        assert contracts_of(contracts.chain_id) is contracts
        texts = [
            value
            for name in contracts.__struct_fields__
            if isinstance(value := getattr(contracts, name), str)
        ]
        assert len({address_bytes(text) for text in texts}) == len(texts)
        assert all(text == checksum(address_bytes(text)) for text in texts)
    factories = POLYGON.wallets
    for name in factories.__struct_fields__:
        if name != "safe_init_code_hash":
            address_bytes(getattr(factories, name))


def test_a_chain_without_polymarket_is_refused() -> None:
    with pytest.raises(AccountError, match="not on 1: correct the chain"):
        contracts_of(1)


def test_approvals_let_every_exchange_take_dollars_and_shares_and_nobody_else() -> None:
    approvals = required_approvals()
    assert len(approvals) == len(set(approvals)) == 16
    spenders = {(each.token, each.spender) for each in approvals}
    for exchange in (POLYGON.exchange, POLYGON.neg_risk_exchange, POLYGON.exchange_v3):
        assert (POLYGON.collateral, exchange) in spenders
    known = {getattr(POLYGON, name) for name in POLYGON.__struct_fields__}
    assert {each.spender for each in approvals} <= known
    cash = {each.token for each in approvals if each.standard == "erc20"}
    assert cash == {POLYGON.collateral}
