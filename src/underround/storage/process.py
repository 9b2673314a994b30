"""Which process writes a run, and whether it still does.

A run that was killed cannot say so.  What can be known afterwards: on the same host, whether a
process with that number lives, and on Linux also whether it is the same one (start time and boot).
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec


class ProcessMark(msgspec.Struct, frozen=True):
    """A process, recognisable later."""

    host: str
    """Host name; on Linux with the process-number namespace, which separates containers."""
    pid: int
    started: str
    """Boot and start time on Linux; empty elsewhere: then only the number is compared."""


def this_process() -> ProcessMark:
    """Return the mark of the running process."""
    pid = os.getpid()
    return ProcessMark(_host(), pid, _started(pid) or "")


def is_alive(mark: ProcessMark) -> bool | None:
    """Return whether the process lives; ``None`` when it belongs to another host."""
    if mark.host != _host():
        return None
    if mark.started:
        return _started(mark.pid) == mark.started
    try:
        os.kill(mark.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _started(pid: int) -> str | None:
    """Return boot id and start time; ``None`` if the process is gone or there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces; the state is the first word after it and the start
    # time, in clock ticks since the boot, the twentieth (field 22 of proc_pid_stat(5)).
    words = stat.rpartition(")")[2].split()
    return None if words[0] in {"Z", "X"} else f"{boot} {words[19]}"
