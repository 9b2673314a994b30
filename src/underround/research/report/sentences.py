"""The report's own words: what a proof means, why a section is empty, what to be alarmed by."""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.run import ProofKind, RunSummary
from underround.research.report import numerals

TRUTH: Final = "Simulated fills on recorded data. Unresolved positions are marked at the bid."


class Proof(msgspec.Struct, frozen=True):
    """A proof kind for people: how strong, 5 … 0, and what it shows."""

    label: str
    strength: int
    verdict: str
    meaning: str


PROOFS: Final[dict[ProofKind, Proof]] = {
    "venue_hash": Proof(
        "venue hash",
        5,
        "strongest",
        "The venue states a hash of its whole book; we rebuild the book and get the same hash.",
    ),
    "sequence": Proof(
        "sequence",
        4,
        "strong",
        "Every change is numbered and none is missing since the last full book.",
    ),
    "stated_best": Proof(
        "stated best",
        3,
        "weaker",
        "Beside each change the venue states its best prices, and ours agree; "
        "deeper levels are not proven.",
    ),
    "restated": Proof(
        "restated",
        2,
        "weaker",
        "The rebuilt book agrees with each later full book; between two of them it is not proven.",
    ),
    "polled": Proof(
        "polled",
        1,
        "weakest",
        "Every message is the whole book, so nothing can drift; what happened between is unseen.",
    ),
    "none": Proof(
        "none", 0, "no proof", "There is nothing to check against; such a book is never traded on."
    ),
}


class Alarm(msgspec.Struct, frozen=True):
    """Something the reader must know before any figure."""

    title: str
    text: str


def alarms(summary: RunSummary) -> list[Alarm]:
    """Return what is wrong with the run as a whole, gravest first; empty for a sound run."""
    found: list[Alarm] = []
    if summary.imbalance:
        amounts = "; ".join(
            f"{name}: {numerals.count(amount)} millionths"
            for name, amount in sorted(summary.imbalance.items())
        )
        text = f"{amounts}. Do not rely on any money figure below; report this as a bug."
        found.append(Alarm("The ledger does not balance", text))
    if summary.status == "failed":
        text = "It stopped on an error before the recording's end; what follows is a part."
        found.append(Alarm("This run failed", text))
    if summary.status == "interrupted":
        text = "It was stopped before the recording's end; what follows is a part."
        found.append(Alarm("This run was interrupted", text))
    if summary.halted:
        found.append(Alarm("Trading was halted when the run ended", summary.halted))
    return found


def why_no_orders(summary: RunSummary) -> str:
    """Return the reason, with numbers, why no order was sent."""
    if not summary.frames:
        return "the recording holds no frames."
    if not summary.strategies:
        return "no strategy was configured."
    if not summary.intents:
        return (
            f"no strategy wanted to trade in {numerals.count(summary.events)} events; "
            "the strategies' own sentences say how near they came."
        )
    if summary.refusals >= summary.intents:
        return f"each of the {numerals.count(summary.intents)} intents was refused; see Refusals."
    return (
        f"{numerals.count(summary.intents)} intents were made and "
        f"{numerals.count(summary.refusals)} refused; the rest led to no order."
    )


def why_no_fills(summary: RunSummary) -> str:
    """Return the reason, with numbers, why nothing was filled."""
    if summary.orders:
        return f"{numerals.count(summary.orders)} orders were sent and none was matched."
    return f"no order was sent: {why_no_orders(summary)}"


def why_no_refusals(summary: RunSummary) -> str:
    """Return why the "why not" ledger is empty."""
    if not summary.intents:
        return "there was no intent to refuse."
    return f"each of the {numerals.count(summary.intents)} intents passed every gate."
