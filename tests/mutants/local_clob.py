"""Faults in the local CLOB: who may ask, whose order it is, what it costs, what is told of it."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_AUTH: Final = ("local_venue/polymarket/test_clob_auth.py",)
_VERIFY: Final = ("local_venue/polymarket/test_clob_verify.py",)
_LIMITS: Final = ("local_venue/polymarket/test_clob_limits.py",)
_ORDERS: Final = ("local_venue/polymarket/test_clob_orders.py",)
_READS: Final = ("local_venue/polymarket/test_clob_reads.py",)

FAULTS: Final = (
    # --- who asks ---------------------------------------------------------------------------------
    Fault(
        "a wallet's login signature is not checked",
        "local_venue/polymarket/auth.py",
        "if found is None or not hmac.compare_digest(found, address):",
        "if found is None:",
        _AUTH,
    ),
    Fault(
        "the seal of a request leaves its body out",
        "local_venue/polymarket/auth.py",
        '.encode(errors="surrogateescape") + body',
        '.encode(errors="surrogateescape")',
        _AUTH,
    ),
    Fault(
        "the seal of a request covers its query",
        "local_venue/polymarket/auth.py",
        'path = request.raw_path.partition("?")[0]',
        "path = request.raw_path",
        _AUTH,
    ),
    Fault(
        "a passphrase is not asked for",
        "local_venue/polymarket/auth.py",
        'right &= _same(headers.get(prefix + "PASSPHRASE"), login.passphrase)',
        "right &= True",
        _AUTH,
    ),
    Fault(
        "a key is used under another address",
        "local_venue/polymarket/auth.py",
        'right &= prefix != "POLY_" or _is_owner(request, login)',
        "right &= True",
        _AUTH,
    ),
    Fault(
        "a request may be as old as it likes",
        "local_venue/polymarket/auth.py",
        "return abs(int(stamp) * NANOS_PER_SECOND - server) <= self._window_ns",
        "return True",
        _AUTH,
    ),
    Fault(
        "a clock that is off counts as right",
        "local_venue/polymarket/auth.py",
        "server = now + self._world.faults.skew_ns(now)",
        "server = now",
        _AUTH,
    ),
    Fault(
        "a read-only key trades",
        "local_venue/polymarket/server.py",
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
        "local_venue/polymarket/orders.py",
        'if sent.order.side == "BUY" and is_closed_only',
        'if sent.order.side == "SELL" and is_closed_only',
        _AUTH,
    ),
    Fault(
        "a banned account places orders",
        "local_venue/polymarket/orders.py",
        "if login.owner in accounts.banned:",
        "if False:",
        _AUTH,
    ),
    # --- whose order it is ------------------------------------------------------------------------
    Fault(
        "an order's signature is not checked",
        "local_venue/polymarket/verify.py",
        "if signed_by(exchange, fields, contents, signature, raw):",
        "if True:",
        _VERIFY,
    ),
    Fault(
        "a deposit wallet's order needs no wrapping",
        "local_venue/polymarket/verify.py",
        "if signature != wrapped_signature(exchange, contents, inner):",
        "if False:",
        _VERIFY,
    ),
    Fault(
        "a signature in the upper half of the curve is taken",
        "local_venue/polymarket/recovery.py",
        'if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:',
        "if False:",
        _VERIFY,
    ),
    Fault(
        "a maker may be another kind of wallet than stated",
        "local_venue/polymarket/verify.py",
        "if known is None or known[1] != fields.signature_type:",
        "if known is None:",
        _VERIFY,
    ),
    Fault(
        "anybody trades without a wallet contract",
        "local_venue/polymarket/verify.py",
        "if known[1] is SignatureType.EOA and login.owner not in accounts.eoa_allowed:",
        "if False:",
        _VERIFY,
    ),
    Fault(
        "the signer of an order may be anybody",
        "local_venue/polymarket/verify.py",
        "if _bytes(fields.signer) != _bytes(named):",
        "if False:",
        _VERIFY,
    ),
    Fault(
        "an order of a group is verified for the plain exchange",
        "local_venue/polymarket/verify.py",
        "exchange = exchange_of(contracts, protocol, neg_risk)",
        "exchange = exchange_of(contracts, protocol, False)",
        _VERIFY,
    ),
    Fault(
        "an order may name another key's owner",
        "local_venue/polymarket/orders.py",
        "if sent.owner != login.key:",
        "if False:",
        _ORDERS,
    ),
    # --- what it asks for -------------------------------------------------------------------------
    Fault(
        "an order's price may lie between two ticks",
        "local_venue/polymarket/order_terms.py",
        "if rest or price % tick or not tick <= price <= ONE - tick:",
        "if not tick <= price <= ONE - tick:",
        _VERIFY,
    ),
    Fault(
        "amounts have as many decimals as they like",
        "local_venue/polymarket/order_terms.py",
        "if fields.maker_amount % maker == 0 and fields.taker_amount % taker == 0:",
        "if True:",
        _VERIFY,
    ),
    Fault(
        "an order in dollars is one in shares",
        "local_venue/polymarket/order_terms.py",
        "return Terms(price, shares, dollars if in_dollars else None)",
        "return Terms(price, shares, None)",
        _VERIFY,
    ),
    Fault(
        "a GTD order stays until its stated end",
        "local_venue/polymarket/order_terms.py",
        "return at - EARLY_NS",
        "return at",
        _ORDERS,
    ),
    Fault(
        "a GTD order may end in a minute",
        "local_venue/polymarket/order_terms.py",
        "if at < now + LEAST_AHEAD_NS:",
        "if at < now + EARLY_NS:",
        _ORDERS,
    ),
    Fault(
        "a batch stops at its first bad row",
        "local_venue/polymarket/orders.py",
        "return _BatchRefusal(refused.text)",
        "raise",
        _ORDERS,
    ),
    Fault(
        "orders are taken before a market opens",
        "local_venue/polymarket/orders.py",
        'if found[0].listing.state == "unopened":',
        "if False:",
        _ORDERS,
    ),
    # --- what keeps orders alive, and what ends them ----------------------------------------------
    Fault(
        "a silent member's orders stay",
        "local_venue/polymarket/heartbeat.py",
        "self._world.polymarket.cancel_where(at, owner=key)",
        "pass",
        _ORDERS,
    ),
    Fault(
        "a heartbeat with a wrong id counts",
        "local_venue/polymarket/heartbeat.py",
        "if sent != beats.expected:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "a heartbeat does not put the end off",
        "local_venue/polymarket/heartbeat.py",
        "if until is not None and at < until:",
        "if False:",
        _ORDERS,
    ),
    Fault(
        "cancelling all cancels everybody's",
        "local_venue/polymarket/cancels.py",
        ("gone = self._exchange.cancel_where(now, owner=login.key)\n"),
        ("gone = self._exchange.cancel_where(now)\n"),
        _ORDERS,
    ),
    Fault(
        "a restart lets orders in while it lasts",
        "local_venue/polymarket/restart.py",
        'world.polymarket.mode = "down"',
        'world.polymarket.mode = "open"',
        _ORDERS,
    ),
    Fault(
        "a restart that was overtaken opens the venue",
        "local_venue/polymarket/restart.py",
        ('if number == self._number:\n                world.polymarket.mode = "open"'),
        ('if True:\n                world.polymarket.mode = "open"'),
        _ORDERS,
    ),
    # --- how often one may ask --------------------------------------------------------------------
    Fault(
        "a batch costs as much as one order",
        "local_venue/polymarket/orders.py",
        "headers = server.signers.order(login.owner, len(rows), now)",
        "headers = server.signers.order(login.owner, 1, now)",
        _LIMITS,
    ),
    Fault(
        "cancelling all costs one, however many went",
        "local_venue/polymarket/limits.py",
        "owed = count if signer.name in _IN_DEBT else min(count, max(level, 0))",
        "owed = 0",
        _LIMITS,
    ),
    Fault(
        "a platinum member's cancels go into debt",
        "local_venue/polymarket/limits.py",
        "owed = count if signer.name in _IN_DEBT else min(count, max(level, 0))",
        "owed = count",
        _LIMITS,
    ),
    Fault(
        "the long window of an address is forgotten",
        "local_venue/polymarket/limits.py",
        "wait = max((bucket.wait(1, now) for bucket in buckets), default=0)",
        "wait = min((bucket.wait(1, now) for bucket in buckets), default=0)",
        _LIMITS,
    ),
    Fault(
        "the warning mode refuses",
        "local_venue/polymarket/limits.py",
        ("        if self._enforced:\n"),
        ("        if True:\n"),
        _LIMITS,
    ),
    # --- what is told of it -----------------------------------------------------------------------
    Fault(
        "a list's cursor skips a row",
        "local_venue/polymarket/paging.py",
        "b64encode(str(end).encode())",
        "b64encode(str(end + 1).encode())",
        _READS,
    ),
    Fault(
        "others' orders are read",
        "local_venue/polymarket/account_reads.py",
        "if order is None or order.sent.account not in accounts_of(login.owner):",
        "if order is None:",
        _READS,
    ),
    Fault(
        "a maker reads a trade as its taker",
        "local_venue/polymarket/rows.py",
        '"TAKER" if trade.account in own else "MAKER"',
        '"TAKER"',
        _READS,
    ),
    Fault(
        "a maker's row says what the taker bought",
        "local_venue/polymarket/rows.py",
        "token, label = named(world, fill.outcome)",
        "token, label = named(world, OutcomeId(fill.outcome.market, 0))",
        _READS,
    ),
    Fault(
        "the balance of a wallet is its key's own",
        "local_venue/polymarket/account_reads.py",
        "account = AccountId(wallet_of(login.owner, kind).maker)",
        "account = AccountId(login.owner)",
        _READS,
    ),
    Fault(
        "buyers are told the offer and sellers the bid",
        "local_venue/polymarket/book_reads.py",
        'best[0] if side == "BUY" else best[1]',
        'best[1] if side == "BUY" else best[0]',
        _READS,
    ),
    Fault(
        "a young order scores",
        "local_venue/polymarket/scoring.py",
        "or distance >= widest or not old_enough:",
        "or distance >= widest:",
        _READS,
    ),
    Fault(
        "makers are not told that a fill failed",
        "local_venue/polymarket/notices.py",
        "for order in (trade.order, *(fill.order for fill in trade.makers)):",
        "for order in (trade.order,):",
        _READS,
    ),
)
