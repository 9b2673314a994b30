"""The thread that writes: order, bounds, and what becomes of an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from underround.app.recorder.scribe import BATCH_BYTES, Scribe
from underround.model.errors import DiskError, RecordingError
from underround.storage.recording import (
    Recording,
    RecordingHeader,
    RecordingWriter,
    StreamHeader,
    recover,
    verify_files,
)

HEADER = RecordingHeader(
    "r", "receive", "test", "own", "MIT", "us", (StreamHeader("s", 0, "none", "none", "raw"),)
)


def finish(scribe: Scribe) -> None:
    scribe.close()
    assert scribe._thread is not None
    scribe._thread.join()


def fill(scribe: Scribe) -> None:
    for at in range(10_000):
        scribe.take("s", 0, at, bytes(1_000))


@pytest.fixture
def scribe() -> Iterator[Scribe]:
    made = Scribe()
    yield made
    made.close()


def test_frames_belong_to_the_part_that_had_begun_when_they_were_taken(
    scribe: Scribe, tmp_path: Path
) -> None:
    for number in (1, 2):
        scribe.begin(tmp_path / str(number), HEADER, b"{}")
        for at in range(100):
            scribe.take("s", 0, number * 1_000 + at, f"{number}:{at}".encode())
        scribe.end(HEADER, b"[]")
    finish(scribe)
    scribe.check()
    for number in (1, 2):
        part = Recording.open(tmp_path / str(number))
        assert [each.payload for each in part.frames()] == [
            f"{number}:{at}".encode() for at in range(100)
        ]
        assert part.markets == b"[]"
        assert verify_files(part.path).ok
    assert (scribe.frames, scribe.payload_bytes) == (200, 2 * (10 * 3 + 90 * 4))


def test_an_error_of_the_thread_is_raised_by_the_next_frame_and_the_part_can_be_recovered(
    scribe: Scribe, tmp_path: Path
) -> None:
    scribe.begin(tmp_path / "part", HEADER, b"{}")
    scribe.take("s", 0, 5, b"good")
    scribe.take("s", 0, 4, b"its time goes back")
    scribe.hand_over()
    with pytest.raises(RecordingError, match="went back"):
        scribe.settle()
    with pytest.raises(RecordingError, match="went back"):
        scribe.take("s", 0, 6, b"later")
    assert recover(tmp_path / "part").frames_from_tail == 1
    finish(scribe)


def test_a_folder_that_is_not_empty_is_refused_before_the_first_frame(
    scribe: Scribe, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    scribe.begin(tmp_path, HEADER, b"{}")
    with pytest.raises(RecordingError, match="is not empty"):
        scribe.settle()


def test_a_disk_that_cannot_keep_up_ends_it_instead_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()
    flush = RecordingWriter.flush

    def wait(writer: RecordingWriter) -> None:
        stuck.wait(30)
        flush(writer)

    monkeypatch.setattr(RecordingWriter, "flush", wait)
    scribe = Scribe(most_waiting=4 * BATCH_BYTES)
    scribe.begin(tmp_path / "part", HEADER, b"{}")
    scribe.flush()
    with pytest.raises(DiskError, match="the disk is too slow: 1 MiB of frames wait"):
        fill(scribe)
    assert 4 * BATCH_BYTES < scribe.payload_bytes + 200 * scribe.frames < 6 * BATCH_BYTES
    stuck.set()
    finish(scribe)


def test_the_size_of_a_part_is_that_of_its_last_flush(scribe: Scribe, tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    scribe.begin(first, HEADER, b"{}")
    scribe.flush()
    scribe.settle()
    empty = scribe.size_of(first)
    scribe.take("s", 0, 1, bytes(range(256)) * 40)
    scribe.flush()
    scribe.settle()
    assert scribe.size_of(first) > empty > 0
    scribe.end(HEADER, b"{}")
    scribe.begin(second, HEADER, b"{}")
    assert scribe.size_of(second) == 0


def test_a_part_that_was_not_ended_is_flushed_and_left_unsealed(
    scribe: Scribe, tmp_path: Path
) -> None:
    scribe.begin(tmp_path / "part", HEADER, b"{}")
    scribe.take("s", 0, 1, b"kept")
    finish(scribe)
    part = Recording.open(tmp_path / "part")
    assert not part.sealed
    assert [frame.payload for frame in part.frames()] == [b"kept"]
