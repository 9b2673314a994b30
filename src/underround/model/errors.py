"""The one error tree, sorted by what the operator must do next.

::

    UnderroundError
    ├── StopAndFix           nothing was started, or it was stopped whole: correct the named place
    │   ├── ConfigError          the configuration file or a command-line option      exit 2
    │   ├── RecordingError       a recording cannot be opened, read or written        exit 3
    │   │   ├── RecordingCorrupt     bytes differ from what the manifest promises     exit 3
    │   │   └── ImportRefused        a source file is not what the importer expects   exit 3
    │   ├── JournalError         the journal cannot be opened or written              exit 4
    │   └── DiskError            a folder is not writable, or the disk is full        exit 5
    ├── SkipAndCount         one input was refused; it is kept, counted and the work goes on
    │   ├── FrameRefused         a frame could not be decoded, or says the impossible
    │   └── BookDoubted          a book can no longer be proven: its trust ends
    ├── OutcomeUnknown       the venue may or may not have acted: look it up, never resend
    └── Bug                  the program contradicts itself: report it                exit 70
        └── Imbalance            a ledger transaction does not sum to zero

An error's text is one sentence that names the place and the remedy.  ``exit_code`` is what the
command line returns; ``docs/errors.md`` lists them.
"""

from __future__ import annotations

from typing import ClassVar


class UnderroundError(Exception):
    """Root of the tree; never raised itself."""

    exit_code: ClassVar[int] = 1


class StopAndFix(UnderroundError):
    """The operator must correct something before this can work."""


class ConfigError(StopAndFix):
    """A configuration value or option is wrong; names the file, the key and the remedy."""

    exit_code = 2


class RecordingError(StopAndFix):
    """A recording cannot be opened, read or written."""

    exit_code = 3


class RecordingCorrupt(RecordingError):
    """A recording's bytes are not what its manifest and index promise."""


class ImportRefused(RecordingError):
    """A source file is not what the importer expects; nothing was written."""


class JournalError(StopAndFix):
    """The journal cannot be opened, migrated, read or written."""

    exit_code = 4


class DiskError(StopAndFix):
    """A folder is not writable or the disk is full."""

    exit_code = 5


class SkipAndCount(UnderroundError):
    """One input is refused and counted; the rest goes on."""


class FrameRefused(SkipAndCount):
    """A frame could not be decoded; the frame is kept, the reason is counted."""


class BookDoubted(SkipAndCount):
    """What a message says is impossible for this book; its trust ends until the next proof."""


class OutcomeUnknown(UnderroundError):
    """The venue may or may not have executed.  Never retry: reconcile by the order's own id."""


class Bug(UnderroundError):
    """The program contradicts itself."""

    exit_code = 70


class Imbalance(Bug):
    """A ledger transaction does not sum to zero in some commodity."""
