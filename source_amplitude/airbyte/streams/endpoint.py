"""An endpoint as a stream of the CDK: a full refresh, with one request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airbyte_cdk.models import AirbyteMessage, SyncMode

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.airbyte.streams.base import AmplitudeStream
from source_amplitude.config.model import Config
from source_amplitude.endpoints.client import Send
from source_amplitude.endpoints.endpoint import Endpoint

Messages = Iterator[Mapping[str, Any] | AirbyteMessage]


class EndpointStream(AmplitudeStream):
    """The stream of an endpoint.

    :param send: sends requests within the limits that the streams of a sync share
    """

    def __init__(self, endpoint: type[Endpoint], config: Config, send: Send, *, in_batches: bool) -> None:
        self._kind = endpoint  # the base asks for the name
        super().__init__(config, in_batches=in_batches)
        self.endpoint = endpoint(config, send, self.logger)

    @property
    def name(self) -> str:
        return self._kind.name

    @property
    def primary_key(self) -> list[str]:
        return list(self._kind.primary_keys)

    @property
    def is_resumable(self) -> bool:
        """A list that comes in one answer has no place to go on from."""
        return self.supports_incremental

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Messages:
        """The records of a slice."""
        return self.messages(self.endpoint.read(stream_slice or {}))

    def messages(self, batches: Iterable[list[bytes]]) -> Messages:
        """Records as they leave: on the command line many in a message."""
        for lines in batches:
            if self._in_batches:
                yield RecordBatch(self.name, b"\n".join([*lines, b""]), len(lines))
            else:
                yield from map(json.loads, lines)
