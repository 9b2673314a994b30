"""Running checks: all at once, each with its own time-out, told as they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TypeAlias

import msgspec

from underround.app.doctor.findings import (
    Finding,
    Verdict,
    late,
    not_asked,
    of_error,
    of_system,
)
from underround.model.errors import UnderroundError

Ask: TypeAlias = Callable[[], Awaitable[Verdict]]
Told: TypeAlias = Callable[[int, Finding], None]
"""Is called with the place of a check in ``lines`` and what it found."""


class Check(msgspec.Struct, frozen=True):
    """One line of the examination, and the lines that make sense only if it does not fail."""

    venue: str
    subject: str
    ask: Ask
    then: tuple[Check, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """Where a finding will stand."""

    venue: str
    subject: str


def lines(checks: Sequence[Check]) -> tuple[Line, ...]:
    """Return every line there will be, in order."""
    return tuple(Line(check.venue, check.subject) for check in _flat(checks))


def _flat(checks: Sequence[Check]) -> list[Check]:
    return [each for check in checks for each in (check, *_flat(check.then))]


class Round:
    """Runs checks.  ``live``: judge by what live trading needs."""

    def __init__(self, *, timeout_s: float, live: bool, told: Told) -> None:
        """``told`` hears of each finding as it is made."""
        self._timeout_s = timeout_s
        self._live = live
        self._told = told

    async def run(self, checks: Sequence[Check]) -> tuple[Finding, ...]:
        """Return one finding per line, in order; raises only what is no error of our tree."""
        places = {id(check): place for place, check in enumerate(_flat(checks))}
        findings: dict[int, Finding] = {}

        def tell(check: Check, verdict: Verdict) -> None:
            finding = Finding(
                verdict.level,
                check.venue,
                check.subject,
                verdict.says,
                verdict.remedy,
                verdict.later,
            )
            findings[places[id(check)]] = finding
            self._told(places[id(check)], finding)

        async def examine(check: Check) -> None:
            verdict = await self._verdict(check)
            tell(check, verdict)
            if verdict.level == "failed":
                for each in _flat(check.then):
                    tell(each, not_asked(check.subject))
                return
            await _all(examine(each) for each in check.then)

        await _all(examine(check) for check in checks)
        return tuple(findings[place] for place in sorted(findings))

    async def _verdict(self, check: Check) -> Verdict:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await check.ask()
        except UnderroundError as error:
            return of_error(error, live=self._live)
        except TimeoutError:
            return late(self._timeout_s)
        except OSError as error:
            return of_system(error)


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)
