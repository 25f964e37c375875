import json
from datetime import datetime, timezone
from decimal import Decimal
from inspect import signature
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyspark.sql.pandas.types import to_arrow_schema

from source_amplitude.errors import UnexpectedError
from source_amplitude.records.coercion import ColumnValues
from source_amplitude.records.schema import FieldType
from source_amplitude.spark import arrow
from source_amplitude.spark.arrow import ArrowConverter
from source_amplitude.spark.schema import arrow_schema, columns, spark_schema

pytestmark = pytest.mark.spark

TYPES = {
    "text": FieldType.STRING,
    "long": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "texts": FieldType.STRINGS,
    "timestamp": FieldType.TIMESTAMP,
    "bag": FieldType.OBJECT,
    "bags": FieldType.ARRAY,
}
COLUMNS = {**TYPES, "additional_fields": FieldType.OBJECT}
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def rows(*lines: str) -> list[dict[str, Any]]:
    """The rows that records make which the core has made of lines: for each the columns that are not null."""
    values = ColumnValues(TYPES, json_columns_as_string=True)
    records = [encode(values.record(decode(line))) + b"\n" for line in lines]
    found = [row for batch in ArrowConverter(COLUMNS).batches(records) for row in batch.to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def row(line: str) -> dict[str, Any]:
    [only] = rows(line)
    return only


@pytest.mark.parametrize("table", ["events", "user_profiles"])
@pytest.mark.parametrize("timestamps", [False, True])
def test_given_a_table_then_its_batches_have_the_schema_that_spark_expects(table: str, timestamps: bool) -> None:
    # Before 4.1 UTC is what it always takes.
    zone = {"timezone": "UTC"} if "timezone" in signature(to_arrow_schema).parameters else {}
    expected = to_arrow_schema(spark_schema(columns(table, timestamps=timestamps), table), **zone)
    assert arrow_schema(columns(table, timestamps=timestamps)).equals(expected)


def test_given_the_events_table_then_ids_are_long_bags_are_text_and_comments_tell_what_columns_are() -> None:
    schema = spark_schema(columns("events", timestamps=True), "events")
    kinds = {field.name: field.dataType.simpleString() for field in schema}
    assert (kinds["amplitude_id"], kinds["session_id"], kinds["app"]) == ("bigint", "bigint", "bigint")
    assert (kinds["event_properties"], kinds["location_lat"], kinds["paying"]) == ("string", "double", "boolean")
    assert (kinds["event_time"], kinds["additional_fields"]) == ("timestamp", "string")
    assert "unique identifier" in schema["uuid"].metadata["comment"]


def test_given_values_that_fit_then_they_are_in_their_columns() -> None:
    found = row(
        '{"text":"é 🎉","long":-9223372036854775808,"double":3,"boolean":false,"texts":["a","b"],'
        '"timestamp":"2024-03-15T10:04:58.123000Z","bag":{"a":[1]},"bags":[{}]}'
    )
    assert found == {
        "text": "é 🎉",
        "long": -(2**63),
        "double": 3.0,
        "boolean": False,
        "texts": ["a", "b"],
        "timestamp": datetime(2024, 3, 15, 10, 4, 58, 123000, tzinfo=timezone.utc),
        "bag": '{"a":[1]}',
        "bags": "[{}]",
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("long", "9223372036854775808"),
        ("long", '"many"'),
        ("long", "[1]"),
        ("double", "1e400"),
        ("boolean", "1"),
        ("texts", '"a"'),
        ("timestamp", '"soon"'),
        ("timestamp", '"2024-03-15T10:04:58.123456789Z"'),
        ("bag", "12"),
        ("unknown", '{"a":[1,"b"]}'),
        ("unknown", "123456789012345678901234567890"),
        ("unknown", "1e400"),
    ],
)
def test_given_what_does_not_fit_then_it_is_kept_as_json_and_others_are_left_alone(column: str, value: str) -> None:
    first, second = rows(f'{{"text":"a","{column}":{value}}}', '{"text":"b","long":7}')
    assert first == {"text": "a", "additional_fields": f'{{"{column}":{value}}}'}
    assert second == {"text": "b", "long": 7}


def test_given_a_fine_timestamp_and_other_odd_values_then_all_of_them_are_kept() -> None:
    found = row('{"long":"x","timestamp":"2024-03-15T10:04:58.1234567Z","new":1e400}')
    assert found == {"additional_fields": '{"long":"x","new":1e400,"timestamp":"2024-03-15T10:04:58.1234567Z"}'}


def test_given_many_records_then_batches_are_of_about_4_mb_and_all_rows_come_in_order() -> None:
    line = '{"text":"%s","long":%d}\n'
    blocks = ["".join(line % ("x" * 1000, block * 100 + number) for number in range(100)) for block in range(100)]
    batches = list(ArrowConverter(COLUMNS).batches(block.encode() for block in blocks))
    assert [value for batch in batches for value in batch["long"].to_pylist()] == list(range(10_000))
    assert len(batches) == 3
    assert max(batch.nbytes for batch in batches) < 2 * arrow.BLOCK_BYTES


def test_given_small_batches_then_they_are_combined_up_to_a_number_of_rows_or_bytes() -> None:
    small = [pa.RecordBatch.from_pydict({"long": list(range(start, start + 900))}) for start in range(0, 27_000, 900)]
    found = list(arrow.combined(small))
    assert [batch.num_rows for batch in found] == [10_800, 10_800, 5_400]
    assert [value for batch in found for value in batch["long"].to_pylist()] == list(range(27_000))
    wide = [pa.RecordBatch.from_pydict({"text": ["x" * 1024 * 1024]}) for _ in range(10)]
    assert [batch.num_rows for batch in arrow.combined(wide)] == [4, 4, 2]
    assert list(arrow.combined([])) == []


def test_given_no_records_then_there_is_no_batch() -> None:
    assert rows() == []


def test_given_a_record_that_does_not_fit_then_the_error_does_not_quote_its_value() -> None:
    with pytest.raises(UnexpectedError) as caught:
        list(ArrowConverter(COLUMNS).batches([b'{"long":"a secret"}\n']))
    assert "a secret" not in str(caught.value)
    assert caught.value.__suppress_context__


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.integers(0, 2**31).map(lambda second: f"{datetime.fromtimestamp(second, timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=5,
)
names = st.sampled_from([*[name for name in COLUMNS if name != "additional_fields"], "new", "$new"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of busy machines
@example(records=[{"long": 6.368397999179338e16}])
@given(records=st.lists(st.dictionaries(names, json_values), min_size=1, max_size=4))
def test_given_any_records_then_nothing_is_lost_and_nothing_fails(records: list[dict[str, Any]]) -> None:
    found = rows(*(json.dumps(record) for record in records))
    assert len(found) == len(records)
    for record, read in zip(records, found, strict=True):
        additional = json.loads(read.pop("additional_fields", "{}"))
        for name, value in record.items():
            if name in additional:
                assert additional[name] == value
            elif value is not None:
                assert same(read.pop(name), value), name
        assert not read


def same(read: Any, value: Any) -> bool:
    """Whether a column has a value, which the core may have converted where nothing is lost by that."""
    if isinstance(read, datetime):
        return f"{read:%Y-%m-%dT%H:%M:%S.%fZ}" == value
    if isinstance(value, str) and not isinstance(read, str):
        return bool(read == json.loads(value.lower()))
    if isinstance(read, str) and not isinstance(value, str):
        return bool(json.loads(read) == value)
    if isinstance(read, list):
        return all(same(text, entry) for text, entry in zip(read, value, strict=True))
    if isinstance(read, int) and isinstance(value, float):
        return read == Decimal(repr(value))  # what the line has; a float only comes near it
    return bool(read == value)


def test_given_batches_then_they_are_arrow_s() -> None:
    [batch] = ArrowConverter(COLUMNS).batches([b'{"long":1}\n'])
    assert isinstance(batch, pa.RecordBatch)
