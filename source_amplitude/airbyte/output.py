"""Writes messages and log lines to one ordered channel of whole lines."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import select
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO, Any, NoReturn

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import AirbyteMessage, ConnectorSpecification
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets

from source_amplitude.airbyte.ending import end_by, end_with
from source_amplitude.airbyte.errors import airbyte_errors
from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.redaction import Formatter, is_logged, redacted
from source_amplitude.config.form import validate

PIPE_BYTES = 1024 * 1024
PIECE_BYTES = 64 * 1024  # what a write that waits cannot be kept from writing after a signal
LINE_BREAK = ord("\n")


class _BegunLine(threading.local):
    """Holds the beginning of a line that a thread has written."""

    text = ""


class MessageWriter(io.TextIOBase):
    """Writes whole lines to a pipe, from any thread, each line flushed. A signal never cuts one in two.

    The process ends here when the output cannot be written to: by SIGPIPE when nobody reads it any more, otherwise by
    `fail`.

    `bytes_written` is how many bytes have been taken by the pipe.

    :param pipe: whose descriptor is written to; the file itself may write less than it is given
    :param fail: ends the process, from any thread, given the reason; by default with 1 and a sentence on standard error
    """

    def __init__(self, pipe: IO[Any], fail: Callable[[str], NoReturn] | None = None) -> None:
        self._pipe = pipe  # closed otherwise, and its descriptor with it
        self._fail = fail or (lambda reason: end_with(f"Standard output cannot be written to: {reason}."))
        self.bytes_written = 0
        self._descriptor = pipe.fileno()
        self._lock = threading.RLock()  # a signal handler takes it too, in a thread that may have it already
        self._main_thread_is_writing = False
        self._stop_signal: int | None = None
        self._begun = _BegunLine()
        _widen(self._descriptor)

    def write(self, text: str) -> int:
        """Writes whole lines; the beginning of one waits for its line break, which `print` writes on its own."""
        lines, line_break, self._begun.text = (self._begun.text + text).rpartition("\n")
        if line_break:
            self.write_bytes(redacted(lines + line_break).encode("utf-8", "replace"))
        return len(text)

    def write_bytes(self, lines: bytes) -> None:
        in_main_thread = threading.current_thread() is threading.main_thread()
        with self._lock:
            if self._stop_signal is not None:
                return  # the main thread waits for the lock, to end the process
            self._main_thread_is_writing = in_main_thread
            try:
                self._write_all(lines)
            except BrokenPipeError:
                end_by(signal.SIGPIPE)
            except OSError as error:
                self._fail(str(error.strerror))
            finally:
                self._main_thread_is_writing = False
            if in_main_thread and self._stop_signal is not None:
                self._stop(self._stop_signal)

    def flush(self) -> None:
        """Writes the beginning of a line that has no line break yet; whole lines are flushed when they are written."""
        begun, self._begun.text = self._begun.text, ""
        if begun:
            self.write_bytes(redacted(begun).encode("utf-8", "replace"))

    def on_signal(self, signal_number: int, _frame: Any = None) -> None:
        """Ends the process by the signal, at once or after the line that is under way; to be used as a signal handler.

        It raises nothing and logs nothing: the main thread may be anywhere, also within the locks of a queue or a log.
        """
        self._stop_signal = signal_number
        if not self._main_thread_is_writing:
            self._lock.acquire()  # for good, when another thread's line has ended
            self._stop(signal_number)

    def end(self) -> None:
        """Waits for the line that is under way. No other one follows, which the end of the process would cut."""
        self._lock.acquire()

    def _write_all(self, lines: bytes) -> None:
        """Writes lines to a pipe, however little it takes at once, and whether or not it makes its writers wait."""
        left = memoryview(lines)
        while left:
            try:
                taken = os.write(self._descriptor, left[:PIECE_BYTES])
                self.bytes_written += taken
                left = left[taken:]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            if self._stop_signal is not None:
                left = left[: _rest_of_line(lines, len(lines) - len(left))]

    @staticmethod
    def _stop(signal_number: int) -> NoReturn:
        signal.signal(signal_number, signal.SIG_DFL)
        end_by(signal_number)


def _rest_of_line(lines: bytes, position: int) -> int:
    """Counts the bytes after `position` that still belong to the line that has begun before it."""
    if position == 0 or lines[position - 1] == LINE_BREAK:
        return 0
    end = lines.find(LINE_BREAK, position)
    return (end + 1 if end >= 0 else len(lines)) - position


class Entrypoint(AirbyteEntrypoint):
    """Runs the CDK's entrypoint with three differences: record batches go straight to the pipe, a wrong configuration
    is an error whose sentence names the field, and only texts are masked."""

    def __init__(self, source: Any, writer: MessageWriter) -> None:
        super().__init__(source)
        self._writer = writer

    def read(self, *args: Any, **kwargs: Any) -> Iterable[AirbyteMessage]:
        for message in super().read(*args, **kwargs):
            if isinstance(message, RecordBatch):
                self.write_batch(message)
            else:
                yield message

    def write_batch(self, batch: RecordBatch) -> None:
        """Writes records at once; in order, since the caller has written every message before it asks for the next."""
        self._writer.write_bytes(batch.to_lines())

    @staticmethod
    def handle_record_counts(message: AirbyteMessage, stream_message_count: Any) -> AirbyteMessage:
        AirbyteEntrypoint.handle_record_counts(message, stream_message_count)
        if isinstance(message, RecordBatch) and message.record:
            # The CDK counted one message.
            stream_message_count[HashableStreamDescriptor(name=message.record.stream)] += float(len(message) - 1)
        return message

    @staticmethod
    def set_up_secret_filter(config: Any, connection_specification: Mapping[str, Any]) -> None:
        # What is no text is refused by the validation; masked, it would be so in the numbers of all messages.
        secrets = get_secrets(connection_specification, config)
        update_secrets([secret for secret in secrets if isinstance(secret, str)])

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Any) -> None:
        with airbyte_errors():
            validate(config, source_spec.connectionSpecification)


def _widen(descriptor: int) -> None:
    """Lets a pipe hold more than one batch, so that writing one does not wait for the reader 64 KB at a time."""
    with suppress(AttributeError, OSError):  # not Linux, no pipe, or not allowed: only slower
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def send_logs_through(writer: MessageWriter) -> None:
    """Sends log lines into the pipe of the messages."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is PRINT_BUFFER:
            handler.setStream(writer)
            handler.setFormatter(Formatter())
            handler.addFilter(is_logged)
