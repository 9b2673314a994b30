"""``python -m tests.mutants [--workers N] [--only TEXT] [--list]``; exit 1 if a fault lives."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.chain.node import anvil_binary
from tests.mutants import (
    chain,
    custody,
    decisions,
    execution,
    kalshi,
    kalshi_exchange,
    keys,
    listings,
    local_answers,
    local_catalogue,
    local_chain,
    local_clob,
    local_flow,
    local_kalshi,
    local_references,
    local_relayer,
    local_streams,
    local_wire,
    markets,
    matching,
    quantities,
    sending,
    signals,
    signing,
    streams,
    venues,
)
from tests.mutants.fault import Fault, missing_tests, planted
from tests.mutants.killing import (
    LONGEST_BASE_SECONDS,
    SOURCE,
    TESTS,
    Copy,
    Verdict,
    judge_all,
)

FAULTS: Final[tuple[Fault, ...]] = (
    *quantities.FAULTS,
    *markets.FAULTS,
    *execution.FAULTS,
    *decisions.FAULTS,
    *signing.FAULTS,
    *venues.FAULTS,
    *sending.FAULTS,
    *kalshi.FAULTS,
    *streams.FAULTS,
    *keys.FAULTS,
    *signals.FAULTS,
    *listings.FAULTS,
    *chain.FAULTS,
    *matching.FAULTS,
    *custody.FAULTS,
    *local_clob.FAULTS,
    *local_answers.FAULTS,
    *local_wire.FAULTS,
    *local_streams.FAULTS,
    *local_catalogue.FAULTS,
    *local_relayer.FAULTS,
    *kalshi_exchange.FAULTS,
    *local_kalshi.FAULTS,
    *local_references.FAULTS,
    *local_flow.FAULTS,
    *local_chain.FAULTS,
)


def check(faults: tuple[Fault, ...]) -> list[str]:
    """Return what is wrong with the list itself, before anything runs."""
    wrong = []
    for fault in faults:
        try:
            planted(fault, (SOURCE / fault.file).read_text("utf-8"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the list that is wrong
            wrong.append(f"stale: {error}")
        wrong += [f"{fault.says}: no tests/{name}" for name in missing_tests(fault, TESTS)]
    return wrong


def without_node(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Leave out, and say so, what only tests on a real EVM node notice, where there is none."""
    if anvil_binary() is not None:
        return faults
    kept = tuple(
        fault for fault in faults if not any(name.startswith("chain/") for name in fault.tests)
    )
    if len(kept) < len(faults):
        left = len(faults) - len(kept)
        print(f"{left} faults left out: there is no anvil, .ci/need-anvil fetches it")
    return kept


def show(verdict: Verdict) -> None:
    """Print one line of the table."""
    print(f"{verdict.outcome:9} {verdict.seconds:5.1f} s  {verdict.fault.says:60}  {verdict.by}")
    sys.stdout.flush()


def main() -> int:
    """Judge every fault; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="faults whose sentence or file has this text")
    parser.add_argument("--list", action="store_true", help="show the faults and check the list")
    options = parser.parse_args()
    faults = tuple(each for each in FAULTS if options.only in f"{each.says} {each.file}")
    wrong = check(faults)
    if options.list:
        print("\n".join(f"{fault.file:34} {fault.says}" for fault in faults))
    if wrong or options.list or not faults:
        print("\n".join(wrong or [f"{len(faults)} faults"]), file=sys.stderr)
        return 1 if wrong or not faults else 0
    faults = without_node(faults)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="underround-mutants-") as base:
        copies = [Copy(Path(base, str(number))) for number in range(max(1, options.workers))]
        copies[0].require_first()
        named = list(dict.fromkeys(name for fault in faults for name in fault.tests))
        code, output = copies[0].run(named, options.workers, LONGEST_BASE_SECONDS)
        if code:
            print(output)
            print("the tests fail without any fault: mend them first", file=sys.stderr)
            return 1
        verdicts = judge_all(faults, copies, show)
    bad = [verdict for verdict in verdicts if not verdict.good]
    took = time.monotonic() - begin
    print(f"{len(verdicts) - len(bad)} of {len(verdicts)} faults killed in {took:.0f} s")
    for verdict in bad:
        print(f"{verdict.outcome}: {verdict.fault.says} ({verdict.fault.file})", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
