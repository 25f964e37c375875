# ruff: noqa: N802 - Spark's names
"""A stand-in for the framework of Lakeflow's community connectors, written for these tests from how it behaves.

Its tool merges a source into one file in which all classes, those of the interface too, are local to one function. So
`isinstance` asks classes that no installed package can know. A table that is not partitioned is read by Spark's simple
reader, which at a restart reads from the start offset and does not look at the end.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    InputPartition,
    SimpleDataSourceStreamReader,
)
from pyspark.sql.types import StructType

from source_amplitude.spark.spark_versions import SupportsTriggerAvailableNow

IMPLEMENTATION = re.compile(r"^class (\w+LakeflowConnect|LakeflowConnect)\b", re.MULTILINE)
OWN_IMPORTS = re.compile(r"^from databricks\.labs\.community_connector\b.*\n", re.MULTILINE)


def register_lakeflow_source(session: SparkSession, source: str) -> None:
    """Merges the text of a source file with the framework, and registers the format that comes of it.

    :raises ValueError: the file has no class that implements the interface
    """
    if not (found := IMPLEMENTATION.search(source)):
        raise ValueError("No LakeflowConnect implementation found")

    class LakeflowConnect(ABC):
        @abstractmethod
        def list_tables(self) -> list[str]: ...

        @abstractmethod
        def get_table_schema(self, table_name: str, table_options: dict[str, str]) -> StructType: ...

        @abstractmethod
        def read_table_metadata(self, table_name: str, table_options: dict[str, str]) -> dict[str, Any]: ...

        @abstractmethod
        def read_table(self, table_name: str, start_offset: Any, table_options: dict[str, str]) -> Any: ...

    class SupportsPartition(ABC):
        @abstractmethod
        def get_partitions(self, table_name: str, table_options: dict[str, str]) -> Any: ...

        @abstractmethod
        def read_partition(self, table_name: str, partition: Any, table_options: dict[str, str]) -> Any: ...

    class SupportsPartitionedStream(SupportsPartition):
        def is_partitioned(self, table_name: str) -> bool:
            return True

        @abstractmethod
        def latest_offset(self, table_name: str, table_options: dict[str, str], start_offset: Any = None) -> Any: ...

    # Whose classes pickle by value, as those of a merged file do.
    names: dict[str, Any] = {
        "__name__": "merged",
        "LakeflowConnect": LakeflowConnect,
        "SupportsPartition": SupportsPartition,
        "SupportsPartitionedStream": SupportsPartitionedStream,
    }
    exec(compile(OWN_IMPORTS.sub("", source), "merged", "exec"), names)
    implementation = names[found.group(1)]

    def as_row(record: dict[str, Any], schema: StructType) -> tuple[Any, ...]:
        return tuple(record.get(name) for name in schema.fieldNames())

    class Reader(DataSourceReader):
        def __init__(self, options: dict[str, str], schema: StructType, connect: Any) -> None:
            self.options, self.schema, self.connect = options, schema, connect
            self.is_partitioned = isinstance(connect, SupportsPartition)

        def partitions(self) -> list[InputPartition]:
            if not self.is_partitioned:
                return [InputPartition(None)]
            found = self.connect.get_partitions(self.options["tableName"], self.options)
            return [InputPartition(json.dumps(part)) for part in found]

        def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
            table = self.options["tableName"]
            if partition.value is None:
                records, _ = self.connect.read_table(table, None, self.options)
            else:
                records = self.connect.read_partition(table, json.loads(partition.value), self.options)
            return (as_row(record, self.schema) for record in records)

    class PartitionedStreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
        def __init__(self, options: dict[str, str], schema: StructType, connect: Any) -> None:
            self.options, self.schema, self.connect = options, schema, connect

        def initialOffset(self) -> dict[str, Any]:
            return {}

        def prepareForTriggerAvailableNow(self) -> None:
            pass

        def latestOffset(self, start: Any = None, limit: Any = None) -> Any:
            return self.connect.latest_offset(self.options["tableName"], self.options, start)

        def partitions(self, start: Any, end: Any) -> list[InputPartition]:
            found = self.connect.get_partitions(self.options["tableName"], self.options, start, end)
            return [InputPartition(json.dumps(part)) for part in found]

        def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
            part = json.loads(partition.value)
            records = self.connect.read_partition(self.options["tableName"], part, self.options)
            return (as_row(record, self.schema) for record in records)

    class SimpleStreamReader(SimpleDataSourceStreamReader, SupportsTriggerAvailableNow):
        def __init__(self, options: dict[str, str], schema: StructType, connect: Any) -> None:
            self.options, self.schema, self.connect = options, schema, connect

        def initialOffset(self) -> dict[str, Any]:
            return {}

        def prepareForTriggerAvailableNow(self) -> None:
            pass

        def read(self, start: Any) -> tuple[Iterator[tuple[Any, ...]], Any]:
            records, offset = self.connect.read_table(self.options["tableName"], start, self.options)
            return map(lambda record: as_row(record, self.schema), records), offset  # noqa: C417 - Spark copies it

        def readBetweenOffsets(self, start: Any, end: Any) -> Iterator[tuple[Any, ...]]:
            return self.read(start)[0]

    class LakeflowSource(DataSource):
        def __init__(self, options: dict[str, str]) -> None:
            self.options = options
            self.connect = implementation(options)

        @classmethod
        def name(cls) -> str:
            return "merged_lakeflow_connect"

        def schema(self) -> StructType:
            return self.connect.get_table_schema(self.options["tableName"], self.options)

        def reader(self, schema: StructType) -> DataSourceReader:
            return Reader(self.options, schema, self.connect)

        def streamReader(self, schema: StructType) -> DataSourceStreamReader:
            is_known = isinstance(self.connect, SupportsPartitionedStream)
            if is_known and self.connect.is_partitioned(self.options["tableName"]):
                return PartitionedStreamReader(self.options, schema, self.connect)
            return super().streamReader(schema)

        def simpleStreamReader(self, schema: StructType) -> SimpleDataSourceStreamReader:
            return SimpleStreamReader(self.options, schema, self.connect)

    session.dataSource.register(LakeflowSource)
