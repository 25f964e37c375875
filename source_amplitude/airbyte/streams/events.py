"""Offers the stream `events` in the terms of the CDK: slices, state and records."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import closing
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    EstimateType,
    TraceType,
    Type,
)
from airbyte_cdk.sources.streams.http import HttpStream
from requests.auth import HTTPBasicAuth

from source_amplitude.airbyte.streams.base import AmplitudeStream, Messages
from source_amplitude.config.model import Config
from source_amplitude.events.converter import RecordConverter
from source_amplitude.events.state import CURSOR_FIELD, EventsState
from source_amplitude.events.sync import EventsSync
from source_amplitude.export.client import EXPORT_PATH
from source_amplitude.export.download import spool
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.windows import Window, parse_export_hour


class Events(AmplitudeStream, HttpStream):
    """Reads raw events, hour by hour of `server_upload_time`.

    Source of the facts: https://amplitude.com/docs/apis/analytics/export
    """

    name = "events"
    primary_key = "uuid"
    cursor_field = CURSOR_FIELD

    def __init__(
        self, config: Config, export_limiter: ConcurrencyLimiter | None = None, *, in_batches: bool = False
    ) -> None:
        authenticator = HTTPBasicAuth(config.api_key, config.secret_key)
        super().__init__(config, in_batches=in_batches, authenticator=authenticator)
        self._export_limiter = export_limiter or ConcurrencyLimiter(config.num_workers)
        self._events_state = EventsState()
        self._sync: EventsSync | None = None

    @property
    def url_base(self) -> str:
        return self._config.api_url

    def path(self, **_: Any) -> str:
        return EXPORT_PATH

    def request_params(
        self, stream_state: Any = None, stream_slice: Mapping[str, Any] | None = None, next_page_token: Any = None
    ) -> dict[str, Any]:
        return dict(stream_slice or {})

    def next_page_token(self, response: requests.Response) -> None:
        return None

    @property
    def state(self) -> MutableMapping[str, Any]:
        return self._events_state.to_mapping()

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        self._events_state = EventsState.from_mapping(value, self._config.export_delay_hours)

    def stream_slices(self, **_: Any) -> Iterator[Mapping[str, Any]]:
        """Yields one slice a window, `{"start": "20240115T00", "end": "20240115T23"}`, once its archive is on disk."""
        with closing(self._new_sync()) as sync:
            self._sync = sync
            for window in sync.windows():
                yield {"start": window.start_param, "end": window.end_param}

    def records(self, stream_slice: Mapping[str, Any]) -> Messages:
        """Yields the records of a slice, on the command line after an estimate of the whole sync."""
        if not stream_slice:
            return
        window = Window(parse_export_hour(stream_slice["start"]), parse_export_hour(stream_slice["end"]))
        if self._sync is None or self._sync.is_closed:  # a slice by itself
            with closing(self._new_sync()) as sync:
                yield from self._records(sync, window)
            return
        try:
            yield from self._records(self._sync, window)
        except BaseException:
            self._sync.close()
            raise

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """Yields the records of one answer, for users of the plain `HttpStream` interface."""
        params = dict(parse_qsl(urlsplit(str(response.request.url)).query))
        window = Window(parse_export_hour(params["start"]), parse_export_hour(params["end"]))
        converter = RecordConverter(json_columns_as_string=self._config.json_columns_as_string)
        with closing(spool(window, response)) as archive:
            for block in archive.blocks(converter.block_bytes):
                yield from map(json.loads, converter.convert(block.text, block.count))

    def _new_sync(self) -> EventsSync:
        return EventsSync(self._config, self._events_state, self._export_limiter, self.logger)

    def _records(self, sync: EventsSync, window: Window) -> Messages:
        if self._in_batches and sync.estimated:
            yield _estimate_message(self.name, *sync.estimated)
        for batch in sync.read(window):
            yield from self.messages(batch.ndjson, batch.count)


def _estimate_message(stream: str, rows: int, size: int) -> AirbyteMessage:
    """Makes the trace message with an estimate for a whole stream."""
    estimate = AirbyteEstimateTraceMessage(name=stream, type=EstimateType.STREAM, row_estimate=rows, byte_estimate=size)
    trace = AirbyteTraceMessage(type=TraceType.ESTIMATE, emitted_at=time.time() * 1000, estimate=estimate)
    return AirbyteMessage(type=Type.TRACE, trace=trace)
