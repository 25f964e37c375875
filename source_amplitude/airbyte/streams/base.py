"""What all streams share: a typed configuration, and a schema that follows it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any

import requests
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.checkpoint.checkpoint_reader import FULL_REFRESH_COMPLETE_STATE
from airbyte_cdk.sources.streams.http import HttpStream

from source_amplitude.config.model import Config
from source_amplitude.records.schema import stream_schema


class AmplitudeStream(Stream, ABC):
    """A stream of one of Amplitude's APIs.

    :param in_batches: whether `read_records` yields `RecordBatch` messages (the command line) or one mapping a record
    :param options: those of the next base
    """

    def __init__(self, config: Config, *, in_batches: bool, **options: Any) -> None:
        self._config = config
        self._in_batches = in_batches
        super().__init__(**options)

    def log_if_finished(self, state: Mapping[str, Any]) -> None:
        """Say so where a state is that of a finished snapshot: the CDK's checkpoint reader then asks for no records."""
        if state == FULL_REFRESH_COMPLETE_STATE:
            self.logger.info(
                f"The state says that an earlier attempt of this job has read {self.name}: not read again. "
                "To read it anew, leave this stream's state out"
            )

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is wrapped in a cache
        return stream_schema(self.name, json_columns_as_string=self._config.json_columns_as_string)


class AmplitudeHttpStream(AmplitudeStream, HttpStream, ABC):
    """An `HttpStream` whose `read_records` sends its requests and reads their answers itself."""

    def next_page_token(self, response: requests.Response) -> None:
        return None
