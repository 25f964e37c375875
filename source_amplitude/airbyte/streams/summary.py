"""The first and the last log line of a sync of `events`."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from source_amplitude.config.model import Config
from source_amplitude.export.windows import Window
from source_amplitude.progress import counted


class SyncSummary:
    """Says at once what will be read, and at the end what was.

    :param hours: the range to read
    :param reason: why it begins there
    """

    def __init__(self, config: Config, hours: Window, reason: str, logger: logging.Logger) -> None:
        self._logger = logger
        self._started_at = time.monotonic()
        self._events = self._hours = 0
        self._megabytes = 0.0
        width, workers = counted(config.batch_size_hours, "hour"), counted(config.num_workers, "export")
        logger.info(
            f"events: reading {counted(hours.hours, 'hour')}, {_hour(hours.first)} ({reason}) to {_hour(hours.last)} "
            f"UTC, up to {width} an export, up to {workers} at once"
        )

    def add(self, window: Window, events: int, megabytes: float) -> None:
        """A window is read: its events, and the size of its archive in MB (10^6 bytes)."""
        self._hours += window.hours
        self._events += events
        self._megabytes += megabytes

    def tell(self, resume_at: datetime | None) -> None:
        """It has ended.

        :param resume_at: the first hour that is still to be read; None when nothing was read yet
        """
        following = f"the next incremental sync begins at {_hour(resume_at)} UTC" if resume_at else "no state yet"
        self._logger.info(
            f"events: {counted(self._events, 'event')} of {counted(self._hours, 'hour')}, {self._megabytes:,.1f} MB, "
            f"in {time.monotonic() - self._started_at:.1f} s; {following}"
        )


def _hour(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H}"
