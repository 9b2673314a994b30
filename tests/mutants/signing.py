"""Faults in what is signed for Polymarket: amounts, domains, wallets, ids and headers."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_AMOUNTS: Final = ("venues/polymarket/test_amounts.py",)
_ORDERS: Final = ("venues/polymarket/test_orders.py",)
_SIGN: Final = ("venues/polymarket/test_sign.py",)
_WALLETS: Final = ("venues/polymarket/test_wallets.py",)
_IDS: Final = ("venues/polymarket/test_ids.py",)
_RELAYER: Final = ("venues/polymarket/test_relayer.py",)
_ETHEREUM: Final = ("venues/test_ethereum.py",)

FAULTS: Final = (
    # --- amounts ---------------------------------------------------------------------------------
    Fault(
        "a market buy asks for shares rounded up",
        "venues/polymarket/amounts.py",
        "asked -= asked % SHARE_STEPS[tick]",
        "asked += -asked % SHARE_STEPS[tick]",
        _AMOUNTS,
    ),
    Fault(
        "an order's size is rounded up",
        "venues/polymarket/amounts.py",
        "kept = size - size % SIZE_STEP",
        "kept = size + -size % SIZE_STEP",
        _AMOUNTS,
    ),
    Fault(
        "a budget is rounded up to the next cent",
        "venues/polymarket/amounts.py",
        "spent = budget - budget % CENT",
        "spent = budget + -budget % CENT",
        _AMOUNTS,
    ),
    Fault(
        "a sale offers dollars and asks for shares",
        "venues/polymarket/amounts.py",
        'return Amounts(quote, kept) if side == "buy" else Amounts(kept, quote)',
        "return Amounts(quote, kept)",
        _AMOUNTS,
    ),
    Fault(
        "a small budget may lift an ask above its limit",
        "venues/polymarket/amounts.py",
        "if spent * ONE >= asked * (price + FINEST_TICK):",
        "if spent * ONE >= asked * (price + 100 * FINEST_TICK):",
        _AMOUNTS,
    ),
    Fault(
        "a budget forgets that a cheaper fill costs more in fees",
        "venues/polymarket/amounts.py",
        "at = min(max(peak, price if lowest is None else lowest), price)",
        "at = price",
        _AMOUNTS,
    ),
    # --- domains and fields ----------------------------------------------------------------------
    Fault(
        "orders are signed for the domain of the first exchange",
        "venues/polymarket/exchange.py",
        'return Exchange.at(address, "2", contracts.chain_id)',
        'return Exchange.at(address, "1", contracts.chain_id)',
        _ORDERS,
    ),
    Fault(
        "Protocol V2 orders carry the domain version of V1",
        "venues/polymarket/exchange.py",
        'contracts.exchange_v3, "3"',
        'contracts.exchange_v3, "2"',
        _ORDERS,
    ),
    Fault(
        "the neg-risk exchange and the other are swapped",
        "venues/polymarket/exchange.py",
        "contracts.neg_risk_exchange if neg_risk else contracts.exchange",
        "contracts.exchange if neg_risk else contracts.neg_risk_exchange",
        _ORDERS,
    ),
    Fault(
        "a purchase is signed as a sale",
        "venues/polymarket/orders.py",
        '{"buy": 0, "sell": 1}',
        '{"buy": 1, "sell": 0}',
        _ORDERS,
    ),
    Fault(
        "an order's time is in seconds",
        "venues/polymarket/orders.py",
        "now // NANOS_PER_MS,",
        "now // NANOS_PER_SECOND,",
        _ORDERS,
    ),
    Fault(
        "a salt may be larger than a JSON number holds",
        "venues/polymarket/orders.py",
        "LARGEST_SALT: Final = 2**53 - 1",
        "LARGEST_SALT: Final = 2**64 - 1",
        _ORDERS,
    ),
    Fault(
        "a GTD order ends a minute too early",
        "venues/polymarket/orders.py",
        "draft.good_until_ns // NANOS_PER_SECOND + EARLY_S",
        "draft.good_until_ns // NANOS_PER_SECOND",
        _ORDERS,
    ),
    Fault(
        "a deposit wallet's order is signed as a plain key's",
        "venues/polymarket/orders.py",
        "if wallet.kind is SignatureType.POLY_1271:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "an order of another wallet is signed",
        "venues/polymarket/orders.py",
        "if (fields.maker, fields.signer, fields.signature_type) != self._parties:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "an order for a token of another protocol is signed",
        "venues/polymarket/orders.py",
        "if found != stated:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "a FAK sale is sent without its size being cut to the grid",
        "venues/polymarket/orders.py",
        "return limit_amounts(draft.side, draft.price, size, draft.tick)",
        "return Amounts(size, size * draft.price // 1_000_000)",
        _ORDERS,
    ),
    Fault(
        "post-only is left out of the body",
        "venues/polymarket/orders.py",
        """',"postOnly":true' if order.post_only else \"\"""",
        '""',
        _ORDERS,
    ),
    # --- wallets and ids -------------------------------------------------------------------------
    Fault(
        "a deposit wallet's order names the owner as its signer",
        "venues/polymarket/wallets.py",
        "return self.maker if self.kind is SignatureType.POLY_1271 else self.owner",
        "return self.owner",
        _WALLETS,
    ),
    Fault(
        "a proxy's CREATE2 salt is padded like a safe's",
        "venues/polymarket/wallets.py",
        "_create2(factory, keccak(owner), keccak(code))",
        "_create2(factory, keccak(word(owner)), keccak(code))",
        _WALLETS,
    ),
    Fault(
        "a safe's CREATE2 salt is the bare address",
        "venues/polymarket/wallets.py",
        "_create2(factory, keccak(word(owner)), code_hash)",
        "_create2(factory, keccak(owner), code_hash)",
        _WALLETS,
    ),
    Fault(
        "a wallet of another kind is taken as stated",
        "venues/polymarket/wallets.py",
        "if derived is not None and derived is not self.kind:",
        "if False:",
        _WALLETS,
    ),
    Fault(
        "a token's parity is the other one",
        "venues/polymarket/ids.py",
        "word(x ^ _ROOT if digest & _PARITY else x)",
        "word(x if digest & _PARITY else x ^ _ROOT)",
        _IDS,
    ),
    Fault(
        "neg-risk tokens are backed by USDC.e",
        "venues/polymarket/ids.py",
        "collateral = _WRAPPED if neg_risk else _USDC_E",
        "collateral = _USDC_E",
        _IDS,
    ),
    Fault(
        "YES and NO tokens are swapped",
        "venues/polymarket/ids.py",
        "collection_id(raw, index_set)) for index_set in (1, 2))",
        "collection_id(raw, index_set)) for index_set in (2, 1))",
        _IDS,
    ),
    Fault(
        "every id with one reserved bit at zero is of Protocol V2",
        "venues/polymarket/ids.py",
        '"v1" if number & _RESERVED else "v2"',
        '"v1" if number & _RESERVED == _RESERVED else "v2"',
        _IDS,
    ),
    # --- headers ---------------------------------------------------------------------------------
    Fault(
        "the HMAC covers the query",
        "venues/polymarket/sign.py",
        "{target.partition('?')[0]}\".encode() + body",
        '{target}".encode() + body',
        _SIGN,
    ),
    Fault(
        "the HMAC leaves out the body",
        "venues/polymarket/sign.py",
        "{target.partition('?')[0]}\".encode() + body",
        "{target.partition('?')[0]}\".encode()",
        _SIGN,
    ),
    Fault(
        "a separator stands between path and body",
        "venues/polymarket/sign.py",
        "{target.partition('?')[0]}\".encode() + body",
        "{target.partition('?')[0]}\\n\".encode() + body",
        _SIGN,
    ),
    Fault(
        "the HMAC is sent in the other base64 alphabet",
        "venues/polymarket/sign.py",
        "newline=False).translate(_URLSAFE)",
        "newline=False)",
        _SIGN,
    ),
    Fault(
        "a secret without its base64 padding is refused",
        "venues/polymarket/sign.py",
        'digits + b"=" * (-len(digits) % 4)',
        "digits",
        _SIGN,
    ),
    Fault(
        "the wallet's proof states its time in milliseconds",
        "venues/polymarket/sign.py",
        "timestamp = str(now // NANOS_PER_SECOND)\n    contents",
        "timestamp = str(now // 1_000_000)\n    contents",
        _SIGN,
    ),
    Fault(
        "the wallet's proof signs no nonce",
        "venues/polymarket/sign.py",
        "word(nonce),",
        "word(0),",
        _SIGN,
    ),
    Fault(
        "a signature's recovery number counts from 0",
        "venues/ethereum.py",
        "compact[64] = 27 + parity[0]",
        "compact[64] = parity[0]",
        _ETHEREUM,
    ),
    Fault(
        "a safe gets the signature of a plain digest",
        "venues/polymarket/relayer/safe_calls.py",
        "bytes([signature[-1] + _BY_MESSAGE])",
        "bytes([signature[-1]])",
        _RELAYER,
    ),
)
