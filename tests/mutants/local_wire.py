"""Faults in the local venue's doors: what goes wrong on demand, and what must never."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_SOCKETS: Final = ("local_venue/net/test_socket_host.py",)
_REQUESTS: Final = ("local_venue/net/test_http_host.py",)
_LINES: Final = ("local_venue/net/test_lines.py",)

FAULTS: Final = (
    # --- what goes wrong on demand: frames --------------------------------------------------------
    Fault(
        "dropped connections stay open",
        "local_venue/net/socket_host.py",
        "if isinstance(entry.fault, Drop):",
        "if False:",
        _SOCKETS,
    ),
    Fault(
        "a frozen stream goes on",
        "local_venue/net/lines.py",
        "or self._strikes(Freeze, now) or",
        "or",
        _SOCKETS,
    ),
    Fault(
        "frames that are to be lost arrive",
        "local_venue/net/lines.py",
        " or self._strikes(Lose, now):",
        ":",
        _SOCKETS,
    ),
    Fault(
        "frames that are to be corrupted are whole",
        "local_venue/net/lines.py",
        "changed[self._random.randrange(len(changed))] ^= 1",
        "changed[self._random.randrange(len(changed))] ^= 0",
        _SOCKETS,
    ),
    Fault(
        "frames that are to be doubled come once",
        "local_venue/net/lines.py",
        "frames = [frame, frame] if self._strikes(Duplicate, now) else [frame]",
        "frames = [frame]",
        _SOCKETS,
    ),
    Fault(
        "frames that are to be swapped keep their order",
        "local_venue/net/lines.py",
        "elif self._strikes(Reorder, now):",
        "elif False:",
        _SOCKETS,
    ),
    Fault(
        "frames that are to be late are in time",
        "local_venue/net/lines.py",
        "delay = self._strikes(Delay, now)",
        "delay: Delay | None = None",
        _SOCKETS,
    ),
    Fault(
        "a frame overtakes those that are delayed",
        "local_venue/net/lines.py",
        "if not due and not self._delayed:",
        "if not due:",
        _SOCKETS,
    ),
    Fault(
        "a fault of one stream strikes the others",
        "local_venue/net/lines.py",
        "return isinstance(fault, SocketFault) and fault.stream == self.stream",
        "return isinstance(fault, SocketFault)",
        _SOCKETS,
    ),
    Fault(
        "a frozen venue answers no pings",
        "local_venue/net/peers.py",
        "self.line.push(text_frame(payload))",
        "self.line.push_through_faults(payload)",
        _SOCKETS,
    ),
    Fault(
        "a fault that is over goes on",
        "local_venue/faults.py",
        "if self.until_ns is not None and now >= self.until_ns:",
        "if False:",
        _SOCKETS,
    ),
    Fault(
        "a fault happens more often than asked for",
        "local_venue/faults.py",
        "return self.fault.count is not None and self.happened >= self.fault.count",
        "return False",
        _SOCKETS,
    ),
    Fault(
        "a fault by chance happens every time",
        "local_venue/faults.py",
        "if fault.per_mille < 1000 and self._random.randrange(1000) >= fault.per_mille:",
        "if False:",
        _SOCKETS,
    ),
    Fault(
        "the chance of faults is another one each time",
        "local_venue/faults.py",
        'self._random = random.Random(f"faults {seed}")',
        "self._random = random.Random()",
        _SOCKETS,
    ),
    # --- what goes wrong on demand: requests ------------------------------------------------------
    Fault(
        "a swallowed answer arrives",
        "local_venue/net/http_host.py",
        "request.transport.abort()",
        "pass",
        _REQUESTS,
    ),
    Fault(
        "a slow answer is quick",
        "local_venue/net/http_host.py",
        "slow = self._strikes(Slow, request, now) if swallow is None else None",
        "slow: Slow | None = None",
        _REQUESTS,
    ),
    Fault(
        "a request that fails is carried out all the same",
        "local_venue/net/http_host.py",
        ("            if fault.processed:\n"),
        ("            if True:\n"),
        _REQUESTS,
    ),
    Fault(
        "a request that was carried out says when to come again",
        "local_venue/net/http_host.py",
        "hint = fault.status in {429, 503} and not fault.processed",
        "hint = fault.status in {429, 503}",
        _REQUESTS,
    ),
    Fault(
        "a fault of one host strikes the others",
        "local_venue/net/http_host.py",
        ("            and fault.host == self.name\n"),
        "",
        _REQUESTS,
    ),
    Fault(
        "a fault of one method strikes the others",
        "local_venue/net/http_host.py",
        ('            and fault.method.upper() in {"", request.method}\n'),
        "",
        _REQUESTS,
    ),
    Fault(
        "a fault of one path strikes the others",
        "local_venue/net/http_host.py",
        ("            and request.path.startswith(fault.path)\n"),
        "",
        _REQUESTS,
    ),
    Fault(
        "the date is right although clocks are off",
        "local_venue/net/http_host.py",
        "told = now + self._world.faults.skew_ns(now)",
        "told = now",
        _REQUESTS,
    ),
    # --- what must never go wrong -----------------------------------------------------------------
    Fault(
        "a request is worked on before what was due",
        "local_venue/net/http_host.py",
        "now = self._world.act()",
        "now = self._world.clock.now()",
        _REQUESTS,
    ),
    Fault(
        "who does not read is never cut",
        "local_venue/net/lines.py",
        "if transport.get_write_buffer_size() > self._flusher.bound:",
        "if False:",
        _SOCKETS,
    ),
    Fault(
        "who was cut is sent more",
        "local_venue/net/lines.py",
        ("        if self._transport is None:\n            return\n        if not self.waiting:"),
        "        if not self.waiting:",
        _LINES,
    ),
    Fault(
        "a message of 125 bytes has a longer header than it needs",
        "local_venue/net/lines.py",
        "if size < 126:",
        "if size < 125:",
        _SOCKETS,
    ),
    Fault(
        "a message in parts is heard in parts",
        "local_venue/net/socket_host.py",
        ("        if not frame.fin:\n"),
        ("        if False:\n"),
        _SOCKETS,
    ),
    Fault(
        "who is not let in comes in",
        "local_venue/net/socket_host.py",
        "return picows.WSUpgradeResponseWithListener(response, None)",
        "return None",
        _SOCKETS,
    ),
)
