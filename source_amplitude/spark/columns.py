"""Makes Arrow columns of the values of parsed events: none of them passes through JSON again.

The values of a column are those that the records of `RecordConverter` have.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Raw

from source_amplitude.events.lines import EMPTY_BAG, NULL, NeedsCoercionError
from source_amplitude.records.coercion import is_number
from source_amplitude.records.rfc3339 import USUAL_CHARACTERS, all_rfc3339, usual_rfc3339
from source_amplitude.records.schema import FieldType

Values = Sequence[Any]
_INSTANTS = pa.timestamp("us", tz="UTC")
_YEAR_ONE = -62_135_596_800_000_000  # microseconds from 1970; as a scalar of Arrow it would import pandas


def column(declared: FieldType, values: Values, kind: pa.DataType) -> pa.Array:
    """Makes the column of a field with values of its declared type, of which any may be None.

    :param kind: the column's type
    :raises NeedsCoercionError: one of them does not fit the column
    """
    if _are_null(values):
        return pa.nulls(len(values), kind)
    return _COLUMNS.get(declared, _as_they_are)(values, kind)


def coerced_column(values: Values, kind: pa.DataType) -> pa.Array:
    """Makes the column of a field whose values were coerced: JSON that fits the column, texts of bags, and None."""
    decoded = [msgspec.json.decode(value) if isinstance(value, Raw) else value for value in values]
    return pa.array(decoded, pa.string()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(decoded, kind)


def _as_they_are(values: Values, kind: pa.DataType) -> pa.Array:
    return pa.array(list(values), kind)  # of a list, since that is faster than of a tuple


def _timestamps(values: Values, kind: pa.DataType) -> pa.Array:
    usual = None if None in values else usual_rfc3339(values)
    if usual is not None:
        starts = array("i", range(0, len(usual) + 1, USUAL_CHARACTERS))
        texts = pa.StringArray.from_buffers(len(values), pa.py_buffer(starts), pa.py_buffer(usual))
        instants = texts.cast(_INSTANTS)  # which looks into the calendar, too
        if pc.min(instants).value < _YEAR_ONE:
            raise NeedsCoercionError
        return instants if kind == _INSTANTS else texts
    found = all_rfc3339([text for text in values if text is not None])
    if found is None:
        raise NeedsCoercionError
    remaining = iter(found)
    return pa.array([text and next(remaining) for text in values], pa.string()).cast(kind)


def _bags(values: Values, _: pa.DataType) -> pa.Array:
    """Makes a column of JSON, as it came."""
    if values[0] == EMPTY_BAG and values.count(EMPTY_BAG) == len(values):
        return pa.repeat("{}", len(values))
    texts = _texts(values)
    is_object = pc.starts_with(texts, "{")
    if not is_object.false_count:
        return texts
    is_null = pc.equal(texts, "null")
    if pc.or_(is_object, is_null).false_count:
        raise NeedsCoercionError
    return pc.if_else(is_null, None, texts)


def _texts(values: Values) -> pa.StringArray:
    """Joins JSON as it came, with `null` for None, by one copy of all.

    :raises UnicodeDecodeError: it is not UTF-8
    """
    try:
        joined = b"".join(values)
    except TypeError:  # some events do not have the field
        values = [NULL if raw is None else raw for raw in values]
        joined = b"".join(values)
    if not joined.isascii():
        joined.decode()
    ends = array("i", [0, *accumulate(map(len, values))])
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(joined))


def _numbers(values: Values, kind: pa.DataType) -> pa.Array:
    """Makes a column of numbers from JSON or None."""
    return pa.array([None if raw is None or raw == NULL else _number(raw) for raw in values], kind)


def _number(raw: Raw) -> float:
    if not is_number(raw):
        raise NeedsCoercionError
    return float(raw)


def _are_null(values: Values) -> bool:
    return values[0] is None and values.count(None) == len(values)


_COLUMNS: Mapping[FieldType, Callable[[Values, pa.DataType], pa.Array]] = {
    FieldType.TIMESTAMP: _timestamps,
    FieldType.OBJECT: _bags,
    FieldType.NUMBER: _numbers,
}
