"""The one recording format: frames in sealed Parquet segments behind a crash-safe tail.

``docs/recording-format.md`` describes the bytes.  This package keeps and returns frames; it never
decodes a payload and never looks inside ``markets.json``.
"""

from underround.storage.recording.coverage import CoverageReport, Gap, StreamCoverage, coverage
from underround.storage.recording.header import FORMAT_VERSION, RecordingHeader, Span, StreamHeader
from underround.storage.recording.index import RecordingIndex, SegmentEntry, StreamSpan
from underround.storage.recording.merge import merge_frames, merge_keyed, merge_recordings
from underround.storage.recording.reader import Recording
from underround.storage.recording.recovery import Recovery, recover
from underround.storage.recording.sequence import SequenceFault
from underround.storage.recording.verify import FileCheck, FilesReport, verify_files
from underround.storage.recording.writer import RecordingWriter, WriterLimits

__all__ = [
    "FORMAT_VERSION",
    "CoverageReport",
    "FileCheck",
    "FilesReport",
    "Gap",
    "Recording",
    "RecordingHeader",
    "RecordingIndex",
    "RecordingWriter",
    "Recovery",
    "SegmentEntry",
    "SequenceFault",
    "Span",
    "StreamCoverage",
    "StreamHeader",
    "StreamSpan",
    "WriterLimits",
    "coverage",
    "merge_frames",
    "merge_keyed",
    "merge_recordings",
    "recover",
    "verify_files",
]
