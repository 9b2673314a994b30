"""Whole recordings of scripted venues: what a part holds, rotation, the disk, a crash."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from tests import aio
from tests.app.recordbench import Bench, venues, verified
from tests.venues.polymarket.gamma_rows import market_row
from tests.venues.wsserver import until
from underround.app.recorder.recorder import Recorder
from underround.app.recorder.recording_parts import recover_unfinished
from underround.model.errors import DiskError, RecordingError
from underround.storage.recording import Recording, disk
from underround.storage.recording.disk import TAIL, TailFile

GB = 10**9


def rows(count: int = 2) -> list[dict[str, object]]:
    return [market_row(number) for number in range(1, count + 1)]


def test_a_recording_is_sealed_and_every_proof_in_it_holds(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows()) as bench:

            async def during(_recorder: Recorder) -> None:
                await bench.trusted()
                await bench.stir(30)

            summary = await bench.record("will-it-rain-1", "will-it-rain-2", during=during)
            assert (summary.ended, summary.error) == ("signal", "")
            (part,) = summary.parts
            report = verified(part.path)
            assert report.ok, report.problems
            assert report.verified > 300
            assert report.mismatched == report.unparsed == report.gaps == 0
            assert part.sealed
            assert part.frames == summary.frames == report.frames
            assert all(each.share > 0.9 for each in summary.books)

    aio.run(main())


def test_each_part_is_proven_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows()) as bench:

            async def during(_recorder: Recorder) -> None:
                await bench.stir(200)

            summary = await bench.record("will-it-rain", during=during, rotate_s=60)
            assert len(summary.parts) == 4
            for part in summary.parts:
                report = verified(part.path)
                assert report.ok, report.problems
                assert len(report.books) == 2
                assert all(book.verified > 50 for book in report.books)
                assert all(book.trusted_at_end for book in report.books)
            assert sum(part.frames for part in summary.parts) == summary.frames

    aio.run(main())


def test_no_frame_is_lost_between_two_parts(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows(1)) as bench:

            async def during(_recorder: Recorder) -> None:
                await bench.trusted()
                await bench.stir(100, every_s=0.05)

            summary = await bench.record("will-it-rain-1", during=during, rotate_bytes=30_000)
            assert len(summary.parts) > 2
            # Sockets overlap, so a frame may be there twice, but never out of order.
            payloads: dict[bytes, None] = {}
            for part in summary.parts:
                for frame in Recording.open(Path(part.path)).frames():
                    if b"price_change" in frame.payload:
                        payloads[frame.payload] = None
            assert list(payloads) == list(bench.venue.sent)

    aio.run(main())


def test_a_part_declares_what_its_streams_are_and_what_was_asked_of_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows(1)) as bench:
            summary = await bench.record("will-it-rain-1", for_s=300)
            recording = Recording.open(Path(summary.parts[0].path))
            header = recording.header
            assert header.clock == "receive"
            assert header.source == "Polymarket ws://127.0.0.1"
            assert "not to be passed on" in header.licence
            streams = {each.name: each for each in header.streams}
            used, spare = streams["polymarket.market"], streams["polymarket.market.9"]
            assert (used.proof, used.codec, used.silence_ms) == ("venue_hash", "polymarket", 60_000)
            assert used.requested is None
            assert spare.requested is not None
            assert spare.requested.start_ns == spare.requested.end_ns
            assert header.requested is not None
            asked_s = (header.requested.end_ns - header.requested.start_ns) / GB
            assert 300 <= asked_s < 302
            assert not any(b"assets_ids" in frame.payload for frame in recording.frames())
            assert [each.stream for each in summary.streams] == [
                "polymarket.market", "polymarket.book"
            ]  # fmt: skip

    aio.run(main())


def test_it_ends_when_its_time_is_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows(1)) as bench:
            summary = await bench.record("will-it-rain-1", for_s=600)
            assert summary.ended == "time"
            assert 600 <= summary.seconds < 601

    aio.run(main())


# --- the disk ------------------------------------------------------------------------------------


def test_too_little_free_space_ends_it_sealed_with_one_sentence(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows()) as bench:
            free = [5 * GB]

            async def during(_recorder: Recorder) -> None:
                await bench.trusted()
                await bench.stir(20)
                free[0] = 2 * GB - 1
                await asyncio.sleep(60)

            summary = await bench.record(
                "will-it-rain", during=during, free=lambda _out: free[0], min_free=2 * GB
            )
            assert summary.ended == "failed"
            assert isinstance(bench.recorder.error, DiskError)
            assert summary.error.endswith(
                "has 2.00 GB free, less than the 2.00 GB of --min-free: make room, or record "
                "elsewhere"
            )
            assert summary.parts[0].sealed
            report = verified(summary.parts[0].path)
            assert report.ok, report.problems
            assert report.verified > 100

    aio.run(main())


def test_without_space_nothing_is_begun(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows(1)) as bench:
            with pytest.raises(DiskError, match="--min-free"):
                await bench.record("will-it-rain-1", free=lambda _out: 10, min_free=11, for_s=5)

    aio.run(main())
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_ends_it_and_what_was_flushed_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows()) as bench:
            real = disk.write_all
            full = False

            def write(descriptor: int, data: bytes) -> None:
                nonlocal full
                if full:
                    full = False
                    raise OSError(errno.ENOSPC, "No space left on device")
                real(descriptor, data)

            monkeypatch.setattr(disk, "write_all", write)

            async def during(_recorder: Recorder) -> None:
                nonlocal full
                await bench.trusted()
                await bench.stir(20)
                full = True
                await bench.stir(20)

            summary = await bench.record("will-it-rain", during=during)
            assert summary.ended == "failed"
            assert isinstance(bench.recorder.error, DiskError)
            assert "the disk is full" in summary.error
            assert 20 <= summary.seconds < 25
            assert summary.parts[0].sealed
            report = verified(summary.parts[0].path)
            assert report.ok, report.problems
            assert report.verified > 100

    aio.run(main())


# --- a crash -------------------------------------------------------------------------------------


async def crashed(bench: Bench) -> Path:
    """Record a while and stop as a crash does, without sealing."""

    async def during(recorder: Recorder) -> None:
        await bench.trusted()
        await bench.stir(20)
        running.cancel()
        await asyncio.sleep(10)

    running = asyncio.ensure_future(bench.record("will-it-rain", during=during))
    with pytest.raises(asyncio.CancelledError):
        await running
    return bench.recorder.parts.present.path


def test_what_a_crash_left_is_sealed_at_the_next_start_and_numbers_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows()) as bench:
            left = await crashed(bench)
            await until(lambda: not Recording.open(left).sealed and released(left))
            ((path, recovery),) = recover_unfinished(tmp_path, "r")
            assert path == left
            assert recovery.frames_from_tail > 100
            report = verified(left)
            assert report.ok, report.problems
            assert not recover_unfinished(tmp_path, "r")
            summary = await bench.record("will-it-rain", for_s=5)
            assert summary.parts[0].path.endswith("r-part-0002")

    aio.run(main())


def released(part: Path) -> bool:
    """Whether no thread holds the part any more."""
    try:
        TailFile(part / TAIL).close()
    except RecordingError:
        return False
    return True


def test_a_recording_under_way_is_not_recovered(tmp_path: Path) -> None:
    async def main() -> None:
        async with venues(tmp_path, rows(1)) as bench:

            async def during(_recorder: Recorder) -> None:
                await bench.trusted()
                with pytest.raises(RecordingError, match="by a running process: stop it first"):
                    recover_unfinished(tmp_path, "r")
                assert recover_unfinished(tmp_path, "another") == []

            summary = await bench.record("will-it-rain-1", during=during)
            assert summary.parts[0].sealed

    aio.run(main())
