"""Runs one command of Airbyte's protocol, from the arguments to the last message."""

from __future__ import annotations

import argparse
import atexit
import io
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import IO, Any, NoReturn

from airbyte_cdk.sources import Source

from source_amplitude.airbyte import ending
from source_amplitude.airbyte.arguments import NAME
from source_amplitude.airbyte.errors import StreamsFailedError, airbyte_errors
from source_amplitude.airbyte.output import Entrypoint, MessageWriter, send_logs_through
from source_amplitude.errors import no_temporary_folder

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_command(source: Source, arguments: argparse.Namespace) -> None:
    """Runs one command of a source that emits record batches."""
    writer = open_output()
    write_messages(Entrypoint(source, writer), writer, arguments)


def write_messages(entrypoint: Entrypoint, writer: MessageWriter, arguments: argparse.Namespace) -> None:
    """Writes the messages of one command, each before the next one is asked for.

    Ends the process with 1 where streams have failed.
    """
    logging.getLogger("airbyte").info(NAME)
    require_a_temporary_folder()
    try:
        for message in entrypoint.run(arguments):
            writer.write(f"{message}\n")
    except StreamsFailedError:
        sys.exit(1)  # each of them has emitted a TRACE message with the reason


def open_output(pipe: IO[Any] | None = None, fail: Callable[[str], NoReturn] | None = None) -> MessageWriter:
    """Sends all that is printed or logged through one writer, which also ends the process on SIGTERM and SIGINT.

    :param pipe: where to; by default standard output
    :param fail: ends the process when it cannot be written to (see `MessageWriter`)
    """
    if pipe is None and (pipe := sys.stdout) is None:
        sys.__stdout__ = io.StringIO()  # type: ignore[misc,assignment]  # where the CDK's logger writes at the very end
        sys.exit("Standard output is closed.")
    ending.prepare()
    writer = MessageWriter(pipe, fail)
    sys.stdout = sys.__stdout__ = writer  # type: ignore[misc,assignment]
    send_logs_through(writer)
    for number in STOP_SIGNALS:
        signal.signal(number, writer.on_signal)
    atexit.register(writer.end)
    return writer


@airbyte_errors()
def require_a_temporary_folder() -> None:
    """Checks that a temporary folder can be written to.

    :raises AirbyteTracedException: a config_error, where there is none
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # Python tries the folder with a file, which would be left
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        raise no_temporary_folder(error) from error
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    wanted = os.environ.get("TMPDIR")
    if wanted and os.path.abspath(wanted) != folder:  # noqa: PTH100 - as Python does, links and all
        logging.getLogger("airbyte").warning(
            f"TMPDIR names {wanted}, where no file can be written: the temporary folder is {folder}"
        )
