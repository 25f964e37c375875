"""Standard output as one ordered channel of whole lines, for messages and log lines alike."""

from __future__ import annotations

import io
import logging
import os
import select
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import AirbyteMessage, ConnectorSpecification
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor

from source_amplitude.airbyte.errors import airbyte_errors
from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.config import validate

PIPE_BYTES = 1024 * 1024


class Stopped(BaseException):  # not an error, and not for the CDK to catch
    """The process was told to end.

    :param signal_number: by which signal; SIGPIPE when nobody reads the output any more
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class OutputFailedError(BaseException):  # not for the CDK to catch either: it would tell of it by writing
    """Standard output cannot be written to, for another reason than that nobody reads it."""


class MessageWriter(io.TextIOBase):
    """Writes whole lines to a pipe, from any thread, each line flushed; a signal never cuts one in two.

    Every write may raise `Stopped` or `OutputFailedError`.

    :param pipe: whose descriptor is written to; the file itself may write less than it is given
    """

    def __init__(self, pipe: IO[Any]) -> None:
        self._pipe = pipe  # closed otherwise, and its descriptor with it
        self._descriptor = pipe.fileno()
        self._lock = threading.RLock()
        self._writing = False
        self._stop_signal: int | None = None
        _widen(self._descriptor)

    def write(self, text: str) -> int:
        self.write_bytes(text.encode("utf-8", "replace"))
        return len(text)

    def write_bytes(self, lines: bytes) -> None:
        with self._lock:
            self._writing = True
            try:
                self._write_all(memoryview(lines))
            except OSError as error:
                # What is still to be said, by log lines and by the interpreter's last flush, would raise it again.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._descriptor)
                if isinstance(error, BrokenPipeError):
                    raise Stopped(signal.SIGPIPE) from None
                raise OutputFailedError(f"Standard output cannot be written to: {error.strerror}.") from None
            finally:
                self._writing = False
        self._stop_if_asked()

    def flush(self) -> None:
        """Nothing to do: every write is flushed."""

    def stop(self, signal_number: int, _frame: Any = None) -> None:
        """A signal handler: ends the process between two writes.

        :raises Stopped: now, or after the write that is under way
        """
        self._stop_signal = signal_number
        if not self._writing:
            self._stop_if_asked()

    def _write_all(self, left: memoryview) -> None:
        """Whatever the pipe takes at once, and whether or not it makes its writers wait."""
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])

    def _stop_if_asked(self) -> None:
        if self._stop_signal is not None and threading.current_thread() is threading.main_thread():
            signal_number, self._stop_signal = self._stop_signal, None
            raise Stopped(signal_number)


class Entrypoint(AirbyteEntrypoint):
    """The CDK's entrypoint with two differences: record batches go straight to the pipe, and a wrong configuration
    is told in a sentence that names the field."""

    def __init__(self, source: Any, writer: MessageWriter) -> None:
        super().__init__(source)
        self._writer = writer

    def read(self, *args: Any, **kwargs: Any) -> Iterable[AirbyteMessage]:
        for message in super().read(*args, **kwargs):
            if isinstance(message, RecordBatch):
                # In order: the caller has written every message before it asks for the next one.
                self._writer.write_bytes(message.to_lines())
            else:
                yield message

    @staticmethod
    def handle_record_counts(message: AirbyteMessage, stream_message_count: Any) -> AirbyteMessage:
        AirbyteEntrypoint.handle_record_counts(message, stream_message_count)
        if isinstance(message, RecordBatch) and message.record:
            # The CDK counted one message.
            stream_message_count[HashableStreamDescriptor(name=message.record.stream)] += float(len(message) - 1)
        return message

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Any) -> None:
        with airbyte_errors():
            validate(config, source_spec.connectionSpecification)


def _widen(descriptor: int) -> None:
    """Let a pipe hold more than one batch, so that writing one does not wait for the reader 64 KB at a time."""
    with suppress(ImportError, AttributeError, OSError):  # not Linux, no pipe, or not allowed: only slower
        import fcntl  # noqa: PLC0415 - does not exist everywhere

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def send_logs_through(writer: MessageWriter) -> None:
    """Make log lines share the pipe with the messages, and drop the CDK's count of records, which counts batches."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is PRINT_BUFFER:
            handler.setStream(writer)
            handler.addFilter(_counts_records_right)


def _counts_records_right(record: logging.LogRecord) -> bool:
    message = str(record.msg)
    return not (message.startswith("Read ") and message.endswith(" records from events stream"))
