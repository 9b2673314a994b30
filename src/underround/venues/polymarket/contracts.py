"""Polymarket's contracts on Polygon and on its test chain.

Source: docs.polymarket.com/resources/contracts and the official SDKs (``polymarket-client`` 0.14.0,
``py-clob-client-v2`` 1.2.1), 2026-10.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from underround.model.errors import AccountError

POLYGON_CHAIN: Final = 137
AMOY_CHAIN: Final = 80_002


class Contracts(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """What signing an order needs; checksummed addresses, the same names on every chain."""

    chain_id: int
    collateral: str
    """pUSD, an ERC-20 of 6 decimals."""
    conditional_tokens: str
    """CTF, an ERC-1155: the outcomes of Protocol V1 markets."""
    exchange: str
    """CTF Exchange V2: standard markets."""
    neg_risk_exchange: str
    """NegRisk Exchange V2."""
    exchange_v3: str
    """Every Protocol V2 market."""


class WalletFactories(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """What the addresses of wallets derive from (``wallets``)."""

    proxy_factory: str
    proxy_implementation: str
    safe_factory: str
    safe_init_code_hash: str
    """32 bytes, ``0x`` hex."""
    deposit_factory: str
    deposit_implementation: str
    deposit_beacon: str


class PolygonContracts(Contracts, frozen=True, kw_only=True, cache_hash=True):
    """Everything a client meets on the main chain."""

    position_manager: str
    """ERC-1155: the outcomes of Protocol V2 markets."""
    router: str
    """Splits, merges and redeems Protocol V2 positions."""
    binary_module: str
    neg_risk_module: str
    combinatorial_module: str
    collateral_adapter: str
    """Turns pUSD into CTF sets and back."""
    neg_risk_collateral_adapter: str
    neg_risk_adapter: str
    wrapped_collateral: str
    """What neg-risk outcomes are conditional on."""
    neg_risk_operator: str
    auto_redeemer: str
    oracle_aggregator: str
    chainlink_reporter: str
    onramp: str
    """Turns USDC or USDC.e into pUSD."""
    offramp: str
    usdc_e: str
    """What standard CTF outcomes are conditional on, in the age of pUSD too."""
    safe_multisend: str
    relay_hub: str
    wallets: WalletFactories


POLYGON: Final = PolygonContracts(
    chain_id=POLYGON_CHAIN,
    collateral="0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB",
    conditional_tokens="0x4D97DCd97eC945f40cF65F87097ACe5EA0476045",
    exchange="0xE111180000d2663C0091e4f400237545B87B996B",
    neg_risk_exchange="0xe2222d279d744050d28e00520010520000310F59",
    exchange_v3="0xe3333700cA9d93003F00f0F71f8515005F6c00Aa",
    position_manager="0x006F54F7f9A22e0000CC2AB60031000000ae9fEF",
    router="0x12121212006e4CD160D18e3f00711DA5c3372600",
    binary_module="0x1000008dD9001B968442c1000017eaE6E0dA00Ba",
    neg_risk_module="0x200000900045e3B6259600682756002200028933",
    combinatorial_module="0x30000034706C7d8e12009DAB006Be20000c031A8",
    collateral_adapter="0xAdA100Db00Ca00073811820692005400218FcE1f",
    neg_risk_collateral_adapter="0xadA2005600Dec949baf300f4C6120000bDB6eAab",
    neg_risk_adapter="0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296",
    wrapped_collateral="0x3A3BD7bb9528E159577F7C2e685CC81A765002E2",
    neg_risk_operator="0x71523d0f655B41E805Cec45b17163f528B59B820",
    auto_redeemer="0xa1200000d0002264C9a1698e001292D00E1b00af",
    oracle_aggregator="0x0A0a0A0A8B00C51b7D810501b03F230028C04a87",
    chainlink_reporter="0xc12EC12E0000326890Ca5560dEf5EB5C22b16814",
    onramp="0x93070a847efEf7F70739046A929D47a521F5B8ee",
    offramp="0x2957922Eb93258b93368531d39fAcCA3B4dC5854",
    usdc_e="0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174",
    safe_multisend="0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761",
    relay_hub="0xD216153c06E857cD7f72665E0aF1d7D82172F494",
    wallets=WalletFactories(
        proxy_factory="0xaB45c5A4B0c941a2F231C04C3f49182e1A254052",
        proxy_implementation="0x44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f",
        safe_factory="0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b",
        safe_init_code_hash="0x2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf",
        deposit_factory="0x00000000000Fb5C9ADea0298D729A0CB3823Cc07",
        deposit_implementation="0x58CA52ebe0DadfdF531Cde7062e76746de4Db1eB",
        deposit_beacon="0x7A18EDfe055488A3128f01F563e5B479D92ffc3a",
    ),
)

AMOY: Final = Contracts(
    chain_id=AMOY_CHAIN,
    collateral="0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB",
    conditional_tokens="0x69308FB512518e39F9b16112fA8d994F4e2Bf8bB",
    exchange="0xE111180000d2663C0091e4f400237545B87B996B",
    neg_risk_exchange="0xe2222d279d744050d28e00520010520000310F59",
    exchange_v3="0x9fE6e61422AdB6F610d8597F9684b16912D50C3D",
)

RETIRED_EXCHANGES: Final = (
    "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E",
    "0xC5d563A36AE78145C45a50134d48A1215220f80a",
    "0xE3f18aCc55091e2c48d883fc8C8413319d4Ab7b0",
    "0xB768891e3130F6dF18214Ac804d4DB76c2C37730",
)
"""Exchanges and fee modules of CLOB V1, dead since 2026-04-28: only histories name them."""

_KNOWN: Final[dict[int, Contracts]] = {POLYGON_CHAIN: POLYGON, AMOY_CHAIN: AMOY}


class Approval(msgspec.Struct, frozen=True):
    """A permission the wallet that holds the money must have given once."""

    standard: Literal["erc20", "erc1155"]
    """``erc20``: ``approve(spender, 2^256 - 1)``; ``erc1155``: ``setApprovalForAll(spender)``."""
    token: str
    spender: str


def contracts_of(chain_id: int) -> Contracts:
    """Return the contracts of a chain; raises ``AccountError`` for one Polymarket is not on."""
    found = _KNOWN.get(chain_id)
    if found is None:
        raise AccountError(
            f"Polymarket is on chain {POLYGON_CHAIN} (and {AMOY_CHAIN} for tests), "
            f"not on {chain_id}: correct the chain"
        )
    return found


def required_approvals(contracts: PolygonContracts = POLYGON) -> tuple[Approval, ...]:
    """Return every permission that trading, minting and redeeming need.

    The official SDK asks for one more, for its perpetuals product, which this program leaves alone.
    """
    adapters = (contracts.collateral_adapter, contracts.neg_risk_collateral_adapter)
    exchanges = (contracts.exchange, contracts.neg_risk_exchange)
    modules = (contracts.binary_module, contracts.neg_risk_module)
    cash = (*exchanges, *adapters, contracts.router, contracts.exchange_v3)
    sets = (*exchanges, *adapters, contracts.auto_redeemer, *modules)
    positions = (contracts.router, contracts.exchange_v3, contracts.auto_redeemer)
    return (
        *(Approval("erc20", contracts.collateral, spender) for spender in cash),
        *(Approval("erc1155", contracts.conditional_tokens, spender) for spender in sets),
        *(Approval("erc1155", contracts.position_manager, spender) for spender in positions),
    )
