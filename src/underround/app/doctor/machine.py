"""This machine: interpreter, event loop, disk, key store, journal, halt flag and clock."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from underround.app.access import ClockSettings
from underround.app.configuration import Config
from underround.app.doctor.checks import Check
from underround.app.doctor.clocks import Skew, judge_skew
from underround.app.doctor.findings import Verdict, failed, note, ok, warning
from underround.app.doctor.reach import examine_names
from underround.model.errors import ConfigError, KeyStoreError, Unreachable
from underround.model.units import Nanos
from underround.operations.folders import Folders, find_folders
from underround.operations.halt import HaltFlag
from underround.operations.ntp import PORT, ask_time
from underround.storage.database import journal_file
from underround.storage.journal import Journal

NAME: Final = "machine"
_GIB: Final = 1 << 30
LITTLE_BYTES: Final = 2 * _GIB
"""A day of all full-rate streams."""
_NAMES: Final = 3
"""So many host names are tried: offline, each keeps a thread busy for seconds."""
LEAST_BYTES: Final = _GIB // 4


class Machine:
    """The checks of this machine."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], Nanos],
        *,
        live: bool,
        keys_needed: bool,
        locked: KeyStoreError | None,
        timeout_s: float,
        names: Sequence[str] = (),
    ) -> None:
        """Look at this machine as ``config`` uses it.

        ``names``: hosts that have to be looked up; of some it is tried whether that works at all.
        ``keys_needed``: the configuration names keys of the store; ``locked``: why they are not
        open although they were wanted.
        """
        self._config = config
        self._clock = clock
        self._live = live
        self._keys_needed = keys_needed
        self._locked = locked
        self._timeout_s = timeout_s
        self._names = names[:_NAMES]

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        names = (Check(NAME, "host names", self.host_names),) if self._names else ()
        return (
            *names,
            Check(NAME, "python", self.python),
            Check(NAME, "disk", self.disk),
            Check(NAME, "journal", self.journal),
            Check(NAME, "key store", self.key_store),
            Check(NAME, "halt flag", self.halt_flag),
            Check(NAME, "clock", self.clock),
        )

    async def host_names(self) -> Verdict:
        """Try whether host names are resolved; if none is, every venue's line will fail."""
        return await examine_names(self._names, self._timeout_s * 0.9)

    async def python(self) -> Verdict:
        """Look at the interpreter and its event loop."""
        version = ".".join(map(str, sys.version_info[:3]))
        return judge_python(version, uvloop=importlib.util.find_spec("uvloop") is not None)

    async def disk(self) -> Verdict:
        """Look how much room the state folder has."""
        folders = find_folders()
        folders.check()
        return judge_disk(shutil.disk_usage(standing(folders.home)).free, folders.home)

    async def journal(self) -> Verdict:
        """Open the journal if there is one, else look whether it can be made."""
        url = self._config.journal.url
        file = journal_file(url) if url else find_folders().journal
        if file.exists():
            with Journal(file, busy_ms=min(1_000, int(self._timeout_s * 500))):
                return ok(f"{file} opens")
        folder = standing(file.parent)
        if os.access(folder, os.W_OK | os.X_OK):
            return ok(f"there is none yet, and {folder} can be written to")
        return failed(
            f"there is none yet, and {folder} cannot be written to",
            "give the folder to this user, or name another in UNDERROUND_HOME",
        )

    async def key_store(self) -> Verdict:
        """Look at the key store's file without opening it."""
        path = self._config.keys.path()
        if self._locked is not None:
            return failed(f"the keys are not open: {self._locked}", "or look without: --no-keys")
        try:
            mode: int | None = path.stat().st_mode
        except FileNotFoundError:
            mode = None
        return judge_key_store(path, mode, needed=self._keys_needed)

    async def halt_flag(self) -> Verdict:
        """Look whether everything is halted."""
        folders: Folders = find_folders()
        return judge_halt(HaltFlag(folders.halt_flag).read(), live=self._live)

    async def clock(self) -> Verdict:
        """Ask the time server."""
        clock = self._config.clock
        if not clock.ntp:
            return note("clock.ntp is empty: no time server is asked")
        return await ask_server(clock, self._clock, live=self._live, timeout_s=self._timeout_s)


async def ask_server(
    clock: ClockSettings, now: Callable[[], Nanos], *, live: bool, timeout_s: float
) -> Verdict:
    """Ask the configured time server once.  Silence is a warning: the venues have clocks too."""
    host, port = server_of(clock.ntp)
    try:
        told = await ask_time(
            host, port=port, clock=now, nonce=os.urandom(8), timeout_s=timeout_s * 0.9
        )
    except Unreachable as error:
        return warning(str(error), "")
    skew = Skew(told.offset_ns, (told.round_trip_ns + 1) // 2)
    return judge_skew(skew, f"that of {clock.ntp}", clock, live=live)


def server_of(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST`` or ``HOST:PORT``.  Raises ``ConfigError``."""
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host:  # a bare name, or an IPv6 address
        return text, PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16 and host):
        raise ConfigError(f"clock.ntp: {text!r} is no HOST or HOST:PORT: correct it")
    return host, int(port)


def standing(folder: Path) -> Path:
    """Return ``folder``, or the nearest one above it that is there."""
    for place in (folder.absolute(), *folder.absolute().parents):
        if place.is_dir():
            return place
    return Path("/")


def judge_python(version: str, *, uvloop: bool) -> Verdict:
    """Judge the interpreter."""
    if uvloop:
        return ok(f"{version} with uvloop")
    return note(f"{version} without uvloop: streams cost more time", "pip install uvloop")


def judge_disk(free: int, home: Path) -> Verdict:
    """Judge the room that is left for runs, the journal and recordings."""
    told = f"{free / _GIB:,.1f} GiB free for {home}"
    if free >= LITTLE_BYTES:
        return ok(told)
    remedy = "make room, or name another folder in UNDERROUND_HOME"
    if free >= LEAST_BYTES:
        return warning(told, remedy)
    return failed(told, remedy)


def judge_key_store(path: Path, mode: int | None, *, needed: bool) -> Verdict:
    """Judge the file's presence and who may read it; ``mode`` is ``None`` where there is none."""
    if mode is None:
        if needed:
            return failed(
                f"{path} is not there, and the configuration names keys of it",
                "underround keys init",
            )
        return ok(f"there is none, and none is needed ({path})")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return failed(f"{path} may be read by others", f"chmod 600 {path}")
    return ok(f"{path} is its owner's only")


def judge_halt(reason: str | None, *, live: bool) -> Verdict:
    """Say whether the operator halted everything."""
    if reason is None:
        return ok("nothing is halted")
    told = f"halted: {reason}: no position is opened"
    if live:
        return warning(told, "underround resume")
    return note(told, "underround resume")
