"""Ends the process by the signal that it received, from any thread, with nothing left behind.

Nothing is raised and nothing unwound: sockets and unnamed files end with the process.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

_folders: list[str] = []


def prepare() -> None:
    """Makes `end_by` possible in threads that are started from now on. To be called in the main thread, once."""
    sys.addaudithook(_note_folders)
    # Only the main thread may change what a signal does, but any thread may meet a closed output. A blocked SIGPIPE is
    # as good as Python's ignored one (writing raises BrokenPipeError), and a thread can let it through.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def end_by(signal_number: int) -> NoReturn:
    """Ends the process as the signal alone would have: PyAirbyte and shells distinguish a stop from a failure by that.

    :param signal_number: one that the process does not handle (any more)
    """
    _remove_folders()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal_number])
    signal.raise_signal(signal_number)
    os._exit(128 + signal_number)  # the first process of a container, which survives signals of its own


def end_with(sentence: str) -> NoReturn:
    """Ends the process with 1 after a sentence on standard error; an empty one is not written."""
    _remove_folders()
    if sys.stderr is not None and sentence:
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
    os._exit(1)


def _note_folders(event: str, arguments: tuple[Any, ...]) -> None:
    """Remembers a temporary folder when Python announces it, which is before it is made."""
    if event == "tempfile.mkdtemp":
        _folders.append(arguments[0])


def _remove_folders() -> None:
    for folder in _folders:
        with suppress(OSError):  # removed already, not made yet, or not empty
            os.rmdir(folder)  # noqa: PTH106 - this may run in a signal handler: one system call
