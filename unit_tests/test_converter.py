import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.events.converter import TIMESTAMP_FIELDS, RecordConverter
from source_amplitude.events.shape import MOST_FIELDS
from source_amplitude.json_repair import NotAJsonObjectError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
events = st.dictionaries(st.text() | st.sampled_from(TIMESTAMP_FIELDS), json_values, max_size=10)


def converted(line: bytes, json_columns_as_string: bool = True) -> bytes:
    """The record of a line, which is the same whether its fields are known from a line before or not."""
    new, known = RecordConverter(json_columns_as_string=json_columns_as_string).convert([line, line])
    assert json.loads(known) == json.loads(new)
    return known


def convert(line: bytes, json_columns_as_string: bool = True) -> dict[str, Any]:
    return json.loads(converted(line, json_columns_as_string))  # type: ignore[no-any-return]


@given(event=events, ascii_only=st.booleans())
def test_given_object_mode_then_every_field_is_as_it_came(event: dict[str, Any], ascii_only: bool) -> None:
    line = json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    expected = {key: rfc3339(key, value) for key, value in event.items()}
    assert convert(line, json_columns_as_string=False) == expected


@given(event=events, separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]))
def test_given_json_string_mode_then_bags_are_json_text_and_the_rest_is_as_it_came(
    event: dict[str, Any], separators: tuple[str, str]
) -> None:
    record = convert(json.dumps(event, separators=separators).encode())
    assert list(record) == list(event)
    for key, value in event.items():
        if isinstance(value, (dict, list)):
            assert isinstance(record[key], str)
            assert json.loads(record[key]) == value
        else:
            assert record[key] == rfc3339(key, value)


def rfc3339(key: str, value: Any) -> Any:
    if (
        key in TIMESTAMP_FIELDS
        and isinstance(value, str)
        and re.fullmatch(r"[0-9-]{10} [0-9:]{8}(\.[0-9]{1,9})?", value)
    ):
        return value.replace(" ", "T") + "Z"
    return value


@pytest.mark.parametrize(
    ("amplitude", "expected"),
    [
        ("2024-03-15 10:04:58.123000", "2024-03-15T10:04:58.123000Z"),
        ("2024-03-15 10:04:58", "2024-03-15T10:04:58Z"),
        ("2024-03-15 10:04:58.1", "2024-03-15T10:04:58.1Z"),
        ("2024-03-15T10:04:58Z", "2024-03-15T10:04:58Z"),
        ("2024-03-15 10:04:58+02:00", "2024-03-15 10:04:58+02:00"),
        ("yesterday", "yesterday"),
        ("", ""),
        (None, None),
        (1710497098, 1710497098),
    ],
)
@pytest.mark.parametrize("field", TIMESTAMP_FIELDS)
def test_timestamps(field: str, amplitude: Any, expected: Any) -> None:
    assert convert(json.dumps({field: amplitude}).encode()) == {field: expected}


def test_given_a_timestamp_inside_a_bag_then_it_is_left_alone() -> None:
    bag = {"event_time": "2024-03-15 10:04:58.123000"}
    line = json.dumps({"event_properties": bag}).encode()
    assert convert(line, json_columns_as_string=False) == {"event_properties": bag}


@pytest.mark.parametrize("number", ["9223372036854775807", "18446744073709551616", "1" * 60, "1.10", "1e400", "-0.0"])
def test_numbers_keep_their_very_text(number: str) -> None:
    line = b'{"amplitude_id":%b,"user_properties":{"n":%b}}' % (number.encode(), number.encode())
    assert converted(line, json_columns_as_string=False) == line
    assert converted(line) == b'{"amplitude_id":%b,"user_properties":"{\\"n\\":%b}"}' % (
        number.encode(),
        number.encode(),
    )


def test_given_a_line_that_is_repaired_then_its_numbers_keep_their_very_text() -> None:
    numbers = b"0.1234567890123456789,1.10,1e400,-0.0,%b" % (b"7" * 5000)
    assert convert(b'{"event_properties":{"n":[%b],"x":NaN}}' % numbers) == {
        "event_properties": f'{{"n":[{numbers.decode()}],"x":null}}'
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"city":"Z\xfcrich"}', {"city": "Z\ufffdrich"}),
        (b'{"city":"a\x00b\tc"}', {"city": "a\x00b\tc"}),
        (b'{"n":NaN,"m":-Infinity,"k":1}', {"n": None, "m": None, "k": 1}),
        (b'{"city":"\\ud83d"}', {"city": "\ufffd"}),
        (b'{"event_properties":{"x":"\\udc00","y":NaN}}', {"event_properties": '{"x":"\ufffd","y":null}'}),
        (b'{"x":"\\ud83d\\ude00 \\\\ud83d NaN","y":NaN}', {"x": "\U0001f600 \\ud83d NaN", "y": None}),
    ],
    ids=["invalid utf-8", "raw control characters", "nan", "lone surrogate", "inside a bag", "whole pairs and texts"],
)
def test_given_almost_json_then_it_is_repaired_and_counted(line: bytes, expected: dict[str, Any]) -> None:
    converter = RecordConverter(json_columns_as_string=True)
    [record] = converter.convert([line])
    assert json.loads(record) == expected
    assert converter.repaired_lines == 1


def test_given_duplicate_keys_then_the_last_one_counts() -> None:
    assert convert(b'{"a":1,"b":2,"a":3}') == {"a": 3, "b": 2}


def test_given_deep_but_reasonable_nesting_then_it_is_kept() -> None:
    assert convert(b'{"data":' + b"[" * 200 + b"]" * 200 + b"}") == {"data": "[" * 200 + "]" * 200}


@given(
    lines=st.lists(
        st.dictionaries(st.sampled_from([*TIMESTAMP_FIELDS, "a", "b", "$c", 'd"']), json_values, max_size=5), max_size=5
    )
)
def test_given_any_lines_before_then_the_record_of_a_line_is_the_same(lines: list[dict[str, Any]]) -> None:
    raw = [json.dumps(line).encode() for line in lines]
    for as_string in (True, False):
        together = list(RecordConverter(json_columns_as_string=as_string).convert(raw))
        alone = [next(iter(RecordConverter(json_columns_as_string=as_string).convert([line]))) for line in raw]
        assert list(map(json.loads, together)) == list(map(json.loads, alone))


def test_given_more_fields_than_a_shape_holds_then_the_records_are_still_right() -> None:
    lines = [b'{"uuid":"%d","field %d":{"n":1.0}}' % (n, n) for n in range(2 * MOST_FIELDS)]
    records = list(RecordConverter(json_columns_as_string=True).convert(lines))
    assert [json.loads(record)["uuid"] for record in records] == [str(n) for n in range(2 * MOST_FIELDS)]
    assert json.loads(records[-1])[f"field {2 * MOST_FIELDS - 1}"] == '{"n":1.0}'


@pytest.mark.parametrize("text", ["2024-03-15 10:04:58", "2024\\u002d03-15 10:04:58", "\\u0032024-03-15 10:04:58"])
def test_given_escapes_in_a_timestamp_then_it_means_the_same(text: str) -> None:
    assert convert(b'{"event_time":"%b"}' % text.encode()) == {"event_time": "2024-03-15T10:04:58Z"}


SECRET = b"s3cr3t"


@pytest.mark.parametrize(
    "line",
    [
        b"[1]", b"5", b"null", b'"' + SECRET + b'"', b"<html>" + SECRET, b"{" + SECRET, b'{"a":1} ' + SECRET,
        b'{"a":' + SECRET,
        b"{" * 100_000, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"\xff\xfe", b"\x00",
    ],
)  # fmt: skip
def test_given_no_json_object_then_an_error_that_tells_nothing_of_its_content(line: bytes) -> None:
    with pytest.raises(NotAJsonObjectError) as caught:
        RecordConverter(json_columns_as_string=True).convert([line])
    assert SECRET.decode() not in str(caught.value)
    assert caught.value.__cause__ is None


@given(line=st.binary(max_size=300).filter(lambda line: b"\n" not in line))
def test_given_any_bytes_then_a_record_or_that_one_error(line: bytes) -> None:
    try:
        [record] = RecordConverter(json_columns_as_string=True).convert([line])
    except NotAJsonObjectError:
        return
    assert isinstance(json.loads(record), dict)
