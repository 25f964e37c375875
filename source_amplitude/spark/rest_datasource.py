"""Spark's readers of Amplitude's other endpoints: lists, and tables with numbers a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, DataSourceStreamReader, InputPartition

from source_amplitude.errors import ConfigError
from source_amplitude.spark import day_offsets, offsets
from source_amplitude.spark.day_offsets import DayOffset
from source_amplitude.spark.errors import with_clear_errors
from source_amplitude.spark.options import Options
from source_amplitude.spark.rest_reading import check_keys, is_in_plan, micro_batch, read_part, whole_table
from source_amplitude.spark.spark_versions import SupportsTriggerAvailableNow


class EndpointReader(DataSourceReader):
    """A list as it is now, or the days from `start_date` to `end_date` or to the newest one that is over."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @with_clear_errors
    def partitions(self) -> Sequence[InputPartition]:
        parts = whole_table(self._options, offsets.utc_now())
        if parts:
            check_keys(self._options)
        return [InputPartition(part) for part in parts] or [InputPartition(None)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_part(self._options, partition.value) if partition.value is not None else iter(())


class DaysStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """The days from `start_date` on, each micro-batch with the week before it, since Amplitude changes its numbers.

    The offset moves only where the project's plan includes the table: it says that its days have been read.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._available: date | None = None
        self._seen: DayOffset | None = None
        self._is_in_plan = False
        self._asked_about: date | None = None

    @with_clear_errors
    def initialOffset(self) -> dict[str, str]:  # noqa: N802
        return day_offsets.initial_offset(self._options, offsets.utc_now()).as_dict()

    @with_clear_errors
    def latestOffset(self, start: Mapping[str, Any] | None = None, limit: Any = None) -> dict[str, str]:  # noqa: N802
        """The newest day that is over, whatever the limit.

        :param start: not given before Spark 4.2, which at a restart first asks for the partitions of what was read
        """
        known = DayOffset.of(start) if start is not None else self._seen
        begins = known or day_offsets.initial_offset(self._options, offsets.utc_now())
        newest = self._newest()
        end = day_offsets.end_of_batch(begins, newest)
        if end == begins or self._includes(newest):
            return end.as_dict()
        if known is None:
            raise ConfigError(
                f"The project's plan does not include the table {self._options.table}: before Spark 4.2 no stream of "
                "it can begin, so leave it out until it does."
            )
        return begins.as_dict()

    def reportLatestOffset(self) -> dict[str, str]:  # noqa: N802
        """The newest day that is over, for the query's progress."""
        return DayOffset(last=self._newest()).as_dict()

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802
        """Whatever is over from now on is for the next run."""
        self._available = self._newest()

    @with_clear_errors
    def partitions(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> Sequence[InputPartition]:
        self._seen = DayOffset.of(end)
        return [InputPartition(part) for part in micro_batch(self._options, DayOffset.of(start), self._seen)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_part(self._options, partition.value)

    def _newest(self) -> date:
        return self._available or day_offsets.newest_day(self._options, offsets.utc_now())

    def _includes(self, day: date) -> bool:
        """Whether the plan includes the table; where it does not, that is asked again when there is another day."""
        if not self._is_in_plan and day != self._asked_about:
            self._is_in_plan = is_in_plan(self._options, day)
            self._asked_about = day
        return self._is_in_plan
