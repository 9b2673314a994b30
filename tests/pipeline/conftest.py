"""Small sources of every kind, and frames read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from underround.model.frames import Frame
from underround.pipeline.importers.plan import ImportOptions
from underround.pipeline.importers.registry import run_import
from underround.storage.recording import Recording, verify_files

ImportInto = Callable[..., list[Frame]]


@pytest.fixture
def imported(tmp_path: Path) -> ImportInto:
    """Import a source and return the frames of its only recording, verified."""

    def run(kind: str, source: Path, options: ImportOptions | None = None) -> list[Frame]:
        target = tmp_path / "imported"
        report = run_import(kind, source, target, options=options)
        assert len(report.recordings) == 1
        assert verify_files(target).ok
        frames = list(Recording.open(target).frames())
        assert len(frames) == report.frames
        times = [frame.recv_ns for frame in frames]
        assert times == sorted(times)
        return frames

    return run
