"""The follower against every reorganisation: what it told minus what it undid is the chain."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.errors import AnswerRefused
from underround.venues.polygon.answers import Log
from underround.venues.polygon.logs import (
    LogChange,
    LogFollower,
    LogSeen,
    LogUndone,
    Mark,
    Watchdog,
)
from underround.venues.polygon.quantities import Address, Hash, HexBytes, Quantity

WHERE = Address("0x" + "cc" * 20)


class Chain:
    """Blocks with logs; block hashes are unique for ever."""

    def __init__(self) -> None:
        self.made = 0
        self.blocks: list[tuple[Hash, list[Log]]] = []
        self.grow([0])

    def grow(self, logs_per_block: list[int]) -> None:
        for count in logs_per_block:
            self.made += 1
            name = Hash(f"0x{self.made:064x}")
            number = len(self.blocks)
            self.blocks.append((name, [log(number, name, place) for place in range(count)]))

    def fork(self, depth: int, logs_per_block: list[int]) -> None:
        del self.blocks[len(self.blocks) - depth :]
        self.grow(logs_per_block)

    @property
    def head(self) -> int:
        return len(self.blocks) - 1

    def logs(self, first: int, last: int) -> list[Log]:
        return [one for _, logs in self.blocks[first : last + 1] for one in logs]


def log(number: int, block: Hash, place: int) -> Log:
    # The same transactions come back in other blocks.
    name = Hash(f"0x{place + 1:064x}")
    return Log(WHERE, (), HexBytes(), Quantity(number), block, name, Quantity(place))


def step(chain: Chain, follower: LogFollower, most: int) -> list[LogChange]:
    """Do what the poller does, on a chain that answers at once."""
    changes: list[LogChange] = []
    last = follower.last
    if last.number <= chain.head and chain.blocks[last.number][0] != last.hash:
        marks = follower.marks()
        known = {m.number: chain.blocks[m.number][0] for m in marks if m.number <= chain.head}
        changes += follower.rewind(known)
    first = follower.last.number + 1
    if first <= chain.head:
        upto = min(chain.head, first + most - 1)
        mark = Mark(upto, chain.blocks[upto][0])
        changes += follower.processed(mark, chain.logs(first, upto))
    return changes


EVENTS = st.one_of(
    st.tuples(st.just("grow"), st.lists(st.integers(0, 2), min_size=1, max_size=4)),
    st.tuples(st.just("fork"), st.lists(st.integers(0, 2), min_size=6, max_size=8)),
    st.tuples(st.just("poll"), st.lists(st.integers(1, 3), min_size=1, max_size=1)),
    st.tuples(st.just("final"), st.just([0])),
)


@given(st.lists(EVENTS, max_size=25))
def test_what_was_told_and_not_undone_is_exactly_the_chain(
    events: list[tuple[str, list[int]]],
) -> None:
    chain = Chain()
    follower = LogFollower(Mark(0, chain.blocks[0][0]))
    final = 0
    told: dict[tuple[Hash, Hash, int], Log] = {}

    def poll(most: int) -> None:
        for change in step(chain, follower, most):
            if isinstance(change, LogSeen):
                assert change.log.key not in told
                told[change.log.key] = change.log
            else:
                assert told.pop(change.log.key) == change.log

    for kind, numbers in events:
        if kind == "grow":
            chain.grow(numbers)
        elif kind == "fork":
            chain.fork(min(4, chain.head - final), numbers)
        elif kind == "poll":
            poll(numbers[0])
        else:
            final = max(final, chain.head - 4)
            if follower.last.number <= chain.head and follower.last.number >= final:
                poll(100)
                follower.finalized(final)
            else:
                final = min(final, follower.resume.number)
    while follower.last.number < chain.head or (
        chain.blocks[follower.last.number][0] != follower.last.hash
    ):
        poll(3)
    assert list(told.values()) == sorted(
        told.values(), key=lambda one: (one.block_number, one.log_index)
    )
    assert list(told.values()) == chain.logs(1, chain.head)


def test_a_log_is_told_once_however_often_it_is_delivered() -> None:
    chain = Chain()
    chain.grow([1])
    follower = LogFollower(Mark(0, chain.blocks[0][0]))
    (one,) = chain.logs(1, 1)
    assert follower.told(one) == [LogSeen(one)]
    assert follower.told(one) == []
    assert follower.processed(Mark(1, chain.blocks[1][0]), [one]) == []


def test_a_removed_log_is_undone_once_and_an_unknown_one_is_nothing() -> None:
    chain = Chain()
    chain.grow([2])
    follower = LogFollower(Mark(0, chain.blocks[0][0]))
    first, second = chain.logs(1, 1)
    follower.told(first)
    gone = msgspec.structs.replace(first, removed=True)
    assert follower.told(gone) == [LogUndone(first)]
    assert follower.told(gone) == []
    assert follower.told(msgspec.structs.replace(second, removed=True)) == []
    assert follower.told(first) == [LogSeen(first)]


def test_logs_of_other_blocks_than_asked_are_refused_whole() -> None:
    chain = Chain()
    chain.grow([1, 1, 1])
    follower = LogFollower(Mark(0, chain.blocks[0][0]))
    with pytest.raises(AnswerRefused, match="a log of block 3 among those of 1 to 2"):
        follower.processed(Mark(2, chain.blocks[2][0]), chain.logs(1, 3))
    with pytest.raises(AnswerRefused, match="block 3 changed while"):
        follower.processed(Mark(3, Hash("0x" + "ee" * 32)), chain.logs(1, 3))
    assert follower.last.number == 0
    told = follower.processed(Mark(3, chain.blocks[3][0]), chain.logs(1, 3))
    assert len(told) == 3


def test_a_final_block_that_changes_is_an_alarm() -> None:
    chain = Chain()
    chain.grow([1, 1])
    follower = LogFollower(Mark(0, chain.blocks[0][0]))
    follower.processed(Mark(2, chain.blocks[2][0]), chain.logs(1, 2))
    follower.finalized(2)
    assert follower.resume.number == 2
    with pytest.raises(AnswerRefused, match="was final and is another one now"):
        follower.rewind({2: Hash("0x" + "ee" * 32)})


def test_a_watchdog_wants_a_higher_head() -> None:
    dog = Watchdog(10, now=100)
    dog.head(5, 100)
    assert dog.silent_ns(110) is None
    dog.head(5, 110)
    dog.head(4, 110)
    assert dog.silent_ns(111) == 11
    dog.head(6, 111)
    assert dog.silent_ns(121) is None
