"""``replay`` and ``memory``: the whole engine on the bundled recording, and on longer ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.books import ignore, through_hub
from benchmarks.measure import Figure, against, figure, interleave, ratios
from benchmarks.traffic import FOLDER, bundled
from underround.app import load_config, run_replay
from underround.model.frames import NANOS_PER_MS
from underround.storage.recording import Recording, RecordingWriter, WriterLimits

TARGET_TIMES = 4.0
TARGET_GROWTH = 1.1
LENGTHS = (1, 4, 16)
_TIMESTAMP = re.compile(rb'"timestamp":"(\d{13})"')


class Replayed(msgspec.Struct, frozen=True):
    """What a replay in a process of its own says of itself."""

    frames: int
    fills: int
    kilobytes: int
    """Highest resident memory."""
    seconds: float


@contextmanager
def state_folder() -> Iterator[Path]:
    """Let the program keep its journal in a temporary folder."""
    before = os.environ.get("UNDERROUND_HOME")
    with tempfile.TemporaryDirectory(prefix="underround-bench-") as folder:
        os.environ["UNDERROUND_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["UNDERROUND_HOME"]
            else:
                os.environ["UNDERROUND_HOME"] = before


def replay(folder: Path) -> Replayed:
    """Replay a recording with the default configuration: all three strategies, and the journal."""
    with state_folder():
        summary = run_replay(
            load_config(None).value,
            [folder],
            speed=None,
            progress=None,
            stop=lambda: False,
            report=None,
        )
    return Replayed(summary.frames, summary.fills, peak_kilobytes(), summary.seconds)


def peak_kilobytes() -> int:
    """Return the highest resident memory of this process.

    From ``/proc``, because ``getrusage`` counts the parent's memory from before ``exec`` too.
    """
    try:
        status = Path("/proc/self/status").read_text("utf-8")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 if sys.platform == "darwin" else peak
    return int(status.partition("VmHWM:")[2].split()[0])


def measure(rounds: int) -> list[Figure]:
    """Measure the whole replay, interleaved with the book alone on the same frames."""
    traffic = bundled()
    known = replay(FOLDER)
    seconds = interleave(
        {
            "book": lambda: through_hub(traffic, "stated_best", ignore),
            "replay": lambda: replay(FOLDER),
        },
        rounds,
    )
    per_frame = [took / known.frames * 1e6 for took in seconds["replay"]]
    book = [took / len(traffic.payloads) * 1e6 for took in seconds["book"]]
    note = (
        f"{known.frames:,} frames, three strategies, {known.fills} fills; reading Parquet and "
        "writing the journal included, the report not"
    )
    return [
        figure("replay", "the whole replay", "µs/frame", per_frame, note=note),
        against(
            figure("replay", "whole replay ÷ book alone", "×", ratios(per_frame, book),
                   note="same frames"),
            "≤", TARGET_TIMES,
        ),
        figure("replay", "the whole replay", "frames/s", [1e6 / each for each in per_frame]),
    ]  # fmt: skip


# --- memory ------------------------------------------------------------------------------------


def lengthen(folder: Path, times: int) -> None:
    """Write the bundled recording ``times`` times in a row, times and payload times shifted."""
    recording = Recording.open(FOLDER)
    span = recording.span
    assert span is not None  # the bundled recording is not empty
    length_ms = (span.end_ns - span.start_ns) // NANOS_PER_MS + 1
    header = msgspec.structs.replace(recording.header, name=f"nhl-{times}-times")
    with RecordingWriter(folder, header, recording.markets, WriterLimits(tail=False)) as writer:
        for turn in range(times):
            later_ms = turn * length_ms

            def shift(found: re.Match[bytes], later_ms: int = later_ms) -> bytes:
                return b'"timestamp":"%d"' % (int(found[1]) + later_ms)

            for frame in recording.frames():
                payload = _TIMESTAMP.sub(shift, frame.payload) if turn else frame.payload
                at_ns = frame.recv_ns + later_ms * NANOS_PER_MS
                writer.append(frame.stream, frame.connection, at_ns, payload, frame.kind)


def measure_memory(rounds: int) -> list[Figure]:
    """Measure the peak memory of replays of growing length, each in a process of its own."""
    kilobytes: dict[int, list[float]] = {times: [] for times in LENGTHS}
    frames: dict[int, int] = {}
    with tempfile.TemporaryDirectory(prefix="underround-bench-") as base:
        for times in LENGTHS:
            lengthen(Path(base, str(times)), times)
        for number in range(min(rounds, 3)):
            for times in LENGTHS:
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.replays", str(Path(base, str(times)))],
                    stdout=subprocess.PIPE,
                    check=True,
                )
                told = msgspec.json.decode(done.stdout, type=Replayed)
                kilobytes[times].append(told.kilobytes / 1024)
                frames[times] = told.frames
            print(f"  round {number + 1}", file=sys.stderr)
    figures = [
        figure("memory", f"peak of replaying {times}× the recording", "MiB", kilobytes[times],
               note=f"{frames[times]:,} frames, in a process of its own")
        for times in LENGTHS
    ]  # fmt: skip
    growth = ratios(kilobytes[LENGTHS[-1]], kilobytes[LENGTHS[0]])
    grown = figure("memory", f"{LENGTHS[-1]}× the recording ÷ 1×", "×", growth)
    return [*figures, against(grown, "≤", TARGET_GROWTH)]


if __name__ == "__main__":
    print(msgspec.json.encode(replay(Path(sys.argv[1]))).decode())
