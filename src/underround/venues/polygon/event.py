"""An event of a contract: how it is declared here, and how a log becomes one.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from underround.model.errors import AnswerRefused, FrameRefused
from underround.venues.ethereum import keccak
from underround.venues.polygon.abi import read_words, split_types
from underround.venues.polygon.quantities import Hash

E = TypeVar("E", bound="Event")

_INDEXED: Final = " indexed"


class Event(msgspec.Struct, frozen=True):
    """An event; its fields stand in the order of its signature."""

    SIGNATURE: ClassVar[str]
    """As in Solidity without names; what is ``indexed`` travels as a topic."""


@cache
def topic_of(kind: type[Event]) -> Hash:
    """Return the first topic of an event: the hash of its bare signature."""
    return Hash("0x" + keccak(kind.SIGNATURE.replace(_INDEXED, "").encode()).hex())


@cache
def _fields(kind: type[Event]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the types of all fields, and the places of those that are indexed."""
    declared = split_types(kind.SIGNATURE[kind.SIGNATURE.index("(") + 1 : -1])
    types = tuple(text.removesuffix(_INDEXED) for text in declared)
    return types, tuple(at for at, text in enumerate(declared) if text.endswith(_INDEXED))


def read_event(kind: type[E], topics: Sequence[Hash], data: bytes) -> E:
    """Return a log as the event ``kind``.  Raises ``FrameRefused`` when it is not one."""
    name = kind.__name__
    types, indexed = _fields(kind)
    if len(topics) != len(indexed) + 1 or topics[0] != topic_of(kind):
        raise FrameRefused(f"{name}: its {len(topics)} topics are not those of this event")
    loose = [place for place in range(len(types)) if place not in indexed]
    values: dict[int, Any] = {}
    try:
        for place, topic in zip(indexed, topics[1:], strict=True):
            (values[place],) = read_words((types[place],), bytes.fromhex(topic[2:]), name)
        told = read_words(tuple(types[place] for place in loose), data, name)
    except AnswerRefused as error:
        raise FrameRefused(str(error)) from None
    values.update(zip(loose, told, strict=True))
    return kind(*(values[place] for place in range(len(types))))
