"""Defines what Spark's readers and `LakeflowConnect` need of a table, whatever its kind."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from source_amplitude import clock
from source_amplitude.spark.errors import clear_errors, known_errors_stay
from source_amplitude.spark.options import Options
from source_amplitude.spark.schema import columns

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger("source_amplitude.lakeflow")

Json = dict[str, Any]
"""An offset or a part of a read, as JSON: Spark keeps offsets in checkpoints, the framework hands parts to tasks."""


class Table(ABC):
    """Plans the reads of a table on the driver, and reads their parts in workers. Pickled on its way to them.

    A table without a history has the offset `{}`, and is read whole.

    :raises ConfigError: the options name a column that the table does not have
    """

    is_partitioned: ClassVar[bool] = False
    """Whether several tasks can read it at once."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.name = options.table
        self.columns = columns(self.name, timestamps=options.timestamps, chosen=options.columns)

    @property
    @abstractmethod
    def metadata(self) -> Json:
        """Returns `primary_keys`, `ingestion_type`, and but for a snapshot the `cursor_field`.

        `ingestion_type` is `append`, `cdc` (rows come again with other values: merge them by key), or `snapshot`.
        """

    def check(self) -> None:  # noqa: B027 - of most tables, any options do
        """Checks the options before anything is read.

        :raises ConfigError: the options do not say what to read of it
        """

    def check_keys(self) -> None:  # noqa: B027 - profiles are asked for by one task
        """Asks Amplitude once, on the driver, so that wrong keys are refused once and not by every try of every task.

        :raises ConfigError: the keys are refused
        """

    def now(self) -> datetime:
        """Returns the time of day on the driver."""
        return clock.utc_now()

    def parts(self, now: datetime) -> list[Json]:
        """Plans what the tasks of a batch read; none, after a warning, where there is nothing to read."""
        return [{}]

    def read(self, part: Json) -> Iterator[pa.RecordBatch]:
        """Reads the rows of one part. Runs in a worker.

        :raises AmplitudeError: as reading them for Airbyte does, without cause and internal message
        """
        with clear_errors(), known_errors_stay():
            yield from self.batches(part)

    @abstractmethod
    def batches(self, part: Json) -> Iterator[pa.RecordBatch]:
        """Reads the rows of one part, and imports what only workers need."""

    def next_batch(self, start: Json, now: datetime) -> tuple[list[Json], Json]:
        """Plans the parts after an offset, and returns the offset to go on with: the same one when nothing is new.

        :param start: `{}` at first
        """
        return self.parts(now), {}

    def latest_offset(self, start: Json | None, now: datetime) -> Json:
        """Returns where the micro-batch after `start` ends.

        :param start: `{}` at first; None where the caller does not know, for all that is available
        """
        return {}

    def micro_batch(self, start: Json, end: Json, now: datetime) -> list[Json]:
        """Plans the parts between two offsets, always with the same rows."""
        return self.parts(now)
