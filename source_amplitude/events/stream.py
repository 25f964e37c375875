"""The stream `events`: slices, state and records of the Export API."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from requests.auth import HTTPBasicAuth

from source_amplitude.amplitude_stream import AmplitudeStream
from source_amplitude.config import Config
from source_amplitude.errors import transient_error
from source_amplitude.events.archive import Archive
from source_amplitude.events.conversion import Converters
from source_amplitude.events.download import (
    CONNECT_TIMEOUT_SECONDS,
    DiskFullError,
    Downloader,
    TooMuchAtOnceError,
    spool,
)
from source_amplitude.events.estimate import SyncEstimate, estimate_message
from source_amplitude.events.prefetch import Download, Prefetcher
from source_amplitude.events.reader import WindowReader
from source_amplitude.events.record import Records
from source_amplitude.events.slots import RequestSlots
from source_amplitude.events.state import CURSOR_FIELD, read_state, write_state
from source_amplitude.events.width import AdaptiveWidth
from source_amplitude.events.windows import Window, floor_to_hour, newest_complete_hour, parse_export_hour
from source_amplitude.hosts import Region
from source_amplitude.records import RecordBatch

FAR_AHEAD = timedelta(days=1)


class Events(AmplitudeStream):
    """Raw events, hour by hour of `server_upload_time`.

    Source of the facts: https://amplitude.com/docs/apis/analytics/export
    """

    name = "events"
    primary_key = "uuid"
    cursor_field = CURSOR_FIELD

    def __init__(self, config: Config, *, in_batches: bool = False) -> None:
        self._resume_at: datetime | None = None
        self._downloads: Prefetcher | None = None
        self._ready: Download | None = None
        self._windows_read = 0
        self._estimate: SyncEstimate | None = None
        authenticator = HTTPBasicAuth(config.api_key, config.secret_key)
        super().__init__(config, in_batches=in_batches, authenticator=authenticator)
        self._downloader = self._new_downloader()
        self._converters = self._new_converters()

    @property
    def url_base(self) -> str:
        return self._config.api_url

    def path(self, **_: Any) -> str:
        return "api/2/export"

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        return dict(stream_slice or {})

    @property
    def state(self) -> MutableMapping[str, Any]:
        return write_state(self._resume_at) if self._resume_at else {}

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._resume_at = read_state(value, self._config.export_delay_hours)

    @property
    def region(self) -> Region:
        return self._config.region

    def in_region(self, region: Region) -> Events:
        """The same stream as it would be with another region configured."""
        return Events(replace(self._config, region=region))

    def send(self, window: Window, read_timeout: float) -> requests.Response:
        """The answer to the export request of a window, whatever it says, its body still unread.

        :param read_timeout: seconds without a byte from the server
        :raises requests.RequestException: no answer
        """
        _, response = self._http_client.send_request(
            self.http_method,
            self._join_url(self.url_base, self.path()),
            request_kwargs={"stream": True, "timeout": (CONNECT_TIMEOUT_SECONDS, read_timeout)},
            params=self.request_params(None, {"start": window.start_param, "end": window.end_param}),
        )
        return response

    def newest_complete_hour(self) -> datetime:
        return newest_complete_hour(datetime.now(timezone.utc), self._config.export_delay_hours)

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """One slice a window, `{"start": "20240115T00", "end": "20240115T23"}`, once its archive is on disk."""
        start = floor_to_hour(self._config.first_hour(self._resume_at, datetime.now(timezone.utc)))
        newest = self.newest_complete_hour()
        if start > newest:
            told = f"No complete hour to read yet: the next is {start:%Y-%m-%dT%H}, the newest {newest:%Y-%m-%dT%H}"
            # A day more than any delay is no waiting: a state, a start date or a clock is wrong.
            self.logger.log(logging.WARNING if start - newest > FAR_AHEAD else logging.INFO, told)
            return
        self._estimate = SyncEstimate(newest)
        self._downloads = Prefetcher(
            self._downloader.fetch,
            start,
            newest,
            AdaptiveWidth(self._config.batch_size_hours),
            self._config.num_workers,
            self.logger,
        )
        try:
            for download in self._downloads:
                self._ready = download
                yield {"start": download.window.start_param, "end": download.window.end_param}
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
        download = self._take(stream_slice)
        started = time.monotonic()
        records = size = 0
        if self._in_batches:
            yield from self._estimates(download)
        try:
            if download.archive is not None:
                for batch in self._batches(download.window, download.archive):
                    records += len(batch)
                    size += len(batch.ndjson)
                    if self._in_batches:
                        yield RecordBatch(self.name, batch.ndjson, batch.count)
                    else:
                        yield from map(json.loads, batch)
        except BaseException:
            self._stop()
            raise
        self._resume_at = max(filter(None, (self._resume_at, download.window.resume_at)))
        self._windows_read += 1
        if self._estimate is not None:
            self._estimate.end(records, size)
        self._log_window(download, records, time.monotonic() - started)

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """The records of one answer, for users of the plain `HttpStream` interface; `read_records` does not need it."""
        params = dict(pair.split("=", 1) for pair in (response.request.path_url.partition("?")[2]).split("&"))
        window = Window(parse_export_hour(params["start"]), parse_export_hour(params["end"]))
        for batch in self._batches(window, spool(window, response)):
            yield from map(json.loads, batch)

    def _new_downloader(self) -> Downloader:
        return Downloader(self.send, self._config.region, RequestSlots(self._config.num_workers), self.logger)

    def _new_converters(self) -> Converters:
        return Converters(bags_as_text=self._config.bags_as_text, share=self._in_batches, logger=self.logger)

    def _stop(self) -> None:
        if self._downloads is not None:
            self._downloads.close()
        self._downloader.close()
        self._downloader = self._new_downloader()
        self._converters.close()
        self._converters = self._new_converters()

    def _take(self, stream_slice: Mapping[str, Any]) -> Download:
        window = Window(parse_export_hour(stream_slice["start"]), parse_export_hour(stream_slice["end"]))
        ready, self._ready = self._ready, None
        if ready is not None and ready.window == window:
            return ready
        started = time.monotonic()
        return Download(window, self._fetch_whole(window), time.monotonic() - started)

    def _estimates(self, download: Download) -> Iterator[AirbyteMessage]:
        archive_bytes = download.archive.size if download.archive else 0
        if self._estimate is not None and (told := self._estimate.begin(download.window, archive_bytes)):
            yield estimate_message(self.name, *told)

    def _batches(self, window: Window, archive: Archive) -> Iterator[Records]:
        conversion = self._converters.conversion_of(archive)
        yield from WindowReader(window, archive, self._fetch_whole, conversion, self.logger).batches()
        if conversion.repaired_lines:
            self.logger.warning(
                f"events {window}: {conversion.repaired_lines:,} lines were not strict JSON and were repaired "
                "(U+FFFD in place of broken characters, null in place of NaN)"
            )

    def _fetch_whole(self, window: Window) -> Archive | None:
        """A window that must not be halved, because a part of it is out already."""
        try:
            return self._downloader.fetch(window)
        except (TooMuchAtOnceError, DiskFullError) as error:
            raise transient_error(f"The hours {window} could not be fetched in one piece: {error}") from error

    def _log_window(self, download: Download, records: int, seconds: float) -> None:
        left = self._downloads.windows_left() if self._downloads else 0
        megabytes = download.archive.size / 1e6 if download.archive else 0.0
        self.logger.info(
            f"events {download.window}: {records:,} events, {megabytes:.1f} MB in {download.seconds:.1f} s, "
            f"read in {seconds:.1f} s ({records / max(seconds, 1e-3):,.0f} events/s), "
            f"window {self._windows_read} of {self._windows_read + left}"
        )
