import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.storage.recording.builders import (
    MARKETS,
    SMALL,
    T0,
    crashed,
    frames_of,
    header_of,
    read,
    write,
)
from underround.model.errors import DiskError, RecordingError
from underround.storage.recording import Recording, RecordingWriter, recover, verify_files

FRAMES = frames_of(10)


class Crash(BaseException):
    """The process ends here."""


class Steps:
    """Makes the n-th change on disk end the process, before or after it happens."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._left = -1
        self._after = False
        for name in ("replace", "fsync", "write", "ftruncate", "open", "mkdir"):
            patch.setattr(os, name, self._counting(getattr(os, name)))
        patch.setattr(Path, "unlink", self._counting(Path.unlink))

    def crash_at(self, step: int, after: bool) -> None:
        self._left, self._after = step, after

    def never(self) -> None:
        self._left = -1

    def _counting(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            if self._left < 0:
                return real(*args, **named)
            self._left -= 1
            ends = self._left < 0
            if ends and not self._after:
                raise Crash
            result = real(*args, **named)
            if ends:
                raise Crash
            return result

        return call


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    steps = Steps(monkeypatch)
    yield steps
    steps.never()


def write_until_crash(path: Path) -> tuple[bool, int]:
    """Return whether the writing ended by itself, and how many appends returned."""
    kept = 0
    writer = None
    try:
        writer = RecordingWriter(path, header_of(), MARKETS, SMALL)
        for frame in FRAMES:
            writer.append(frame.stream, frame.connection, frame.recv_ns, frame.payload)
            kept += 1
        writer.close()
    except Crash:
        if writer is not None:
            writer._abandon()
        return False, kept
    return True, kept


@pytest.mark.parametrize("after", [False, True])
def test_crash_at_every_step_of_writing(tmp_path: Path, steps: Steps, after: bool) -> None:
    """Wherever the process ends, each flushed frame is there once, and recovery seals them."""
    step, finished = 0, False
    while not finished:
        path = tmp_path / f"r{step}"
        steps.crash_at(step, after)
        finished, kept = write_until_crash(path)
        steps.never()
        step += 1
        if not (path / "recording.json").exists():
            assert kept == 0
            continue
        found = read(path)
        assert found == FRAMES[: len(found)]
        assert len(found) >= kept
        recover(path)
        assert read(path) == found
        assert verify_files(path).ok, step
        assert recover(path).already_sealed
    assert step > 40


@pytest.mark.parametrize("after", [False, True])
def test_crash_at_every_step_of_recovery(tmp_path: Path, steps: Steps, after: bool) -> None:
    """Recovery that is interrupted anywhere and started again gives the same recording."""
    origin = crashed(tmp_path / "origin", FRAMES)
    with (origin / "tail.log").open("ab") as tail:
        tail.write(b"torn")
    step, finished = 0, False
    while not finished:
        path = tmp_path / f"r{step}"
        shutil.copytree(origin, path)
        steps.crash_at(step, after)
        try:
            recover(path)
            finished = True
        except Crash:
            pass
        steps.never()
        assert read(path) == FRAMES
        recover(path)
        assert read(path) == FRAMES
        assert verify_files(path).ok
        assert (path / "tail.unreadable").read_bytes() == b"torn"
        step += 1
    assert step > 10


def test_tail_cut_at_every_byte(tmp_path: Path) -> None:
    """A tail of any length opens, gives a prefix of the frames and says what it dropped."""
    path = crashed(tmp_path / "r", FRAMES)
    whole = (path / "tail.log").read_bytes()
    counts = []
    for length in range(len(whole) + 1):
        (path / "tail.log").write_bytes(whole[:length])
        recording = Recording.open(path)
        found = list(recording.frames())
        assert found == FRAMES[: len(found)]
        assert (recording.dropped_tail_bytes > 0) == (len(recording.notices) == 2)
        counts.append(len(found))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (8, 10)


def test_tail_flipped_at_every_byte(tmp_path: Path) -> None:
    """A damaged tail opens, and nothing after the damage is taken for a frame."""
    path = crashed(tmp_path / "r", FRAMES)
    whole = (path / "tail.log").read_bytes()
    for at in range(len(whole)):
        (path / "tail.log").write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        recording = Recording.open(path)
        assert list(recording.frames()) == FRAMES[: recording.rows]
        assert 8 <= recording.rows < 10
        assert f"{recording.dropped_tail_bytes} bytes" in recording.notices[1]


def test_kill_9(tmp_path: Path) -> None:
    """A process that is killed while it appends loses nothing that it had flushed."""
    program = textwrap.dedent(
        """
        import sys
        from itertools import count
        from pathlib import Path
        from tests.storage.recording.builders import MARKETS, T0, header_of
        from underround.storage.recording import RecordingWriter, WriterLimits
        limits = WriterLimits(segment_rows=50)
        writer = RecordingWriter(Path(sys.argv[1]), header_of(), MARKETS, limits)
        for n in count():
            writer.append("a.books", 0, T0 + n, b"%d" % n)
            if n % 7 == 0:
                writer.flush()
                print(n, flush=True)
        """
    )
    path = tmp_path / "r"
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
    )
    assert child.stdout is not None
    with child, child.stdout:
        flushed = [int(child.stdout.readline()) for _ in range(60)][-1]
        with pytest.raises(RecordingError, match="running process"):
            recover(path)
        child.send_signal(signal.SIGKILL)
        child.wait()
    found = read(path)
    assert len(found) > flushed
    assert [f.payload for f in found] == [b"%d" % n for n in range(len(found))]
    assert (
        recover(path).frames_from_tail
        == len(found) - Recording.open(path).index.segments[-1].first_ingest_seq
        or len(found) % 50 == 0
    )
    assert read(path) == found
    assert verify_files(path).ok


class FullDisk:
    """A disk that takes so many bytes and then no more."""

    def __init__(self, patch: pytest.MonkeyPatch, room: int) -> None:
        self._room = room
        self._real = os.write
        patch.setattr(os, "write", self._write)

    def _write(self, descriptor: int, data: bytes) -> int:
        if self._room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(self._room, len(data))
        self._room -= taken
        return self._real(descriptor, data[:taken])


@pytest.mark.parametrize("room", range(1200, 9000, 397))
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """On a full disk the writer says so once and closes; what it had flushed can be read."""
    path = tmp_path / "r"
    kept, told = 0, ""
    writer: RecordingWriter | None = None
    with monkeypatch.context() as patch:
        FullDisk(patch, room)
        try:
            writer = RecordingWriter(path, header_of(), MARKETS, SMALL)
            for n in range(99):
                writer.append("a.books", 0, T0 + n, b"x" * 50)
                kept += 1
        except DiskError as error:
            told = str(error)
    assert re.fullmatch("the disk is full: .* free space and record again", told)
    if not (path / "recording.json").exists():
        assert kept == 0
        return
    assert writer is not None
    with pytest.raises(RecordingError, match="closed"):
        writer.append("a.books", 0, FRAMES[-1].recv_ns, b"x")
    assert not list(path.rglob("*.tmp"))
    assert Recording.open(path).dropped_tail_bytes == 0
    assert kept <= len(read(path)) <= kept + 1
    recover(path)
    assert verify_files(path).ok


def test_unwritable_and_occupied_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place that cannot hold a new recording is named in one sentence and left as it was."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(RecordingError, match="not empty"):
        RecordingWriter(tmp_path / "full", header_of(), MARKETS)
    with pytest.raises(RecordingError, match="is a file"):
        RecordingWriter(tmp_path / "full" / "letter.txt", header_of(), MARKETS)
    assert (tmp_path / "full" / "letter.txt").read_text() == "dear"

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "mkdir", denied)
    with pytest.raises(DiskError, match="not writable"):
        RecordingWriter(tmp_path / "new", header_of(), MARKETS)


def test_reading_while_writing(tmp_path: Path) -> None:
    """A recording that is being written opens and gives every flushed frame."""
    with RecordingWriter(tmp_path / "r", header_of(), MARKETS, SMALL) as writer:
        for n, frame in enumerate(FRAMES, start=1):
            writer.append(frame.stream, frame.connection, frame.recv_ns, frame.payload)
            assert read(tmp_path / "r") == FRAMES[:n]


def test_recover_leaves_a_sealed_recording_alone(tmp_path: Path) -> None:
    """A sealed recording stays byte for byte what it was."""
    path = write(tmp_path / "r", FRAMES)
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    assert recover(path).already_sealed
    assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == before
