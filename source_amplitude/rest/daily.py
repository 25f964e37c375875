"""The base of the streams that have a number a day, and read days as `events` reads hours."""

from __future__ import annotations

import logging
from abc import ABC
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date, datetime, timezone
from typing import Any

from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.call_rate import APIBudget

from source_amplitude.config import Config
from source_amplitude.progress import counted
from source_amplitude.rest.budget import COST_PER_REQUEST, cost_per_day, seconds_at_the_limit
from source_amplitude.rest.days import (
    CURSOR_FIELD,
    DAY,
    day_param,
    first_day,
    newest_complete_day,
    number_of_days,
    parse_day_param,
    ranges,
    read_state,
    write_state,
)
from source_amplitude.rest.stream import RestStream

FAR_AHEAD = 2 * DAY


class DailyStream(RestStream, ABC):
    """Days of the project's time zone, each read when it is over, and again for a week, since Amplitude changes them.

    Source of the facts: https://amplitude.com/docs/apis/analytics/dashboard-rest
    """

    primary_key: str | list[str] = CURSOR_FIELD
    cursor_field = CURSOR_FIELD
    is_grouped = False

    def __init__(self, config: Config, budget: APIBudget | None = None, *, in_batches: bool = False) -> None:
        self._last_day: date | None = None
        super().__init__(config, budget, in_batches=in_batches)

    @property
    def days_per_request(self) -> int:
        """So many days that the cost of a request fits."""
        return COST_PER_REQUEST // cost_per_day(self.api_path, grouped=self.is_grouped)

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
        now = datetime.now(timezone.utc)
        start = first_day(self._config.first_hour(None, now).date(), self._last_day)
        newest = newest_complete_day(now)
        if start > newest:
            told = f"{self.name}: no day to read yet: the next is {start}, the newest that is over everywhere {newest}"
            self.logger.log(logging.WARNING if start - newest > FAR_AHEAD else logging.INFO, told)
        else:
            self._tell_what_is_read(start, newest)
        for first, last in ranges(start, newest, self.days_per_request):
            if self.is_included:
                yield {"start": day_param(first), "end": day_param(last)}

    def _tell_what_is_read(self, first: date, last: date) -> None:
        days = number_of_days(first, last)
        requests = -(-days // self.days_per_request)
        cost = cost_per_day(self.api_path, grouped=self.is_grouped) * self.days_per_request
        minutes = seconds_at_the_limit(requests, cost) / 60
        told = f"about {counted(round(minutes), 'minute')}" if minutes >= 1 else "less than a minute"
        self.logger.info(
            f"{self.name}: reading {counted(days, 'day')}, {first} to {last}, with {counted(requests, 'request')}; "
            f"at Amplitude's limits that takes {told}"
        )

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        return dict(stream_slice or {})

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """The records of a slice; the state moves past it only when all of them are out, and never back."""
        if not stream_slice:
            return
        yield from super().read_records(sync_mode, cursor_field, stream_slice, stream_state)
        if self.is_included:
            last = parse_day_param(stream_slice["end"])
            self._last_day = max(filter(None, (self._last_day, last)))


def numbers_by_day(data: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each day of an answer with its number of each series; no day where Amplitude has no series at all."""
    if data["series"]:
        for day, numbers in zip(data["xValues"], zip(*data["series"], strict=True), strict=True):
            yield date.fromisoformat(day[:10]).isoformat(), numbers
