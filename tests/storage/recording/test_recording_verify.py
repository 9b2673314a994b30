import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.recording.builders import (
    T0,
    crashed,
    folder,
    frames_of,
    read,
    rebuild,
    reseal,
    write,
)
from underround.model.errors import RecordingCorrupt, RecordingError
from underround.model.frames import Frame
from underround.storage.recording import Recording, SequenceFault, WriterLimits, verify_files
from underround.storage.recording.segment import build_segment

FRAMES = frames_of(12)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sealed") / "r", FRAMES)


def renumbered(frames: list[Frame]) -> list[Frame]:
    """Give swapped frames times that do not decrease, so that only their numbers are wrong."""
    start = min(frame.recv_ns for frame in frames)
    return [
        msgspec.structs.replace(frame, recv_ns=start + place) for place, frame in enumerate(frames)
    ]


@pytest.mark.parametrize("name", ["recording.json", "markets.json", "index.json"])
def test_any_flipped_byte_of_a_text_file_is_named(sealed: Path, tmp_path: Path, name: str) -> None:
    """A flipped byte anywhere in a text file makes the report name exactly that file."""
    path = shutil.copytree(sealed, tmp_path / "r")
    whole = (path / name).read_bytes()
    for at in range(0, len(whole), 5):
        (path / name).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        report = verify_files(path)
        assert report.damaged == (name,)
        assert report.problems[0].startswith(f"{name} ")
        assert len([problem for problem in report.problems if name in problem]) == 1
        assert not report.ok


def test_any_flipped_byte_of_the_manifest_is_named(sealed: Path, tmp_path: Path) -> None:
    """A flipped byte of the manifest names the manifest, whatever else it then promises."""
    path = shutil.copytree(sealed, tmp_path / "r")
    whole = (path / "manifest.sha256").read_bytes()
    for at in range(0, len(whole), 4):
        (path / "manifest.sha256").write_bytes(
            whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        )
        report = verify_files(path)
        assert "manifest.sha256" in report.damaged
        assert any(p.startswith("manifest.sha256 is damaged") for p in report.problems)


def test_flipped_bytes_of_a_segment_are_named(sealed: Path, tmp_path: Path) -> None:
    """A flipped byte of a segment is named and never read, even where Polars would abort."""
    path = shutil.copytree(sealed, tmp_path / "r")
    name = "segments/00000002.parquet"
    whole = (path / name).read_bytes()
    for at in (0, 55, len(whole) // 2, len(whole) - 6):
        (path / name).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert verify_files(path).damaged == (name,)
        frames = Recording.open(path).frames()
        with pytest.raises(RecordingCorrupt, match=r"00000002\.parquet differs"):
            list(frames)


def test_missing_files_are_named(sealed: Path, tmp_path: Path) -> None:
    """Each file that is gone is named, and the frames that went with a segment are counted."""
    for number, name in enumerate(p.relative_to(sealed) for p in sealed.rglob("*.*")):
        path = shutil.copytree(sealed, tmp_path / str(number))
        (path / name).unlink()
        report = verify_files(path)
        assert not report.ok
        if name.name != "manifest.sha256":
            assert report.damaged == (name.as_posix(),)
        assert report.problems[0].startswith(f"{name.as_posix()} is missing")
    path = shutil.copytree(sealed, tmp_path / "r")
    (path / "segments/00000002.parquet").unlink()
    assert verify_files(path).faults == (SequenceFault("dropped", 4, (4, 5, 6, 7)),)
    with pytest.raises(RecordingCorrupt, match=r"00000002\.parquet is missing"):
        Recording.open(path)


def test_sha256sum_agrees(sealed: Path) -> None:
    """The standard tool accepts the manifest and finds every file as it was sealed."""
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("sha256sum is not installed")
    done = subprocess.run(
        [tool, "--check", "--strict", "manifest.sha256"],
        cwd=sealed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": OK") == 6


@pytest.mark.parametrize("honest", [False, True])
@pytest.mark.parametrize(
    "change, fault",
    [
        (lambda f: [f[0], *f[2:]], SequenceFault("dropped", 1, (5,))),
        (lambda f: [*f[:3]], SequenceFault("dropped", 1, (7,))),
        (lambda f: [*f[:2], f[1], *f[2:]], SequenceFault("duplicated", 1, (5,))),
        (lambda f: [f[0], f[2], f[1], f[3]], SequenceFault("reordered", 1, (5,))),
    ],
)
def test_rebuilt_segment(
    sealed: Path, tmp_path: Path, change: object, fault: SequenceFault, honest: bool
) -> None:
    """A frame dropped, doubled or swapped in a rebuilt segment is named by its number."""
    assert callable(change)
    path = shutil.copytree(sealed, tmp_path / "r")
    entries = list(Recording.open(path).index.segments)
    entries[1] = rebuild(path, 2, renumbered(change(FRAMES[4:8])))
    if honest:  # the faulty writer, whose index and manifest agree with what it wrote
        reseal(path, entries)
    report = verify_files(path)
    assert report.faults == (fault,)
    assert (report.damaged == ()) == honest
    assert not report.ok


def test_index_that_disagrees(sealed: Path, tmp_path: Path) -> None:
    """An index that promises other rows, streams or times than a segment holds is refused."""
    path = shutil.copytree(sealed, tmp_path / "r")
    first, *rest = Recording.open(path).index.segments
    reseal(path, [msgspec.structs.replace(first, rows=5, streams=first.streams[:1]), *rest])
    report = verify_files(path)
    assert "holds 4 rows and the index promises 5" in report.problems[0]
    assert "per stream" in report.problems[1]
    with pytest.raises(RecordingCorrupt, match="fewer rows"):
        read(path)


def test_time_that_goes_back(sealed: Path, tmp_path: Path) -> None:
    """A frame whose time is before its predecessor's is named, across segments too."""
    path = shutil.copytree(sealed, tmp_path / "r")
    entries = list(Recording.open(path).index.segments)
    entries[1] = rebuild(path, 2, [msgspec.structs.replace(f, recv_ns=T0) for f in FRAMES[4:8]])
    reseal(path, entries)
    assert verify_files(path).faults == (SequenceFault("time_reversed", 1, (4,)),)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere(data: st.DataObject) -> None:
    """Whatever few frames go missing or come twice, exactly those are named."""
    frames = frames_of(30)
    gone = data.draw(st.sets(st.integers(0, 28), max_size=4), label="dropped")
    twice = data.draw(st.sets(st.integers(0, 29), max_size=4), label="doubled") - gone
    damaged = [f for f in frames if f.ingest_seq not in gone]
    damaged += [f for f in damaged if f.ingest_seq in twice]
    damaged.sort(key=lambda f: f.ingest_seq)
    with folder() as root:
        path = write(root / "r", frames, WriterLimits())
        entry, built = build_segment(1, damaged)
        (path / entry.file).write_bytes(built)
        reseal(path, [entry])
        faults = {fault.kind: fault for fault in verify_files(path).faults}
    expected = {}
    if gone:
        expected["dropped"] = SequenceFault("dropped", len(gone), tuple(sorted(gone)))
    if twice:
        expected["duplicated"] = SequenceFault("duplicated", len(twice), tuple(sorted(twice)))
    assert faults == expected


def test_many_faults_are_counted_and_few_shown(tmp_path: Path) -> None:
    """The report names the first few frames of a fault and counts the rest."""
    path = write(tmp_path / "r", frames_of(100), WriterLimits())
    entry = rebuild(path, 1, frames_of(100)[::2])
    reseal(path, [entry])
    assert verify_files(path).faults == (SequenceFault("dropped", 49, (1, 3, 5, 7, 9)),)


def test_unsealed(tmp_path: Path) -> None:
    """Of an unsealed recording nothing is proven, and its tail is walked like a segment."""
    path = crashed(tmp_path / "r", FRAMES[:10])
    (path / "tail.log").write_bytes((path / "tail.log").read_bytes()[:-1])
    report = verify_files(path)
    assert not report.ok
    assert {file.state for file in report.files} == {"unproven"}
    assert (report.rows, report.faults) == (9, ())
    (problem,) = report.problems
    assert problem.startswith("manifest.sha256 is missing: the recording was not closed")
    assert report.unreadable_tail_bytes > 0


def test_extra_file_is_unlisted(sealed: Path, tmp_path: Path) -> None:
    """A file the manifest does not know is mentioned and does no harm."""
    path = shutil.copytree(sealed, tmp_path / "r")
    (path / "notes.txt").write_text("mine")
    report = verify_files(path)
    assert report.ok
    assert [file.name for file in report.files if file.state == "unlisted"] == ["notes.txt"]


def test_no_recording(tmp_path: Path) -> None:
    """A place without a recording is the caller's mistake and raises."""
    with pytest.raises(RecordingError, match="not a recording"):
        verify_files(tmp_path)
