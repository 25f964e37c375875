"""Makes Arrow columns of the values of parsed events: none of them passes through JSON again.

The values of a column are those that the records of `RecordConverter` have. Columns are made of buffers: `pa.array` and
scalars of Arrow would import pandas where it is installed, 50 MB and a third of a second in each worker.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Raw, structs

from source_amplitude.events.lines import EMPTY_BAG, NeedsCoercionError
from source_amplitude.records.coercion import is_number
from source_amplitude.records.json_repair import NULL, SHORTEST_TOO_DEEP, is_too_deep
from source_amplitude.records.rfc3339 import USUAL_CHARACTERS, all_rfc3339, usual_rfc3339
from source_amplitude.records.schema import FieldType

Values = Sequence[Any]
_INSTANTS = pa.timestamp("us", tz="UTC")
_YEAR_ONE = -62_135_596_800_000_000  # microseconds from 1970


class FieldValues(NamedTuple):
    """Holds the values that a field has in some events, and says what becomes of them.

    :param kind: the column's type
    :param declared: the field's type; None where its values were coerced: JSON that fits the column, or text of bags
    :param values: of the declared type or None, one for each event; None: no event has the field
    """

    kind: pa.DataType
    declared: FieldType | None
    values: Values | None


def by_field(events: Sequence[Any], names: Sequence[str]) -> dict[str, Values]:
    """Turns events into the values of each field.

    :param names: of the fields of the events, which are structs of msgspec, in their order
    """
    return dict(zip(names, zip(*map(structs.astuple, events), strict=True), strict=True))


def columns(fields: Sequence[FieldValues], count: int) -> list[pa.Array]:
    """Makes the columns of some fields; those of texts and those of timestamps together, since each call has a price.

    :param count: how many events there are
    :raises NeedsCoercionError: a value does not fit its column
    :raises pa.ArrowException: a text is not UTF-8, or a timestamp is finer than a microsecond
    """
    made: dict[int, pa.Array] = {}
    together: dict[Callable[..., list[pa.Array]], list[int]] = defaultdict(list)
    for place, (kind, declared, values) in enumerate(fields):
        if values is None or _are_null(values):
            made[place] = pa.nulls(count, kind)
        elif declared is None:
            made[place] = _coerced(values, kind)
        elif declared is FieldType.TIMESTAMP and None not in values:
            together[_timestamps].append(place)
        elif declared in (FieldType.STRING, FieldType.LIST_TEXT):
            if _are_equal(values):  # as in many columns
                made[place] = _repeated(values[0].encode(), count)
            else:
                together[_texts_or_null if None in values else _texts].append(place)
        else:
            made[place] = _COLUMNS.get(declared, _numbers)(values, kind)
    for make, places in together.items():
        arrays = make([fields[place].values for place in places], [fields[place].kind for place in places])
        made |= dict(zip(places, arrays, strict=True))
    return [made[place] for place in range(len(fields))]


def _coerced(values: Values, kind: pa.DataType) -> pa.Array:
    decoded = [msgspec.json.decode(value) if isinstance(value, Raw) else value for value in values]
    if kind == pa.string() or kind == _INSTANTS:
        return _texts_or_null([decoded])[0].cast(kind)
    return _numbers(decoded, kind)


def _texts(columns: Sequence[Values], _: Any = None, bitmap: pa.Buffer | None = None) -> list[pa.StringArray]:
    """Makes columns of texts, by one copy of all.

    :param bitmap: which of all values are not null
    :raises NeedsCoercionError: one of them has NUL in it
    """
    joined = "\0".join(chain.from_iterable(columns)).encode()
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(array("i", [0, len(joined)])), pa.py_buffer(joined))
    texts = pc.split_pattern(whole, "\0").values
    count = len(columns[0])
    if len(texts) != count * len(columns):
        raise NeedsCoercionError
    if bitmap is not None:
        texts = pa.StringArray.from_buffers(len(texts), *texts.buffers()[1:], bitmap)
    return [texts.slice(start, count) for start in range(0, len(texts), count)]


def _texts_or_null(columns: Sequence[Values], _: Any = None) -> list[pa.StringArray]:
    bitmap = _bits([value is not None for values in columns for value in values])
    return _texts([[value or "" for value in values] for values in columns], bitmap=bitmap)


def _timestamps(columns: Sequence[Values], kinds: Sequence[pa.DataType]) -> list[pa.Array]:
    """Makes columns of timestamps. Amplitude's usual form is held to its calendar by Arrow's conversion to instants."""
    count, every = len(columns[0]), list(chain.from_iterable(columns))
    usual = usual_rfc3339(every)
    if usual is None:
        return [_any_timestamps(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    texts = _of_one_length(usual, USUAL_CHARACTERS, len(every))
    instants = texts.cast(_INSTANTS)
    if pc.min(instants).value < _YEAR_ONE:
        raise NeedsCoercionError
    return [
        (instants if kind == _INSTANTS else texts).slice(number * count, count) for number, kind in enumerate(kinds)
    ]


def _any_timestamps(values: Values, kind: pa.DataType) -> pa.Array:
    found = all_rfc3339([text for text in values if text is not None])
    if found is None:
        raise NeedsCoercionError
    remaining = iter(found)
    return _texts_or_null([[text and next(remaining) for text in values]])[0].cast(kind)


def _bags(values: Values, _: pa.DataType) -> pa.StringArray:
    """Makes a column of JSON, as it came."""
    if values[0] == EMPTY_BAG and _are_equal(values):  # as in many columns
        return _repeated(bytes(EMPTY_BAG), len(values))
    raws = [NULL if raw is None else raw for raw in values] if None in values else values
    joined = _joined(raws)
    if max(map(len, raws)) >= SHORTEST_TOO_DEEP and any(is_too_deep(raw, 1) for raw in values if raw):
        raise NeedsCoercionError
    joined.validate(full=True)
    if not pc.starts_with(joined, "{").false_count:
        return joined
    texts = [None if raw is None or raw == NULL else str(raw, "utf-8") for raw in values]
    if not all(text is None or text[0] == "{" for text in texts):
        raise NeedsCoercionError
    return _texts_or_null([texts])[0]


def _joined(values: Sequence[Raw]) -> pa.StringArray:
    ends = array("i", [0, *accumulate(map(len, values))])
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(b"".join(values)))


def _repeated(text: bytes, count: int) -> pa.StringArray:
    return _of_one_length(text * count, len(text), count)


def _of_one_length(joined: bytes | bytearray, length: int, count: int) -> pa.StringArray:
    """Makes a column of texts of one length, with the first of the ends that columns of this length share."""
    ends = _ends(length, 1 << count.bit_length())
    return pa.StringArray.from_buffers(count, ends, pa.py_buffer(joined))


@lru_cache(maxsize=64)
def _ends(length: int, count: int) -> pa.Buffer:
    return pa.py_buffer(array("i", [length * place for place in range(count + 1)]))


def _decimals(values: Values, kind: pa.DataType) -> pa.Array:
    """Makes a column of numbers from JSON or None."""
    return _numbers([None if raw is None or raw == NULL else _number(raw) for raw in values], kind)


def _number(raw: Raw) -> float:
    if not is_number(raw):
        raise NeedsCoercionError
    return float(raw)


def _numbers(values: Values, kind: pa.DataType) -> pa.Array:
    """Makes a column of integers, floats or booleans, of which any may be None."""
    bitmap = None
    if None in values:
        bitmap = _bits([value is not None for value in values])
        values = [0 if value is None else value for value in values]
    buffer = _bits(values) if kind == pa.bool_() else pa.py_buffer(array("q" if kind == pa.int64() else "d", values))
    return pa.Array.from_buffers(kind, len(values), [bitmap, buffer])


def _bits(values: Values) -> pa.Buffer:
    """Packs booleans, eight in a byte, as Arrow does."""
    flags = pa.Array.from_buffers(pa.uint8(), len(values), [None, pa.py_buffer(bytes(values))])
    return flags.cast(pa.bool_()).buffers()[1]


def _are_null(values: Values) -> bool:
    return values[0] is None and values.count(None) == len(values)


def _are_equal(values: Values) -> bool:
    return bool(values[0] == values[-1]) and values.count(values[0]) == len(values)


_COLUMNS: Mapping[FieldType, Callable[[Values, pa.DataType], pa.Array]] = {
    FieldType.TIMESTAMP: _any_timestamps,
    FieldType.OBJECT: _bags,
    FieldType.NUMBER: _decimals,
}
