"""One fault: where it is planted and which tests must notice it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """A change of one place of the source that would cost a trader money."""

    says: str
    """What the faulty program does, in a few words."""
    file: str
    """Below ``src/underround``."""
    find: str
    """Text that occurs exactly once in the file."""
    put: str
    tests: tuple[str, ...]
    """Test files or folders below ``tests``; they run in this order and end with a failure."""


class Stale(Exception):
    """A fault does not fit the source any more: rewrite it together with the source."""


def planted(fault: Fault, source: str) -> str:
    """Return the source with the fault in it; raises ``Stale`` if it does not fit exactly once."""
    found = source.count(fault.find)
    if found != 1:
        raise Stale(f"{fault.says}: its text occurs {found} times in {fault.file}")
    if fault.find == fault.put:
        raise Stale(f"{fault.says}: changes nothing")
    return source.replace(fault.find, fault.put)


def missing_tests(fault: Fault, tests: Path) -> list[str]:
    """Return the named tests that do not exist."""
    return [name for name in fault.tests if not (tests / name).exists()]
