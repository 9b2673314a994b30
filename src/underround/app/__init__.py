"""The wiring: the only place, with the command line, that knows every room."""

from underround.app.configuration import Config, load_config
from underround.app.journals import open_journal, write_report
from underround.app.recordings import RecordingInfo, recording_info, resolve_recordings
from underround.app.session import ReplayProgress, run_replay
from underround.app.verification import VerifyReport, VerifyTotals, total, verify_recording

__all__ = [
    "Config",
    "RecordingInfo",
    "ReplayProgress",
    "VerifyReport",
    "VerifyTotals",
    "load_config",
    "open_journal",
    "recording_info",
    "resolve_recordings",
    "run_replay",
    "total",
    "verify_recording",
    "write_report",
]
