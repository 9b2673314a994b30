"""The one error tree, sorted by what the operator must do next.

::

    UnderroundError
    ├── StopAndFix           nothing was started, or it was stopped whole: correct the named place
    │   ├── ConfigError          the configuration file or a command-line option      exit 2
    │   ├── RecordingError       a recording cannot be opened, read or written        exit 3
    │   │   ├── RecordingCorrupt     bytes differ from what the manifest promises     exit 3
    │   │   └── ImportRefused        a source file is not what the importer expects   exit 3
    │   ├── JournalError         the journal cannot be opened or written              exit 4
    │   ├── DiskError            a folder is not writable, or the disk is full        exit 5
    │   ├── KeyStoreError        the key store cannot be opened or changed            exit 6
    │   └── AccountError         a venue refuses our key, wallet, clock or order form exit 7
    ├── SkipAndCount         one input was refused; it is kept, counted and the work goes on
    │   ├── FrameRefused         a frame could not be decoded, or says the impossible
    │   ├── AnswerRefused        an answer could not be decoded, or says the impossible
    │   ├── BookDoubted          a book can no longer be proven: its trust ends
    │   └── RequestRefused       a venue understood and said no: nothing was done
    │       ├── OffGrid              against its tick, minimum or amounts: requantise
    │       ├── WouldCross           a post-only order would have taken: quote anew
    │       ├── NotFilled            too little to fill at once: decide anew
    │       ├── BalanceTooLow        it sees too little balance or allowance: refresh both
    │       ├── AlreadyKnown         it has this order: look it up
    │       ├── NotThere             it has no such order, book or market
    │       └── OpeningForbidden     this account or place may only reduce: open nothing
    ├── TryLater             nothing was done; later it may work                      exit 8
    │   ├── RateLimited          too many requests                                    exit 8
    │   ├── Unreachable          no connection: nothing was sent                      exit 8
    │   └── VenuePaused          the venue restarts, is closed or takes no orders     exit 8
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


class KeyStoreError(StopAndFix):
    """The key store cannot be opened, read or changed; names the file, never a secret."""

    exit_code = 6


class AccountError(StopAndFix):
    """A venue refuses our credentials, wallet, clock or order form: correct the set-up first."""

    exit_code = 7


class SkipAndCount(UnderroundError):
    """One input is refused and counted; the rest goes on."""


class FrameRefused(SkipAndCount):
    """A frame could not be decoded; the frame is kept, the reason is counted."""


class AnswerRefused(SkipAndCount):
    """An answer to a request could not be decoded, or says the impossible."""


class BookDoubted(SkipAndCount):
    """What a message says is impossible for this book; its trust ends until the next proof."""


class RequestRefused(SkipAndCount):
    """The venue understood the request and said no.  Definite: nothing was done."""


class OffGrid(RequestRefused):
    """Price, size or amount break the market's rules of today: reload them and requantise."""


class WouldCross(RequestRefused):
    """A post-only order would have taken: quote from the present book."""


class NotFilled(RequestRefused):
    """A FOK or FAK order found too little.  Normal; whether to try again is a new decision."""


class BalanceTooLow(RequestRefused):
    """The venue sees too little balance or allowance: refresh both before the next order."""


class AlreadyKnown(RequestRefused):
    """The venue has this very order: treat it as sent, and look it up."""


class NotThere(RequestRefused):
    """The order, book or market that was named does not exist (any more, or not yet)."""


class OpeningForbidden(RequestRefused):
    """This account, or this place, may reduce positions but open none."""


class TryLater(UnderroundError):
    """Nothing was done; it may work later.  ``retry_after_ms`` is the venue's own word, if any."""

    exit_code = 8

    def __init__(self, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class RateLimited(TryLater):
    """Too many requests, and the venue says that this one was not processed."""


class Unreachable(TryLater):
    """No connection to the venue: nothing was sent."""


class VenuePaused(TryLater):
    """The venue restarts, is closed, or takes no new orders for a while."""


class OutcomeUnknown(UnderroundError):
    """The venue may or may not have executed.  Never retry: reconcile by the order's own id."""


class Bug(UnderroundError):
    """The program contradicts itself."""

    exit_code = 70


class Imbalance(Bug):
    """A ledger transaction does not sum to zero in some commodity."""
