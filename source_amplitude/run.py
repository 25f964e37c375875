"""The `source-amplitude` command: spec, check, discover, read."""

from __future__ import annotations

import signal
import sys
import tempfile

from source_amplitude.errors import config_error
from source_amplitude.output import Entrypoint, MessageWriter, Stopped, send_logs_through
from source_amplitude.source import SourceAmplitude


def run(args: list[str] | None = None) -> None:
    """Run one command with the arguments of the process, or with `args`.

    Ends the process with 1 after an error (told in a TRACE message), with 128 + n after signal n, and with 141 when
    nobody reads the output any more.
    """
    writer = MessageWriter(sys.stdout.buffer)
    sys.stdout = writer
    send_logs_through(writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, writer.stop)
    entrypoint = Entrypoint(SourceAmplitude(in_batches=True), writer)
    _require_a_temporary_folder()
    messages = entrypoint.run(entrypoint.parse_args(sys.argv[1:] if args is None else args))
    try:
        for message in messages:
            writer.write(f"{message}\n")
    except Stopped as stopped:
        sys.exit(128 + stopped.signal_number)


def _require_a_temporary_folder() -> None:
    """The CDK needs one for every command, and archives are downloaded to it."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise config_error(
            "No temporary folder can be written to: mount one at /tmp, or set TMPDIR to a writable folder.", str(error)
        ) from error
