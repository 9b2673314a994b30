import json
import shutil
import zlib
from pathlib import Path

import msgspec
import polars as pl
import pytest

from tests.storage.recording.builders import frames_of, header_of, reseal, write
from underround.model.errors import RecordingCorrupt, RecordingError
from underround.storage.recording import (
    Recording,
    RecordingHeader,
    RecordingWriter,
    Span,
    StreamHeader,
)
from underround.storage.recording.manifest import write_manifest


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sealed") / "r", frames_of(10))


def unsealed(sealed: Path, target: Path) -> Path:
    """Return a copy without a manifest, in which nothing but the files' own sense is checked."""
    path = Path(shutil.copytree(sealed, target))
    (path / "manifest.sha256").unlink()
    return path


def refused(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        Recording.open(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_places_that_are_no_recording(tmp_path: Path) -> None:
    """A wrong path is refused in one sentence that says what was found there."""
    table = tmp_path / "trades.csv"
    table.write_text("a,b\n1,2\n")
    assert "no such folder" in refused(tmp_path / "nowhere")
    assert "is a file and a recording is a folder" in refused(table)
    assert "holds no recording.json" in refused(tmp_path)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"format": 2, "colour": "red"}, "format version 2 and this program reads version 1"),
        ({"format": "1"}, "Expected `int`"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"clock": "sundial"}, "Invalid enum value 'sundial'"),
        ({"requested": {"start_ns": 2, "end_ns": 1}}, "before it starts"),
        ({"streams": [{"name": ""}]}, "length >= 1"),
    ],
)
def test_header_that_is_not_ours(
    sealed: Path, tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    """A header with an unknown version, key or value is refused and the place is named."""
    path = unsealed(sealed, tmp_path / "r")
    header = json.loads((path / "recording.json").read_bytes())
    (path / "recording.json").write_text(json.dumps(header | change))
    assert reason in refused(path)


def test_header_that_is_no_json(sealed: Path, tmp_path: Path) -> None:
    """Any bytes in place of the header are refused as such."""
    path = unsealed(sealed, tmp_path / "r")
    for content in (b"", b"PAR1", b"\xff\xfe", b"[]"):
        (path / "recording.json").write_bytes(content)
        assert "is not a recording's header" in refused(path)


def test_damaged_files(sealed: Path, tmp_path: Path) -> None:
    """A truncated or missing segment, index or catalogue is named when it is opened or asked."""
    path = shutil.copytree(sealed, tmp_path / "cut")
    segment = path / "segments/00000003.parquet"
    segment.write_bytes(segment.read_bytes()[:-1])
    assert "00000003.parquet is" in refused(path)
    path = unsealed(sealed, tmp_path / "noindex")
    (path / "index.json").unlink()
    assert "index.json is missing" in refused(path)
    (path / "index.json").write_text("{}")
    assert Recording.open(path).rows == 0
    (path / "index.json").write_text('{"segments": [{"file": "../../etc/passwd"}]}')
    assert "is not a recording's index" in refused(path)
    path = unsealed(sealed, tmp_path / "nomarkets")
    (path / "markets.json").unlink()
    with pytest.raises(RecordingCorrupt, match=r"markets\.json is missing"):
        _ = Recording.open(path).markets


@pytest.mark.parametrize(
    "name", ["recording.json", "markets.json", "index.json", "LICENCE.txt", "manifest.sha256"]
)
def test_a_changed_small_file_of_a_sealed_recording_is_not_read(
    sealed: Path, tmp_path: Path, name: str
) -> None:
    """A changed byte, or the file gone: the sentence names the file and the remedy."""
    path = shutil.copytree(sealed, tmp_path / "r")
    (path / "LICENCE.txt").write_text("free as in beer")
    write_manifest(path)
    assert Recording.open(path).rows == 10
    whole = (path / name).read_bytes()
    (path / name).write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
    with pytest.raises(RecordingCorrupt, match=rf"{name} (differs|is damaged).*from a copy"):
        Recording.open(path)
    (path / name).unlink()
    if name == "manifest.sha256":
        recording = Recording.open(path)
        assert not recording.sealed
        assert "holds no manifest.sha256" in recording.notices[0]
    elif name == "recording.json":
        assert "holds no recording.json" in refused(path)
    else:
        assert f"{name} is missing: restore the file from a copy" in refused(path)


def test_a_header_of_another_version_is_named_before_its_manifest(
    sealed: Path, tmp_path: Path
) -> None:
    """A newer program may seal in another way: the version is what the reader is told."""
    path = shutil.copytree(sealed, tmp_path / "r")
    (path / "recording.json").write_text('{"format": 2}')
    (path / "manifest.sha256").write_text("blake3 …")
    assert "format version 2" in refused(path)


@pytest.mark.parametrize(
    "damage, reason",
    [
        (pl.lit(None, pl.Binary).alias("payload"), "no value in some rows of column payload"),
        (pl.lit("cooked").alias("kind"), "unknown kind"),
        (pl.lit("yesterday").alias("recv_ns"), "not a readable segment"),
    ],
)
def test_foreign_segment(sealed: Path, tmp_path: Path, damage: pl.Expr, reason: str) -> None:
    """A segment of another writer that is not our table is refused, not guessed at."""
    path = shutil.copytree(sealed, tmp_path / "r")
    first, *rest = Recording.open(path).index.segments
    pl.read_parquet(path / first.file).with_columns(damage).write_parquet(path / first.file)
    data = (path / first.file).read_bytes()
    first = msgspec.structs.replace(first, bytes=len(data), crc32=zlib.crc32(data))
    reseal(path, [first, *rest])
    with pytest.raises(RecordingCorrupt, match=reason):
        list(Recording.open(path).frames())


def test_writer_refuses_a_wrong_header(tmp_path: Path) -> None:
    """A header that could not be read back is refused before anything is created."""
    header = header_of(requested=None, name="")
    with pytest.raises(RecordingError, match="header of recording"):
        RecordingWriter(tmp_path / "r", header, b"")
    assert not (tmp_path / "r").exists()
    stream = StreamHeader(name="a", rank=0, codec="", proof="none", kind="raw")
    with pytest.raises(ValueError, match="same name"):
        RecordingHeader(**msgspec.structs.asdict(header_of()) | {"streams": (stream, stream)})
    with pytest.raises(ValueError, match="before it starts"):
        Span(2, 1)


def test_stream_by_name(sealed: Path) -> None:
    """A declared stream is found by its name; another one is refused."""
    header = Recording.open(sealed).header
    assert header.stream("b.trades").rank == 1
    with pytest.raises(RecordingError, match="no stream 'zz'"):
        header.stream("zz")
