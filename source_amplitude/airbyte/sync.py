"""Runs `sync`: a `read` whose messages go to a file, and whose states are kept, for those who have no Airbyte."""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from airbyte_cdk.models import AirbyteMessage, AirbyteStateMessageSerializer, ConnectorSpecification
from airbyte_cdk.sources import Source
from airbyte_cdk.utils import AirbyteTracedException

from source_amplitude.airbyte import ending
from source_amplitude.airbyte.command import open_output, write_messages
from source_amplitude.airbyte.errors import has_user_message
from source_amplitude.airbyte.output import Entrypoint, MessageWriter
from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.report import SyncReport
from source_amplitude.airbyte.sync_files import OutputFile, StateFile
from source_amplitude.clock import clock_of
from source_amplitude.config.dates import parse_timestamp
from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError
from source_amplitude.events.state import CURSOR_FIELD
from source_amplitude.export.windows import HOUR, newest_complete_hour

AGAIN = "The state file has the state of the last commit: run the same command again once this is mended"


def run_sync(source: Source, arguments: argparse.Namespace) -> None:
    """Appends what `read` prints to a file, and keeps each state once the records before it are on disk.

    Ends the process as `read` does: with 1 after an error, which is on standard error as a sentence.
    """
    report = SyncReport(sys.stderr or io.StringIO())
    try:
        output, state = _files(arguments, report)
    except ConfigError as error:
        report.error(error.message)
        sys.exit(1)
    writer = open_output(
        output.file, lambda reason: _fail(report, f"The output file {output.path} cannot be written: {reason}")
    )
    logging.getLogger().addHandler(report)
    report.begin()
    try:
        entrypoint = _Sync(source, writer, output, state, report)
        write_messages(entrypoint, writer, argparse.Namespace(**{**vars(arguments), "command": "read"}))
    except AirbyteTracedException as error:
        if has_user_message(error):
            report.error(str(error))
        raise  # to where `read` writes it too
    finally:
        report.end()


def _files(arguments: argparse.Namespace, report: SyncReport) -> tuple[OutputFile, StateFile]:
    """Opens the output and the state.

    :raises ConfigError: one of them cannot be used
    """
    state = StateFile(arguments.state)
    if state.uses(arguments.output):
        raise ConfigError(f"The state and the output cannot be in one file, {arguments.output}: name another one.")
    output = OutputFile(arguments.output)
    if output.cut_off:
        report.say(
            f"{output.path} ended within a line of a sync that was killed: its {output.cut_off:,} bytes were removed"
        )
    if not state.open():
        report.say(f"There is no state in {state.path} yet: everything is read")
    return output, state


class _Sync(Entrypoint):
    """Runs a `read` that is reported, and whose states are committed."""

    def __init__(
        self, source: Source, writer: MessageWriter, output: OutputFile, state: StateFile, report: SyncReport
    ) -> None:
        super().__init__(source, writer)
        self._output = output
        self._state = state
        self._report = report
        self._config: Mapping[str, Any] = {}

    def read(
        self, source_spec: ConnectorSpecification, config: Any, catalog: Any, state: list[Any]
    ) -> Iterable[AirbyteMessage]:
        self._config = config
        self._report.stream_count = len(catalog.streams)
        for message in super().read(source_spec, config, catalog, state):
            self._report.message(message)
            yield message
            if message.state:  # and it is written, since the next message is asked for
                self._commit(AirbyteStateMessageSerializer.dump(message.state))
        self._flush()

    def write_batch(self, batch: RecordBatch) -> None:
        super().write_batch(batch)
        if batch.record:
            self._report.records(batch.record.stream, len(batch))

    def _commit(self, state: Mapping[str, Any]) -> None:
        """Keeps a state once everything that was written before it is on disk; where that fails, ends the process."""
        self._flush()
        try:
            self._state.commit(state)
        except OSError as error:
            _fail(self._report, f"The state file {self._state.path} cannot be written: {error.strerror}")
        self._report.committed(state, self._hours_left(state["stream"]["stream_state"].get(CURSOR_FIELD)))

    def _flush(self) -> None:
        """Waits until everything that was written is on disk; where that fails, ends the process."""
        try:
            self._output.sync(self._writer.bytes_written)
        except OSError as error:
            _fail(self._report, f"The output file {self._output.path} is not on disk as it should be: {error.strerror}")

    def _hours_left(self, cursor: str | None) -> int | None:
        """Counts the complete hours of events that follow a state; None for the state of another stream."""
        if cursor is None:
            return None
        config = Config.from_mapping(self._config)
        newest = newest_complete_hour(clock_of(config.api_url).earlier(), config.export_delay_hours)
        newest = min(newest, config.end) if config.end else newest
        return max(0, int((newest + HOUR - parse_timestamp(cursor)) / HOUR))


def _fail(report: SyncReport, sentence: str) -> NoReturn:
    """Ends the process at once: further messages would go to a file that is not what it should be."""
    report.error(f"{sentence}. {AGAIN}.")
    report.end()
    ending.end_with("")
