"""What the data were worth, in a line of facts below the key figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.run import BookCounters, ProofKind, RunSummary
from underround.model.units import Nanos
from underround.research.report import numerals, sentences
from underround.research.report.numerals import count

Tone: TypeAlias = Literal["good", "plain", "note", "bad"]
"""``good`` is shown for what was proven and for nothing else."""


class Fact(msgspec.Struct, frozen=True):
    """One thing to know before trusting the figures; ``part`` is the section that says more."""

    tone: Tone
    text: str
    part: str


_CHECKS: Final[dict[ProofKind, str]] = {
    "venue_hash": "comparisons with the venue's hash",
    "sequence": "checks of the sequence",
    "stated_best": "comparisons with stated best",
    "restated": "comparisons with later full books",
}
"""What a proof kind compares; the kinds that compare nothing are missing."""
_STRONG: Final[frozenset[ProofKind]] = frozenset(("venue_hash", "sequence"))
_LONGEST_TITLE: Final = 60


def facts(summary: RunSummary) -> list[Fact]:
    """Return what the data were worth: books by proof, frames, coverage, each with its tone."""
    found = _books(summary.books, summary.last_ns - summary.first_ns)
    if summary.frames:
        unparsed = sum(stream.unparsed for stream in summary.streams)
        text = f"{count(unparsed)} of {count(summary.frames)} frames unparsed"
        found.append(Fact("note" if unparsed else "good", text, "proof"))
    found += _coverage(summary)
    if summary.lost:
        text = f"{count(len(summary.lost))} things the importer could not carry over"
        found.append(Fact("note", text, "assumptions"))
    return found


def _books(books: Sequence[BookCounters], length: Nanos) -> list[Fact]:
    if not books:
        return [Fact("bad", "no book was built", "proof")]
    kinds: dict[ProofKind, list[BookCounters]] = {}
    for book in books:
        kinds.setdefault(book.proof, []).append(book)
    found = [_proof(kind, group, length) for kind, group in sorted(kinds.items(), key=_strongest)]
    never = sum(book.trusted_ns == 0 for book in books)
    if never:
        text = f"{count(never)} of {count(len(books))} books never earned trust"
        found.append(Fact("bad" if never == len(books) else "note", text, "proof"))
    if set(kinds) != {"polled"}:
        text = f"books trusted {trusted_share(books, length)} of the time"
        found.append(Fact("plain", text, "proof"))
    return found


def _strongest(item: tuple[ProofKind, list[BookCounters]]) -> int:
    return -sentences.PROOFS[item[0]].strength


def trusted_share(books: Sequence[BookCounters], length: Nanos) -> str:
    """Return the share of ``length`` in which the books were trusted, on average."""
    return numerals.share(sum(book.trusted_ns for book in books), length * len(books))


def _proof(kind: ProofKind, books: Sequence[BookCounters], length: Nanos) -> Fact:
    if kind == "polled":
        text = f"{_number(books, 'polled book')}: nothing to prove"
        return Fact("note", f"{text}; trusted {trusted_share(books, length)} of the time", "proof")
    if kind == "none":
        return Fact("bad", f"{_number(books, 'book')} with nothing to check against", "proof")
    held, wrong = (
        sum(getattr(book, name) for book in books) for name in ("verified", "mismatched")
    )
    text = f"{count(held)} {_CHECKS[kind]} held, "
    if not wrong:
        gapless = not any(book.gaps for book in books)
        proven = kind in _STRONG and held > 0 and gapless
        return Fact("good" if proven else "plain", f"{text}none failed", "proof")
    worst = max(books, key=lambda book: book.mismatched)
    title = worst.title
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 1] + "\N{HORIZONTAL ELLIPSIS}"
    share = "all" if worst.mismatched == wrong else count(worst.mismatched)
    return Fact("note", f"{text}{count(wrong)} did not ({share} of them in {title})", "proof")


def _number(books: Sequence[BookCounters], noun: str) -> str:
    return f"{count(len(books))} {noun}{'' if len(books) == 1 else 's'}"


def _coverage(summary: RunSummary) -> list[Fact]:
    streams = summary.coverage
    if not streams:
        return [Fact("bad", "no stream was recorded", "coverage")]
    found: list[Fact] = []
    silent = sum(stream.first_ns is None for stream in streams)
    if silent:
        text = f"{count(silent)} of {count(len(streams))} streams said nothing"
        found.append(Fact("bad", text, "coverage"))
    gaps = [gap for stream in streams for gap in stream.gaps]
    if gaps:
        lost = numerals.span(sum(gap.to_ns - gap.from_ns for gap in gaps))
        number = f"{count(len(gaps))} gap{'' if len(gaps) == 1 else 's'}"
        found.append(Fact("note", f"{number}, {lost} in all", "coverage"))
    for stream in streams:
        if stream.first_ns is not None and stream.covered < 1:
            covered = numerals.share(int(stream.covered * 1_000_000), 1_000_000)
            found.append(Fact("note", f"{stream.stream} covers {covered} of its span", "coverage"))
    silences = sum(counters.silences for counters in summary.streams)
    if silences:
        text = f"{count(silences)} silence{'' if silences == 1 else 's'} of a stream"
        found.append(Fact("note", text, "proof"))
    return found or [Fact("good", "no gaps in any stream", "coverage")]


def why_no_gaps(summary: RunSummary) -> str:
    """Return what the absence of listed gaps means for this run."""
    partial = [stream.stream for stream in summary.coverage if stream.covered < 1]
    silences = sum(counters.silences for counters in summary.streams)
    if partial:
        return (
            f"none inside a stream, but {', '.join(partial)} "
            f"{'does' if len(partial) == 1 else 'do'} not cover all that was asked for."
        )
    if silences:
        return f"none is recorded, but streams fell silent {count(silences)} times; see Proof."
    return "no stream was silent for longer than it may be."
