"""Downloads windows ahead of their reader, in order."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial

from source_amplitude.errors import ConfigError
from source_amplitude.export.archive import Archive
from source_amplitude.export.download import DiskFullError, TooMuchAtOnceError
from source_amplitude.export.width import AdaptiveWidth
from source_amplitude.export.windows import Window, next_window
from source_amplitude.progress import Progress, counted
from source_amplitude.threads import Cancellation, in_background

SMALLEST_EXPECTED_BYTES = 16 * 1024 * 1024
DISCARD_SECONDS = 10.0
Fetch = Callable[[Window, Cancellation], Archive | None]


@dataclass(frozen=True)
class Download:
    """Holds a window that is ready to be read; `archive` is None when nothing was uploaded in it."""

    window: Window
    archive: Archive | None
    seconds: float

    @property
    def archive_bytes(self) -> int:
        return self.archive.size if self.archive else 0


class _Pending:
    """Holds hours that are still to be read: those of one window once its download has started, any until then."""

    def __init__(self, hours: Window) -> None:
        self.hours = hours
        self.download: Future[Download] | None = None
        self.started_at = 0.0
        self._cancellation = Cancellation()

    def start(self, window: Window, fetch: Fetch) -> None:
        self.hours = window
        cancellation = self._cancellation = Cancellation()
        started = self.started_at = time.monotonic()

        def download() -> Download:
            return Download(window, fetch(window, cancellation), time.monotonic() - started)

        self.download = in_background(download, f"export-{window}")

    def discard(self) -> Future[Download] | None:
        """Ends the download, and frees the disk as soon as it has ended."""
        discarded, self.download = self.download, None
        if discarded is not None:
            discarded.add_done_callback(_close_archive)
            self._cancellation.cancel()
        return discarded


class EmptyWindowLog:
    """Logs windows without events that follow each other in one line, so that a quiet project does not fill a log."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._windows: list[Window] = []
        self.is_going_on = False

    def add(self, window: Window) -> None:
        self._windows.append(window)
        self.is_going_on = True
        if self._progress.is_due():
            self._log()

    def end(self) -> None:
        self.is_going_on = False
        self._log()

    def _log(self) -> None:
        if self._windows:
            hours = sum(window.hours for window in self._windows)
            span = Window(self._windows[0].first, self._windows[-1].last)
            self._progress.log(
                f"No events in {span} ({counted(hours, 'hour')}, {counted(len(self._windows), 'export')})"
            )
            self._windows.clear()


@dataclass
class Prefetcher:
    """Iterates over the windows of some ranges of hours in order, with up to `workers` downloads ahead of the reader.

    They go on while the reader reads. Where the disk turns out to be too small for that, one window at a time is
    downloaded and read.

    Windows that turn out to be too much are split in place, so the order never changes and no hour is read twice. Until
    the narrower width has worked once, only the oldest window is asked for: more of them would fail in the same way.

    :param progress: logs what is asked for and waited for
    """

    fetch: Fetch
    ranges: Iterable[Window]
    width: AdaptiveWidth
    workers: int
    logger: logging.Logger
    progress: Progress
    _one_at_a_time: bool = False
    _largest_archive_bytes: int = 0

    def __post_init__(self) -> None:
        self._quiet = EmptyWindowLog(self.progress)
        self._pending = list(map(_Pending, self.ranges))

    def __iter__(self) -> Iterator[Download]:
        return self

    def __next__(self) -> Download:
        while True:
            self._start_downloads()
            if not self._pending:
                self._quiet.end()
                raise StopIteration
            oldest = self._pending[0]
            if oldest.download is None:
                self._start(0)
                continue
            try:
                download = self.progress.result_of(oldest.download, partial(self._waiting_for, oldest))
            except TooMuchAtOnceError as error:
                self._split(oldest, error.reason)
            except DiskFullError as error:
                self._make_room(oldest, error)
            else:
                self._pending.pop(0)
                self._largest_archive_bytes = max(self._largest_archive_bytes, download.archive_bytes)
                self.width.served(download.window.hours, download.archive_bytes)
                if download.archive is None:
                    self._quiet.add(download.window)
                else:
                    self._quiet.end()
                self._start_downloads()
                return download

    def windows_left(self) -> int:
        """Estimates how many windows are still to come after the last one returned, at the present width."""
        return sum(1 if each.download else -(-each.hours.hours // self.width.hours) for each in self._pending)

    def close(self) -> None:
        """Drops what was downloaded ahead; nothing follows."""
        while self._pending:
            self._pending.pop().discard()
        self._quiet.end()

    def _start_downloads(self) -> None:
        """Starts what may be downloaded ahead; the oldest window is started where it is waited for."""
        position = 0
        while position < len(self._pending):
            pending = self._pending[position]
            if pending.download is None:
                if not self._may_start_one_more():
                    return
                self._start(position)
            elif position > 0 and pending.download.done():
                error = pending.download.exception()
                if isinstance(error, TooMuchAtOnceError):
                    self._split(pending, error.reason)
                    continue
            position += 1

    def _start(self, position: int) -> None:
        """Starts the download of as many of the hours at a position as one export may have; the others follow them."""
        pending = self._pending[position]
        last = pending.hours.last
        window = next_window(pending.hours.first, last, self.width.hours)
        if window is None:  # before 2014-11-12, a day that is not whole
            del self._pending[position]
            return
        if window.resume_at <= last:
            self._pending.insert(position + 1, _Pending(Window(window.resume_at, last)))
        if not self._quiet.is_going_on:
            self.progress.log(f"Asking for the export of {window} ({counted(window.hours, 'hour')})")
        pending.start(window, self.fetch)

    def _waiting_for(self, oldest: _Pending) -> str:
        return (
            f"Waiting for the export of {oldest.hours} ({time.monotonic() - oldest.started_at:.0f} s so far): "
            f"{sum(not download.done() for download in self._downloads())} under way, "
            f"{self.progress.megabytes:,.1f} MB received in all"
        )

    def _downloads(self) -> list[Future[Download]]:
        return [pending.download for pending in self._pending if pending.download is not None]

    def _may_start_one_more(self) -> bool:
        downloads = self._downloads()
        if self._one_at_a_time or not self.width.proven or len(downloads) >= self.workers:
            return False
        expected = max(SMALLEST_EXPECTED_BYTES, self._largest_archive_bytes * 5 // 4)
        unfinished = sum(not download.done() for download in downloads)
        return shutil.disk_usage(tempfile.gettempdir()).free > expected * (unfinished + 1)

    def _split(self, pending: _Pending, reason: str) -> None:
        """Lets hours that were too much for one export be asked for again, in narrower windows."""
        self.width.refused(pending.hours.hours)
        self.logger.info(
            f"The hours {pending.hours} are too much for one export ({reason}): "
            f"asking for {self.width.hours} {'hours' if self.width.hours > 1 else 'hour'} at once"
        )
        pending.discard()

    def _make_room(self, oldest: _Pending, error: DiskFullError) -> None:
        """Gives a full disk to the oldest window alone; where that is not enough, splits the window, then gives up."""
        if not self._one_at_a_time:
            self.logger.warning(f"The temporary folder is full ({error}): downloading one window at a time from here")
            self._one_at_a_time = True
            discarded = [pending.discard() for pending in self._pending]
            # One that still waits for a silent server holds no disk space.
            wait([download for download in discarded if download], timeout=DISCARD_SECONDS)
        elif oldest.hours.can_be_split:
            self._split(oldest, "the temporary folder is full")
        else:
            megabytes = max(1, round(error.needed_bytes / 1e6))
            needed = f": at least {megabytes:,} MB are needed" if error.needed_bytes else ""
            raise ConfigError(
                f"The temporary folder {tempfile.gettempdir()} has no room for the export of {oldest.hours}{needed}. "
                "Give it more space, or point TMPDIR to a larger disk; "
                "num_workers and batch_size_hours lower what is needed for more than one hour."
            ) from error


def _close_archive(download: Future[Download]) -> None:
    if download.exception() is None and (archive := download.result().archive):
        archive.close()
