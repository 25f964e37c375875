"""Defines what Spark's readers and `LakeflowConnect` need of a table, whatever its kind."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from source_amplitude import clock
from source_amplitude.errors import ConfigError
from source_amplitude.spark.options import Options
from source_amplitude.spark.schema import columns

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Self

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

    def with_timestamps_as_text(self) -> Self:
        """Returns the table for a caller that converts records itself."""
        return type(self)(replace(self.options, timestamps=False))

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

    @abstractmethod
    def parts(self, now: datetime) -> list[Json]:
        """Plans what the tasks of a batch read; none, after a warning, where there is nothing to read."""

    @abstractmethod
    def read(self, part: Json) -> Iterator[pa.RecordBatch]:
        """Reads the rows of one part. Runs in a worker, and imports what it needs only there.

        :raises AmplitudeError: as reading them for Airbyte does, without cause and internal message
        """

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


class StreamTable(Table):
    """Reads a table that grows with time: by hours, or by days."""

    def now(self) -> datetime:
        """Returns the time by which hours and days are complete: the earlier of the driver's clock and Amplitude's.

        :raises ConfigError: the driver's clock is more than a month ahead
        """
        from source_amplitude.http.time_of_day import time_of_day  # noqa: PLC0415 - workers do without

        return time_of_day(self.options.config.api_url, logger)

    @abstractmethod
    def initial_offset(self, now: datetime) -> Json:
        """Returns where a stream without a checkpoint begins."""

    @abstractmethod
    def newest(self, now: datetime) -> Json:
        """Returns the offset after everything that may be read at `now`."""

    @abstractmethod
    def end_of_micro_batch(self, start: Json | None, newest: Json, *, everything: bool, now: datetime) -> Json:
        """Returns where the micro-batch after `start` ends, for Spark's own streams.

        The keys are checked before one that has rows.

        :param start: None before Spark 4.2 where a stream begins
        :param newest: it ends there at the latest
        :param everything: whether it may have all that is available
        """

    def read_limit(self) -> Any:
        """Returns how much Spark should ask for in a micro-batch (Spark 4.2 and newer)."""
        from source_amplitude.spark.spark_versions import everything  # noqa: PLC0415 - workers do without

        return everything()


def no_stream(table: str) -> ConfigError:
    return ConfigError(
        f"The table {table} cannot be read as a stream, since it has no history: read it as a batch, with spark.read."
    )
