"""Declares the columns of a table in Spark's types and in Arrow's, both from the JSON schemas of the streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from source_amplitude.errors import ConfigError
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType, declared_types, stream_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import DataType, StructType

_ADDITIONAL_FIELDS_COMMENT = "What has no column or does not fit it, as a JSON object."


def columns(table: str, *, timestamps: bool, chosen: Sequence[str] = ()) -> dict[str, FieldType]:
    """Lists the columns of a table, in order, the last of them `additional_fields`, where it has that.

    :param timestamps: whether timestamps are of a type of their own instead of text
    :param chosen: names of columns, to have only these, in their order; empty: all
    :raises ConfigError: the table has no column of such a name
    """
    of_timestamps = FieldType.TIMESTAMP if timestamps else FieldType.STRING
    declared = declared_types(table).items()
    found = {name: of_timestamps if kind is FieldType.TIMESTAMP else kind for name, kind in declared}
    has_additional = ADDITIONAL_FIELDS in stream_schema(table, json_columns_as_string=True)["properties"]
    every = {**found, ADDITIONAL_FIELDS: FieldType.OBJECT} if has_additional else found
    for name in chosen:
        if name not in every:
            similar = get_close_matches(name, every, n=1)
            raise ConfigError(
                f"The table {table} has no column {name}, which the option columns names"
                f"{f': {similar[0]} is probably meant' if similar else ''}."
            )
    return {name: every[name] for name in chosen or every}


def spark_schema(table_columns: Mapping[str, FieldType], table: str, *, comments: bool = True) -> StructType:
    """Makes the Spark schema of some columns of a table, all of which may be null.

    :param comments: whether columns have their descriptions as comments
    """
    from pyspark.sql import types as spark  # noqa: PLC0415 - only who asks for it needs Spark

    kinds: dict[FieldType, DataType] = {
        FieldType.TIMESTAMP: spark.TimestampType(),
        FieldType.INTEGER: spark.LongType(),
        FieldType.NUMBER: spark.DoubleType(),
        FieldType.BOOLEAN: spark.BooleanType(),
        FieldType.STRINGS: spark.ArrayType(spark.StringType()),
    }
    fields = stream_schema(table, json_columns_as_string=True)["properties"]
    texts = {ADDITIONAL_FIELDS: _ADDITIONAL_FIELDS_COMMENT}
    texts |= {name: field["description"] for name, field in fields.items()}
    return spark.StructType([
        spark.StructField(
            name, kinds.get(kind, spark.StringType()), metadata={"comment": texts[name]} if comments else None
        )
        for name, kind in table_columns.items()
    ])  # fmt: skip


def arrow_schema(table_columns: Mapping[str, FieldType]) -> pa.Schema:
    """Makes the Arrow schema that Spark takes for these columns."""
    import pyarrow as pa  # noqa: PLC0415 - only workers need it

    kinds = {
        FieldType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        FieldType.INTEGER: pa.int64(),
        FieldType.NUMBER: pa.float64(),
        FieldType.BOOLEAN: pa.bool_(),
        FieldType.STRINGS: pa.list_(pa.field("element", pa.string())),
    }
    return pa.schema([pa.field(name, kinds.get(kind, pa.string())) for name, kind in table_columns.items()])
