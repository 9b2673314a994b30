"""What a check found, how bad it is, and what the whole examination means as an exit code.

A check says a ``Verdict``; where it looked is added by whoever ran it, which makes a ``Finding``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.errors import (
    AccountError,
    OpeningForbidden,
    StopAndFix,
    TryLater,
    UnderroundError,
)
from underround.model.units import Money, decimal_text

Level: TypeAlias = Literal["ok", "note", "warning", "failed"]
"""``note``: worth knowing, nothing is wrong.  ``warning``: works, but look at it.  ``failed``: live
trading is impossible, or what was asked gives no usable answer."""
LEVELS: Final[tuple[Level, ...]] = ("ok", "note", "warning", "failed")

LATER_CODE: Final = TryLater.exit_code
SET_UP_CODE: Final = AccountError.exit_code
WARNING_CODE: Final = 1


class Verdict(msgspec.Struct, frozen=True):
    """What one check says."""

    level: Level
    says: str
    """What is, or what is wrong."""
    remedy: str = ""
    """What to do; empty where there is nothing to do."""
    later: bool = False
    """Whether trying again may be the remedy: nobody answered, or the venue pauses."""


class Finding(msgspec.Struct, frozen=True):
    """One line of an examination."""

    level: Level
    venue: str
    """``machine`` or a section of ``[venues]``."""
    subject: str
    says: str
    remedy: str = ""
    later: bool = False

    @property
    def exit_code(self) -> int:
        """What this line alone would end the command with."""
        if self.level == "failed":
            return LATER_CODE if self.later else SET_UP_CODE
        return WARNING_CODE if self.level == "warning" else 0


def ok(says: str) -> Verdict:
    """All is well."""
    return Verdict("ok", says)


def note(says: str, remedy: str = "") -> Verdict:
    """Nothing is wrong, but it is worth knowing."""
    return Verdict("note", says, remedy)


def warning(says: str, remedy: str) -> Verdict:
    """It works, but it should be looked at."""
    return Verdict("warning", says, remedy)


def failed(says: str, remedy: str, *, later: bool = False) -> Verdict:
    """Live trading is impossible, or there is no usable answer."""
    return Verdict("failed", says, remedy, later)


def hinders_live(says: str, remedy: str, *, live: bool, later: bool = False) -> Verdict:
    """What stands in the way of live trading: a failure if that is wanted, else a warning."""
    return failed(says, remedy, later=later) if live else warning(says, remedy)


def not_set_up(says: str, remedy: str, *, live: bool) -> Verdict:
    """What only live trading needs and nobody configured: a failure if that is wanted."""
    return failed(says, remedy) if live else note(says, remedy)


def of_error(error: UnderroundError, *, live: bool) -> Verdict:
    """Return what an error of our tree means; its sentence already names the remedy."""
    if isinstance(error, TryLater):
        return failed(str(error), "", later=True)
    if isinstance(error, OpeningForbidden):
        return hinders_live(str(error), "", live=live)
    if isinstance(error, StopAndFix):
        return failed(str(error), "")
    return failed(str(error), "see what answers at the configured address, or update the program")


def of_system(error: OSError) -> Verdict:
    """Return what a refusal of the operating system means."""
    place = f"{error.filename}: " if error.filename else ""
    return failed(f"{place}{error.strerror or error}", "give this user the right to look at it")


def late(timeout_s: float) -> Verdict:
    """Return what silence means."""
    return failed(
        f"no answer within {timeout_s:g} s",
        "check network and host, or give it longer with --timeout",
        later=True,
    )


def not_asked(first: str) -> Verdict:
    """Return what is said of a check that needs another one which failed."""
    return note(f"not asked, because {first} failed")


def worst_code(findings: Iterable[Finding]) -> int:
    """Return the exit code of an examination: 7 outranks 8, 8 outranks 1.

    8 promises that trying again may be enough; as long as something must be corrected, it is not.
    """
    codes = {finding.exit_code for finding in findings}
    return next((code for code in (SET_UP_CODE, LATER_CODE, WARNING_CODE) if code in codes), 0)


def dollars(money: Money) -> str:
    """Return money with at least two decimals, exactly: ``$1,250.50``."""
    whole, _, fraction = decimal_text(abs(money)).partition(".")
    return f"{'-' if money < 0 else ''}${int(whole):,}.{fraction.ljust(2, '0')}"
