"""Runs one sync of `events`: the windows after its state, then the recent ones, which are requested again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

from source_amplitude.config.dates import nothing_to_read
from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError
from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.events.estimate import SyncEstimate
from source_amplitude.events.late_hours import WIDEST_REMEMBERED_HOURS, WindowAnswer, recheck
from source_amplitude.events.reader import WindowReader
from source_amplitude.events.state import EventsState
from source_amplitude.events.summary import SyncSummary
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.prefetch import Download, Prefetcher
from source_amplitude.export.windows import HOUR, Window, floor_to_hour
from source_amplitude.http.time_of_day import time_of_day
from source_amplitude.records.coercion import CoercionStats, log_coercions

FAR_AHEAD = timedelta(days=1)


class EventsSync:
    """Reads the events of one sync, window by window, until it is closed.

    `estimated` is how many records, and how many bytes of JSON, the whole sync will have emitted: judged on the way
    into each new window, None where nothing can be said.

    :param state: moves past each window once its records are emitted
    :param limiter: shared by all exports of a sync
    """

    def __init__(self, config: Config, state: EventsState, limiter: ConcurrencyLimiter, logger: logging.Logger) -> None:
        self._config = config
        self._state = state
        self._logger = logger
        self._exporter = Exporter(config, limiter, logger)
        self._newest = self._exporter.newest_complete_hour()
        self._summary = SyncSummary(logger)
        self._estimate = SyncEstimate(self._newest)
        self._coercions = CoercionStats()
        self._prefetcher: Prefetcher | None = None
        self._ready: Download | WindowAnswer | None = None
        self._windows_read = 0
        self.is_closed = False
        self.estimated: tuple[int, int] | None = None

    def windows(self) -> Iterator[Window]:
        """Yields each window once its archive is on disk, to be read before the next one is asked for.

        At the end come the windows of earlier syncs in which hours may have been published late.

        :raises AmplitudeError: as `Downloader.fetch` does
        """
        if self._config.start is not None:
            self._state.recent.forget_before(floor_to_hour(self._config.start))
        for download in self._new_windows():
            self._ready = download
            self.estimated = self._estimate.begin(download.window, download.archive_bytes)
            yield download.window
        self.estimated = None
        for answered in self._state.recent.due(self._newest):  # last, so that no new window waits for them
            if self.is_closed:
                return
            self._ready = answered
            yield answered.window

    def read(self, window: Window) -> Iterator[Records]:
        """Yields the records of the window that `windows` has just yielded, or of another one, which is downloaded.

        :raises AmplitudeError: as `WindowReader.batches` and `Downloader.fetch` do
        """
        ready = self._take_ready(window)
        if isinstance(ready, WindowAnswer):
            yield from self._read_again(ready)
        else:
            started = time.monotonic()
            download = ready or Download(window, self._exporter.fetch_whole(window), time.monotonic() - started)
            self._summary.answered += window.hours
            yield from self._read(download)

    def close(self) -> None:
        """Ends downloads, frees the disk, and logs what was read."""
        if self.is_closed:
            return
        self.is_closed = True
        self._summary.end(self._state.resume_at)
        self._take_ready(None)
        self._exporter.close()
        log_coercions("events", self._coercions, self._logger)

    def _new_windows(self) -> Iterator[Download]:
        """Yields the windows after the state; wide ones end where those begin that are small enough to be rechecked."""
        now = time_of_day(self._config.api_url, self._logger)
        first, reason = self._config.beginning(self._state.resume_at, now)
        start, newest, end = floor_to_hour(first), self._newest, self._config.end
        if end is not None and start > end:
            if self._state.resume_at is None:
                self._logger.warning(nothing_to_read("events", end, start, reason))
            else:
                self._logger.info(f"Everything up to end_date ({end:%Y-%m-%dT%H} UTC) has been read")
            return
        if end is not None:
            newest = min(newest, end)
        if start > newest:
            text = (
                f"No complete hour to read yet: the next hour to read is {start:%Y-%m-%dT%H} UTC, "
                f"the newest complete one {newest:%Y-%m-%dT%H} UTC"
            )
            # A day more than any delay is no waiting: a state, a start date or a clock is wrong.
            self._logger.log(logging.WARNING if start - newest > FAR_AHEAD else logging.INFO, text)
            return
        self._summary.begin(self._config, Window(start, newest), reason)
        ranges = [Window(start, newest)]
        recent = self._newest - (WIDEST_REMEMBERED_HOURS - 1) * HOUR
        if start < recent <= newest and self._config.batch_size_hours > WIDEST_REMEMBERED_HOURS:
            ranges = [Window(start, recent - HOUR), Window(recent, newest)]
        self._prefetcher = self._exporter.downloads(*ranges)
        yield from self._prefetcher

    def _take_ready(self, window: Window | None) -> Download | WindowAnswer | None:
        """Returns what is ready for a window, and drops what is ready for another one."""
        ready, self._ready = self._ready, None
        if ready is not None and ready.window == window:
            return ready
        if isinstance(ready, Download) and ready.archive is not None:
            ready.archive.close()
        return None

    def _read(self, download: Download) -> Iterator[Records]:
        """Yields the records of a window, and moves the state past it when all are taken."""
        started = time.monotonic()
        records = size = 0
        if download.archive is None:
            self._summary.without_data += download.window.hours
        else:
            converter = RecordConverter(json_columns_as_string=self._config.json_columns_as_string)
            reader = WindowReader(
                download.window, download.archive, self._exporter.fetch_whole, converter, self._logger
            )
            try:
                for batch in reader.batches():
                    self._coercions.add(batch.coercions)
                    records += len(batch)
                    size += len(batch.ndjson)
                    if (progress := self._exporter.progress).is_due():
                        progress.log(f"events {download.window}: {records:,} events read so far")
                    yield batch
            finally:
                self._summary.read(download.archive_bytes, reader.lines, reader.records)
        self._check_complete(download.window)
        self._estimate.end(records, size)
        self._state.move_to(download.window.resume_at)
        self._state.recent.add(download.window, download.archive_bytes, records, self._newest)
        self._windows_read += 1
        self._log_window(download, records, time.monotonic() - started)

    def _check_complete(self, window: Window) -> None:
        """
        :raises ConfigError: by now Amplitude's answers show that the window is not complete
        """
        newest = self._exporter.newest_complete_hour()
        if window.last > newest:
            raise ConfigError(
                f"The hours {window} were read before they are complete by Amplitude's clock, in which "
                f"{newest:%Y-%m-%dT%H} UTC is the newest: they are read again by the next sync. Set the clock of this "
                "machine, and let HEAD requests pass."
            )

    def _read_again(self, answered: WindowAnswer) -> Iterator[Records]:
        """Requests a window of an earlier sync again, and yields its records if they have changed."""
        now, downloads = recheck(answered, self._exporter, self._logger)
        self._summary.answered_again += answered.window.hours
        self._prefetcher = downloads if isinstance(downloads, Prefetcher) else None
        is_changed = False
        for download in downloads:
            yield from self._read(download)
            is_changed = True
        if is_changed:
            self._state.recent.forget(answered)  # where its parts were read in its place
        else:
            self._state.recent.add(now.window, now.archive_bytes, now.events, self._newest)
            if not now.archive_bytes:
                self._summary.without_data += now.window.hours

    def _log_window(self, download: Download, records: int, seconds: float) -> None:
        if download.archive is None:
            return  # logged together with its neighbours
        left = self._prefetcher.windows_left() if self._prefetcher else 0
        self._logger.info(
            f"events {download.window}: {records:,} events, {download.archive_bytes / 1e6:.1f} MB "
            f"in {download.seconds:.1f} s, "
            f"read in {seconds:.1f} s ({records / max(seconds, 1e-3):,.0f} events/s), "
            f"window {self._windows_read} of {self._windows_read + left}"
        )
