"""Faults in the local CLOB: who may ask, whose order it is, what it asks for."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_AUTH: Final = ("local_venue/polymarket/test_clob_auth.py",)
_VERIFY: Final = ("local_venue/polymarket/test_clob_verify.py",)
_ORDERS: Final = ("local_venue/polymarket/test_clob_orders.py",)

FAULTS: Final = (
    # --- who asks ---------------------------------------------------------------------------------
    Fault(
        "a wallet's login signature is not checked",
        "local_venue/polymarket/clob/auth.py",
        "if found is None or not hmac.compare_digest(found, address):",
        "if found is None:",
        _AUTH,
    ),
    Fault(
        "the seal of a request leaves its body out",
        "local_venue/polymarket/clob/auth.py",
        '.encode(errors="surrogateescape") + body',
        '.encode(errors="surrogateescape")',
        _AUTH,
    ),
    Fault(
        "the seal of a request covers its query",
        "local_venue/polymarket/clob/auth.py",
        'path = request.raw_path.partition("?")[0]',
        "path = request.raw_path",
        _AUTH,
    ),
    Fault(
        "a passphrase is not asked for",
        "local_venue/polymarket/clob/auth.py",
        'right &= _same(headers.get(prefix + "PASSPHRASE"), login.passphrase)',
        "right &= True",
        _AUTH,
    ),
    Fault(
        "a key is used under another address",
        "local_venue/polymarket/clob/auth.py",
        'right &= prefix != "POLY_" or _is_owner(request, login)',
        "right &= True",
        _AUTH,
    ),
    Fault(
        "a request may be as old as it likes",
        "local_venue/polymarket/clob/auth.py",
        "return abs(int(stamp) * NANOS_PER_SECOND - server) <= self._window_ns",
        "return True",
        _AUTH,
    ),
    Fault(
        "a clock that is off counts as right",
        "local_venue/polymarket/clob/auth.py",
        "server = now + self._world.faults.skew_ns(now)",
        "server = now",
        _AUTH,
    ),
    Fault(
        "a read-only key trades",
        "local_venue/polymarket/clob/server.py",
        "return self.gate.login(request, body, now), body, now",
        "return self.gate.reader(request, body, now), body, now",
        _AUTH,
    ),
    Fault(
        "a withdrawn key goes on",
        "local_venue/accounts.py",
        "login = self.logins.pop(key, None)",
        "login = self.logins.get(key)",
        _AUTH,
    ),
    Fault(
        "an account in closed-only mode buys",
        "local_venue/polymarket/clob/orders.py",
        'if sent.order.side == "BUY" and is_closed_only',
        'if sent.order.side == "SELL" and is_closed_only',
        _AUTH,
    ),
    Fault(
        "a banned account places orders",
        "local_venue/polymarket/clob/orders.py",
        "if login.owner in accounts.banned:",
        "if False:",
        _AUTH,
    ),
    # --- whose order it is ------------------------------------------------------------------------
    Fault(
        "an order's signature is not checked",
        "local_venue/polymarket/clob/verify.py",
        "if signed_by(exchange, fields, contents, signature, raw):",
        "if True:",
        _VERIFY,
    ),
    Fault(
        "a deposit wallet's order needs no wrapping",
        "local_venue/polymarket/clob/verify.py",
        "if signature != wrapped_signature(exchange, contents, inner):",
        "if False:",
        _VERIFY,
    ),
    Fault(
        "a signature in the upper half of the curve is taken",
        "local_venue/polymarket/clob/recovery.py",
        'if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:',
        "if False:",
        _VERIFY,
    ),
    Fault(
        "a maker may be another kind of wallet than stated",
        "local_venue/polymarket/clob/verify.py",
        "if known is None or known[1] != fields.signature_type:",
        "if known is None:",
        _VERIFY,
    ),
    Fault(
        "anybody trades without a wallet contract",
        "local_venue/polymarket/clob/verify.py",
        "if known[1] is SignatureType.EOA and login.owner not in accounts.eoa_allowed:",
        "if False:",
        _VERIFY,
    ),
    Fault(
        "the signer of an order may be anybody",
        "local_venue/polymarket/clob/verify.py",
        "if _bytes(fields.signer) != _bytes(named):",
        "if False:",
        _VERIFY,
    ),
    Fault(
        "an order of a group is verified for the plain exchange",
        "local_venue/polymarket/clob/verify.py",
        "exchange = exchange_of(contracts, protocol, neg_risk)",
        "exchange = exchange_of(contracts, protocol, False)",
        _VERIFY,
    ),
    Fault(
        "an order may name another key's owner",
        "local_venue/polymarket/clob/orders.py",
        "if sent.owner != login.key:",
        "if False:",
        _ORDERS,
    ),
    # --- what it asks for -------------------------------------------------------------------------
    Fault(
        "an order's price may lie between two ticks",
        "local_venue/polymarket/clob/order_terms.py",
        "if rest or price % tick or not tick <= price <= ONE - tick:",
        "if not tick <= price <= ONE - tick:",
        _VERIFY,
    ),
    Fault(
        "amounts have as many decimals as they like",
        "local_venue/polymarket/clob/order_terms.py",
        "if fields.maker_amount % maker == 0 and fields.taker_amount % taker == 0:",
        "if True:",
        _VERIFY,
    ),
    Fault(
        "an order in dollars is one in shares",
        "local_venue/polymarket/clob/order_terms.py",
        "return Terms(price, shares, dollars if in_dollars else None)",
        "return Terms(price, shares, None)",
        _VERIFY,
    ),
    Fault(
        "a GTD order stays until its stated end",
        "local_venue/polymarket/clob/order_terms.py",
        "return at - EARLY_NS",
        "return at",
        _ORDERS,
    ),
    Fault(
        "an order that does not end may state an end",
        "local_venue/polymarket/clob/order_terms.py",
        ("        if at:\n"),
        ("        if False:\n"),
        _ORDERS,
    ),
    Fault(
        "a batch stops at its first bad row",
        "local_venue/polymarket/clob/orders.py",
        "return _BatchRefusal(refused.text)",
        "raise",
        _ORDERS,
    ),
    Fault(
        "orders are taken before a market opens",
        "local_venue/polymarket/clob/orders.py",
        'if found[0].listing.state == "unopened":',
        "if False:",
        _ORDERS,
    ),
)
