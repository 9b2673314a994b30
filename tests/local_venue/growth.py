"""What grows while something runs: the sizes of all containers, by class and field."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter, deque
from collections.abc import Collection
from pathlib import Path
from types import CellType, FunctionType
from typing import Any, Final

_CONTAINERS: Final = (dict, list, set, deque)
_COUNTED: Final = (FunctionType, CellType, asyncio.Task, asyncio.TimerHandle)
_ELSEWHERE: Final = -(1 << 60)
_PAGE_MB: Final = 4096 / 1e6


def sizes(package: str = "underround.") -> Counter[str]:
    """Return how many instances of each class there are, and how much their fields hold together.

    A container within a container counts as ``Class.field{}``.  ``gc.freeze`` hides objects from
    this: thaw them before.
    """
    found: Counter[str] = Counter()
    objects: Counter[type] = Counter()
    slots: dict[type, tuple[str, ...]] = {}
    for each in gc.get_objects():
        kind = type(each)
        if kind not in slots:
            ours = str(kind.__module__).startswith(package)
            slots[kind] = _slots(kind) if ours else ()
            if not ours and kind not in _COUNTED:
                objects[kind] = _ELSEWHERE
        if objects[kind] < 0:
            continue
        objects[kind] += 1
        if kind in _COUNTED:
            continue
        fields = dict(getattr(each, "__dict__", ()))
        fields |= {name: getattr(each, name, None) for name in slots[kind]}
        for name, value in fields.items():
            if isinstance(value, _CONTAINERS):
                _count(f"{kind.__qualname__}.{name}", value, found)
    for kind, number in objects.items():
        if number > 0:
            found[f"{kind.__qualname__} objects"] = number
    return found


def _slots(kind: type) -> tuple[str, ...]:
    """Return the names of all slots; those of a ``msgspec`` struct are its fields."""
    found: list[str] = []
    for each in kind.__mro__:
        told = each.__dict__.get("__slots__", ())
        found += (told,) if isinstance(told, str) else told
    return tuple(found)


def _count(path: str, value: Collection[Any], found: Counter[str]) -> None:
    found[path] += len(value)
    inner: Collection[object] = value.values() if isinstance(value, dict) else value
    for each in inner:
        if not isinstance(each, _CONTAINERS):
            break  # a container holds one kind of things
        _count(path + "{}", each, found)


def memory_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * _PAGE_MB


class Growth:
    """Samples of sizes and memory; what was larger in the later half than in the earlier one."""

    def __init__(self) -> None:
        self.sizes: list[Counter[str]] = []
        self.memory: list[float] = []

    def sample(self) -> None:
        gc.collect()
        self.sizes.append(sizes())
        self.memory.append(memory_mb())

    def grown(self, share: float, few: int) -> list[tuple[str, int, int]]:
        """Return what grew beyond ``share`` and by more than ``few``, the largest first."""
        half = len(self.sizes) // 2
        early, late = _peaks(self.sizes[:half]), _peaks(self.sizes[half:])
        return sorted(
            (
                (name, early[name], most)
                for name, most in late.items()
                if most > early[name] * (1 + share) and most > early[name] + few
            ),
            key=lambda row: row[1] - row[2],
        )

    def memory_growth(self) -> float:
        """Return the megabytes by which the later half went beyond the earlier one."""
        half = len(self.memory) // 2
        return max(self.memory[half:]) - max(self.memory[:half])


def _peaks(samples: list[Counter[str]]) -> Counter[str]:
    most: Counter[str] = Counter()
    for each in samples:
        most |= each
    return most
