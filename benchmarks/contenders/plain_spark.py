"""The yardstick on Spark: a Python data source that does what most do, with the archive in memory and a tuple a row."""

import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import requests
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.types import StructType, TimestampType

from source_amplitude.spark.schema import spark_schema


class PlainDataSource(DataSource):
    @classmethod
    def name(cls) -> str:
        return "plain"

    def schema(self) -> StructType:
        return spark_schema("events", timestamps=self.options["timestamps"] == "true")

    def reader(self, schema: StructType) -> DataSourceReader:
        timestamps = {field.name for field in schema if isinstance(field.dataType, TimestampType)}
        return PlainReader(dict(self.options), schema.fieldNames(), timestamps)


class PlainReader(DataSourceReader):
    def __init__(self, options: dict[str, str], names: list[str], timestamps: set[str]) -> None:
        self._options = options
        self._names = names
        self._timestamps = timestamps

    def partitions(self) -> list[InputPartition]:
        return [InputPartition(window.split("-")) for window in self._options["windows"].split(",")]

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        start, end = partition.value
        answer = requests.get(
            f"{os.environ['AMPLITUDE_API_URL']}/api/2/export",
            params={"start": start, "end": end},
            auth=(self._options["api_key"], self._options["secret_key"]),
            timeout=300,
        )
        answer.raise_for_status()
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            for name in archive.namelist():
                with archive.open(name) as member, gzip.open(member) as lines:
                    for line in lines:
                        event = json.loads(line)
                        for field in self._timestamps:
                            if text := event.get(field):
                                event[field] = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
                        yield tuple(as_column(event.get(field)) for field in self._names)


def as_column(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value
