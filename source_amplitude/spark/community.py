"""Offers the format `lakeflow_connect`: the same tables for pipelines of Lakeflow's community connectors.

Unity Catalog hands the options of a connection to a format of this name only. Such a pipeline first asks tables of its
framework what there is: `_community_namespaces`, `_community_tables` and `_community_table_metadata`
(`_lakeflow_metadata` in older ones).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from pyspark.sql.datasource import DataSourceReader, InputPartition
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from source_amplitude.spark.connect import LakeflowConnect
from source_amplitude.spark.datasource import AmplitudeDataSource
from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.options import json_in, names_in
from source_amplitude.spark.redaction import hide_keys

_TABLES = "_community_tables"
_NAMESPACES = "_community_namespaces"
_METADATA = ("_community_table_metadata", "_lakeflow_metadata")
_NAME = StructField("tableName", StringType(), nullable=False)
_TEXTS = ArrayType(StringType())
_NAMESPACES_SCHEMA = StructType([StructField("namespace", _TEXTS, nullable=False)])
_TABLES_SCHEMA = StructType([StructField("namespace", _TEXTS), _NAME])
_METADATA_SCHEMA = StructType([
    _NAME,
    StructField("primary_keys", _TEXTS),
    StructField("cursor_field", StringType()),
    StructField("ingestion_type", StringType()),
])  # fmt: skip


class CommunityDataSource(AmplitudeDataSource):
    """Reads the tables of `AmplitudeDataSource` under the name, and with the options, of community connectors."""

    @clear_errors()
    def __init__(self, options: MutableMapping[str, str]) -> None:
        given = {name.lower(): value for name, value in options.items()}
        table = given.get("tablename", "")
        self._rows: list[tuple[Any, ...]] | None = None
        if table == _TABLES:
            self._rows = [([], name) for name in LakeflowConnect(_without_table(given)).list_tables()]
            self._framework_schema = _TABLES_SCHEMA
        elif table == _NAMESPACES:
            self._rows = []  # tables lie flat
            self._framework_schema = _NAMESPACES_SCHEMA
        elif table in _METADATA:
            self._rows = list(_metadata(LakeflowConnect(_without_table(given)), given))
            self._framework_schema = _METADATA_SCHEMA
        else:
            super().__init__(options)

    @classmethod
    def name(cls) -> str:
        hide_keys()
        return "lakeflow_connect"

    def schema(self) -> StructType:
        return super().schema() if self._rows is None else self._framework_schema

    def reader(self, schema: StructType) -> DataSourceReader:
        return super().reader(schema) if self._rows is None else RowsReader(self._rows)


class RowsReader(DataSourceReader):
    """Returns rows that are known already."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)


def _without_table(options: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if name != "tablename"}


def _metadata(connect: LakeflowConnect, options: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    configs = json_in(options.get("tableconfigs") or "null", "tableconfigs") or {}
    for table in _names(options):
        found = connect.read_table_metadata(table, configs.get(table, {}))
        yield table, found["primary_keys"], found.get("cursor_field"), found["ingestion_type"]


def _names(options: Mapping[str, str]) -> list[str]:
    """Reads the names of the requested tables: a JSON list, or names with commas between in older pipelines."""
    names = (str(name).strip() for name in names_in(options.get("tablenamelist", ""), "tablenamelist"))
    return list(filter(None, names))
