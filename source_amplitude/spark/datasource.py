"""The format `amplitude` of Spark, for `spark.read` and for `spark.readStream`.

Facts from https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html: readers are pickled on
their way to the workers; `partitions` and offsets are asked for on the driver, `read` in a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from source_amplitude.errors import ConfigError
from source_amplitude.export.probe import why_keys_refused
from source_amplitude.export.windows import Window, export_hour
from source_amplitude.http.hosts import warn_of_overrides
from source_amplitude.spark import offsets
from source_amplitude.spark.errors import with_clear_errors
from source_amplitude.spark.offsets import FIRST_HOUR, Offset
from source_amplitude.spark.options import Options
from source_amplitude.spark.reading import listed_users, logger, read_events, read_profiles
from source_amplitude.spark.redaction import hide_keys
from source_amplitude.spark.rest_datasource import DaysStreamReader, EndpointReader
from source_amplitude.spark.rest_reading import check_choice
from source_amplitude.spark.schema import spark_schema
from source_amplitude.spark.spark_versions import SupportsTriggerAvailableNow, most_archives, reads_everything
from source_amplitude.spark.tables import ENDPOINT_TABLES, EVENTS, USER_PROFILES, check_table, is_by_day


class AmplitudeDataSource(DataSource):
    """One of Amplitude's tables.

    :param options: strings; docs/spark.md has them all. The keys may come from the driver's environment instead.
    :raises ConfigError: an option is missing or wrong
    """

    @with_clear_errors
    def __init__(self, options: MutableMapping[str, str]) -> None:
        # Not the base's, which keeps the mapping with the keys.
        self._options = Options.of(options, logger)
        check_table(self._options.table, self._options.config.region)

    @classmethod
    def name(cls) -> str:
        """What Spark asks for when the format is registered: from then on the session's plans hide the keys."""
        hide_keys()
        return "amplitude"

    def schema(self) -> StructType:
        return spark_schema(self._options.table, timestamps=self._options.timestamps)

    @with_clear_errors
    def reader(self, schema: StructType) -> DataSourceReader:
        self._check_columns(schema)
        if self._options.table == USER_PROFILES:
            listed_users(self._options)
            return ProfilesReader(self._options)
        if self._options.table in ENDPOINT_TABLES:
            check_choice(self._options)
            return EndpointReader(self._options)
        return EventsReader(self._options)

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802 - Spark's name
        try:
            return self._stream_reader(schema)
        except ConfigError as error:
            return NoStreamReader(error)

    def _stream_reader(self, schema: StructType) -> DataSourceStreamReader:
        by_day = is_by_day(self._options.table)
        if self._options.table != EVENTS and not by_day:
            raise ConfigError(
                f"The table {self._options.table} cannot be read as a stream, since it has no history: "
                "read it as a batch, with spark.read."
            )
        self._check_columns(schema)
        return DaysStreamReader(self._options) if by_day else EventsStreamReader(self._options)

    def _check_columns(self, schema: StructType) -> None:
        if [(field.name, field.dataType) for field in schema] != [(own.name, own.dataType) for own in self.schema()]:
            raise ConfigError(
                "The tables of Amplitude have schemas of their own: leave .schema(…) out. "
                "In SQL, use CREATE TEMPORARY VIEW: Spark does not hand on the options of CREATE TABLE."
            )


class NoStreamReader(DataSourceStreamReader):
    """Says why there is no stream as soon as it is asked: Spark hides what `streamReader` raises behind a crash."""

    def __init__(self, error: ConfigError) -> None:
        self._error = error

    def initialOffset(self) -> dict[str, str]:  # noqa: N802
        raise self._error

    def latestOffset(self, start: Mapping[str, Any] | None = None, limit: Any = None) -> dict[str, str]:  # noqa: N802
        raise self._error

    def partitions(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> Sequence[InputPartition]:
        raise self._error

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        raise self._error


class EventsReader(DataSourceReader):
    """The events from `start_date` to `end_date`, or to the newest complete hour."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @with_clear_errors
    def partitions(self) -> Sequence[InputPartition]:
        now = offsets.utc_now()
        start, newest = offsets.initial_offset(self._options, now), offsets.newest_hour(self._options, now)
        end = offsets.end_of_batch(start, newest, None)
        partitions = _partitions(self._options, offsets.hours_between(start, end))
        if partitions:
            check_keys(self._options)
        else:
            logger.warning(f"{EVENTS}: nothing to read from {start.as_dict()[FIRST_HOUR]} to {export_hour(newest)}")
        return partitions or [InputPartition([])]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_events(self._options, offsets.windows_of_json(partition.value))


class ProfilesReader(DataSourceReader):
    """The profiles of the listed users. One partition: the rate limit is one for the whole organization."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def partitions(self) -> Sequence[InputPartition]:
        return [InputPartition(None)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_profiles(self._options)


class EventsStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """The events from `start_date` on, in micro-batches of complete hours."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._available: datetime | None = None
        self._seen: Offset | None = None
        self._keys_are_checked = False

    @with_clear_errors
    def initialOffset(self) -> dict[str, str]:  # noqa: N802
        return offsets.initial_offset(self._options, offsets.utc_now()).as_dict()

    @with_clear_errors
    def latestOffset(self, start: Mapping[str, Any] | None = None, limit: Any = None) -> dict[str, str]:  # noqa: N802
        """Where the next micro-batch ends.

        :param start: not given before Spark 4.2, which also has no limit then: a micro-batch reads all there is
        """
        begins = Offset.of(start) if start is not None else self._seen
        if begins is None:
            begins = offsets.initial_offset(self._options, offsets.utc_now())
        most_hours = None if reads_everything(limit) else offsets.hours_a_micro_batch(self._options)
        end = offsets.end_of_batch(begins, self._newest(), most_hours)
        if begins.is_after(offsets.utc_now()):
            logger.warning(f"{EVENTS}: nothing to read, since the stream's offset is in the future: {begins.as_dict()}")
        if end != begins and not self._keys_are_checked:
            check_keys(self._options)
            self._keys_are_checked = True
        return end.as_dict()

    def getDefaultReadLimit(self) -> Any:  # noqa: N802
        """One archive, of `batch_size_hours`, for each partition."""
        return most_archives(self._options.config.num_workers)

    def reportLatestOffset(self) -> dict[str, str]:  # noqa: N802
        """The newest complete hour, for the query's progress."""
        return Offset(last=self._newest()).as_dict()

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802
        """Whatever becomes complete from now on is for the next run."""
        self._available = self._newest()

    @with_clear_errors
    def partitions(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> Sequence[InputPartition]:
        self._seen = Offset.of(end)
        return _partitions(self._options, offsets.hours_between(Offset.of(start), self._seen))

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_events(self._options, offsets.windows_of_json(partition.value))

    def _newest(self) -> datetime:
        return self._available or offsets.newest_hour(self._options, offsets.utc_now())


def check_keys(options: Options) -> None:
    """Ask once, on the driver, so that wrong keys are refused once and not by every try of every task.

    :raises ConfigError: the keys are refused
    """
    warn_of_overrides(logger)
    if why := why_keys_refused(options.config, logger):
        raise ConfigError(why)


def _partitions(options: Options, window: Window | None) -> list[InputPartition]:
    if window is None:
        return []
    return [InputPartition(offsets.windows_as_json(windows)) for windows in offsets.partitions_of(window, options)]
