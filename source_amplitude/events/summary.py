"""Logs the first and the last line of a sync of `events`."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from source_amplitude.config.model import Config
from source_amplitude.export.windows import Window
from source_amplitude.progress import counted


class SyncSummary:
    """Logs at once what will be read, and at the end what was asked for, answered and emitted.

    Hours are counted by who reads them: `answered` after the state, `answered_again` of earlier syncs, `without_data`
    of either.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._started_at = time.monotonic()
        self._asked: int | None = None
        self.answered = self.answered_again = self.without_data = 0
        self._archives = self._archive_bytes = self._lines = self._records = 0

    def begin(self, config: Config, hours: Window, reason: str) -> None:
        """Logs the range to read, and why it begins there."""
        self._asked = hours.hours
        width, workers = counted(config.batch_size_hours, "hour"), counted(config.num_workers, "export")
        self._logger.info(
            f"events: reading {counted(hours.hours, 'hour')}, {_hour(hours.first)} ({reason}) to {_hour(hours.last)} "
            f"UTC, up to {width} an export, up to {workers} at once"
        )

    def read(self, archive_bytes: int, lines: int, records: int) -> None:
        """Counts an archive: the lines that were read of it, and the records that they became."""
        self._archives += 1
        self._archive_bytes += archive_bytes
        self._lines += lines
        self._records += records

    def end(self, resume_at: datetime | None) -> None:
        """Logs the totals, unless there was nothing to ask for.

        :param resume_at: the first hour that is still to be read; None when nothing was read yet
        """
        if self._asked is None and not self.answered and not self.answered_again:
            return
        asked = counted(self.answered if self._asked is None else self._asked, "hour")
        again = f", and again for {self.answered_again:,} of earlier syncs" if self.answered_again else ""
        following = f"the next incremental sync begins at {_hour(resume_at)} UTC" if resume_at else "no state yet"
        self._logger.info(
            f"events: asked for {asked}, {self.answered:,} answered{again}: {counted(self._archives, 'archive')} of "
            f"{counted(self._archive_bytes, 'byte')} with {counted(self._lines, 'line')}, "
            f"{counted(self.without_data, 'hour')} without data; "
            f"emitted {counted(self._records, 'record')} in {time.monotonic() - self._started_at:.1f} s; {following}"
        )


def _hour(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H}"
