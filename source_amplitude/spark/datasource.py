"""Offers the format `amplitude` of Spark, for `spark.read` and for `spark.readStream`."""

from __future__ import annotations

from collections.abc import MutableMapping

from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader
from pyspark.sql.types import StructType

from source_amplitude.errors import ConfigError
from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.options import Options
from source_amplitude.spark.readers import BatchReader, NoStreamReader, StreamReader
from source_amplitude.spark.redaction import hide_keys
from source_amplitude.spark.schema import spark_schema
from source_amplitude.spark.tables.registry import table_of
from source_amplitude.spark.tables.stream import StreamTable
from source_amplitude.spark.tables.table import logger


class AmplitudeDataSource(DataSource):
    """Reads one of Amplitude's tables: the format `amplitude` of Spark.

    Events of a week, as a batch; and all events from a day on, as a stream that appends each hour once:

        >>> from source_amplitude.lakeflow import AmplitudeDataSource
        >>> spark.dataSource.register(AmplitudeDataSource)
        >>> keys = {"api_key": "…", "secret_key": "…"}
        >>> week = {"start_date": "2024-01-01", "end_date": "2024-01-07"}
        >>> events = spark.read.format("amplitude").options(**keys, **week).load()
        >>> stream = spark.readStream.format("amplitude").options(**keys, start_date="2024-01-01").load()

    Options, all texts, in any case:

    - `api_key`, `secret_key`: the project's; by default AMPLITUDE_API_KEY and AMPLITUDE_SECRET_KEY of the driver's
      environment, which no plan shows
    - `table`: `events` (the default), `user_profiles`, `active_users`, `cohorts`, …; `load("cohorts")` is the same
    - `region`: `US` (the default) or `EU`
    - `start_date`, `end_date`: the first and the last day, or with a time the first and the last hour
    - `batch_size_hours` (24): the widest range of one export; `num_workers` (3, at most 5): exports at once
    - `export_delay_hours` (2): how long after its end an hour counts as complete
    - `skip_hours`: hours of events to leave out, such as `20240115T14`, where Amplitude refuses them for good
    - `timestamps` (`false`): `true` for Spark's type instead of text
    - `columns`: names of columns with commas between, to read and pay for only these
    - `user_ids`, `device_ids`: of `user_profiles`, whose, with commas between
    - `cohort_ids` or `max_cohorts`, `user_properties`: of `cohort_members`

    docs/spark.md has the others, the tables, and what is promised.

    :param options: as above
    :raises ConfigError: an option is missing or wrong
    """

    @clear_errors()
    def __init__(self, options: MutableMapping[str, str]) -> None:
        # Not the base's, which keeps the mapping with the keys.
        self._options = Options.of(options, logger)
        self._table = table_of(self._options)

    @classmethod
    def name(cls) -> str:
        """Names the format; Spark calls it to register it, and from then on the session's plans hide the keys."""
        hide_keys()
        return "amplitude"

    def schema(self) -> StructType:
        return spark_schema(self._table.columns, self._table.name)

    @clear_errors()
    def reader(self, schema: StructType) -> DataSourceReader:
        self._check_columns(schema)
        self._table.check()
        return BatchReader(self._table)

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802 - Spark's name
        if not isinstance(self._table, StreamTable):
            return NoStreamReader(
                ConfigError(
                    f"The table {self._table.name} cannot be read as a stream, since it has no history: read it as a "
                    "batch, with spark.read."
                )
            )
        try:
            self._check_columns(schema)
        except ConfigError as error:
            return NoStreamReader(error)
        return StreamReader(self._table)

    def _check_columns(self, schema: StructType) -> None:
        if [(field.name, field.dataType) for field in schema] != [(own.name, own.dataType) for own in self.schema()]:
            raise ConfigError(
                "The tables of Amplitude have schemas of their own: leave .schema(…) out. "
                "In SQL, use CREATE TEMPORARY VIEW: Spark does not hand on the options of CREATE TABLE."
            )
