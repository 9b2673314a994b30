"""A replay from its recordings to its journal and report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from underround.app.configuration import Config
from underround.app.journals import JournalSink, open_journal, page_of, write_page
from underround.app.observation import Observation, ReplayProgress
from underround.app.summary import summarise
from underround.app.wiring import Opened, make_engine, make_venues, open_recordings
from underround.model.frames import NANOS_PER_SECOND, Frame
from underround.model.ledger import cash
from underround.model.orders import Command
from underround.model.run import RunSummary
from underround.operations.fields import tree
from underround.operations.folders import find_folders
from underround.operations.halt import HaltFlag
from underround.simulation.replay import Calendar, Replay
from underround.storage.writer import JournalWriter
from underround.trading.digest import DecisionSink, Digest
from underround.trading.engine import Engine
from underround.trading.tally import Several, Tally

__all__ = ["ReplayProgress", "run_replay"]

_LONGEST_SLEEP = 0.1


def run_replay(
    config: Config,
    recordings: Sequence[Path],
    *,
    speed: float | None,
    progress: Callable[[ReplayProgress], None] | None,
    stop: Callable[[], bool],
    report: Path | None,
) -> RunSummary:
    """Replay recordings through the configured strategies; journal the run, write its report.

    ``speed`` 1.0 is real time, ``None`` as fast as it goes; ``report`` is the report's file
    (``None``: no report).  ``stop`` is asked now and then: a stopped run ends as ``interrupted``
    with everything journalled.  Raises an error of the tree; the run is then ``failed``.
    """
    opened = open_recordings(recordings, config.books)
    run = new_run_id(datetime.now(UTC))
    names = [recording.header.name for recording in opened.recordings]
    settings = tree(config)
    with open_journal(config) as journal, journal.writer() as writer:
        writer.begin(run, "replay", names, msgspec.json.encode(settings).decode(), time.time_ns())
        summary = _replay(config, opened, run, writer, settings, speed, progress, stop)
        writer.finish(summary)
        if report is not None:
            write_page(page_of(journal, summary), report)
    return summary


def _replay(
    config: Config,
    opened: Opened,
    run: str,
    writer: JournalWriter,
    settings: dict[str, object],
    speed: float | None,
    progress: Callable[[ReplayProgress], None] | None,
    stop: Callable[[], bool],
) -> RunSummary:
    digest, tally = Digest(), Tally()
    sink: DecisionSink = Several((digest, tally, JournalSink(writer)))
    engine = make_engine(config, opened, sink)
    observation = Observation(engine, opened.frame_count, progress, stop, writer.tick)
    replay = Replay(
        engine,
        make_venues(config, opened, engine.hub),
        opened.sources,
        Calendar(opened.catalogue),
        observation,
        timer_ms=config.replay.timer_ms,
        check_every=2_048 if speed is None else 1,
        commands=HaltWatch(HaltFlag(find_folders().halt_flag)),
    )
    frames = opened.frames()
    fund(engine, config, opened, sink)
    replay.take_command()
    started = time.perf_counter()
    replay.run(frames if speed is None else paced(frames, speed, stop))
    seconds = time.perf_counter() - started
    status = "interrupted" if replay.stopped else "finished"
    return summarise(
        run, status, opened, replay, observation, tally, digest.hexdigest(), seconds, settings
    )


class HaltWatch:
    """Turns the halt flag's coming and going into commands."""

    def __init__(self, flag: HaltFlag) -> None:
        self._flag = flag
        self._halted: str | None = None

    def __call__(self) -> Command | None:
        """Return a command if the flag changed since the last call."""
        reason = self._flag.read()
        if reason == self._halted:
            return None
        self._halted = reason
        if reason is None:
            return Command("resume", "halt flag removed")
        return Command("halt", f"halt flag: {reason}")


def fund(engine: Engine, config: Config, opened: Opened, sink: DecisionSink) -> None:
    """Book the starting cash of every venue and currency of the recordings."""
    at_ns = min(
        (span.start_ns for recording in opened.recordings if (span := recording.span)), default=0
    )
    commodities = dict.fromkeys(
        cash(market.id.venue, market.currency) for market in opened.catalogue.markets
    )
    for commodity in commodities:
        sink.entry(engine.portfolio.open(commodity, config.replay.starting_cash, at_ns))
    engine.losses.begin()


def new_run_id(now: datetime) -> str:
    """Return a run's id: its time, readable and sortable, and four characters against twins."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def paced(
    frames: Iterable[Frame],
    speed: float,
    stop: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Frame]:
    """Yield frames no earlier than their recorded distance divided by ``speed``.

    ``stop`` is asked while waiting, so that a hole in the recording does not delay Ctrl-C.
    """
    start: float | None = None
    first_ns = 0
    for frame in frames:
        if start is None:
            start, first_ns = clock(), frame.recv_ns
        due = start + (frame.recv_ns - first_ns) / NANOS_PER_SECOND / speed
        while (wait := due - clock()) > 0 and not stop():
            sleep(min(wait, _LONGEST_SLEEP))
        yield frame
