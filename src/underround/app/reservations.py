"""What a proof leaves open or disproves, in sentences that hold for any recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from underround.model.run import BookCounters, ProofKind
from underround.storage.recording import SequenceFault

GAPS: Final = (
    "gaps are missing sequence numbers or frames; a time without frames is a silence of its "
    "stream, and `recording info` shows what the recording does not cover"
)
_FAULTS: Final = {
    "dropped": "frames missing",
    "duplicated": "frames that come a second time",
    "reordered": "frames out of order",
    "time_reversed": "frames stamped earlier than the frame before",
}
_DISAGREEING: Final = 20
"""One change in so many may disagree before a weakly proven book is named."""
_STATED_BEST: Final = (
    "its books are compared with the best prices stated beside each change; deeper levels are not "
    "proven, and a book without an initial snapshot is wrong until every level was touched once"
)


class StreamFacts(msgspec.Struct, frozen=True):
    """What was met in one stream."""

    stream: str
    proof: ProofKind
    books: int
    hashes: bool
    """Whether it states hashes that nothing was compared with; known for ``restated`` only."""
    trades: bool
    twins: bool
    """Whether both outcomes told a book of their own and were compared."""


def sequence_fault(fault: SequenceFault) -> str:
    """Name the frames that are missing, doubled or out of place."""
    first = ", ".join(map(str, fault.first))
    more = " …" if fault.count > len(fault.first) else ""
    return f"{_FAULTS[fault.kind]}: {fault.count:,}, ingest_seq {first}{more}"


def disagreements(books: Sequence[BookCounters]) -> Iterator[str]:
    """Say how often weakly proven books disagreed: all together, and each that often does."""
    weak = [book for book in books if book.proof in ("stated_best", "restated")]
    mismatched = sum(book.mismatched for book in weak)
    checked = mismatched + sum(book.verified for book in weak)
    if mismatched:
        yield (
            f"{mismatched:,} of {checked:,} comparisons disagreed; that is no fault of the "
            "files, and no book is trusted while it disagrees"
        )
    for book in weak:
        checked = book.verified + book.mismatched
        if book.mismatched * _DISAGREEING > checked:
            yield (
                f"{book.title}: {book.mismatched:,} of {checked:,} comparisons "
                f"disagreed ({book.proof}): this book is rarely to be trusted"
            )


def reservation(facts: StreamFacts) -> str:
    """Say why a stream's books are not proven in full; empty if they are, or there are none."""
    place, count = f"stream {facts.stream}", facts.books
    if not count or facts.proof in ("venue_hash", "sequence"):
        return ""
    if facts.proof == "polled":
        return f"{place}: {count:,} books restated whole each time: nothing to prove"
    if facts.proof == "stated_best":
        return f"{place}: {_STATED_BEST}"
    if facts.proof == "none":
        return f"{place}: nothing proves its {count:,} books, so they are never trusted"
    return f"{place}: {_restated(facts)}"


def _restated(facts: StreamFacts) -> str:
    parts = [
        "its books are compared with each later snapshot"
        + (", and the two outcomes with each other" if facts.twins else ""),
        "a snapshot that only shows less at the best prices, as after a trade, proves nothing",
    ]
    if not facts.trades:
        parts.append("it holds no trades")
    if facts.hashes:
        parts.append("the hashes it carries are not checked")
    return "; ".join(parts)
