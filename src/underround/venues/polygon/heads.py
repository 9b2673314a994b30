"""Comparing what several nodes call the newest block.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from underround.venues.polygon.quantities import Hash

MOST_BEHIND: Final = 3
"""Blocks a provider may trail the best one and still be asked; about five seconds."""


class Head(msgspec.Struct, frozen=True):
    """The newest block of one provider."""

    provider: str
    number: int
    hash: Hash


class Survey(msgspec.Struct, frozen=True):
    """The providers as they were when last compared."""

    usable: tuple[str, ...]
    """In the order of the configuration: they are asked in this order."""
    lagging: tuple[tuple[str, int], ...] = ()
    """Left out, with how many blocks they are behind."""
    silent: tuple[tuple[str, str], ...] = ()
    """Left out: no usable answer, and why."""
    disputed: int | None = None
    """The height at which usable providers name different blocks; ``None``: they agree."""
    dissenting: tuple[str, ...] = ()
    """Left out: what most others name at ``disputed`` is another block.  Empty when split."""

    @property
    def sentence(self) -> str:
        """What the operator should know; empty when all agree."""
        parts = [f"{name} is {behind} blocks behind" for name, behind in self.lagging]
        parts += [f"{name} gives no usable answer ({why})" for name, why in self.silent]
        if self.disputed is not None:
            who = ", ".join(self.dissenting) or "the providers, evenly split,"
            parts.append(f"{who} named another block at height {self.disputed}")
        if len(self.usable) == 1:
            parts.append(f"only {self.usable[0]} is left: nothing to compare it with")
        return "; ".join(parts)


def in_step(heads: Sequence[Head], most_behind: int) -> tuple[list[Head], list[tuple[str, int]]]:
    """Return the heads within ``most_behind`` of the highest, and who is how far behind."""
    highest = max(head.number for head in heads)
    near = [head for head in heads if highest - head.number <= most_behind]
    far = [(head.provider, highest - head.number) for head in heads if head not in near]
    return near, far


def dissent(hashes: Mapping[str, Hash]) -> tuple[bool, tuple[str, ...]]:
    """Return whether the block hashes of one height differ, and who is outvoted.

    Nobody is outvoted by as many as agree with him: with two providers it is only stated.
    """
    votes = Counter(hashes.values()).most_common()
    if len(votes) < 2:
        return False, ()
    (winner, most), (_, next_most) = votes[0], votes[1]
    if most == next_most:
        return True, ()
    return True, tuple(name for name, named in hashes.items() if named != winner)
