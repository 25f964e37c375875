"""Amplitude's other endpoints as streams of the CDK."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import date
from typing import Any

from source_amplitude.airbyte.streams.base import AmplitudeStream, Messages, SnapshotStream
from source_amplitude.config.dates import nothing_to_read
from source_amplitude.config.model import Config
from source_amplitude.endpoints.cohorts import CohortMembers
from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.days import (
    CURSOR_FIELD,
    DAY,
    first_day_again,
    newest_complete_day,
    parse_day_param,
    read_state,
    write_state,
)
from source_amplitude.endpoints.endpoint import Endpoint
from source_amplitude.endpoints.limits import RateLimiter
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.endpoints.sender import Sender
from source_amplitude.errors import foreign_state
from source_amplitude.http.time_of_day import time_of_day

FAR_AHEAD = 2 * DAY
COHORTS_DONE = "cohorts_done"


def endpoint_streams(config: Config, *, in_batches: bool) -> list[EndpointStream]:
    """Makes the streams of one sync, which share the limits of a project."""
    logger = logging.getLogger("airbyte")
    send = Sender(config, RateLimiter(logger), logger)
    return [_stream_of(endpoint)(endpoint, config, send, in_batches=in_batches) for endpoint in ENDPOINTS]


def _stream_of(endpoint: type[Endpoint]) -> type[EndpointStream]:
    if issubclass(endpoint, DailyEndpoint):
        return DailyStream
    return CohortMembersStream if endpoint is CohortMembers else EndpointStream


class EndpointStream(AmplitudeStream):
    """Reads an endpoint in full, with one request.

    :param send: sends requests within the limits that the streams of a sync share
    """

    def __init__(self, endpoint: type[Endpoint], config: Config, send: Sender, *, in_batches: bool) -> None:
        self._kind = endpoint  # the base asks for the name
        super().__init__(config, in_batches=in_batches)
        self.endpoint = endpoint(config, send, self.logger)

    @property
    def name(self) -> str:
        return self._kind.name

    @property
    def primary_key(self) -> list[str]:
        return list(self._kind.primary_keys)

    def records(self, stream_slice: Mapping[str, Any]) -> Messages:
        return self.batches(self.endpoint.read(stream_slice))

    def batches(self, batches: Iterable[list[bytes]]) -> Messages:
        for lines in batches:
            yield from self.messages(b"\n".join([*lines, b""]), len(lines))


class DailyStream(EndpointStream):
    """Reads numbers a day, each day when it is over, and again for a week, since Amplitude changes the numbers."""

    cursor_field = CURSOR_FIELD
    endpoint: DailyEndpoint
    _last_day: date | None = None

    @property
    def state(self) -> MutableMapping[str, Any]:
        return write_state(self._last_day) if self._last_day else {}

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._last_day = read_state(value, self.name)

    def stream_slices(self, **_: Any) -> Iterator[Mapping[str, Any]]:
        """Yields one slice a request: `{"start": "20240301", "end": "20240330"}`, both included."""
        now = time_of_day(self._config.api_url, self.logger)
        first, reason = self._config.beginning(None, now)
        start = first.date() if self._last_day is None else first_day_again(self._config, self._last_day)
        newest, end = newest_complete_day(now), self._config.end
        if end is not None and start > end.date():
            if self._last_day is None:
                self.logger.warning(nothing_to_read(self.name, end, first, reason))
            else:
                self.logger.info(f"{self.name}: everything up to end_date ({end:%Y-%m-%d}) has been read")
            return
        if end is not None:
            newest = min(newest, end.date())
        if start > newest:
            text = f"{self.name}: no day to read yet: the next is {start}, the newest that is over everywhere {newest}"
            self.logger.log(logging.WARNING if start - newest > FAR_AHEAD else logging.INFO, text)
        else:
            yield from self.endpoint.requests(start, newest)

    def records(self, stream_slice: Mapping[str, Any]) -> Messages:
        if not stream_slice:
            return
        yield from super().records(stream_slice)
        if self.endpoint.is_included:
            last = parse_day_param(stream_slice["end"])
            self._last_day = max(filter(None, (self._last_day, last)))  # never back


class CohortMembersStream(EndpointStream, SnapshotStream):
    """Reads cohort after cohort, and goes on with the one at which it was interrupted."""

    endpoint: CohortMembers
    _left: list[str] | None = None

    def check_state(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state.get(COHORTS_DONE), list):
            raise foreign_state(self.name, state, COHORTS_DONE)

    def records(self, stream_slice: Mapping[str, Any]) -> Messages:
        """Yields the members of the next cohort."""
        done = self._state.get(COHORTS_DONE, [])
        left = self._left = self.endpoint.cohorts_to_read(done) if self._left is None else self._left
        if left:
            yield from self.batches(self.endpoint.members_of(left[0], is_first=not done))
        if len(left) > 1 and self.endpoint.is_included:
            self._state = {COHORTS_DONE: [*done, left[0]]}
            self._left = left[1:]
        else:
            self.finish()
            self._left = None
