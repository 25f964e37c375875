"""The columns of a table in Spark's types and in Arrow's, both from the JSON schemas of the streams."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from source_amplitude.schema import stream_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType, StructType

ADDITIONAL_FIELDS = "additional_fields"
_ADDITIONAL_FIELDS_DESCRIPTION = "What has no column or does not fit it, as a JSON object."


class Column(Enum):
    """What a column holds."""

    TEXT = "text; of objects and lists of objects: JSON text"
    LONG = "a whole number of 64 bits"
    DOUBLE = "a number"
    BOOLEAN = "a boolean"
    TEXTS = "a list of texts"
    TIMESTAMP = "a moment in UTC, in microseconds"


def columns(table: str, *, timestamps: bool) -> dict[str, Column]:
    """The columns of a table, in order.

    :param timestamps: whether timestamps are moments instead of text
    """
    found = {name: _column(field, timestamps=timestamps) for name, field in _fields(table).items()}
    return {**found, ADDITIONAL_FIELDS: Column.TEXT}


def core_has_additional_fields(table: str) -> bool:
    """Whether the stream's own records have a field for what no column is declared for."""
    return ADDITIONAL_FIELDS in _fields(table)


def spark_schema(table: str, *, timestamps: bool) -> StructType:
    """The Spark schema of a table, its descriptions as comments. All columns may be null."""
    from pyspark.sql import types as spark  # noqa: PLC0415 - only who asks for it needs Spark

    kinds: dict[Column, DataType] = {
        Column.TEXT: spark.StringType(),
        Column.LONG: spark.LongType(),
        Column.DOUBLE: spark.DoubleType(),
        Column.BOOLEAN: spark.BooleanType(),
        Column.TEXTS: spark.ArrayType(spark.StringType()),
        Column.TIMESTAMP: spark.TimestampType(),
    }
    comments = {ADDITIONAL_FIELDS: _ADDITIONAL_FIELDS_DESCRIPTION}
    comments |= {name: field["description"] for name, field in _fields(table).items()}
    return spark.StructType([
        spark.StructField(name, kinds[column], nullable=True, metadata={"comment": comments[name]})
        for name, column in columns(table, timestamps=timestamps).items()
    ])  # fmt: skip


def arrow_schema(table_columns: Mapping[str, Column]) -> pa.Schema:
    """The Arrow schema that Spark takes for these columns."""
    import pyarrow as pa  # noqa: PLC0415 - only workers need it

    kinds = {
        Column.TEXT: pa.string(),
        Column.LONG: pa.int64(),
        Column.DOUBLE: pa.float64(),
        Column.BOOLEAN: pa.bool_(),
        Column.TEXTS: pa.list_(pa.field("element", pa.string())),
        Column.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(name, kinds[column]) for name, column in table_columns.items()])


def _fields(table: str) -> Mapping[str, Mapping[str, Any]]:
    schema: Mapping[str, Mapping[str, Any]] = stream_schema(table, json_columns_as_string=True)["properties"]
    return schema


def _column(field: Mapping[str, Any], *, timestamps: bool) -> Column:
    """The column of a JSON schema's field; JSON types that have no column of their own are text."""
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    kind = next(kind for kind in types if kind != "null")
    if timestamps and field.get("airbyte_type") == "timestamp_with_timezone":
        return Column.TIMESTAMP
    by_type = {"integer": Column.LONG, "number": Column.DOUBLE, "boolean": Column.BOOLEAN, "array": Column.TEXTS}
    return by_type.get(kind, Column.TEXT)
