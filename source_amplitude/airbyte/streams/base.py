"""Defines what all streams share: a typed configuration, a schema that follows it, and how records leave."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from airbyte_cdk.models import AirbyteMessage, SyncMode
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.checkpoint.checkpoint_reader import FULL_REFRESH_COMPLETE_STATE

from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.config.model import Config
from source_amplitude.records.schema import stream_schema

Messages = Iterator[Mapping[str, Any] | AirbyteMessage]


class AmplitudeStream(Stream, ABC):
    """Reads one of Amplitude's APIs as a stream of the CDK.

    :param in_batches: whether `read_records` yields `RecordBatch` messages (the command line) or one mapping a record
    :param options: those of the next base
    """

    def __init__(self, config: Config, *, in_batches: bool, **options: Any) -> None:
        self._config = config
        self._in_batches = in_batches
        super().__init__(**options)

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is wrapped in a cache
        return stream_schema(self.name, json_columns_as_string=self._config.json_columns_as_string)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Messages:
        return self.records(stream_slice or {})

    @abstractmethod
    def records(self, stream_slice: Mapping[str, Any]) -> Messages:
        """Yields the records of a slice. The state moves past it only when all of them are out."""

    def messages(self, ndjson: bytes, count: int) -> Messages:
        """Yields records, given as JSON with a line break after each, in the form in which they leave."""
        if self._in_batches:
            yield RecordBatch(self.name, ndjson, count)
        else:
            yield from map(json.loads, ndjson.split(b"\n")[:-1])


class SnapshotStream(AmplitudeStream, ABC):
    """Reads a stream as a whole, in portions with a state after each, so that an interrupted read can go on.

    The state of a finished one says "done in this job": Airbyte keeps it between the attempts of a job, which then do
    not read the stream again, and deletes it before the next job.
    """

    def __init__(self, config: Config, *, in_batches: bool, **options: Any) -> None:
        self._state: MutableMapping[str, Any] = {}
        super().__init__(config, in_batches=in_batches, **options)

    @property
    def state(self) -> MutableMapping[str, Any]:
        return self._state

    @state.setter
    def state(self, value: MutableMapping[str, Any]) -> None:
        if value == FULL_REFRESH_COMPLETE_STATE:  # the CDK's checkpoint reader then asks for no records
            self.logger.info(
                f"The state says that an earlier attempt of this job has read {self.name}: not read again. "
                "To read it anew, leave this stream's state out"
            )
        elif value:
            self.check_state(value)
        self._state = value

    def check_state(self, state: Mapping[str, Any]) -> None:
        """
        :raises ConfigError: it is not a state of this stream
        """

    def finish(self) -> None:
        """Moves the state to the end of the snapshot."""
        self._state = dict(FULL_REFRESH_COMPLETE_STATE)
