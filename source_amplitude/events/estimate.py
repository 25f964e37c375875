"""Estimates how much a sync will emit, for Airbyte's progress display."""

from __future__ import annotations

from datetime import datetime

from source_amplitude.export.windows import HOUR, Window

# Until a sync has read events of its own. Events of 1.9 KB that make archives of 300 bytes an event are ordinary.
USUAL_ARCHIVE_BYTES_PER_ROW = 300
USUAL_BYTES_PER_ROW = 1900


class SyncEstimate:
    """Estimates what all windows of a sync hold by those that were read so far.

    The archive of a window is on disk before its records are read, and its size says more than the number of its hours.
    So each window counts with its archive, and the hours after it with the average of those up to it; what an archive
    byte stands for is learnt from the windows that were read.

    :param newest: the last hour of the sync
    """

    def __init__(self, newest: datetime) -> None:
        self._newest = newest
        self._hours = 0
        self._archive_bytes = 0
        self._read_archive_bytes = 0
        self._rows = 0
        self._bytes = 0

    def begin(self, window: Window, archive_bytes: int) -> tuple[int, int] | None:
        """Estimates, before a window is read, how many records and bytes of them the whole sync will have emitted.

        Never less than what is out already; None as long as no window held anything.
        """
        self._hours += window.hours
        self._archive_bytes += archive_bytes
        if not self._archive_bytes:
            return None
        hours_left = max(0, int((self._newest - window.last) / HOUR))
        unread = archive_bytes + self._archive_bytes * hours_left / self._hours
        rows_per_byte = 1 / USUAL_ARCHIVE_BYTES_PER_ROW
        bytes_per_row = float(USUAL_BYTES_PER_ROW)
        if self._rows:
            rows_per_byte = self._rows / self._read_archive_bytes
            bytes_per_row = self._bytes / self._rows
        rows = self._rows + unread * rows_per_byte
        return round(rows), round(self._bytes + unread * rows_per_byte * bytes_per_row)

    def end(self, rows: int, size: int) -> None:
        """Counts a window that was read: it held `rows` records of `size` bytes of JSON."""
        self._rows += rows
        self._bytes += size
        self._read_archive_bytes = self._archive_bytes
