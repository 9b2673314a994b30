"""Faults in sending: what leaves twice, what was not sent, and how fast we ask."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_RELAYER: Final = ("venues/polymarket/test_relayer.py",)
_CONTRACT: Final = "venues/transport/test_http_contract.py"
_HTTP: Final = (_CONTRACT, "venues/transport/test_http.py")
_LINE: Final = (
    "venues/transport/test_http_connection.py",
    _CONTRACT,
    "venues/transport/test_order_line.py",
)
_BUDGET: Final = ("venues/transport/test_budget.py",)

FAULTS: Final = (
    # --- sending ---------------------------------------------------------------------------------
    Fault(
        "aiohttp sends a cancel again when the connection breaks",
        "venues/transport/http.py",
        "middlewares=(_sent_once if write else _sent_anew,)",
        "middlewares=()",
        _HTTP,
    ),
    Fault(
        "a write that got no answer was not sent",
        "venues/transport/http.py",
        "        if write:\n            raise OutcomeUnknown",
        "        if False:\n            raise OutcomeUnknown",
        _HTTP,
    ),
    Fault(
        "a write whose connection had ended is sent over another one",
        "venues/transport/http.py",
        "middlewares=(_sent_once if write else _sent_anew,)",
        "middlewares=(_sent_anew, _sent_once if write else _sent_anew)",
        _HTTP,
    ),
    Fault(
        "a redirect is followed with our signature",
        "venues/transport/http.py",
        "allow_redirects=False",
        "allow_redirects=True",
        _HTTP,
    ),
    Fault(
        "an order that got no answer was not sent",
        "venues/transport/order_line.py",
        "        if write:\n            raise OutcomeUnknown",
        "        if False:\n            raise OutcomeUnknown",
        _LINE,
    ),
    Fault(
        "a connection that the host has closed is written to",
        "venues/transport/connection.py",
        "return self.free and not self._poll.poll(0)",
        "return self.free",
        _LINE,
    ),
    Fault(
        "a connection on which nobody's answer came is used again",
        "venues/transport/connection.py",
        "self.drop()  # nobody asked",
        "pass",
        _LINE,
    ),
    Fault(
        "a submission whose connection broke counts as not sent",
        "venues/polymarket/relayer/rest.py",
        '"POST", "/submit", group="relayer", body=body, write=True',
        '"POST", "/submit", group="relayer", body=body, write=False',
        _RELAYER,
    ),
    Fault(
        "a nonce ahead of the chain is signed again",
        "venues/polymarket/relayer/answers.py",
        "return int(old[1]) < int(old[2]), int(old[2])",
        "return True, int(old[2])",
        _RELAYER,
    ),
    # --- budgets ---------------------------------------------------------------------------------
    Fault(
        "a refill is waited for a nanosecond too short",
        "venues/transport/bucket.py",
        "refilled = ceil_div(missing, self._tokens)",
        "refilled = missing // self._tokens",
        _BUDGET,
    ),
    Fault(
        "a bucket begins with one token more than its burst",
        "venues/transport/bucket.py",
        "self._filled = self._full",
        "self._filled = self._full + self._unit",
        _BUDGET,
    ),
    Fault(
        "orders spend what cancels need",
        "venues/transport/budget.py",
        "needed = charge.leave + (1 if",
        "needed = (1 if",
        _BUDGET,
    ),
    Fault(
        "a window takes full burst and full refill",
        "venues/transport/bucket.py",
        "Rate(tokens=requests - half,",
        "Rate(tokens=requests,",
        _BUDGET,
    ),
    Fault(
        "the venue is believed when it counts more tokens than we have",
        "venues/transport/bucket.py",
        "self._filled = min(self._filled, remaining * self._unit)",
        "self._filled = remaining * self._unit",
        _BUDGET,
    ),
    Fault(
        "a shorter pause ends a longer one",
        "venues/transport/bucket.py",
        "self._held_ns = max(self._held_ns, until_ns)",
        "self._held_ns = until_ns",
        _BUDGET,
    ),
    Fault(
        "a waiting request's tokens are not set aside",
        "venues/transport/budget.py",
        "needed += other.claim(charge.bucket, charge.leave)",
        "pass",
        _BUDGET,
    ),
    Fault(
        "orders of Polymarket leave nothing of the address's window to cancels",
        "venues/polymarket/limits.py",
        'Charge("ip.clob", flat=True, leave=CANCEL_RESERVE)',
        'Charge("ip.clob", flat=True)',
        _BUDGET,
    ),
    Fault(
        "orders of Kalshi leave nothing to cancels",
        "venues/kalshi/limits.py",
        "(Charge(name, leave=write.burst // _KEPT_FOR_CANCELS),)",
        "(Charge(name),)",
        ("venues/kalshi/test_kalshi_rest.py", "venues/kalshi/test_kalshi_rest_writes.py"),
    ),
)
