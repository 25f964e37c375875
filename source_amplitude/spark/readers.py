"""Spark's readers of any table: one for batches, one for streams.

Facts from https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html: readers are pickled on
their way to the workers; `partitions` and offsets are called for on the driver, `read` in a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceReader, DataSourceStreamReader, InputPartition

from source_amplitude.errors import ConfigError
from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.spark_versions import SupportsTriggerAvailableNow, read_limit, reads_everything
from source_amplitude.spark.tables.stream import StreamTable
from source_amplitude.spark.tables.table import Json, Table

if TYPE_CHECKING:
    import pyarrow as pa


class BatchReader(DataSourceReader):
    """Reads what there is of a table, in the parts that it is cut into."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @clear_errors()
    def partitions(self) -> Sequence[InputPartition]:
        parts = self._table.parts(self._table.now())
        if parts:
            self._table.check_keys()
        return [InputPartition(part) for part in parts] or [InputPartition(None)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return self._table.read(partition.value) if partition.value is not None else iter(())


class StreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Reads a table in micro-batches of complete hours or days."""

    def __init__(self, table: StreamTable[Any]) -> None:
        self._table = table
        self._available: Json | None = None
        self._seen: Json | None = None

    @clear_errors()
    def initialOffset(self) -> Json:  # noqa: N802 - Spark's names
        return self._table.initial_offset(self._table.now())

    @clear_errors()
    def latestOffset(self, start: Json | None = None, limit: Any = None) -> Json:  # noqa: N802
        """Returns where the next micro-batch ends.

        :param start: not given before Spark 4.2, which also has no limit then: a micro-batch reads all there is; at a
            restart it first asks for the partitions of what was read
        """
        begins = start if start is not None else self._seen
        everything = reads_everything(limit)
        now = self._table.now()
        return self._table.end_of_micro_batch(begins, self._newest(), everything=everything, now=now)

    def getDefaultReadLimit(self) -> Any:  # noqa: N802
        return read_limit(self._table.most_windows)

    def reportLatestOffset(self) -> Json:  # noqa: N802
        """Returns the newest offset there is, for the query's progress."""
        return self._newest()

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802
        """Leaves what becomes complete from now on to the next run."""
        self._available = self._newest()

    @clear_errors()
    def partitions(self, start: Json, end: Json) -> Sequence[InputPartition]:
        self._seen = end
        return [InputPartition(part) for part in self._table.micro_batch(start, end, self._table.now())]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return self._table.read(partition.value)

    def _newest(self) -> Json:
        return self._available or self._table.newest(self._table.now())


class NoStreamReader(DataSourceStreamReader):
    """Raises why there is no stream when it is used: Spark hides what `streamReader` raises behind a crash."""

    def __init__(self, error: ConfigError) -> None:
        self._error = error

    def _refuse(self, *_: Any) -> Any:
        raise self._error

    initialOffset = latestOffset = partitions = read = _refuse  # noqa: N815 - Spark's names
