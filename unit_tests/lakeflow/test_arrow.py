import json
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql.pandas.types import to_arrow_schema

from source_amplitude.errors import UnexpectedError
from source_amplitude.lakeflow import arrow
from source_amplitude.lakeflow.arrow import ArrowConverter
from source_amplitude.lakeflow.schema import Column, arrow_schema, columns, spark_schema

pytestmark = pytest.mark.spark

COLUMNS = {
    "text": Column.TEXT,
    "long": Column.LONG,
    "double": Column.DOUBLE,
    "boolean": Column.BOOLEAN,
    "texts": Column.TEXTS,
    "timestamp": Column.TIMESTAMP,
    "additional_fields": Column.TEXT,
}


def rows(*lines: str, complete: bool = False) -> list[dict[str, Any]]:
    """The rows that records make: for each the columns that are not null."""
    converter = ArrowConverter(COLUMNS, complete=complete)
    batches = converter.batches([f"{line}\n".encode() for line in lines])
    found = [row for batch in batches for row in batch.to_pylist()]
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def row(line: str, **options: bool) -> dict[str, Any]:
    [only] = rows(line, **options)
    return only


@pytest.mark.parametrize("table", ["events", "user_profiles"])
@pytest.mark.parametrize("timestamps", [False, True])
def test_given_a_table_then_its_batches_have_the_schema_that_spark_expects(table: str, timestamps: bool) -> None:
    expected = to_arrow_schema(spark_schema(table, timestamps=timestamps), timezone="UTC")
    assert arrow_schema(columns(table, timestamps=timestamps)).equals(expected)


def test_given_the_events_table_then_ids_are_long_bags_are_text_and_comments_tell_what_columns_are() -> None:
    schema = spark_schema("events", timestamps=True)
    kinds = {field.name: field.dataType.simpleString() for field in schema}
    assert (kinds["amplitude_id"], kinds["session_id"], kinds["app"]) == ("bigint", "bigint", "bigint")
    assert (kinds["event_properties"], kinds["location_lat"], kinds["paying"]) == ("string", "double", "boolean")
    assert (kinds["event_time"], kinds["additional_fields"]) == ("timestamp", "string")
    assert "unique identifier" in schema["uuid"].metadata["comment"]


def test_given_values_that_fit_then_they_are_in_their_columns() -> None:
    found = row(
        '{"text":"\\u0000é 🎉","long":-9223372036854775808,"double":3,"boolean":false,"texts":["a",null],'
        '"timestamp":"2024-03-15T10:04:58.123000Z"}'
    )
    assert found == {
        "text": "\0é 🎉",
        "long": -(2**63),
        "double": 3.0,
        "boolean": False,
        "texts": ["a", None],
        "timestamp": datetime(2024, 3, 15, 10, 4, 58, 123000, tzinfo=timezone.utc),
    }


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("long", "9223372036854775808"),
        ("long", "-9223372036854775809"),
        ("long", "1.0"),
        ("long", "1e3"),
        ("long", '"12"'),
        ("long", "[1]"),
        ("double", '"1.5"'),
        ("double", "1e400"),
        ("boolean", '"true"'),
        ("boolean", "1"),
        ("texts", "[1]"),
        ("texts", '"a"'),
        ("timestamp", '"soon"'),
        ("timestamp", '"2024-02-30T00:00:00Z"'),
        ("timestamp", '"2024-03-15T10:04:58.123456789Z"'),
        ("timestamp", "12"),
        ("unknown", '{"a":[1,"b"]}'),
        ("unknown", "123456789012345678901234567890"),
        ("unknown", "1e400"),
    ],
)
def test_given_what_does_not_fit_then_it_is_kept_as_json_and_others_are_left_alone(column: str, value: str) -> None:
    first, second = rows(f'{{"text":"a","{column}":{value}}}', '{"text":"b","long":7}')
    assert first == {"text": "a", "additional_fields": f'{{"{column}":{value}}}'}
    assert second == {"text": "b", "long": 7}


@pytest.mark.parametrize(
    "text",
    ["2024-03-15T10:04:58Z", "2024-03-15 10:04:58.1", "2024-03-15T10:04:58.123456+02:00", "2024-03-15T10:04:58-0530",
     "2024-03-15", "2024-03-15T10:04", "2024-03-15T10Z", "2024-03-15T10:04:58.", "2024-03-15T24:00:00Z",
     "2024-03-15T10:04:58.1234567Z", "24-03-15T10:04:58Z", "2024-3-15T10:04:58Z", "2024-03-15t10:04:58Z",
     "2024-03-15T100458Z", "20240315T100458Z", "2024-03-15T10:04:58z", "2024-03-15T10:04:60Z", " 2024-03-15T10:04:58Z",
     "2024-13-15T10:04:58Z", "2024-03-15T10:04:58+02", "2024-03-15T10:04:58 Z", ""],
)  # fmt: skip
def test_given_any_timestamp_then_what_other_records_hold_makes_no_difference(text: str) -> None:
    record = json.dumps({"timestamp": text})
    assert rows(record, '{"long":"misfit"}')[0] == row(record)


@pytest.mark.parametrize("value", ["12", "true", "1.50", '{"a":1}', "[1]"])
def test_given_no_text_in_a_text_column_then_it_is_its_json_text(value: str) -> None:
    assert row(f'{{"text":{value}}}') == {"text": value}


def test_given_additional_fields_of_the_record_then_what_does_not_fit_joins_them() -> None:
    found = row('{"new":1,"long":"x","additional_fields":"{\\"new\\":1}"}', complete=True)
    assert json.loads(found["additional_fields"]) == {"new": 1, "long": "x"}


def test_given_complete_records_then_their_other_fields_are_passed_over() -> None:
    found = row('{"new":1,"long":2,"additional_fields":"{\\"new\\":1}"}', complete=True)
    assert found == {"long": 2, "additional_fields": '{"new":1}'}


def test_given_many_records_then_batches_are_of_about_4_mb_and_all_rows_come_in_order() -> None:
    line = '{"text":"%s","long":%d}\n'
    blocks = ["".join(line % ("x" * 1000, block * 100 + number) for number in range(100)) for block in range(100)]
    batches = list(ArrowConverter(COLUMNS, complete=False).batches(block.encode() for block in blocks))
    assert [value for batch in batches for value in batch["long"].to_pylist()] == list(range(10_000))
    assert len(batches) == 3
    assert max(batch.nbytes for batch in batches) < 2 * arrow.BLOCK_BYTES


def test_given_no_records_then_there_is_no_batch() -> None:
    assert rows() == []


def test_given_a_bug_in_the_fitting_then_the_error_does_not_quote_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(arrow._FITS, Column.LONG, lambda _: True)
    with pytest.raises(UnexpectedError) as caught:
        rows('{"long":"a secret"}')
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
    if isinstance(read, datetime):
        return f"{read:%Y-%m-%dT%H:%M:%S.%fZ}" == value
    if isinstance(read, str) and not isinstance(value, str):
        return bool(json.loads(read) == value)
    return bool(read == value)


def test_given_batches_then_they_are_arrow_s() -> None:
    [batch] = ArrowConverter(COLUMNS, complete=False).batches([b'{"long":1}\n'])
    assert isinstance(batch, pa.RecordBatch)
