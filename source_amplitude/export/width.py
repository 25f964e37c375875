"""Learns from answers how wide the next export request may be."""

from __future__ import annotations

TARGET_ARCHIVE_BYTES = 512 * 1024 * 1024
FIRST_PATIENCE = 8


class AdaptiveWidth:
    """Keeps the widest range, in hours, of a request: narrowed by trouble, grown back by success.

    It halves when Amplitude says that a range is too much, shrinks in proportion when an archive is larger than
    512 MiB (so that checkpoints stay frequent and the disk in use small), and grows by half after a run of windows
    that went well. Each relapse doubles the length of that run. `proven` says whether a range has been served since the
    last refusal.
    """

    def __init__(self, widest_hours: int) -> None:
        self._widest = widest_hours
        self._patience = FIRST_PATIENCE
        self._good_windows = 0
        self.hours = widest_hours
        self.proven = True

    def refused(self, hours: int) -> None:
        """Learns that a range of `hours` was too much for the server, or for the disk."""
        self.proven = False
        if hours // 2 < self.hours:
            if self._good_windows or self.hours < self._widest:
                self._patience *= 2
            self._narrow_to(hours // 2)

    def served(self, hours: int, archive_bytes: int) -> None:
        """Learns that a range of `hours` came back as an archive of `archive_bytes`."""
        self.proven = True
        if archive_bytes > TARGET_ARCHIVE_BYTES:
            self._narrow_to(min(self.hours, hours * TARGET_ARCHIVE_BYTES // archive_bytes))
        elif hours >= self.hours and archive_bytes * 3 < TARGET_ARCHIVE_BYTES * 2:
            self._good_windows += 1
            if self._good_windows >= self._patience:
                self._good_windows = 0
                self.hours = min(self._widest, self.hours + max(1, self.hours // 2))

    def _narrow_to(self, hours: int) -> None:
        self.hours = max(1, hours)
        self._good_windows = 0
