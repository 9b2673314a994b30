"""Whether the markets of a ladder cover every whole number exactly once.

Exactly one market of such a ladder resolves YES whatever whole number comes out: that is the proof
behind ``EventGroup.exhaustive_because``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

import msgspec

_QUESTION: Final = re.compile(
    r".* be (?:(?P<lowest>-?\d+)°F or higher|(?P<highest>-?\d+)°F or below"
    r"|between (?P<start>-?\d+)-(?P<end>-?\d+)°F|(?P<exact>-?\d+)°F) on [A-Z][a-z]+ \d+\?"
)


class Rung(msgspec.Struct, frozen=True):
    """The whole numbers for which one market resolves YES, both ends included.

    ``None`` is unbounded.  ``known`` is false where the source does not say which numbers they are.
    """

    market: str
    lowest: int | None
    highest: int | None
    known: bool = True


class Tiling(msgspec.Struct, frozen=True):
    """The proof in one sentence, or the hole that forbids it; exactly one of them is there."""

    because: str | None
    hole: str | None


def proof_of_tiling(rungs: Sequence[Rung], unit: str = "°F") -> Tiling:
    """Return the proof that ``rungs`` cover every whole number exactly once, or the hole.

    The rungs may come in any order.  A hole is a number no rung covers, a number two rungs cover,
    an end that stays open, an empty rung or a rung the source does not explain.
    """
    if (hole := _first_hole(rungs, unit)) is not None:
        return Tiling(None, hole)
    ordered = _ordered(rungs)
    ranges = ", ".join(_words(rung) for rung in ordered)
    return Tiling(
        f"the {len(ordered)} markets cover every whole number of {unit} exactly once: {ranges}",
        None,
    )


def _first_hole(rungs: Sequence[Rung], unit: str) -> str | None:
    if not rungs:
        return "there is no market"
    for rung in rungs:
        if not rung.known:
            return f"the source does not say for which numbers {rung.market} resolves YES"
        if rung.lowest is not None and rung.highest is not None and rung.lowest > rung.highest:
            return f"{rung.market} covers no number"
    ordered = _ordered(rungs)
    if ordered[0].lowest is not None:
        return f"no market covers what is below {ordered[0].lowest} {unit}"
    for below, above in itertools.pairwise(ordered):
        if below.highest is None or above.lowest is None or above.lowest <= below.highest:
            return f"{below.market} and {above.market} overlap"
        if above.lowest > below.highest + 1:
            return f"no market covers {below.highest + 1} {unit}"
    if ordered[-1].highest is not None:
        return f"no market covers what is above {ordered[-1].highest} {unit}"
    return None


def _ordered(rungs: Sequence[Rung]) -> list[Rung]:
    return sorted(rungs, key=lambda rung: (rung.lowest is not None, rung.lowest or 0, rung.market))


def _words(rung: Rung) -> str:
    if rung.lowest is None:
        return "any number" if rung.highest is None else f"≤{rung.highest}"
    if rung.highest is None:
        return f"≥{rung.lowest}"
    return f"{rung.lowest}" if rung.lowest == rung.highest else f"{rung.lowest}–{rung.highest}"


def kalshi_rung(ticker: str, strike_type: str, floor: str, cap: str) -> Rung:
    """Return the rung that Kalshi's strike fields describe; unknown if they do not describe one.

    ``greater`` is above the floor, ``less`` below the cap, ``between`` includes both.
    """
    low, high = _whole(floor), _whole(cap)
    if strike_type == "greater" and low is not None:
        return Rung(ticker, low + 1, None)
    if strike_type == "greater_or_equal" and low is not None:
        return Rung(ticker, low, None)
    if strike_type == "less" and high is not None:
        return Rung(ticker, None, high - 1)
    if strike_type == "between" and low is not None and high is not None:
        return Rung(ticker, low, high)
    return Rung(ticker, None, None, known=False)


def question_rung(market: str, question: str) -> Rung:
    """Return the rung of a question such as ``… be between 76-77°F on August 4?``."""
    match = _QUESTION.fullmatch(question)
    if match is None:
        return Rung(market, None, None, known=False)
    found = {name: int(text) for name, text in match.groupdict().items() if text is not None}
    if "exact" in found:
        return Rung(market, found["exact"], found["exact"])
    if "start" in found:
        return Rung(market, found["start"], found["end"])
    return Rung(market, found.get("lowest"), found.get("highest"))


def _whole(text: str) -> int | None:
    """Return a strike such as ``91.0`` as a whole number, ``None`` for any other text."""
    match = re.fullmatch(r"(-?\d+)(?:\.0+)?", text)
    return int(match[1]) if match else None
