"""The stream `events`: slices, state and records of the Export API."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from requests.auth import HTTPBasicAuth

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.streams.base import AmplitudeStream
from source_amplitude.airbyte.streams.estimate import SyncEstimate, estimate_message
from source_amplitude.airbyte.streams.summary import SyncSummary
from source_amplitude.config.model import Config
from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.events.late_hours import WIDEST_REMEMBERED_HOURS, RecheckQueue, WindowAnswer, recheck
from source_amplitude.events.reader import WindowReader
from source_amplitude.events.state import CURSOR_FIELD, read_recent, read_state, write_state
from source_amplitude.export.archive import Archive
from source_amplitude.export.client import EXPORT_PATH
from source_amplitude.export.download import spool
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.prefetch import Download, Prefetcher
from source_amplitude.export.windows import HOUR, Window, floor_to_hour, parse_export_hour
from source_amplitude.records.coercion import CoercionStats, log_coercions

FAR_AHEAD = timedelta(days=1)


class Events(AmplitudeStream):
    """Raw events, hour by hour of `server_upload_time`.

    Source of the facts: https://amplitude.com/docs/apis/analytics/export
    """

    name = "events"
    primary_key = "uuid"
    cursor_field = CURSOR_FIELD

    def __init__(
        self, config: Config, export_limiter: ConcurrencyLimiter | None = None, *, in_batches: bool = False
    ) -> None:
        self._resume_at: datetime | None = None
        self._recent = RecheckQueue()
        self._downloads: Prefetcher | None = None
        self._ready: Download | WindowAnswer | None = None
        self._windows_read = 0
        self._estimate: SyncEstimate | None = None
        self._totals: SyncSummary | None = None
        self._coercions = CoercionStats()
        authenticator = HTTPBasicAuth(config.api_key, config.secret_key)
        super().__init__(config, in_batches=in_batches, authenticator=authenticator)
        self._export_limiter = export_limiter or ConcurrencyLimiter(config.num_workers)
        self._exporter = self._new_exporter()
        self._newest = self._exporter.newest_complete_hour()

    @property
    def url_base(self) -> str:
        return self._config.api_url

    def path(self, **_: Any) -> str:
        return EXPORT_PATH

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        return dict(stream_slice or {})

    @property
    def state(self) -> MutableMapping[str, Any]:
        return write_state(self._resume_at, self._recent) if self._resume_at else {}

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._resume_at = read_state(value, self._config.export_delay_hours)
        self._recent = read_recent(value)

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """One slice a window, `{"start": "20240115T00", "end": "20240115T23"}`, once its archive is on disk.

        At the end come the windows of earlier syncs in which hours may have been published late.
        """
        first, reason = self._config.beginning(self._resume_at, datetime.now(timezone.utc))
        start = floor_to_hour(first)
        newest = self._newest = self._exporter.newest_complete_hour()
        if self._config.start is not None:
            self._recent.forget_before(floor_to_hour(self._config.start))
        try:
            for work in self._works(start, newest, reason):
                self._ready = work
                yield {"start": work.window.start_param, "end": work.window.end_param}
        finally:
            self._stop()

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """The records of a slice, on the command line after an estimate of the whole sync.

        The state moves past the slice only when all of its records are out.
        """
        if not stream_slice:
            return
        work = self._take(stream_slice)
        try:
            if isinstance(work, WindowAnswer):
                yield from self._read_again(work)
                return
            if self._in_batches:
                yield from self._estimates(work)
            records, size = yield from self._read(work)
            if self._estimate is not None:
                self._estimate.end(records, size)
        except BaseException:
            self._stop()
            raise

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """The records of one answer, for users of the plain `HttpStream` interface; `read_records` does not need it."""
        params = dict(parse_qsl(urlsplit(str(response.request.url)).query))
        window = Window(parse_export_hour(params["start"]), parse_export_hour(params["end"]))
        for batch in self._batches(window, spool(window, response)):
            yield from map(json.loads, batch)

    def _works(self, start: datetime, newest: datetime, reason: str) -> Iterator[Download | WindowAnswer]:
        """The new windows, and then, so that these do not wait for them, the recent ones to be asked for again."""
        yield from self._new_windows(start, newest, reason)
        yield from self._recent.due(newest)

    def _new_windows(self, start: datetime, newest: datetime, reason: str) -> Iterator[Download]:
        """The windows from hour `start` on; wide ones end where those begin that are small enough to be asked again.

        :param reason: why they begin there
        """
        if start > newest:
            told = (
                f"No complete hour to read yet: the next hour to read is {start:%Y-%m-%dT%H} UTC, "
                f"the newest complete one {newest:%Y-%m-%dT%H} UTC"
            )
            # A day more than any delay is no waiting: a state, a start date or a clock is wrong.
            self.logger.log(logging.WARNING if start - newest > FAR_AHEAD else logging.INFO, told)
            return
        self._estimate = SyncEstimate(newest)
        self._totals = SyncSummary(self._config, Window(start, newest), reason, self.logger)
        ranges = [Window(start, newest)]
        recent = newest - (WIDEST_REMEMBERED_HOURS - 1) * HOUR
        if start < recent and self._config.batch_size_hours > WIDEST_REMEMBERED_HOURS:
            ranges = [Window(start, recent - HOUR), Window(recent, newest)]
        self._downloads = self._exporter.downloads(*ranges)
        yield from self._downloads

    def _read(self, download: Download) -> Generator[Mapping[str, Any] | AirbyteMessage, None, tuple[int, int]]:
        """Emit the records of a window, then remember it. Returns how many they were, and how many bytes of JSON."""
        started = time.monotonic()
        records = size = 0
        if download.archive is not None:
            for batch in self._batches(download.window, download.archive):
                records += len(batch)
                size += len(batch.ndjson)
                if (progress := self._exporter.progress).is_due():
                    progress.say(f"events {download.window}: {records:,} events read so far")
                if self._in_batches:
                    yield RecordBatch(self.name, batch.ndjson, batch.count)
                else:
                    yield from map(json.loads, batch)
        self._resume_at = max(filter(None, (self._resume_at, download.window.resume_at)))
        archive_bytes = download.archive.size if download.archive else 0
        self._recent.add(download.window, archive_bytes, records, self._newest)
        self._windows_read += 1
        self._log_window(download, records, time.monotonic() - started)
        return records, size

    def _read_again(self, answered: WindowAnswer) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """Ask again for a window of an earlier sync, and emit its records if there are more by now."""
        now, downloads = recheck(answered, self._exporter, self.logger)
        self._downloads = downloads if isinstance(downloads, Prefetcher) else None
        is_changed = False
        for download in downloads:
            yield from self._read(download)
            is_changed = True
        if is_changed:
            self._recent.forget(answered)  # where its parts were read in its place
        else:
            self._recent.add(now.window, now.archive_bytes, now.events, self._newest)

    def _new_exporter(self) -> Exporter:
        return Exporter(self._config, self._export_limiter, self.logger)

    def _stop(self) -> None:
        if self._totals is not None:
            self._totals.tell(self._resume_at)
            self._totals = None
        self._exporter.close()
        self._exporter = self._new_exporter()
        log_coercions(self.name, self._coercions, self.logger)
        self._coercions = CoercionStats()

    def _take(self, stream_slice: Mapping[str, Any]) -> Download | WindowAnswer:
        window = Window(parse_export_hour(stream_slice["start"]), parse_export_hour(stream_slice["end"]))
        ready, self._ready = self._ready, None
        if ready is not None and ready.window == window:
            return ready
        started = time.monotonic()
        return Download(window, self._exporter.fetch_whole(window), time.monotonic() - started)

    def _estimates(self, download: Download) -> Iterator[AirbyteMessage]:
        archive_bytes = download.archive.size if download.archive else 0
        if self._estimate is not None and (told := self._estimate.begin(download.window, archive_bytes)):
            yield estimate_message(self.name, *told)

    def _batches(self, window: Window, archive: Archive) -> Iterator[Records]:
        converter = RecordConverter(json_columns_as_string=self._config.json_columns_as_string)
        reader = WindowReader(window, archive, self._exporter.fetch_whole, converter, self.logger)
        for batch in reader.batches():
            self._coercions.add(batch.coercions)
            yield batch

    def _log_window(self, download: Download, records: int, seconds: float) -> None:
        megabytes = download.archive.size / 1e6 if download.archive else 0.0
        if self._totals is not None:
            self._totals.add(download.window, records, megabytes)
        if download.archive is None:
            return  # told of together with its neighbours
        left = self._downloads.windows_left() if self._downloads else 0
        self.logger.info(
            f"events {download.window}: {records:,} events, {megabytes:.1f} MB in {download.seconds:.1f} s, "
            f"read in {seconds:.1f} s ({records / max(seconds, 1e-3):,.0f} events/s), "
            f"window {self._windows_read} of {self._windows_read + left}"
        )
