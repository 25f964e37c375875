"""The `source-amplitude` command: spec, check, discover, read."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import closing
from typing import NoReturn, cast

from source_amplitude.airbyte.errors import airbyte_errors
from source_amplitude.airbyte.output import Entrypoint, MessageWriter, OutputFailedError, Stopped, send_logs_through
from source_amplitude.errors import no_temporary_folder
from source_amplitude.source import SourceAmplitude

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(args: list[str] | None = None) -> None:
    """Run one command with the arguments of the process, or with `args`.

    Ends the process with 1 after an error (told in a TRACE message), by the signal that told it to stop, and by SIGPIPE
    when nobody reads the output any more.
    """
    if sys.stdout is None:
        sys.__stdout__ = io.StringIO()  # type: ignore[misc,assignment]  # where the CDK's logger writes at the very end
        sys.exit("Standard output is closed.")
    writer = MessageWriter(sys.stdout)
    sys.stdout = sys.__stdout__ = writer  # type: ignore[misc,assignment]
    try:
        send_logs_through(writer)
        for number in STOP_SIGNALS:
            signal.signal(number, writer.stop)
        entrypoint = Entrypoint(SourceAmplitude(in_batches=True), writer)
        _require_a_temporary_folder()
        parsed = entrypoint.parse_args(sys.argv[1:] if args is None else args)
        with closing(cast("Generator[str, None, None]", entrypoint.run(parsed))) as messages:
            for message in messages:
                writer.write(f"{message}\n")
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)  # nothing is left that could be cut in two
    except Stopped as stopped:
        _end_by(stopped.signal_number)
    except OutputFailedError as error:
        sys.exit(str(error))


@airbyte_errors()
def _require_a_temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise no_temporary_folder(error) from error


def _end_by(signal_number: int) -> NoReturn:
    """End as the signal alone would have ended the process: PyAirbyte and shells tell a stop from a failure by that."""
    signal.signal(signal_number, signal.SIG_DFL)
    os.kill(os.getpid(), signal_number)
    sys.exit(128 + signal_number)  # the first process of a container, which survives signals of its own
