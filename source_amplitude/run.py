"""Runs the `source-amplitude` command: spec, check, discover and read for Airbyte, catalog and sync without it."""

from __future__ import annotations

import gc
import signal
import sys


def run(args: list[str] | None = None) -> None:
    """Runs one command with the arguments of the process, or with `args`.

    Ends the process with 1 after an error (which a TRACE message describes), with 2 after unknown arguments, by SIGTERM
    or SIGINT where one of them was received, and by SIGPIPE when nobody reads the output any more.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would answer with a traceback while it imports
    from source_amplitude.airbyte.arguments import parse  # noqa: PLC0415 - after the signal

    arguments = parse(sys.argv[1:] if args is None else args)
    gc.disable()  # what is imported stays: to look through it again and again takes a sixth of the imports' time
    from source_amplitude.airbyte import catalog, command, sync  # noqa: PLC0415 - takes a second
    from source_amplitude.source import SourceAmplitude  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    runs = {"catalog": catalog.print_catalog, "sync": sync.run_sync}
    runs.get(arguments.command, command.run_command)(SourceAmplitude(in_batches=True), arguments)
