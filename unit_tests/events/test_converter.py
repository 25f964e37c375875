import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.schemas import Schema
from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.events.shape import MOST_FIELDS
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.records.json_repair import NotAJsonObjectError
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType, declared_types, stream_schema
from unit_tests.strategies import json_values, without_nul

TYPES = declared_types("events")
TIMESTAMP_FIELDS = [name for name, declared in TYPES.items() if declared is FieldType.TIMESTAMP]
names = st.text() | st.sampled_from([*TYPES, ADDITIONAL_FIELDS, "$new", 'd"'])
odd_texts = st.sampled_from(["", "1.0", "7", "-0", "1e400", "true", "False", '{"a": 1}', "[1]", "2024-02-30 00:00:00"])
events = st.dictionaries(names.filter(lambda name: name != "uuid"), json_values | odd_texts, max_size=10)


SCHEMAS = {
    as_string: Schema(
        stream_schema("events", json_columns_as_string=as_string), stream_schema("events", json_columns_as_string=False)
    )
    for as_string in (True, False)
}


A_KEY = b'{"uuid":"a key"'


def keyed(line: bytes) -> bytes:
    """An event with a key in front, which one of its own takes the place of."""
    return re.sub(rb'^\{(?=[}"])', lambda _: A_KEY + (b"" if line.startswith(b"{}") else b","), line)


def convert_all(lines: list[bytes], json_columns_as_string: bool = True) -> Records:
    converter = RecordConverter(json_columns_as_string=json_columns_as_string)
    return converter.convert(b"\n".join(map(keyed, lines)), len(lines))


def converted(line: bytes, json_columns_as_string: bool = True) -> bytes:
    """The record of a line, which is the same whether its fields are known from a line before or not."""
    new, known, again = convert_all([line, line, line], json_columns_as_string)
    assert json.loads(known) == json.loads(new)
    assert again == known
    return known.replace(A_KEY[1:] + b",", b"", 1)


def convert(line: bytes, json_columns_as_string: bool = True) -> dict[str, Any]:
    """The record of a line, which fits the schema; without `additional_fields` where that is null."""
    record = json.loads(converted(line, json_columns_as_string))
    SCHEMAS[json_columns_as_string].check(record)
    SCHEMAS[json_columns_as_string].check_nul(record)
    if record[ADDITIONAL_FIELDS] is None:
        del record[ADDITIONAL_FIELDS]
    return record  # type: ignore[no-any-return]


def kept(record: dict[str, Any]) -> dict[str, Any]:
    """What is in `additional_fields`, in both formats."""
    found = record.get(ADDITIONAL_FIELDS)
    return json.loads(found) if isinstance(found, str) else found or {}


@given(event=events, ascii_only=st.booleans(), as_string=st.booleans())
@example(event={"location_lat": 2**63}, ascii_only=True, as_string=True)
@example(event={"event_id": 2**63}, ascii_only=True, as_string=True)
def test_given_any_event_then_the_record_fits_the_schema_and_nothing_is_lost(
    event: dict[str, Any], ascii_only: bool, as_string: bool
) -> None:
    line = json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    record = convert(line, as_string)
    repaired = without_nul(event)
    for name, value in repaired.items():
        if name != ADDITIONAL_FIELDS and kept(record).get(name) != value:
            assert name in TYPES
            assert same(record[name], value), name
    for name, value in kept(record).items():
        assert value == repaired[name]
        if name in TYPES:
            assert record[name] is None
        elif name != ADDITIONAL_FIELDS:
            assert same(record[name], value)


@pytest.mark.parametrize(
    ("name", "fits", "too_large"), [("event_id", 2**63 - 1, 2**63), ("location_lat", 10**29 - 10**14, 10**29)]
)
def test_the_check_of_every_record_has_the_bounds_of_destinations(name: str, fits: int, too_large: int) -> None:
    record = {**convert(b'{"uuid":"u"}'), name: fits}
    SCHEMAS[True].check(record)
    with pytest.raises(AssertionError, match=f"{name}: {too_large} is too large for its column"):
        SCHEMAS[True].check({**record, name: too_large})


def same(ours: Any, sent: Any) -> bool:
    """Whether a column holds what was sent: the same, or the same in another type."""
    if type(ours) is type(sent) and ours == sent:
        return True
    if isinstance(ours, str) and re.fullmatch(r".+T.+Z", ours):
        return bool(sent.replace(" ", "T").rstrip("Z") == ours.rstrip("Z"))
    as_json = [value if isinstance(value, str) else json.dumps(value) for value in (ours, sent)]
    read = [json.loads(text.lower() if text in ("True", "False") else text) for text in as_json]
    return bool(read[0] == read[1])


@pytest.mark.parametrize(
    ("amplitude", "expected"),
    [
        ("2024-03-15 10:04:58.123000", "2024-03-15T10:04:58.123000Z"),
        ("2024-03-15 10:04:58", "2024-03-15T10:04:58Z"),
        ("2024-03-15 10:04:58.1", "2024-03-15T10:04:58.1Z"),
        ("2024-03-15T10:04:58Z", "2024-03-15T10:04:58Z"),
        ("2024-03-15T10:04:58", "2024-03-15T10:04:58Z"),
        ("2024-03-15 10:04:58+02:00", "2024-03-15T08:04:58Z"),
        ("2024-03-15T10:04:58.123456789-0330", "2024-03-15T13:34:58.123456789Z"),
        ("2024-02-29 23:59:59.999999", "2024-02-29T23:59:59.999999Z"),
        ("0001-01-01 00:00:00.000000", "0001-01-01T00:00:00.000000Z"),
        (None, None),
    ],
)
@pytest.mark.parametrize("field", TIMESTAMP_FIELDS)
def test_timestamps(field: str, amplitude: Any, expected: Any) -> None:
    assert convert(json.dumps({field: amplitude}).encode()) == {field: expected}


@pytest.mark.parametrize(
    "sent",
    [
        "", " ", "yesterday", "2024-02-30 10:04:58.123000", "2023-02-29 10:04:58", "0000-00-00 00:00:00.000000",
        "0000-01-01 00:00:00", "2024-13-01 00:00:00.000000", "2024-03-15 24:00:00.000000", "2024-03-15 10:60:00",
        "2024-03-15 10:04:60.000000", "2024-03-15", "10:04:58", "2024-03-15 10:04", "2024-03-15 10:04:58 UTC",
        "2024-03-15 10:04:58+25:00", "0001-01-01T00:00:00+01:00", "24-03-15 10:04:58", "+2024-03-15 10:04:58",
        "2024-03-15 10:04:58.", "2024-03-15 10:04:58,5", "\u0662024-03-15 10:04:58", 1710497098, 1710497098.5, True,
        [], {},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("field", TIMESTAMP_FIELDS)
def test_given_a_timestamp_that_is_none_then_null_and_it_is_kept_as_it_came(field: str, sent: Any) -> None:
    record = convert(json.dumps({field: sent}).encode())
    assert (record[field], kept(record)) == (None, {field: sent})


def test_given_a_timestamp_inside_a_bag_then_it_is_left_alone() -> None:
    bag = {"event_time": "2024-03-15 10:04:58.123000"}
    line = json.dumps({"event_properties": bag}).encode()
    assert convert(line, json_columns_as_string=False) == {"event_properties": bag}


@pytest.mark.parametrize("number", ["9223372036854775807", "18446744073709551616", "1" * 60, "1.10", "1e400", "-0.0"])
def test_numbers_in_bags_keep_their_very_text(number: str) -> None:
    line = b'{"user_properties":{"n":%b}}' % number.encode()
    assert converted(line, json_columns_as_string=False) == line[:-1] + b',"additional_fields":null}'
    assert convert(line) == {"user_properties": f'{{"n":{number}}}'}


@pytest.mark.parametrize(
    "number", ["1.10", "-0.0", "48.13743000000000001", "1E-7", "0", "0e9", "9.9e28", f"{2**63}", f"{10**29 - 10**14}"]
)
def test_numbers_keep_their_very_text(number: str) -> None:
    line = b'{"location_lat":%b' % number.encode()
    assert converted(line + b"}") == line + b',"additional_fields":null}'


def test_given_a_line_that_is_repaired_then_its_numbers_keep_their_very_text() -> None:
    numbers = b"0.1234567890123456789,1.10,1e400,-0.0,%b" % (b"7" * 5000)
    assert convert(b'{"event_properties":{"n":[%b],"x":NaN}}' % numbers) == {
        "event_properties": f'{{"n":[{numbers.decode()}],"x":null}}'
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"city":"Z\xfcrich"}', {"city": "Z\ufffdrich"}),
        (b'{"city":"a\x00b\tc\x01"}', {"city": "a\ufffdb\tc\x01"}),
        (b'{"city":"a\\u0000b","\\u0000":1}', {"city": "a\ufffdb", "\ufffd": 1}),
        (b'{"event_properties":{"x\\u0000":["\\\\\\u0000"]}}', {"event_properties": '{"x\ufffd":["\\\\\ufffd"]}'}),
        (b'{"n":NaN,"m":-Infinity,"k":1}', {"n": None, "m": None, "k": 1}),
        (b'{"city":"\\ud83d"}', {"city": "\ufffd"}),
        (b'{"event_properties":{"x":"\\udc00","y":NaN}}', {"event_properties": '{"x":"\ufffd","y":null}'}),
        (b'{"x":"\\ud83d\\ude00 \\\\ud83d NaN","y":NaN}', {"x": "\U0001f600 \\ud83d NaN", "y": None}),
    ],
    ids=[
        "invalid utf-8",
        "raw control characters",
        "NUL",
        "NUL in a bag",
        "nan",
        "lone surrogate",
        "inside a bag",
        "whole pairs and texts",
    ],
)
def test_given_almost_json_then_it_is_repaired_and_counted(line: bytes, expected: dict[str, Any]) -> None:
    found = convert(line)
    found.pop(ADDITIONAL_FIELDS, None)
    assert found == expected
    assert convert_all([b"{}", line, b"{}", line]).coercions.repaired == 2


def test_given_an_escaped_backslash_before_u0000_then_it_is_no_nul() -> None:
    line = b'{"city":"a\\\\u0000","event_properties":{"b":"\\\\u0000"}}'
    assert convert(line) == {"city": "a\\u0000", "event_properties": '{"b":"\\\\u0000"}'}
    assert not convert_all([line, line]).coercions


def test_given_duplicate_keys_then_the_last_one_counts() -> None:
    assert convert(b'{"event_id":1,"app":2,"event_id":3}') == {"event_id": 3, "app": 2}


@pytest.mark.parametrize("name", ["data", "not_declared"])
def test_given_nesting_then_it_is_kept_up_to_500_levels_whether_the_field_is_known_or_not(name: str) -> None:
    def lines(levels: int) -> bytes:
        deep = b'{"[":' + b"[" * (levels - 2) + b"]" * (levels - 2) + b"}"
        return b"\n".join([b'{"uuid":"1","%b":%b}' % (name.encode(), deep)] * 3)

    for as_string in (True, False):
        convert = RecordConverter(json_columns_as_string=as_string).convert
        assert not convert(lines(500), 3).coercions.repaired
        deeper = convert(lines(501), 3)
        assert deeper.coercions.repaired == 3
        assert len(set(deeper)) == 1
        assert b"[" * 401 in deeper.ndjson  # from the hundredth level
        assert b"[" * 402 not in deeper.ndjson


@given(
    lines=st.lists(
        st.dictionaries(st.sampled_from([*TYPES, "a", "$b", 'c"']), json_values | odd_texts, max_size=9), max_size=9
    )
)
def test_given_any_lines_before_then_the_record_of_a_line_is_the_same(lines: list[dict[str, Any]]) -> None:
    raw = [json.dumps(line).encode() for line in lines]
    for as_string in (True, False):
        converter = RecordConverter(json_columns_as_string=as_string)
        new, known = (converter.convert(b"\n".join(raw), len(raw)) for _ in range(2))
        alone = [RecordConverter(json_columns_as_string=as_string).convert(line, 1) for line in raw]
        counted = CoercionStats()
        for records in alone:
            counted.add(records.coercions)
        for together in (new, known):
            assert list(map(parsed, together)) == [parsed(records.ndjson) for records in alone]
            assert together.coercions == counted


def parsed(record: bytes) -> dict[str, Any]:
    found = json.loads(record)
    return {**found, ADDITIONAL_FIELDS: kept(found)}


def test_given_more_fields_than_a_shape_holds_then_the_records_are_still_right() -> None:
    lines = [b'{"uuid":"%d","field %d":{"n":1.0}}' % (n, n) for n in range(2 * MOST_FIELDS)]
    records = list(convert_all(lines))
    assert [json.loads(record)["uuid"] for record in records] == [str(n) for n in range(2 * MOST_FIELDS)]
    assert json.loads(records[-1])[f"field {2 * MOST_FIELDS - 1}"] == '{"n":1.0}'


@pytest.mark.parametrize("text", ["2024-03-15 10:04:58", "2024\\u002d03-15 10:04:58", "\\u0032024-03-15 10:04:58"])
def test_given_escapes_in_a_timestamp_then_it_means_the_same(text: str) -> None:
    assert convert(b'{"event_time":"%b"}' % text.encode()) == {"event_time": "2024-03-15T10:04:58Z"}


TYPED: list[tuple[str, Any, Any]] = [
    ("sample_rate", "1.0", 1.0), ("sample_rate", 1, 1), ("location_lat", "-7e-3", -0.007),
    ("event_id", "12", 12), ("event_id", "-12.0", -12), ("event_id", 1e3, 1000), ("session_id", -1.0, -1),
    ("event_id", 2**63 - 1, 2**63 - 1), ("event_id", -(2**63), -(2**63)), ("event_id", f"{2**63 - 1}", 2**63 - 1),
    ("paying", "true", True), ("paying", "False", False),
    ("version_name", 4.1, "4.1"), ("user_id", 12345678901234567890, "12345678901234567890"), ("city", True, "true"),
    ("event_properties", '{"a": [1.50]}', {"a": [1.5]}),
    ("amplitude_attribution_ids", ["a", {"b": 1}], '["a", {"b": 1}]'), ("amplitude_attribution_ids", "a", "a"),
    ("amplitude_attribution_ids", 7, "7"),
]  # fmt: skip
NOT_TYPED: list[tuple[str, Any]] = [
    ("sample_rate", ""), ("sample_rate", "1,0"), ("sample_rate", "NaN"), ("sample_rate", " 1"), ("sample_rate", True),
    ("sample_rate", "1e400"), ("sample_rate", "1e-400"), ("sample_rate", "0x1"), ("sample_rate", "1_0"),
    ("event_id", 2**63), ("event_id", -(2**63) - 1), ("event_id", 10**60), ("event_id", "9" * 5000), ("event_id", 1.5),
    ("event_id", "1e999999999999"), ("event_id", "1e-999999999999"), ("event_id", "007"), ("event_id", [1]),
    ("paying", "yes"), ("paying", 1), ("paying", ""), ("paying", {"a": True}),
    ("city", ["a"]), ("city", {"a": "b"}), ("amplitude_attribution_ids", {"a": "b"}),
    ("event_properties", "text"), ("event_properties", [1]), ("event_properties", 7), ("data", "[1]"), ("data", "{"),
    ("server_upload_time", "soon"),
]  # fmt: skip


@pytest.mark.parametrize("as_string", [True, False])
@pytest.mark.parametrize(("field", "sent", "expected"), TYPED, ids=str)
def test_given_a_value_of_another_type_then_it_is_converted_where_nothing_is_lost(
    field: str, sent: Any, expected: Any, as_string: bool
) -> None:
    line = json.dumps({field: sent}).encode()
    record = convert(line, as_string)
    found = json.loads(record[field]) if as_string and isinstance(expected, dict) else record[field]
    assert (found, type(found), list(record)) == (expected, type(expected), [field])
    fits = type(sent) is type(expected)
    assert convert_all([line, b"{}", line]).coercions == CoercionStats(converted={} if fits else {field: 2})


@pytest.mark.parametrize("as_string", [True, False])
@pytest.mark.parametrize(("field", "sent"), NOT_TYPED, ids=lambda value: str(value)[:30])
def test_given_a_value_that_does_not_fit_its_column_then_null_and_it_is_kept_as_it_came(
    field: str, sent: Any, as_string: bool
) -> None:
    line = json.dumps({"app": 1, field: sent}).encode()
    record = convert(line, as_string)
    assert (record["app"], record[field], kept(record)) == (1, None, {field: sent})
    assert convert_all([line, b"{}", line]).coercions == CoercionStats(nulled={field: 2})


@pytest.mark.parametrize("number", ["1e29", "-1e30", "1e400", "-1e400", "1e-400", "1" * 400])
def test_given_a_number_that_no_column_holds_then_null_and_its_very_text_is_kept(number: str) -> None:
    line = b'{"location_lat":%b}' % number.encode()
    assert convert(line) == {"location_lat": None, ADDITIONAL_FIELDS: line.decode()}
    assert converted(line, json_columns_as_string=False) == b'{"location_lat":null,"additional_fields":%b}' % line


@pytest.mark.parametrize("as_string", [True, False])
@pytest.mark.parametrize("value", [None, "text", 10**30, {"a": {"b": 1}}, [1], True])
def test_given_fields_that_are_not_declared_then_they_stay_and_are_kept_in_a_declared_column_too(
    value: Any, as_string: bool
) -> None:
    line = json.dumps({"city": "Rome", "$new": value, "a": 1}).encode()
    record = convert(line, as_string)
    shown = json.dumps(value) if as_string and isinstance(value, (dict, list)) else value
    assert {name: record[name] for name in ("city", "$new", "a")} == {"city": "Rome", "$new": shown, "a": 1}
    assert kept(record) == {"$new": value, "a": 1}
    assert convert_all([line, b"{}", line]).coercions == CoercionStats(undeclared={"$new": 2, "a": 2})


@pytest.mark.parametrize("value", [b"null", b'{"a":1}'])
def test_given_a_field_with_the_name_of_the_column_then_it_is_kept_in_it(value: bytes) -> None:
    line = b'{"additional_fields":%b}' % value
    assert kept(convert(line)) == json.loads(line)


def test_the_log_names_fields_and_numbers_and_never_a_value() -> None:
    lines = [b'{"paying":"secret","event_id":"1","$new":"secret"}'] * 3
    lines += [b'{"field %d":"secret"}' % number for number in range(2000)]
    told = str(convert_all([*lines, b'{"city":"\xff"}']).coercions)
    assert "'paying' (3)" in told
    assert "'event_id' (3)" in told
    assert "'$new' (3)" in told
    assert "1 records or answers were repaired" in told
    assert "secret" not in told
    assert len(told) < 1000


@pytest.mark.parametrize("key", ["", ',"uuid":null', ',"uuid":""', ',"uuid":{}', ',"uuid":[1]'])
def test_given_an_event_without_its_key_then_one_is_made_of_the_line_the_same_each_time(key: str) -> None:
    others = [b'{"uuid":"1","city":"Bonn"}', b'{"uuid":"2","city":"Ulm"}']
    line, another = (b'{"city":"%b"%b}' % (city, key.encode()) for city in (b"Bonn", b"Ulm"))

    def keys(*lines: bytes) -> list[str]:
        records = RecordConverter(json_columns_as_string=True).convert(b"\n".join(lines), len(lines))
        assert records.coercions.keys_made == sum(each not in others for each in lines)
        return [json.loads(record)["uuid"] for record in records]

    [alone] = keys(line)
    [first, made, second, other, again] = keys(others[0], line, others[1], another, line)
    assert (first, second, made, again) == ("1", "2", alone, alone)
    assert re.fullmatch("[0-9a-f-]{36}", alone)
    assert other != alone


SECRET = b"s3cr3t"


@pytest.mark.parametrize(
    "line",
    [
        b"[1]", b"5", b"null", b'"' + SECRET + b'"', b"<html>" + SECRET, b"{" + SECRET, b'{"a":1} ' + SECRET,
        b'{"a":' + SECRET,
        b"{" * 100_000, b'{"a":' + b"[" * 100_000 + b"]" * 99_999 + b"}", b"\xff\xfe", b"\x00",
    ],
)  # fmt: skip
def test_given_no_json_object_then_an_error_that_tells_nothing_of_its_content(line: bytes) -> None:
    with pytest.raises(NotAJsonObjectError) as caught:
        RecordConverter(json_columns_as_string=True).convert(line, 1)
    assert SECRET.decode() not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("lines", [[b"{}{}"], [b"{} {}", b"{}"], [b'{"a":', b"1}"], [b"{}", b"{}{}", b"{}"]])
def test_given_lines_that_are_not_one_event_each_then_an_error(lines: list[bytes]) -> None:
    with pytest.raises(NotAJsonObjectError):
        convert_all(lines)


def test_given_blank_lines_then_they_have_no_record() -> None:
    assert len(convert_all([b"", b'{"a":1}', b" \r", b"{}", b""])) == 2
    assert len(convert_all([b"", b" "])) == 0


@given(line=st.binary(max_size=300).filter(lambda line: b"\n" not in line and line.strip()))
def test_given_any_bytes_then_a_record_or_that_one_error(line: bytes) -> None:
    try:
        [record] = RecordConverter(json_columns_as_string=True).convert(line, 1)
    except NotAJsonObjectError:
        return
    assert isinstance(json.loads(record), dict)
