"""Offers what a reader of events needs of the Export API: windows downloaded ahead, and one window whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from source_amplitude.config.model import Config
from source_amplitude.errors import TransientError, UnexpectedError
from source_amplitude.export.archive import Archive, ArchiveDamagedError, BadLineError
from source_amplitude.export.client import ExportClient
from source_amplitude.export.download import DiskFullError, Downloader, TooMuchAtOnceError
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.prefetch import Prefetcher
from source_amplitude.export.width import AdaptiveWidth
from source_amplitude.export.windows import Window, export_hour, newest_complete_hour, without_hours
from source_amplitude.http import retry
from source_amplitude.http.time_of_day import time_of_day
from source_amplitude.progress import Progress
from source_amplitude.threads import Cancellation, in_background


class Exporter:
    """Downloads the exports of one reader, until it is closed.

    `progress` is for its reader too.

    :param limiter: shared by all exporters of a sync
    """

    def __init__(self, config: Config, limiter: ConcurrencyLimiter, logger: logging.Logger) -> None:
        self._config = config
        self._logger = logger
        self.progress = Progress(logger)
        self._downloader = Downloader(ExportClient(config, logger), limiter, logger, self.progress.received)
        self._prefetchers: list[Prefetcher] = []

    def newest_complete_hour(self) -> datetime:
        """Returns the newest hour that may be read now.

        :raises ConfigError: as `time_of_day`
        """
        now = time_of_day(self._config.api_url, self._logger)
        return newest_complete_hour(now, self._config.export_delay_hours)

    def downloads(self, *ranges: Window, width: AdaptiveWidth | None = None) -> Prefetcher:
        """Iterates over the windows of some ranges of hours in order, with their archives downloaded ahead.

        Without the hours of `skip_hours`, which a warning names.

        :param width: what is known of how wide they may be; None: nothing yet
        """
        width = width or AdaptiveWidth(self._config.batch_size_hours)
        skipped = [hour for hour in sorted(self._config.skip_hours) if any(r.first <= hour <= r.last for r in ranges)]
        if skipped:
            named = ", ".join(map(export_hour, skipped))
            self._logger.warning(f"Left out, as skip_hours says, so that their events are not read: {named}")
        parts = [part for window in ranges for part in without_hours(window, skipped)]
        workers = self._config.num_workers
        prefetcher = Prefetcher(self._downloader.fetch, parts, width, workers, self._logger, self.progress)
        self._prefetchers.append(prefetcher)
        return prefetcher

    def fetch_whole(self, window: Window) -> Archive | None:
        """Downloads the archive of a window that must not be split, because a part of it is out already.

        :raises AmplitudeError: as `Downloader.fetch`; TransientError where it would have to be split
        """
        try:
            return self.fetch(window)
        except (TooMuchAtOnceError, DiskFullError) as error:
            raise TransientError(f"The hours {window} could not be fetched in one piece: {error}") from error

    def fetch(self, window: Window, unless_bytes: int | None = None) -> Archive | None:
        """Downloads the archive of a window as `Downloader.fetch` does, and logs how that goes."""
        cancellation = Cancellation()
        download = in_background(lambda: self._downloader.fetch(window, cancellation, unless_bytes), f"export-{window}")
        try:
            return self.progress.result_of(
                download,
                lambda: f"Waiting for the export of {window}: {self.progress.megabytes:,.1f} MB received in all",
            )
        finally:
            cancellation.cancel()  # where the wait was interrupted

    def close(self) -> None:
        """Ends what is under way, and frees the disk."""
        for prefetcher in self._prefetchers:
            prefetcher.close()


@dataclass
class RefetchPolicy:
    """Downloads a damaged archive of a window again, or reports it: damage may pass; a bad line that comes twice stays.

    :param fetch: downloads the window; None when Amplitude has nothing for it any more
    """

    window: Window
    fetch: Callable[[Window], Archive | None]
    logger: logging.Logger
    _bad_lines: int = 0
    _damages: int = 0

    def fetch_again(self, error: BadLineError | ArchiveDamagedError) -> Archive:
        """Logs the error, and downloads the window.

        :raises AmplitudeError: UnexpectedError for a second bad line, TransientError for too many damages, or where
            there is nothing any more
        """
        if isinstance(error, BadLineError):
            self._bad_lines += 1
            if self._bad_lines > 1:
                raise UnexpectedError(
                    f"The export of the hours {self.window} contains a line that is not an event, also when "
                    f"downloaded again: {error}. Report it to Amplitude's support. "
                    "The next sync continues with these hours."
                ) from error
        else:
            self._damages += 1
            if self._damages >= retry.MAX_TRIES:
                raise TransientError(
                    f"The export of the hours {self.window} was damaged {self._damages} times; "
                    f"the last error was: {error}. The next sync continues with these hours."
                ) from error
        self.logger.warning(f"Export of {self.window}: {error}; fetching it again")
        archive = self.fetch(self.window)
        if archive is None:
            raise TransientError(f"Amplitude's answers for the hours {self.window} contradict each other.")
        return archive
