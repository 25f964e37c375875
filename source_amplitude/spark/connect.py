"""Offers the interface that pipelines of Lakeflow's community connectors call: one class, records as dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.options import TABLE, Options
from source_amplitude.spark.schema import spark_schema
from source_amplitude.spark.tables.registry import check_table, table_of, tables_in
from source_amplitude.spark.tables.table import Json, Table, logger

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

Record = dict[str, Any]
Offset = Mapping[str, Any]


class LakeflowConnect:
    """Reads Amplitude's tables, up to the newest hour or day that is complete when a method is called.

    :param options: strings, of the connection; docs/spark.md has them all
    :raises ConfigError: an option is missing or wrong
    """

    @clear_errors()
    def __init__(self, options: Mapping[str, str]) -> None:
        self._connection = {name.lower(): value for name, value in options.items()}
        self._region = Options.of(self._connection, logger).config.region

    def list_tables(self) -> list[str]:
        """Lists the names of the tables that a project of the region has."""
        return tables_in(self._region)

    @clear_errors()
    def get_table_schema(self, table_name: str, table_options: Mapping[str, str]) -> StructType:
        """Returns the Spark schema of a table: with comments, where Spark takes them of the framework's readers."""
        from source_amplitude.spark import spark_versions  # noqa: PLC0415 - the other methods need no Spark

        columns = table_of(self._options(table_name, table_options)).columns
        return spark_schema(columns, table_name, comments=spark_versions.TAKES_COMMENTS_OF_SIMPLE_READERS)

    @clear_errors()
    def read_table_metadata(self, table_name: str, table_options: Mapping[str, str]) -> Json:
        """Returns `primary_keys`, `ingestion_type` and, but for a snapshot, `cursor_field`."""
        return table_of(self._options(table_name, table_options)).metadata

    @clear_errors()
    def read_table(
        self, table_name: str, start_offset: Offset | None, table_options: Mapping[str, str]
    ) -> tuple[Iterator[Record], Json]:
        """Reads the next batch, and returns the offset to call with for the one after it: the same one at the end.

        A batch of events is of `batch_size_hours` hours at most, and one of a table by day has all days that there are.
        A snapshot is one batch, with the offset `{}`.

        :param start_offset: None or `{}` at first
        :raises ConfigError: there is no such table, or the offset is another connector's
        """
        table = self._table_to_read(table_name, table_options)
        parts, offset = table.next_batch(dict(start_offset or {}), table.now())
        return _records(table, parts), offset

    @clear_errors()
    def is_partitioned(self, table_name: str) -> bool:
        """Tells whether several tasks can read the table at once."""
        return table_of(self._options(table_name, {})).is_partitioned

    @clear_errors()
    def latest_offset(
        self, table_name: str, table_options: Mapping[str, str], start_offset: Offset | None = None
    ) -> Json:
        """Returns where the next micro-batch ends, of one window for each partition at most.

        :param start_offset: `{}` at first; None where the framework does not tell, for all that is available
        """
        start = None if start_offset is None else dict(start_offset)
        table = table_of(self._options(table_name, table_options))
        return table.latest_offset(start, table.now())

    @clear_errors()
    def get_partitions(
        self,
        table_name: str,
        table_options: Mapping[str, str],
        start_offset: Offset | None = None,
        end_offset: Offset | None = None,
    ) -> list[Json]:
        """Returns the parts of a micro-batch; without an end, of the whole table. At most `num_workers` of them."""
        table = self._table_to_read(table_name, table_options)
        if end_offset is None:
            return table.parts(table.now())
        return table.micro_batch(dict(start_offset or {}), dict(end_offset), table.now())

    @clear_errors()
    def read_partition(self, table_name: str, partition: Json, table_options: Mapping[str, str]) -> Iterator[Record]:
        """Reads the records of one part; runs in a worker."""
        return _records(self._table_to_read(table_name, table_options), [partition])

    def _options(self, name: str, table_options: Mapping[str, str] | None) -> Options:
        check_table(name, self._region)
        of_table = {option.lower(): value for option, value in (table_options or {}).items()}
        return Options.of({**self._connection, **of_table, TABLE: name}, logger)

    def _table_to_read(self, name: str, table_options: Mapping[str, str] | None) -> Table:
        """Opens a table to read, with timestamps as text: the framework converts records by the schema."""
        table = table_of(replace(self._options(name, table_options), timestamps=False))
        table.check()
        return table


def _records(table: Table, parts: Sequence[Json]) -> Iterator[Record]:
    for part in parts:
        for batch in table.read(part):
            yield from batch.to_pylist()


def _register() -> None:
    """Registers the class with the interfaces of the framework, where it is installed: it checks with `isinstance`."""
    try:
        from databricks.labs.community_connector import interface  # noqa: PLC0415
    except ImportError:
        return
    for name in ("LakeflowConnect", "SupportsPartition", "SupportsPartitionedStream"):
        if hasattr(interface, name):
            getattr(interface, name).register(LakeflowConnect)


_register()
