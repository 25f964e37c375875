"""Records as newline-delimited JSON to Arrow record batches, without a Python object for any of them.

Where a value does not fit its column (a text where a number should be, an integer beyond 64 bits), the records of the
block go through Python once: the column is null there, and the value is kept in `additional_fields`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
import pyarrow as pa
from msgspec import Raw
from pyarrow import json as arrow_json

from source_amplitude.errors import UnexpectedError
from source_amplitude.lakeflow.schema import ADDITIONAL_FIELDS, Column, arrow_schema

BLOCK_BYTES = 4 * 1024 * 1024
_LONGEST_LONG = 19  # digits
# What Arrow reads as a timestamp in microseconds, if the day exists.
_TIMESTAMP = re.compile(
    r'"(\d{4}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d{1,6})?)?)?)?)(?:Z|[+-]\d\d(?::?\d\d)?)?"', re.ASCII
).fullmatch

Fields = dict[str, Raw]
_decode = msgspec.json.Decoder(Fields).decode
_encode = msgspec.json.Encoder().encode


class ArrowConverter:
    """Makes record batches of records.

    :param columns: the columns of the table, in order, `additional_fields` among them
    :param complete: whether the records' own `additional_fields` has all that is no column
    """

    def __init__(self, columns: Mapping[str, Column], *, complete: bool) -> None:
        self._columns = columns
        self._schema = arrow_schema(columns)
        self._parse_options = arrow_json.ParseOptions(
            explicit_schema=self._schema, unexpected_field_behavior="ignore" if complete else "error"
        )

    def batches(self, blocks: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
        """All records of some blocks in the same order, in batches made of about 4 MB of JSON each.

        :param blocks: JSON objects with a line break after each
        :raises UnexpectedError: a bug: a record could not be made to fit
        """
        waiting: list[bytes] = []
        waiting_bytes = 0
        for block in blocks:
            waiting.append(block)
            waiting_bytes += len(block)
            if waiting_bytes >= BLOCK_BYTES:
                yield from self._convert(b"".join(waiting))
                waiting, waiting_bytes = [], 0
        if waiting_bytes:
            yield from self._convert(b"".join(waiting))

    def _convert(self, ndjson: bytes) -> list[pa.RecordBatch]:
        try:
            return self._parse(ndjson)
        except pa.ArrowInvalid:
            fitting = b"".join(_encode(self._fitting(_decode(line))) + b"\n" for line in ndjson.split(b"\n")[:-1])
        try:
            return self._parse(fitting)
        except pa.ArrowInvalid:
            # Without its cause, which quotes the value, and so the user's data.
            raise UnexpectedError("A record could not be converted for Spark. This is a bug: report it.") from None

    def _parse(self, ndjson: bytes) -> list[pa.RecordBatch]:
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(ndjson) + 1)  # one block, one batch
        table = arrow_json.read_json(pa.BufferReader(ndjson), read_options=options, parse_options=self._parse_options)
        batches: list[pa.RecordBatch] = table.select(self._schema.names).cast(self._schema).to_batches()
        return batches

    def _fitting(self, fields: Fields) -> dict[str, Raw | str]:
        """The fields of a record that fit their columns; what does not is in `additional_fields`."""
        fitting: dict[str, Raw | str] = {}
        additional = _object_in(fields.pop(ADDITIONAL_FIELDS, None))
        for name, raw in fields.items():
            column, value = self._columns.get(name), bytes(raw)
            if column is not None and (value == b"null" or _FITS[column](value)):
                fitting[name] = raw
            elif column is Column.TEXT:
                fitting[name] = value.decode()
            else:
                additional.setdefault(name, raw)
        if additional:
            fitting[ADDITIONAL_FIELDS] = _encode(additional).decode()
        return fitting


def _object_in(raw: Raw | None) -> Fields:
    """The fields of a JSON object that is a text of JSON, or none."""
    text = msgspec.json.decode(raw, type=str | None) if raw is not None else None
    return _decode(text) if text else {}


def _is_text(value: bytes) -> bool:
    return value[:1] == b'"'


def _is_long(value: bytes) -> bool:
    digits = value.removeprefix(b"-")
    return digits.isdigit() and len(digits) <= _LONGEST_LONG and -(2**63) <= int(value) < 2**63


def _is_double(value: bytes) -> bool:
    return value[:1] in b"-0123456789" and math.isfinite(float(value))


def _is_boolean(value: bytes) -> bool:
    return value in (b"true", b"false")


def _is_timestamp(value: bytes) -> bool:
    if not (found := _TIMESTAMP(value.decode())):
        return False
    try:
        datetime.fromisoformat(found.group(1))
    except ValueError:
        return False
    return True


def _is_texts(value: bytes) -> bool:
    try:
        msgspec.json.decode(value, type=list[str | None])
    except msgspec.MsgspecError:
        return False
    return True


_FITS: Mapping[Column, Callable[[bytes], bool]] = {
    Column.TEXT: _is_text,
    Column.LONG: _is_long,
    Column.DOUBLE: _is_double,
    Column.BOOLEAN: _is_boolean,
    Column.TEXTS: _is_texts,
    Column.TIMESTAMP: _is_timestamp,
}
