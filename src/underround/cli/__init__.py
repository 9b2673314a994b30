"""The command line: ``main`` is the only place that turns errors into text and exit codes.

========  ========================================================================
0         done
1         done, and the answer is no (``recording verify``), or a run failed
2         a command line or configuration that is wrong
3 to 8    a recording, the journal, a folder, the key store, an account, a venue that is not
          there: see ``model.errors``
70        a bug; the traceback is in the file that the sentence names
130, 143  interrupted (Ctrl-C), terminated
141       who read the output went away; output that was closed from the start is dropped
========  ========================================================================
"""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from underround.cli.endings import Interrupted, OutputClosed, interruptible
from underround.cli.streams import close_stdout, prepare_streams
from underround.model.errors import Bug, DiskError, UnderroundError
from underround.operations.memory import wipe_all

__all__ = ["main"]

_DISK_ERRORS: Final = {
    errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPERM, errno.EROFS,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code.

    ``--debug`` is understood anywhere: errors then show their traceback.
    """
    prepare_streams()
    atexit.register(wipe_all)
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    code = _run([argument for argument in given if argument != "--debug"], debug)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = OutputClosed.exit_code
    except OSError as error:
        code = code or _failed(error, debug)
        close_stdout()
    if code == OutputClosed.exit_code:
        close_stdout()
    sys.exit(code)


def _run(arguments: list[str], debug: bool) -> int:
    """Return the exit code of a command, whatever happens in it."""
    try:
        with interruptible():
            from underround.cli.commands import run_verb

            return run_verb(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (Interrupted, KeyboardInterrupt) as end:
        number = end.signal if isinstance(end, Interrupted) else signal.SIGINT
        word = "interrupted" if number == signal.SIGINT else "terminated"
        _say(" ".join(filter(None, (word, getattr(end, "when", "")))))
        return 128 + number
    except OutputClosed as end:
        return end.exit_code
    except Exception as error:  # noqa: BLE001  the last net: the operator gets a sentence
        return _failed(error, debug)


def _failed(error: Exception, debug: bool) -> int:
    """Say what failed and return the exit code."""
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, UnderroundError) and not isinstance(error, Bug):
        _say(f"error: {error}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        place = f"{error.filename}: " if error.filename else "the output cannot be written: "
        _say(f"error: {place}{error.strerror}: make room, or choose a folder you may write to")
        return DiskError.exit_code
    place = str(_keep_traceback(error) or "")
    where = f"the traceback is in {place}" if place else "run it again with --debug to see where"
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    _say(f"error: underround contradicts itself ({told}): please report it; {where}")
    return Bug.exit_code


def _say(sentence: str) -> None:
    """Write one line to stderr; control characters of a venue or a file can not act on it."""
    visible = "".join(letter if letter.isprintable() else " " for letter in sentence)
    try:
        print(visible, file=sys.stderr, flush=True)  # noqa: T201  rich may be what failed
    except (OSError, ValueError):
        return  # nobody is there to read it; the exit code still speaks


def _keep_traceback(error: Exception) -> Path | None:
    """Write the traceback into the state folder, else into the temporary one."""
    import tempfile
    import traceback

    from underround.operations.folders import HOME, find_folders

    text = "".join(traceback.format_exception(error))
    try:
        home = find_folders().home
    except UnderroundError:
        home = HOME
    for folder in (home, Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="crash-", suffix=".txt", dir=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return Path(name)
    return None
