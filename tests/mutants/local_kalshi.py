"""Faults in the local Kalshi: who signs, what a write says, how the streams are numbered."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_REST: Final = ("local_venue/kalshi/test_kalshi_rest_server.py",)
_SOCKET: Final = ("local_venue/kalshi/test_kalshi_socket_server.py",)

FAULTS: Final = (
    # --- who asks ---------------------------------------------------------------------------------
    Fault(
        "a wrong signature is right",
        "local_venue/kalshi/verify.py",
        ("        return False\n    return True"),
        ("        return True\n    return True"),
        _REST,
    ),
    Fault(
        "a signature's salt may have any length",
        "local_venue/kalshi/verify.py",
        "PSS(MGF1(SHA256()), _SALT_BYTES)",
        "PSS(MGF1(SHA256()), PSS.AUTO)",
        _REST,
    ),
    Fault(
        "the query is signed with the path",
        "local_venue/kalshi/verify.py",
        "{path.partition('?')[0]}",
        "{path}",
        _REST,
    ),
    Fault(
        "a request may be as old as it likes",
        "local_venue/kalshi/verify.py",
        "if window_ms is not None and off_ms > window_ms:",
        "if False:",
        _REST,
    ),
    Fault(
        "a key does what it has no scope for",
        "local_venue/kalshi/call.py",
        "if scope and not key.may(scope):",
        "if False:",
        _REST,
    ),
    Fault(
        "a key for one subaccount acts on the others",
        "local_venue/kalshi/members.py",
        "if subaccount not in {None, key.subaccount}:",
        "if False:",
        _REST,
    ),
    Fault(
        "a batch costs as much as one order",
        "local_venue/kalshi/order_routes.py",
        "return REQUEST_COST * len(call.read(bodies.create_batch).orders or ())",
        "return REQUEST_COST",
        _REST,
    ),
    Fault(
        "reads are paid from the bucket of writes",
        "local_venue/kalshi/call.py",
        'usual = "read" if method == "GET" else "write"',
        'usual = "write"',
        _REST,
    ),
    # --- what a write says ------------------------------------------------------------------------
    Fault(
        "an ask's price is taken for that of NO",
        "local_venue/kalshi/order_bodies.py",
        "price=yes_price if bid else ONE - yes_price,",
        "price=yes_price,",
        _REST,
    ),
    Fault(
        "a batch stops at its first bad row",
        "local_venue/kalshi/order_routes.py",
        'row: told.Row = {"error": refused.stated(always=True)}',
        "raise",
        _REST,
    ),
    Fault(
        "an order reaches a market on another shard",
        "local_venue/kalshi/order_routes.py",
        "or (shard is not None and shard >= 0 and shard != listed.shard)",
        "or False",
        _REST,
    ),
    Fault(
        "an ask's average price is told as NO's",
        "local_venue/kalshi/orders_told.py",
        "average = leg if order.bid else ONE - leg",
        "average = leg",
        _REST,
    ),
    Fault(
        "money that is moved stays where it was",
        "local_venue/kalshi/desk.py",
        "money.withdraw(source[0], amount, shard=shards[0], subaccount=source[1])",
        "pass",
        _REST,
    ),
    Fault(
        "the balance counts what orders bind",
        "local_venue/kalshi/portfolio_routes.py",
        "free = {shard: money.available(holder, shard) for shard in _shards(call)}",
        "free = {shard: money.balance(holder, shard) for shard in _shards(call)}",
        _REST,
    ),
    Fault(
        "a page begins with the row after the next",
        "local_venue/kalshi/call.py",
        "urlsafe_b64encode(name_of(found[-1]).encode())",
        "urlsafe_b64encode(name_of(row).encode())",
        _REST,
    ),
    Fault(
        "a member without attestation opens positions",
        "local_venue/kalshi/order_routes.py",
        "if about and reducing(sent, call.desk.exchange.money) < sent.size:",
        "if False:",
        _REST,
    ),
    Fault(
        "a stale book is fresh",
        "local_venue/kalshi/desk.py",
        "if self.world.faults.none or not self.world.faults.of(Stale, now):",
        "if True:",
        _REST,
    ),
    # --- the streams ------------------------------------------------------------------------------
    Fault(
        "each market begins its own numbers",
        "local_venue/kalshi/peer.py",
        'one.tell("orderbook_snapshot", body, self._now_ms())',
        ('one.seq = 0\n            one.tell("orderbook_snapshot", body, self._now_ms())'),
        _SOCKET,
    ),
    Fault(
        "an acknowledgement takes no number",
        "local_venue/kalshi/peer.py",
        'row: dict[str, Any] = {"type": "ok", "id": number, "sid": one.sid, "seq": one.number()}',
        'row: dict[str, Any] = {"type": "ok", "id": number, "sid": one.sid, "seq": one.seq}',
        _SOCKET,
    ),
    Fault(
        "a level of NO is told at YES's price",
        "local_venue/kalshi/frames.py",
        "return price if bid or yes_price else ONE - price",
        "return price",
        _SOCKET,
    ),
    Fault(
        "a change is told as the whole size",
        "local_venue/kalshi/doors.py",
        "change = level.size - sizes.get(key, 0)",
        "change = level.size",
        _SOCKET,
    ),
    Fault(
        "everybody hears of everybody's fills",
        "local_venue/kalshi/doors.py",
        "if listener.account == account and _may_see(listener, subaccount):",
        "if True:",
        _SOCKET,
    ),
    Fault(
        "a key for one subaccount hears of the others",
        "local_venue/kalshi/doors.py",
        "return listener.key.subaccount in {None, subaccount}",
        "return True",
        _SOCKET,
    ),
    Fault(
        "everybody is told whose order moved the book",
        "local_venue/kalshi/doors.py",
        "own = _is_of(event.cause, one.listener.account)",
        "own = event.cause is not None",
        _SOCKET,
    ),
    Fault(
        "an order is told twice in one state",
        "local_venue/kalshi/doors.py",
        "if self._orders.get(sent.id) == state:",
        "if False:",
        _SOCKET,
    ),
    Fault(
        "the venue does not ping",
        "local_venue/kalshi/peer.py",
        'self.transport.send_ping(b"heartbeat")',
        "pass",
        _SOCKET,
    ),
    Fault(
        "a second subscription begins a stream of its own",
        "local_venue/kalshi/peer.py",
        ("            if known is None:\n"),
        ("            if True:\n"),
        _SOCKET,
    ),
    Fault(
        "a market that was dropped is told on",
        "local_venue/kalshi/peer.py",
        "self._door.subscribers.narrow(one, tickers)",
        "pass",
        _SOCKET,
    ),
    Fault(
        "order groups are told to everybody",
        "local_venue/kalshi/doors.py",
        "if one.listener.account == event.account:",
        "if True:",
        _SOCKET,
    ),
)
