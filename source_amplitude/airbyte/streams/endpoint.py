"""An endpoint as a stream of the CDK: a full refresh, with one request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import requests
from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams.call_rate import APIBudget
from airbyte_cdk.sources.streams.http.error_handlers import ErrorHandler, ErrorResolution, ResponseAction
from requests.auth import HTTPBasicAuth

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.streams.base import AmplitudeStream
from source_amplitude.config.model import Config
from source_amplitude.endpoints.answers import answer_fields
from source_amplitude.endpoints.client import TIMEOUT_SECONDS, Params
from source_amplitude.endpoints.endpoint import Endpoint
from source_amplitude.records.json_repair import plain_value

Messages = Iterator[Mapping[str, Any] | AirbyteMessage]


class EndpointStream(AmplitudeStream):
    """The stream of an endpoint.

    :param budget: the limits on requests, shared by the streams of a sync
    """

    def __init__(self, endpoint: type[Endpoint], config: Config, budget: APIBudget, *, in_batches: bool) -> None:
        self._kind = endpoint  # the base asks for the name
        super().__init__(
            config,
            in_batches=in_batches,
            authenticator=HTTPBasicAuth(config.api_key, config.secret_key),
            api_budget=budget,
        )
        self.endpoint = endpoint(config, self._send, self.logger)

    @property
    def name(self) -> str:
        return self._kind.name

    @property
    def primary_key(self) -> list[str]:
        return list(self._kind.primary_keys)

    @property
    def url_base(self) -> str:
        return self._config.api_url

    @property
    def is_resumable(self) -> bool:
        """A list that comes in one answer has no place to go on from."""
        return self.supports_incremental

    def path(self, **_: Any) -> str:
        return self._kind.api_path

    def get_error_handler(self) -> ErrorHandler:
        return _AnswersAsTheyAre()

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Messages:
        """The records of a slice."""
        return self.messages(self.endpoint.read(stream_slice or {}))

    def parse_response(
        self, response: requests.Response, *, stream_slice: Mapping[str, Any] | None = None, **_: Any
    ) -> Iterable[Mapping[str, Any]]:
        answer = answer_fields(response)[0]
        for record in self.endpoint.records_of(answer, stream_slice or {}):
            yield {name: plain_value(raw) for name, raw in record.items()}

    def messages(self, batches: Iterable[list[bytes]]) -> Messages:
        """Records as they leave: on the command line many in a message."""
        for lines in batches:
            if self._in_batches:
                yield RecordBatch(self.name, b"\n".join([*lines, b""]), len(lines))
            else:
                yield from map(json.loads, lines)

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
    """Makes the CDK's client send once: `EndpointClient` decides what an answer means, by the one retry policy.

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
