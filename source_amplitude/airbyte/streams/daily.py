"""An endpoint with a number a day as a stream, which reads days as `events` reads hours."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date
from typing import Any

from airbyte_cdk.models import SyncMode

from source_amplitude.airbyte.streams.endpoint import EndpointStream, Messages
from source_amplitude.config.model import Config
from source_amplitude.endpoints.client import Send
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.days import (
    CURSOR_FIELD,
    DAY,
    first_day,
    newest_complete_day,
    parse_day_param,
    read_state,
    write_state,
)
from source_amplitude.http.time_of_day import time_of_day

FAR_AHEAD = 2 * DAY


class DailyStream(EndpointStream):
    """Each day is read when it is over, and again for a week, since Amplitude changes the numbers."""

    cursor_field = CURSOR_FIELD
    endpoint: DailyEndpoint

    def __init__(self, endpoint: type[DailyEndpoint], config: Config, send: Send, *, in_batches: bool) -> None:
        self._last_day: date | None = None
        super().__init__(endpoint, config, send, in_batches=in_batches)

    @property
    def state(self) -> MutableMapping[str, Any]:
        return write_state(self._last_day) if self._last_day else {}

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._last_day = read_state(value, self.name)

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """One slice a request: `{"start": "20240301", "end": "20240330"}`, both included."""
        now = time_of_day(self._config.api_url, self.logger)
        start = first_day(self._config, self._last_day, now)
        newest, end = newest_complete_day(now), self._config.end
        if end is not None and start > end.date():
            self.logger.info(f"{self.name}: everything up to end_date ({end:%Y-%m-%d}) has been read")
            return
        if end is not None:
            newest = min(newest, end.date())
        if start > newest:
            text = f"{self.name}: no day to read yet: the next is {start}, the newest that is over everywhere {newest}"
            self.logger.log(logging.WARNING if start - newest > FAR_AHEAD else logging.INFO, text)
        else:
            yield from self.endpoint.requests(start, newest)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Messages:
        """The records of a slice; the state moves past it only when all of them are out, and never back."""
        if not stream_slice:
            return
        yield from super().read_records(sync_mode, cursor_field, stream_slice, stream_state)
        if self.endpoint.is_included:
            last = parse_day_param(stream_slice["end"])
            self._last_day = max(filter(None, (self._last_day, last)))
