import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.records import json_repair
from source_amplitude.records.json_repair import MOST_LEVELS, NotAJsonObjectError, strict_json, strict_lines
from unit_tests.strategies import json_values

REPAIRED = [
    (b'{"a\tb":NaN,"c":[-Infinity,"NaN\\"",Infinity,"\n\\\\"],"d":"x"}',
     {"a\tb": None, "c": [None, 'NaN"', None, "\n\\"], "d": "x"}),
    (b'{"a":"\xff\\u0000\x00\x01","b":"\\\\u0000"}', {"a": "\ufffd\ufffd\ufffd\x01", "b": "\\u0000"}),
    (b'{"a":"\\ud83d\\ude00","b":"\\ud83d\\ud83d\\ude00\\ude00","c":"\\\\ud83d"}',
     {"a": "\U0001f600", "b": "\ufffd\U0001f600\ufffd", "c": "\\ud83d"}),
    (b'{"a":"\\ud83d\\ude","b":"\\ud8","c":"\\ude0\\"x"}', {"a": "\ufffd\ufffd", "b": "\ufffd", "c": '\ufffd"x'}),
    (b'{"a":' + b"[" * MOST_LEVELS + b'"]\\""' + b"]" * MOST_LEVELS + b',"b":NaN}', None),
]  # fmt: skip


@pytest.mark.parametrize("piece_bytes", [1, 5, 64 * 1024])
@pytest.mark.parametrize(("text", "value"), REPAIRED)
def test_given_what_is_not_strict_then_it_is_repaired_whatever_the_size_of_the_pieces(
    monkeypatch: pytest.MonkeyPatch, text: bytes, value: object, piece_bytes: int
) -> None:
    monkeypatch.setattr(json_repair, "PIECE_BYTES", piece_bytes)
    found = json.loads(strict_json(text))
    if value is not None:
        assert found == value
        return
    inner, levels = found.pop("a"), 0
    assert found == {"b": None}
    while isinstance(inner, list):
        [inner], levels = inner, levels + 1
    assert levels < 100
    assert inner == "[" * (MOST_LEVELS - levels) + '"]\\""' + "]" * (MOST_LEVELS - levels)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"a":"', b'{"a":\x01}', b'{"a":"\\x"}', b'{"a":NaNa}', b'{"a"', b"[" * 5000, b'{"a":"\\u12"}'],
)
def test_given_no_object_then_an_error_without_its_content(text: bytes) -> None:
    with pytest.raises(NotAJsonObjectError, match=r"^not a JSON object \(\w+\)$"):
        strict_json(text)


def test_lines_are_repaired_by_themselves_and_counted() -> None:
    replacement = "\ufffd".encode()
    repairs = {
        b'{"a":1}': b'{"a":1}',
        b'{"a":"\xff"}': b'{"a":"%b"}' % replacement,
        b'{"a":"': b'{"a":"',  # has no end, and must not take the next lines for its text
        b'{"a":NaN}': b'{"a":null}',
        b'{"a":"NaN\t"}': b'{"a":"NaN\\t"}',
        b'{"a":"\\u0000"}': b'{"a":"%b"}' % replacement,
        b"{}\r": b"{}\r",
    }
    strict, repaired = strict_lines(list(repairs))
    assert strict == list(repairs.values())
    assert repaired == 4


def test_no_line_that_is_json_is_changed_by_others_that_are_not() -> None:
    assert strict_lines([b'{"a":"', b'"NaN'] * 2) == ([b'{"a":"', b'"NaN'] * 2, 0)
    assert strict_lines([b'{"a":NaN,"b":"', b'{"NaN":"\\t"}']) == ([b'{"a":NaN,"b":"', b'{"NaN":"\\t"}'], 0)


def test_a_line_nested_too_deeply_is_repaired_as_by_itself() -> None:
    deep = REPAIRED[-1][0]
    assert strict_lines([b"{}", deep, b"[" * 200]) == ([b"{}", strict_json(deep), b"[" * 200], 1)


def levels_of(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(levels_of, inner), default=0)


@given(value=json_values, copies=st.integers(1, 40))
def test_given_any_value_then_its_levels_are_counted_whatever_brackets_its_strings_hold(
    value: object, copies: int
) -> None:
    for nested in ([value] * copies, {'"[{': [value, '\\"[['] * copies}):
        text = json.dumps(nested).encode()
        with pytest.MonkeyPatch.context() as patch:
            for most in range(levels_of(nested) - 1, levels_of(nested) + 1):
                patch.setattr(json_repair, "MOST_LEVELS", most)
                assert json_repair.is_too_deep(text) == (levels_of(nested) > most)
