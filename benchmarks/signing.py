"""``signing``, ``request``, ``tick`` and ``bytes``: orders by us and the official SDKs, in turns.

The SDKs run in an environment and a process of their own (``tests/oracles``) and are timed inside
it; rounds alternate between the processes.  They hold warm clients with everything about the market
in their caches, and sign with coincurve, which their own installation leaves out; the rows "as
installed" show what that costs.
"""

from __future__ import annotations

import gc
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from benchmarks.desk import Desk, price_change
from benchmarks.measure import Figure, against, figure, ratios
from benchmarks.order_line import Sender
from tests.oracles.driver import Oracles
from tests.oracles.known import (
    API_KEY,
    API_SECRET,
    PASSPHRASE,
    PRIVATE_KEY,
)
from underround.model.errors import Bug
from underround.venues.polymarket.ids import derive_tokens
from underround.venues.polymarket.orders import PolymarketOrder

TARGET_ORDER: Final = 8.0
TARGET_REQUEST: Final = 15.0
OURS: Final = 2_000
THEIRS: Final = 200
UNAIDED: Final = 20
"""Calls in a round of an SDK that signs in pure Python."""
CONDITIONS: Final = 200
_SENT_FORMS: Final = (
    ("", "coincurve added", "its own post_order, httpx, HTTP/2 as it negotiates by itself"),
    (", 1.1", "coincurve added, HTTP/1.1", "the same with a host that speaks no HTTP/2"),
    (", unaided", "as installed", "HTTP/2; curve in pure Python"),
)
"""How an SDK sends: its contender's ending, what to call it, a note."""
Seconds: TypeAlias = float
Round: TypeAlias = Callable[[], Seconds]
"""Times some calls and returns the seconds of one."""


def _here(run: Callable[[], object], count: int) -> Round:
    def timed() -> Seconds:
        gc.collect()
        gc.freeze()
        begin = time.perf_counter()
        for _ in range(count):
            run()
        took = time.perf_counter() - begin
        gc.unfreeze()
        return took / count

    return timed


def _there(oracles: Oracles, what: str, count: int, asked: dict[str, Any]) -> Round:
    def timed() -> Seconds:
        answer = oracles.ask("timed", what=what, count=count, **asked)
        return float(answer["seconds"]) / count

    return timed


def _sent(oracles: Oracles, what: str, protocol: str, count: int, asked: dict[str, Any]) -> Round:
    def timed() -> Seconds:
        answer = oracles.ask("sent", what=what, protocol=protocol, count=count, **asked)
        return float(answer["seconds"]) / count

    return timed


def _asked(order: PolymarketOrder) -> dict[str, Any]:
    return {
        "fields": msgspec.structs.asdict(order.fields),
        "exchange": order.exchange.address,
        "version": order.exchange.version,
        "chain_id": order.exchange.chain_id,
        "expiration": 0,
        "tif": "GTC",
        "post_only": False,
        "owner": API_KEY,
        "frame": price_change("150", 1).decode(),
        "key": PRIVATE_KEY,
        "secret": API_SECRET,
        "passphrase": PASSPHRASE,
    }


def _same_order(desk: Desk, oracles: Oracles, asked: dict[str, Any]) -> None:
    """Raise ``Bug`` unless all three sign the same bytes."""
    signed = desk.signer.sign(desk.made)
    theirs = oracles.ask("order", **asked)
    for sdk, answer in theirs.items():
        if (answer["digest"], answer["signature"]) != (signed.id, f"0x{signed.signature.hex()}"):
            raise Bug(f"{sdk} signs another order than we do")


def _tokens() -> Seconds:
    fresh = [f"0x{secrets.token_hex(32)}" for _ in range(CONDITIONS)]
    return _here(lambda: [derive_tokens(each, neg_risk=False) for each in fresh], 1)() / CONDITIONS


def _rounds(contenders: Mapping[str, Round], rounds: int) -> dict[str, list[Seconds]]:
    """Return the seconds of one call in each round; round 0 warms up and is not kept."""
    kept: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, timed in contenders.items():
            took = timed()
            if number:
                kept[name].append(took)
        print(f"  round {number or 'warm-up'} of {rounds}", file=sys.stderr)
    return kept


def measure(rounds: int) -> list[Figure]:
    """Measure ours and both SDKs, interleaved."""
    desk = Desk()
    asked = _asked(desk.made)
    with (
        Oracles() as aided,
        Oracles(as_installed=True) as unaided,
        Sender(desk.credentials) as sender,
    ):
        _same_order(desk, aided, asked)
        _same_order(desk, unaided, asked)
        seconds = _rounds(
            {
                "order": _here(desk.order, OURS),
                "floor": _here(desk.floor, OURS),
                "clob order": _there(aided, "clob_signed", THEIRS, asked),
                "clob order, unaided": _there(unaided, "clob_signed", UNAIDED, asked),
                "request": _here(desk.request, OURS),
                "clob request": _there(aided, "clob_request", THEIRS, asked),
                "client request": _there(aided, "client_request", THEIRS, asked),
                "client request, unaided": _there(unaided, "client_request", UNAIDED, asked),
                "tick": _here(desk.tick, OURS),
                "clob tick": _there(aided, "clob_tick", THEIRS, asked),
                "client tick": _there(aided, "client_tick", THEIRS, asked),
                "bytes": lambda: sender.bare(desk.tick, OURS),
                "bytes, whole": lambda: sender.whole(desk.ticked, OURS),
                "clob bytes": _sent(aided, "clob_sent", "h2", THEIRS, asked),
                "client bytes": _sent(aided, "client_sent", "h2", THEIRS, asked),
                "clob bytes, 1.1": _sent(aided, "clob_sent", "http/1.1", THEIRS, asked),
                "client bytes, 1.1": _sent(aided, "client_sent", "http/1.1", THEIRS, asked),
                "clob bytes, unaided": _sent(unaided, "clob_sent", "h2", UNAIDED, asked),
                "client bytes, unaided": _sent(unaided, "client_sent", "h2", UNAIDED, asked),
                "tokens": _tokens,
            },
            rounds,
        )
    return _figures(seconds)


def _figures(seconds: dict[str, list[Seconds]]) -> list[Figure]:
    def each(name: str, benchmark: str, what: str, note: str = "") -> Figure:
        unit = "µs/market" if name == "tokens" else "µs/order"
        return figure(benchmark, what, unit, [took * 1e6 for took in seconds[name]], note=note)

    def times(name: str, benchmark: str, what: str, ours: str) -> Figure:
        return figure(benchmark, what, "×", ratios(seconds[name], seconds[ours]))

    clob, client = "py-clob-client-v2", "polymarket-client"
    signed = "typed data and signature; ours also has the order's id"
    ticked = "decoded, put into the book and compared with the stated best, then as above"
    at_socket = "as above, then HTTP/1.1 by OrderLine; no TLS, no system call, on either side"
    asked = "price and size → amounts, order, signature, JSON body, HMAC headers; warm caches"
    return [
        each("order", "signing", "ours: id and signature", "EOA, standard market"),
        each("floor", "signing", "secp256k1 alone", "the floor: one signature of a digest"),
        each("clob order", "signing", f"{clob}, coincurve added", signed),
        each("clob order, unaided", "signing", f"{clob}, as installed", "curve in pure Python"),
        times("order", "signing", "ours ÷ secp256k1 alone", "floor"),
        against(times("clob order", "signing", f"{clob} with coincurve ÷ ours", "order"),
                "≥", TARGET_ORDER),
        each("request", "request", "ours: decision → signed, authenticated bytes", asked),
        each("clob request", "request", f"{clob}, coincurve added", asked),
        each("client request", "request", f"{client}, coincurve added", asked),
        each("client request, unaided", "request", f"{client}, as installed",
             "curve in pure Python"),
        times("clob request", "request", f"{clob} with coincurve ÷ ours", "request"),
        times("client request", "request", f"{client} with coincurve ÷ ours", "request"),
        times("client request, unaided", "request", f"{client} as installed ÷ ours", "request"),
        each("tick", "tick", "ours: market message → body and headers", ticked),
        each("client tick", "tick", f"{client}, coincurve added", "its own event; keeps no book"),
        each("clob tick", "tick", f"{clob}, coincurve added", "plain JSON: it has no streams"),
        times("client tick", "tick", f"{client} with coincurve ÷ ours", "tick"),
        times("clob tick", "tick", f"{clob} with coincurve ÷ ours", "tick"),
        each("bytes", "bytes", "ours: market message → the order's bytes at the socket", at_socket),
        each("bytes, whole", "bytes", "ours, rate budget included", "by PolymarketRest.post_order"),
        *(each(f"{name} bytes{form}", "bytes", f"{sdk}, {told}", note)
          for name, sdk in (("client", client), ("clob", clob))
          for form, told, note in _SENT_FORMS),
        against(times("client bytes", "bytes", f"{client} with coincurve ÷ ours", "bytes"),
                "≥", TARGET_REQUEST),
        *(times(f"{name} bytes{form}", "bytes", f"{sdk}, {told} ÷ {whose}", ours)
          for ours, whose in (("bytes", "ours"), ("bytes, whole", "ours, rate budget included"))
          for name, sdk in (("client", client), ("clob", clob))
          for form, told, _ in _SENT_FORMS
          if (name, form, ours) != ("client", "", "bytes")),
        each("tokens", "signing", "both tokens of a condition", "CTF ids offline, nothing cached"),
    ]  # fmt: skip
