"""Shows on standard error how far a `sync` is, its warnings and errors, and a table at the end."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from source_amplitude.airbyte.errors import has_user_message
from source_amplitude.airbyte.redaction import redacted
from source_amplitude.airbyte.sync_files import continues
from source_amplitude.progress import counted

LINE_SECONDS = 30.0
REWRITE_SECONDS = 1.0  # on a terminal
ERASE_TO_THE_RIGHT = "\x1b[K"


@dataclass
class _Stream:
    records: int = 0
    status: str = ""
    next_sync: str = "-"
    hours_left: int | None = None
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0


class SyncReport(logging.Handler):
    """Writes a line of progress every 30 seconds; on a terminal one line, rewritten every second.

    A thread of its own writes it, since the main thread may wait for Amplitude. When nobody reads it any more, the sync
    goes on in silence.

    :param out: standard error
    """

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out
        self._is_terminal = out.isatty()
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._streams: dict[str, _Stream] = {}
        self._current = ""
        self._doing = ""
        self._reported = 0  # records, when the last line was written
        self._has_ended = threading.Event()
        self.stream_count = 0

    def begin(self) -> None:
        """Starts to write progress."""
        threading.Thread(target=self._write_progress, name="progress", daemon=True).start()

    def say(self, line: str) -> None:
        """Writes a line that stays."""
        self._write(line, f"{ERASE_TO_THE_RIGHT}\n" if self._is_terminal else "\n")

    def error(self, sentence: str, stream: str | None = None) -> None:
        """Writes why the sync, or one stream of it, has failed."""
        self.say(f"ERROR {stream}: {sentence}" if stream else f"ERROR {sentence}")

    def records(self, stream: str, count: int) -> None:
        """Counts records of a stream that have gone to the output."""
        self._of(stream).records += count

    def committed(self, state: Mapping[str, Any], hours_left: int | None) -> None:
        """Takes note of a state that is in the state file.

        :param hours_left: how many hours of its stream are still to be read; None where that is unknown
        """
        stream_state = state["stream"]["stream_state"]
        cursor = next((value for value in stream_state.values() if isinstance(value, str)), None)
        following = f"from {cursor}" if cursor else "goes on" if continues(stream_state) else "anew"
        stream = self._of(state["stream"]["stream_descriptor"]["name"])
        stream.next_sync, stream.hours_left = following, hours_left

    def message(self, message: AirbyteMessage) -> None:
        """Takes note of a message on its way to the output."""
        if message.trace and (status := message.trace.stream_status):
            self._current = status.stream_descriptor.name
            stream = self._of(self._current)
            stream.status = status.status.value
            stream.seconds = time.monotonic() - stream.started
        if message.trace and message.trace.error:
            descriptor = message.trace.error.stream_descriptor
            self.error(message.trace.error.message, descriptor.name if descriptor else None)

    def end(self) -> None:
        """Stops the progress, and writes the table of all streams."""
        self._has_ended.set()
        if self._streams:
            self.say(self._table())

    def _of(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream())

    def _write(self, line: str, end: str, width: int | None = None) -> None:
        with self._lock, suppress(OSError, ValueError):
            self._out.write(f"{redacted(filter_secrets(line))[:width]}{end}")
            self._out.flush()

    def _table(self) -> str:
        rows = [["stream", "records", "seconds", "records/s", "ended", "next sync"]]
        for name, stream in self._streams.items():
            speed = f"{stream.records / stream.seconds:,.0f}" if stream.seconds > 0 else "-"
            ended = {"COMPLETE": "complete", "INCOMPLETE": "failed"}.get(stream.status, "stopped")
            rows.append([name, f"{stream.records:,}", f"{stream.seconds:,.1f}", speed, ended, stream.next_sync])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, ["-" * width for width in widths])
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _write_progress(self) -> None:
        while not self._has_ended.wait(REWRITE_SECONDS if self._is_terminal else LINE_SECONDS):
            if self._is_terminal:
                # The cursor goes back, so that whatever is written next takes the line's place.
                self._write(self._progress(), f"{ERASE_TO_THE_RIGHT}\r", shutil.get_terminal_size().columns - 1)
            else:
                self.say(self._progress())

    def _progress(self) -> str:
        stream = self._of(self._current) if self._current else _Stream()
        elapsed = time.monotonic() - stream.started
        total = sum(each.records for each in list(self._streams.values()))
        parts = [f"{stream.records:,} records", f"{stream.records / max(elapsed, 1e-3):,.0f}/s"]
        if stream.hours_left is not None:
            parts.append(f"{counted(stream.hours_left, 'hour')} left")
        if total == self._reported and self._doing:
            parts.append(self._doing)
        self._reported = total
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        which = f"{self._current} ({len(self._streams)} of {self.stream_count})" if self._current else "starting"
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02} {which}: {', '.join(parts)}"

    def emit(self, record: logging.LogRecord) -> None:
        """Shows warnings and errors of the log, and keeps what is being done for the line of progress."""
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno < logging.WARNING:
            if "airbyte_cdk" not in record.pathname:
                self._doing = record.getMessage()
        elif record.levelno == logging.WARNING:
            self.say(f"WARNING {record.getMessage()}")
        elif error is None or not has_user_message(error):
            self.say(logging.Formatter().format(record))
