"""The interface that pipelines made of Lakeflow's community connectors call: one class, records as dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from source_amplitude.spark import offsets, rest_connect
from source_amplitude.spark.errors import with_clear_errors
from source_amplitude.spark.offsets import Offset
from source_amplitude.spark.options import TABLE, Options
from source_amplitude.spark.reading import listed_users, logger, read_events, read_profiles
from source_amplitude.spark.rest_reading import read_part
from source_amplitude.spark.schema import spark_schema
from source_amplitude.spark.tables import ENDPOINT_TABLES, EVENTS, TABLES, USER_PROFILES, check_table, tables_in

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import StructType

Record = dict[str, Any]
_WINDOWS = "windows"


class LakeflowConnect:
    """Amplitude's tables, up to the newest hour that is complete when a method is called.

    :param options: strings, of the connection; docs/spark.md has them all
    :raises ConfigError: an option is missing or wrong
    """

    @with_clear_errors
    def __init__(self, options: Mapping[str, str]) -> None:
        self._connection = {name.lower(): value for name, value in options.items()}
        self._region = Options.of(self._connection, logger).config.region

    def list_tables(self) -> list[str]:
        """The names of the tables that a project of the region has."""
        return tables_in(self._region)

    @with_clear_errors
    def get_table_schema(self, table_name: str, table_options: Mapping[str, str]) -> StructType:
        """The Spark schema of a table."""
        options = self._options(table_name, table_options)
        return spark_schema(table_name, timestamps=options.timestamps)

    @with_clear_errors
    def read_table_metadata(self, table_name: str, table_options: Mapping[str, str]) -> dict[str, Any]:
        """`primary_keys`, `ingestion_type` (`append`, `cdc` or `snapshot`), and but for the last a `cursor_field`."""
        check_table(table_name, self._region)
        return TABLES[table_name].as_metadata()

    @with_clear_errors
    def read_table(
        self, table_name: str, start_offset: Mapping[str, Any] | None, table_options: Mapping[str, str]
    ) -> tuple[Iterator[Record], dict[str, Any]]:
        """The next batch, and the offset to call with for the one after it; the same offset when there is none.

        A batch of events is of `batch_size_hours` hours at most, and one of a table by day has all days that there are.
        A snapshot is one batch, with the offset `{}`.

        :param start_offset: None or `{}` at first
        :raises ConfigError: there is no such table, or the offset is another connector's
        """
        options = self._options(table_name, table_options)
        if table_name == USER_PROFILES:
            return self._profiles(options), {}
        if table_name in ENDPOINT_TABLES:
            batches, offset = rest_connect.next_batch(_as_text(options), start_offset or {}, offsets.utc_now())
            return _records(batches), offset
        start = self._start(options, start_offset)
        end = offsets.end_of_batch(
            start, offsets.newest_hour(options, offsets.utc_now()), options.config.batch_size_hours
        )
        batch = offsets.hours_between(start, end)
        if batch is None:
            return iter(()), dict(start_offset or {})
        return _records(read_events(_as_text(options), [batch])), Offset(last=end.last).as_dict()

    @with_clear_errors
    def is_partitioned(self, table_name: str) -> bool:
        """Whether several tasks can read the table at once."""
        check_table(table_name, self._region)
        return table_name == EVENTS

    @with_clear_errors
    def latest_offset(
        self, table_name: str, table_options: Mapping[str, str], start_offset: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Where the next micro-batch ends, of one window for each partition at most.

        :param start_offset: `{}` at first; None where the framework does not tell, for all that is available
        """
        options = self._options(table_name, table_options)
        if table_name == USER_PROFILES:
            return {}
        if table_name in ENDPOINT_TABLES:
            return rest_connect.latest_offset(options, start_offset or {}, offsets.utc_now())
        most_hours = None if start_offset is None else offsets.hours_a_micro_batch(options)
        start = self._start(options, start_offset)
        return offsets.end_of_batch(start, offsets.newest_hour(options, offsets.utc_now()), most_hours).as_dict()

    @with_clear_errors
    def get_partitions(
        self,
        table_name: str,
        table_options: Mapping[str, str],
        start_offset: Mapping[str, Any] | None = None,
        end_offset: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """The parts of a micro-batch; without offsets, of the whole table. At most `num_workers` of them."""
        options = self._options(table_name, table_options)
        if table_name == USER_PROFILES:
            listed_users(options)
            return [{}]
        if table_name in ENDPOINT_TABLES:
            return rest_connect.partitions(options, start_offset, end_offset, offsets.utc_now())
        start = self._start(options, start_offset)
        if end_offset is None:
            end = offsets.end_of_batch(start, offsets.newest_hour(options, offsets.utc_now()), None)
        else:
            end = self._start(options, end_offset)
        batch = offsets.hours_between(start, end)
        lists = offsets.partitions_of(batch, options) if batch else []
        return [{_WINDOWS: offsets.windows_as_json(windows)} for windows in lists]

    @with_clear_errors
    def read_partition(
        self, table_name: str, partition: Mapping[str, Any], table_options: Mapping[str, str]
    ) -> Iterator[Record]:
        """The records of one part; runs in a worker."""
        options = self._options(table_name, table_options)
        if table_name == USER_PROFILES:
            return self._profiles(options)
        if table_name in ENDPOINT_TABLES:
            return _records(read_part(_as_text(options), partition))
        return _records(read_events(_as_text(options), offsets.windows_of_json(partition[_WINDOWS])))

    def _options(self, table: str, table_options: Mapping[str, str] | None) -> Options:
        check_table(table, self._region)
        of_table = {name.lower(): value for name, value in (table_options or {}).items()}
        return Options.of({**self._connection, **of_table, TABLE: table}, logger)

    def _start(self, options: Options, offset: Mapping[str, Any] | None) -> Offset:
        return Offset.of(offset) if offset else offsets.initial_offset(options, offsets.utc_now())

    def _profiles(self, options: Options) -> Iterator[Record]:
        listed_users(options)
        return _records(read_profiles(options))


def _as_text(options: Options) -> Options:
    """Timestamps stay text, whatever the schema says: the framework converts records by it."""
    return replace(options, timestamps=False)


def _records(batches: Iterator[pa.RecordBatch]) -> Iterator[Record]:
    for batch in batches:
        yield from batch.to_pylist()


def _register() -> None:
    """Tell the framework, where it is installed, that the class has its interfaces: it asks with `isinstance`."""
    try:
        from databricks.labs.community_connector import interface  # noqa: PLC0415
    except ImportError:
        return
    for name in ("LakeflowConnect", "SupportsPartition", "SupportsPartitionedStream"):
        if hasattr(interface, name):
            getattr(interface, name).register(LakeflowConnect)


_register()
