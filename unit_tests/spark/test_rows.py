import json
from functools import reduce
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from source_amplitude.events.converter import RecordConverter
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.records.json_repair import NotAJsonObjectError
from source_amplitude.records.schema import ADDITIONAL_FIELDS
from source_amplitude.spark.arrow import ArrowConverter
from source_amplitude.spark.rows import RowConverter
from source_amplitude.spark.schema import arrow_schema, columns

pytestmark = pytest.mark.spark

BROKEN = "\ud800"  # half a character, which only a look at the line repairs

USUAL = {
    "uuid": st.uuids().map(str),
    "event_time": st.datetimes().map(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06}"),
    "city": st.text(max_size=9) | st.none(),
    "amplitude_id": st.integers(-(2**63), 2**63 - 1) | st.none(),
    "paying": st.booleans() | st.none(),
    "location_lat": st.floats(-90, 90) | st.none(),
    "event_properties": st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
    "groups": st.just({}) | st.none(),
}
ODD: list[Any] = [
    None, "", "a\x00b", 7, 7.5, 2**63, 1e30, 1e-310, True, "true", "12", "x", [], [1], {}, {"a": {}}, "{}",
    "2024-03-15T10:04:58Z", "2024-03-15 10:04:58.1234567", "2024-02-30 00:00:00.000000", "0000-01-01 00:00:00.000000",
    "2024-03-15 24:00:00.000000", "9999-12-31 23:59:59.999999", "2024-03-15 10:04:58.000000\n",
]  # fmt: skip
events = st.fixed_dictionaries({}, optional=USUAL) | st.fixed_dictionaries(USUAL)
odd_events = st.dictionaries(
    st.sampled_from([*USUAL, "server_upload_time", "new", 'q"']), st.sampled_from(ODD), max_size=4
)


def nested(levels: int) -> Any:
    return reduce(lambda inner, _: [inner], range(levels), "")


def rows_of(converter: RowConverter, lines: list[bytes]) -> tuple[list[pa.RecordBatch], CoercionStats]:
    rows = converter.convert(b"\n".join(lines), len(lines))
    batches = list(converter.batches(rows))
    assert sum(batch.num_rows for batch in batches) == len(rows) == len(lines)
    return batches, rows.coercions


def expected(lines: list[bytes], *, timestamps: bool) -> tuple[list[dict[str, Any]], CoercionStats]:
    """What the records of the Airbyte door are as rows."""
    records = RecordConverter(json_columns_as_string=True).convert(b"\n".join(lines), len(lines))
    batches = ArrowConverter(columns("events", timestamps=timestamps)).batches([records.ndjson])
    return pylist(list(batches)), records.coercions


def pylist(batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    """Their rows, in an order of their own: those of odd events come behind the others of their block."""
    rows = [row for batch in batches for row in batch.to_pylist()]
    found = [{**row, ADDITIONAL_FIELDS: json.loads(row[ADDITIONAL_FIELDS] or "null")} for row in rows]
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True, default=str))


@given(found=st.lists(events | odd_events, min_size=1, max_size=12), timestamps=st.booleans())
@example(found=[{"event_time": odd} for odd in ODD], timestamps=True)
@example(found=[{"event_properties": odd} for odd in ODD], timestamps=False)
@example(found=[{"location_lat": odd} for odd in ODD], timestamps=False)
def test_given_any_events_then_their_rows_are_their_records(found: list[dict[str, Any]], timestamps: bool) -> None:
    assert_rows_are_records(found, timestamps=timestamps)


@pytest.mark.parametrize("name", ["event_properties", "new"])
def test_given_values_that_are_nested_too_deeply_then_their_rows_are_their_records(name: str) -> None:
    # Not as examples above, which Hypothesis prints: from some 490 levels on Python 3.11 does not recurse so deep.
    assert_rows_are_records([{name: {"a": nested(levels)}} for levels in range(495, 502)], timestamps=False)


def assert_rows_are_records(found: list[dict[str, Any]], *, timestamps: bool) -> None:
    lines = [json.dumps(event, ensure_ascii=False).encode() for event in found]
    wanted, coercions = expected(lines, timestamps=timestamps)
    converter = RowConverter(columns("events", timestamps=timestamps))
    for _ in range(3):  # their fields unknown, and known from the times before
        batches, counted = rows_of(converter, lines)
        assert pylist(batches) == wanted
        assert counted == coercions
        assert all(batch.schema == arrow_schema(columns("events", timestamps=timestamps)) for batch in batches)
        for batch in batches:
            batch.validate(full=True)


COLUMN_CHOICES = [["uuid"], ["event_time", "city"], ["event_properties", "location_lat", "groups"], ["platform"]]


@given(found=st.lists(events | odd_events, min_size=1, max_size=12), chosen=st.sampled_from(COLUMN_CHOICES))
@example(found=[{"event_time": odd, "city": odd, "new": odd} for odd in ODD], chosen=["event_time", "city"])
def test_given_some_columns_then_their_values_are_those_of_the_whole_rows(
    found: list[dict[str, Any]], chosen: list[str]
) -> None:
    lines = [json.dumps(event, ensure_ascii=False).encode() for event in found]
    wanted, coercions = expected(lines, timestamps=True)
    converter = RowConverter(columns("events", timestamps=True, chosen=chosen))
    for _ in range(2):
        batches, counted = rows_of(converter, lines)
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert all(list(row) == chosen for row in rows)
        assert in_order(rows) == in_order([{name: row[name] for name in chosen} for row in wanted])
        assert counted.undeclared == {}, "other fields are not even looked at"
        assert counted.nulled == {name: count for name, count in coercions.nulled.items() if name in chosen}


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


@given(found=st.lists(events | odd_events, min_size=1, max_size=12))
def test_given_a_name_of_its_own_in_each_event_then_the_rows_are_the_records(found: list[dict[str, Any]]) -> None:
    lines = [json.dumps({**event, f"own {place}": event}).encode() for place, event in enumerate(found)]
    wanted, coercions = expected(lines, timestamps=False)
    converter = RowConverter(columns("events", timestamps=False))
    for _ in range(3):
        batches, counted = rows_of(converter, lines)
        assert pylist(batches) == wanted
        assert counted == coercions


UNSOUND = [
    b"1", b"1\r", b"1" * 1001, b"NaN", b"-Infinity", b'"a\xffb"', rb'"\ud83d"', b'"a\tb"', b'"a\x01b"',
    rb'"a\u0000b"', rb'"a\\u0000b"', b"[" * 499 + b"]" * 499, b"[" * 500 + b"]" * 500,
]  # fmt: skip


@given(
    unsound=st.lists(st.sampled_from(UNSOUND), min_size=1, max_size=6),
    name=st.sampled_from(["own %d", "new", "event_properties", "city", r"\ud83d%d", r"\u0000%d", "NaN\t%d"]),
)
def test_given_lines_to_repair_with_a_name_of_its_own_in_each_then_the_rows_are_the_records(
    unsound: list[bytes], name: str
) -> None:
    names = [(name % place if "%" in name else name).encode() for place in range(len(unsound))]
    lines = [
        b'{"uuid":"a","own %d":1,"%b":%b,"city":"b"}' % (place, own, value)
        for place, (own, value) in enumerate(zip(names, unsound, strict=True))
    ]
    wanted, coercions = expected(lines, timestamps=False)
    converter = RowConverter(columns("events", timestamps=False))
    for _ in range(3):
        batches, counted = rows_of(converter, lines)
        assert pylist(batches) == wanted
        assert counted == coercions
        rows = converter.convert(b"\n \n" + b"\n\n".join(lines), 2 * len(lines) + 1)
        assert pylist(list(converter.batches(rows))) == wanted, "blank lines between"


def test_given_names_that_come_once_then_the_shape_does_not_grow_and_no_event_takes_the_detour() -> None:
    lines = [json.dumps({"uuid": "a", "city": "b", f"own {number}": number}).encode() for number in range(300)]
    converter = RowConverter(columns("events", timestamps=False))
    converter.convert(lines[0], 1)
    [part] = converter.convert(b"\n".join(lines), len(lines)).parts
    assert isinstance(part, pa.RecordBatch)
    assert [json.loads(text) for text in part["additional_fields"].to_pylist()] == [
        {f"own {number}": number} for number in range(300)
    ]
    assert len(converter._shape.names) < 10


def test_given_nul_in_every_event_then_no_event_takes_the_detour() -> None:
    lines = [json.dumps({"uuid": f"{number}\x00", "event_properties": {"a": "\x00 \\u0000"}}) for number in range(50)]
    converter = RowConverter(columns("events", timestamps=False))
    converter.convert(lines[0].encode(), 1)
    rows = converter.convert("\n".join(lines).encode(), len(lines))
    [part] = rows.parts
    assert isinstance(part, pa.RecordBatch)
    assert rows.coercions.repaired == 50
    assert part["uuid"].to_pylist() == [f"{number}\ufffd" for number in range(50)]
    assert set(part["event_properties"].to_pylist()) == {'{"a": "\ufffd \\\\u0000"}'}


USUAL_EVENT: dict[str, Any] = {
    "uuid": "a", "event_time": "2024-03-15 10:04:58.123000", "city": "Zürich", "amplitude_id": 1, "paying": True,
    "location_lat": 47.1, "event_properties": {"a": 1}, "groups": {},
}  # fmt: skip


@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("odd", ODD)
def test_given_an_odd_value_where_usual_ones_were_then_the_rows_are_the_records(odd: Any, timestamps: bool) -> None:
    for name in USUAL:
        lines = [json.dumps(event).encode() for event in (USUAL_EVENT, {**USUAL_EVENT, name: odd}, USUAL_EVENT)]
        converter = RowConverter(columns("events", timestamps=timestamps))
        rows_of(converter, [lines[0]])
        batches, _ = rows_of(converter, lines)
        assert pylist(batches) == expected(lines, timestamps=timestamps)[0], name


@pytest.mark.parametrize(
    "values",
    [
        {"location_lat": None},
        {"event_properties": None, "event_time": None},
        {"groups": {"team": "a"}},
        {"event_properties": "text", "new": [1]},
        {"event_time": "15 March", "amplitude_id": 2**64, "paying": "true"},
    ],
)
def test_given_values_seen_before_then_no_event_takes_the_detour(values: dict[str, Any]) -> None:
    other = {**USUAL_EVENT, **values}
    lines = [json.dumps(event).encode() for event in (USUAL_EVENT, other, USUAL_EVENT)]
    converter = RowConverter(columns("events", timestamps=True))
    rows_of(converter, lines)
    [part] = converter.convert(b"\n".join(lines), len(lines)).parts
    assert isinstance(part, pa.RecordBatch)


def test_given_odd_events_among_others_then_there_are_two_batches_at_most() -> None:
    lines = [json.dumps({"uuid": str(number) if number % 10 else number}).encode() for number in range(500)]
    usual, odd = rows_of(RowConverter(columns("events", timestamps=True)), lines)[0]
    assert odd["uuid"].to_pylist() == [f"{number}" for number in range(0, 500, 10)]
    assert usual.num_rows == 450


def test_given_events_with_other_fields_each_then_no_line_takes_the_detour() -> None:
    lines = [json.dumps({"uuid": "a", name: None}).encode() for name in ("city", "country", "region")] * 10
    rows = RowConverter(columns("events", timestamps=True)).convert(b"\n".join(lines), len(lines))
    assert not [part for part in rows.parts if isinstance(part, bytes)]


def test_given_events_that_all_take_the_detour_then_they_are_one_batch_too() -> None:
    lines = [json.dumps({"uuid": f"{number}{BROKEN}"}).encode() for number in range(50)]
    [batch], _ = rows_of(RowConverter(columns("events", timestamps=True)), lines)
    assert batch["uuid"].to_pylist() == [f"{number}\ufffd" for number in range(50)]


def test_given_usual_events_then_they_are_one_batch_once_their_fields_are_known() -> None:
    event = {
        "uuid": "a",
        "event_time": "2024-03-15 10:04:58.123000",
        "user_properties": {"n": 1.10},
        "groups": None,
        "city": None,
    }
    lines = [json.dumps({**event, "event_id": number}).encode() for number in range(100)]
    converter = RowConverter(columns("events", timestamps=True))
    rows_of(converter, lines[:1])
    [batch], _ = rows_of(converter, lines)
    assert batch["event_id"].to_pylist() == list(range(100))


def test_bags_keep_their_digits_and_their_order() -> None:
    bag = '{"b": 1.10, "a": 12345678901234567890123, "é": "\\ud83c\\udf89"}'
    lines = [f'{{"event_properties":{bag}}}'.encode()] * 3
    converter = RowConverter(columns("events", timestamps=False))
    for _ in range(2):
        batches, _ = rows_of(converter, lines)
        assert [row["event_properties"] for row in pylist(batches)] == [bag] * 3


@pytest.mark.parametrize("field", ["city", "event_properties", "new"])
def test_given_bytes_that_are_no_characters_then_they_are_repaired_wherever_they_are(field: str) -> None:
    whole, broken = (f'{{"uuid":"a","{field}":{{"a":"%b"}}}}'.encode() % text for text in (b"ok", b"\xff"))
    converter = RowConverter(columns("events", timestamps=False))
    for _ in range(2):
        batches, coercions = rows_of(converter, [whole, broken, whole])
        assert coercions.repaired == 1
        assert pylist(batches) == expected([whole, broken, whole], timestamps=False)[0]


def test_given_a_line_that_is_no_event_then_the_error_of_the_records() -> None:
    with pytest.raises(NotAJsonObjectError):
        RowConverter(columns("events", timestamps=False)).convert(b'{"uuid":"a"}\n[1]', 2)
    assert len(RowConverter(columns("events", timestamps=False)).convert(b"\n \n", 2)) == 0
