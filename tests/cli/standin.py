"""A stand-in for ``underround.app`` with its surface, whose run does what ``STANDIN`` says.

Run as a program it is the command line on top of the stand-in.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from underround.app.configuration import JournalSettings
from underround.app.verification import (
    VerifyReport,
    total,  # noqa: F401 - part of the surface stood in for
)
from underround.model import errors
from underround.model.run import RunSummary, StreamCounters
from underround.operations.config import Loaded, load

if TYPE_CHECKING:
    from underround.storage.rows import RunRow


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: int = 7
    """Where chance begins."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    replay: Section = Section()

    @property
    def journal(self) -> JournalSettings:
        """Return a journal that is there."""
        return JournalSettings(url=__file__)


class ReplayProgress(msgspec.Struct):
    fraction: float | None
    at_ns: int
    frames: int
    events: int
    orders: int
    fills: int
    refusals: int
    equity: int
    starting_cash: int
    books_trusted: int
    books_total: int
    top: list[tuple[str, int | None, int | None, bool]]


class RecordingInfo(msgspec.Struct):
    path: str
    frames: int
    first_ns: int
    streams: list[StreamCounters]


class Journal:
    def runs(self) -> list[RunRow]:
        from underround.storage.rows import RunFigures, RunRow

        figures = RunFigures(
            intents=1,
            orders=1,
            fills=0,
            refusals=0,
            starting_cash=1_000_000_000,
            cash=1_000_000_000,
            equity=999_500_000,
            fees=0,
            max_drawdown=500_000,
        )
        return [
            RunRow(
                id="r1",
                started_ns=1_700_000_000_000_000_000,
                mode="replay",
                status="finished",
                recordings=("bundled",),
                config="{}",
                decision_digest="d1",
                figures=figures,
            )
        ]

    def close(self) -> None:
        return


def load_config(
    file: Path | None, overrides: Sequence[str], *, strategies: bool = True
) -> Loaded[Config]:
    return load(Config, file, overrides)


def resolve_recordings(names: Sequence[str]) -> list[Path]:
    if "missing" in names:
        raise errors.RecordingError("there is no recording at missing: no such folder")
    return [Path(name) for name in names or ["bundled"]]


def summary(status: str = "finished") -> RunSummary:
    counts = dict.fromkeys(
        ("frames", "events", "intents", "orders", "fills", "refusals", "fees", "max_drawdown"), 3
    )
    money = dict.fromkeys(("starting_cash", "cash", "equity"), 1_000_000_000)
    texts = dict.fromkeys(
        ("source", "licence", "attribution", "clock", "halted", "decision_digest"), "x"
    )
    lists: dict[str, list[Any]] = {
        name: []
        for name in (
            "recordings", "lost", "streams", "books", "coverage", "equity_curve", "series",
            "positions", "strategies", "leg_groups", "refusals_by_gate", "fills_by_kind",
            "assumptions",
        )
    }  # fmt: skip
    values = {**counts, **money, **texts, **lists}
    values |= {"run": "r1", "mode": "replay", "status": status, "version": "0", "seconds": 1.0}
    values |= {"imbalance": {}, "config": {}, "first_ns": 0, "last_ns": 1_000_000_000}
    return msgspec.convert(values, RunSummary)


def run_replay(
    config: Config,
    recordings: list[Path],
    *,
    speed: float | None,
    progress: Callable[[ReplayProgress], None] | None,
    stop: Callable[[], bool],
    report: Path | None,
) -> RunSummary:
    verb, _, detail = os.environ.get("STANDIN", "").partition(":")
    if verb == "raise":
        raise ERRORS[detail]
    if verb in {"wait", "deaf"}:
        _wait(stop)
        if verb == "deaf":
            _wait(lambda: False)
        return summary("interrupted")
    if progress:
        progress(
            ReplayProgress(0.5, 10**18, 1, 1, 1, 1, 1, 10**9, 10**9, 1, 1, [("m", 1, None, True)])
        )
    return summary(verb or "finished")


def _wait(ended: Callable[[], bool]) -> None:
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    while not ended():
        select.select([], [], [], 0.02)


def write_report(config: Config, run: str, out: Path | None) -> Path:
    return out or Path("runs") / run / "report.html"


def open_journal(config: Config) -> Journal:
    return Journal()


def recording_info(path: Path) -> RecordingInfo:
    return RecordingInfo(str(path), 12_345, 1_700_000_000_000_000_000, [StreamCounters(stream="s")])


def verify_recording(path: Path, progress: Callable[[float], None] | None) -> VerifyReport:
    bad = path.name == "bad"
    return VerifyReport(
        path=str(path), ok=not bad, files_ok=not bad, problems=["segment 1 differs"] if bad else []
    )


ERRORS: dict[str, Exception] = {
    name: getattr(errors, name)("a sentence: a remedy") for name in dir(errors)
    if isinstance(getattr(errors, name), type) and issubclass(getattr(errors, name), Exception)
}  # fmt: skip
ERRORS["KeyError"] = KeyError("market")
ERRORS["NoSpace"] = OSError(28, "No space left on device", "/x/journal")
ERRORS["Hostile"] = errors.RecordingError("market \x1b[2Jcleared\nyour screen")


def serve() -> None:
    """Run the commands that come on stdin, each in a child that has everything imported already."""
    import underround.cli.recordings
    import underround.cli.run
    import underround.cli.settings  # noqa: F401  imported for the children

    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(["runs"])  # what the first command imports, the children have too
    for line in sys.stdin:
        order = msgspec.json.decode(line)
        child = os.fork()
        if not child:
            for number, name in enumerate(("/dev/null", order["out"], order["err"])):
                os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
            os.chdir(order["cwd"])
            os.environ.update(order["env"])
            try:
                main(order["arguments"])
            except SystemExit as end:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code if isinstance(end.code, int) else 99)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.modules["underround.app"] = sys.modules[__name__]
    import underround
    from underround.cli import main

    underround.app = sys.modules[__name__]
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main()
