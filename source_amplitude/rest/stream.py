"""The base of these streams: a request a slice, a list of records an answer."""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from itertools import islice
from typing import Any, ClassVar

import msgspec
import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.call_rate import APIBudget
from airbyte_cdk.sources.streams.http.error_handlers import ErrorHandler, ErrorResolution, ResponseAction
from msgspec import Raw
from requests.auth import HTTPBasicAuth

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.stream import AmplitudeStream
from source_amplitude.config import Config
from source_amplitude.odd_values import ColumnValues, log_oddities
from source_amplitude.rest.answers import NotIncludedError, UnusableAnswerError, answer_json
from source_amplitude.rest.budget import rest_budget
from source_amplitude.rest.client import TIMEOUT_SECONDS, Params, RestClient, Send
from source_amplitude.schema import declared_types

RECORDS_PER_BATCH = 1000

Record = dict[str, Any]
_encode = msgspec.json.Encoder().encode


class RestStream(AmplitudeStream, ABC):
    """A stream of one endpoint; its attributes say what differs from the others.

    :param budget: the limits on requests, shared by the streams of a sync
    """

    api_path: ClassVar[str]
    """The endpoint, such as "api/2/events/list"."""
    records_field: ClassVar[str] = "data"
    """Where an answer has its list of records."""
    plan_statuses: ClassVar[frozenset[int]] = frozenset({403})
    """What Amplitude itself answers where the project's plan lacks the endpoint."""
    empty_hint: ClassVar[str | None] = None
    """Why a list may be empty, for a warning; None: that is nothing unusual."""

    def __init__(self, config: Config, budget: APIBudget | None = None, *, in_batches: bool = False) -> None:
        super().__init__(
            config,
            in_batches=in_batches,
            authenticator=HTTPBasicAuth(config.api_key, config.secret_key),
            api_budget=budget or rest_budget(),
        )
        self.client = self.a_client(self._send)
        self.is_included = True
        self._values = self._new_values()

    @property
    def url_base(self) -> str:
        return self._config.api_url

    @property
    def is_resumable(self) -> bool:
        """A list that comes in one answer has no place to go on from."""
        return self.supports_incremental

    def path(self, **_: Any) -> str:
        return self.api_path

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        return {}

    def get_error_handler(self) -> ErrorHandler:
        return _AnswersAsTheyAre()

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """The records of a slice: none, after a warning, where the project's plan lacks the endpoint."""
        count = 0
        try:
            for message in self.messages(self.read_slice(stream_slice or {})):
                count += len(message) if isinstance(message, RecordBatch) else 1
                yield message
        except NotIncludedError as error:
            self.is_included = False
            self.logger.warning(
                f"{self.name}: this project's plan does not include this data, so there is none ({error.message})"
            )
        else:
            log_oddities(self.name, self._values.oddities, self.logger)
            self._values = self._new_values()
            days = f" of the days {stream_slice['start']} to {stream_slice['end']}" if stream_slice else ""
            self.logger.info(f"{self.name}: {count:,} records{days}")

    def read_slice(self, stream_slice: Mapping[str, Any]) -> Iterable[Record]:
        """The records of a slice, as Amplitude has them.

        :raises AmplitudeError: as `RestClient.read`
        """
        records = self.ask(self.api_path, self.request_params(None, stream_slice), stream_slice)
        if not records and self.empty_hint:
            self.logger.warning(f"{self.name}: Amplitude's list is empty. {self.empty_hint}")
        return records

    def ask(
        self, path: str, params: Params | None = None, stream_slice: Mapping[str, Any] | None = None
    ) -> list[Record]:
        """The records in the answer to one request."""

        def reader(response: requests.Response) -> list[Record]:
            return list(self.parse_response(response, stream_slice=stream_slice))

        return self.client.read(path, params or {}, reader)

    def parse_response(
        self, response: requests.Response, *, stream_slice: Mapping[str, Any] | None = None, **_: Any
    ) -> Iterable[Record]:
        answer = answer_json(response)
        try:
            yield from self.records_of(answer, stream_slice or {})
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise UnusableAnswerError(f"200, but in another form than expected ({type(error).__name__})") from error

    def records_of(self, answer: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Iterable[Record]:
        """The records of an answer; an error where it has another form is met by asking again."""
        for record in answer[self.records_field]:
            yield {**record}

    def messages(self, records: Iterable[Record]) -> Iterator[Mapping[str, Any] | AirbyteMessage]:
        """The records as they leave: on the command line many in a message."""
        lines = map(self.line, records)
        if not self._in_batches:
            yield from map(json.loads, lines)
            return
        while batch := list(islice(lines, RECORDS_PER_BATCH)):
            yield RecordBatch(self.name, b"\n".join([*batch, b""]), len(batch))

    def line(self, record: Record) -> bytes:
        """A record as JSON, with values of the declared types; what does not fit is kept in `additional_fields`."""
        return _encode(self._values.record({name: Raw(_encode(value)) for name, value in record.items()}))

    def _new_values(self) -> ColumnValues:
        json_columns_as_string = self._config.json_columns_as_string
        return ColumnValues(declared_types(self.name), json_columns_as_string=json_columns_as_string)

    def a_client(self, send: Send) -> RestClient:
        """The requests of this stream, sent by `send`."""
        return RestClient(self.name, send, self._config.region, self.plan_statuses, self.logger)

    def _send(self, path: str, params: Params) -> requests.Response:
        """One request. The body stays unread, and so is in no debug log."""
        _, response = self._http_client.send_request(
            self.http_method,
            self._join_url(self.url_base, path),
            request_kwargs={"stream": True, "timeout": TIMEOUT_SECONDS, "allow_redirects": False},
            params=params,
        )
        return response


class _AnswersAsTheyAre(ErrorHandler):
    """Makes the CDK's client send once: `RestClient` decides what an answer means, by the project's one retry policy.

    The client's own retries would log addresses with their parameters.
    """

    @property
    def max_retries(self) -> int | None:
        return 0

    @property
    def max_time(self) -> int | None:
        return None

    def interpret_response(self, response_or_exception: Any = None) -> ErrorResolution:
        if isinstance(response_or_exception, Exception):
            raise response_or_exception
        return ErrorResolution(response_action=ResponseAction.SUCCESS)
