"""Rounds, medians and the facts of the machine: what every benchmark needs to be believed.

Contenders take turns within a round (A B C, A B C, …), so that a slow moment of a shared machine
meets all of them.  One untimed round warms up first.  Before each timed call garbage is collected
and everything alive is frozen; collection then stays on, as it is in the program.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import msgspec
import polars as pl


class Machine(msgspec.Struct, frozen=True):
    """Where the figures were measured."""

    cpu: str
    cores: int
    system: str
    python: str
    msgspec: str
    polars: str
    load: float
    """Load average of the last minute when the run began: above 0 others were at work."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity: median and spread over the rounds."""

    benchmark: str
    name: str
    unit: str
    median: float
    least: float
    most: float
    rounds: int
    target: str = ""
    """What was asked for, e.g. ``≤ 4``; empty where nothing was."""
    met: bool | None = None
    note: str = ""


def machine() -> Machine:
    """Return the facts of this machine, without its name."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 0,
        system=f"{platform.system()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        msgspec=msgspec.__version__,
        polars=pl.__version__,
        load=round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def interleave(
    contenders: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, list[float]]:
    """Return the seconds of each contender in each round; round 0 warms up and is not kept."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            gc.collect()
            gc.freeze()
            begin = time.perf_counter()
            run()
            took = time.perf_counter() - begin
            gc.unfreeze()
            if number:
                seconds[name].append(took)
        print(f"  round {number or 'warm-up'} of {rounds}", file=sys.stderr)
    return seconds


def figure(benchmark: str, name: str, unit: str, values: list[float], *, note: str = "") -> Figure:
    """Return the figure of measured values, without a target."""
    return Figure(
        benchmark=benchmark,
        name=name,
        unit=unit,
        median=median(values),
        least=min(values),
        most=max(values),
        rounds=len(values),
        note=note,
    )


def against(measured: Figure, sign: str, limit: float) -> Figure:
    """Return the figure with a target: its median ``sign`` (``≤`` or ``≥``) ``limit``."""
    met = measured.median <= limit if sign == "≤" else measured.median >= limit
    return msgspec.structs.replace(measured, target=f"{sign} {limit:g}", met=met)


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Return the ratio of two contenders round by round."""
    return [high / low for high, low in zip(above, below, strict=True)]
