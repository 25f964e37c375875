"""Converts lines of an export archive to rows: Arrow record batches of the columns of the table of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Raw, ValidationError

from source_amplitude.events.lines import LineConverter, NeedsCoercionError
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.records.json_repair import is_too_deep, strict_fields, without_nul
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType
from source_amplitude.spark.arrow import ArrowConverter
from source_amplitude.spark.columns import FieldValues, by_field, columns
from source_amplitude.spark.schema import arrow_schema

BLOCK_BYTES = 1024 * 1024  # each has a price of its own, which grows with the number of columns

_encode_lines = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True)
class Rows:
    """Holds the rows of some events: as record batches, or as lines of JSON where each field was looked at."""

    parts: list[pa.RecordBatch | bytes]
    count: int
    coercions: CoercionStats

    def __len__(self) -> int:
        return self.count

    def and_then(self, *others: Rows) -> Rows:
        for other in others:
            self.coercions.add(other.coercions)
        parts = [part for rows in (self, *others) for part in rows.parts]
        return Rows(parts, self.count + sum(map(len, others)), self.coercions)


class RowConverter(LineConverter[Rows]):
    """Makes rows, straight from the parsed events; an event that had to be looked at field by field takes a detour.

    :param table_columns: in order; without `additional_fields`, other fields are not even parsed
    """

    def __init__(self, table_columns: Mapping[str, FieldType]) -> None:
        only = None if ADDITIONAL_FIELDS in table_columns else frozenset(table_columns)
        super().__init__(json_columns_as_string=True, missing=None, only=only)
        self._schema = arrow_schema(table_columns)
        self._kinds: dict[str, pa.DataType] = {field.name: field.type for field in self._schema}
        self._of_ndjson = ArrowConverter(table_columns)

    @property
    def block_bytes(self) -> int:
        return BLOCK_BYTES

    def batches(self, rows: Rows) -> Iterator[pa.RecordBatch]:
        """Returns the rows as record batches alone."""
        yield from (part for part in rows.parts if isinstance(part, pa.RecordBatch))
        yield from self._of_ndjson.batches(part for part in rows.parts if isinstance(part, bytes))

    def _of_events(self, events: Sequence[Any], coercions: CoercionStats) -> Rows:
        if not events:
            return Rows([], 0, coercions)
        values = by_field(events, self._shape.names)
        coerced = {ADDITIONAL_FIELDS, *self._shape.verbatim.values()}
        fields = [
            FieldValues(kind, None if name in coerced else self._types[name], values.get(name))
            for name, kind in self._kinds.items()
        ]
        try:
            arrays = columns(fields, len(events))
        except pa.ArrowException:  # a text that is not UTF-8, or a timestamp that is finer than a microsecond
            raise NeedsCoercionError from None
        return Rows([pa.RecordBatch.from_arrays(arrays, schema=self._schema)], len(events), coercions)

    def _shaped(self, text: bytes, count: int) -> Rows:
        try:
            return super()._shaped(text, count)
        except ValidationError:  # a field that the shape does not have, or a value of another type
            if self._only is not None:
                raise
        return self._of_any_fields(text)

    def _of_lines(self, lines: list[bytes]) -> Rows:
        """Converts the lines that do not fit the shape apart from the others, not in between.

        A row has no place, and many small batches would cost more than all the rest.
        """
        fitting: list[bytes] = []
        others = self._unshaped(self._without_fitting(lines, fitting))
        return self._bisected(fitting).and_then(others) if fitting else others

    def _without_fitting(self, lines: Iterable[bytes], fitting: list[bytes]) -> Iterator[bytes]:
        """Yields the lines that do not fit the shape, as it is by then, and appends the others to `fitting`."""
        for line in lines:
            if self._fits(line):
                fitting.append(line)
            else:
                yield line

    def _of_any_fields(self, text: bytes) -> Rows:
        """Converts lines that fit the shape but for undeclared fields, which may have other names in each line.

        :raises MsgspecError: a line is not strict JSON, or a declared field has a value that does not fit the shape
        :raises UnicodeDecodeError: an undeclared field has a value that is not UTF-8
        :raises NeedsCoercionError: a value does not fit its column, or a line is blank
        """
        text, repaired = without_nul(text)
        events, lines = self._shape.decode_lines_of_any_fields(text), text.split(b"\n")
        if len(events) != len(lines):
            raise NeedsCoercionError
        fields_of = [strict_fields(line) for line in lines]
        if self._learns_declared(fields_of):
            events = self._shape.decode_lines_of_any_fields(text)
        values, known, others = self._column_values(), frozenset(self._shape.names), {}
        for event, fields in zip(events, fields_of, strict=True):
            self._look_at_verbatim_fields_of(event, values)
            for name in [name for name in fields if name not in known]:
                if is_too_deep(fields[name], 1):
                    raise NeedsCoercionError
                values.value(name, fields[name])
                others[name] = fields[name]
            event.additional_fields = values.additional_fields()
        values.coercions.repaired += repaired
        rows = self._of_events(events, values.coercions)
        self._learn(others, set())
        return rows

    def _learns_declared(self, fields_of: Sequence[dict[str, Raw]]) -> bool:
        before = self._shape
        missing = self._types.keys() - set(before.names)
        for fields in fields_of:
            if new := fields.keys() & missing:
                self._learn({name: fields[name] for name in new}, set())
                missing -= new
        return self._shape is not before

    def _of_records(self, records: Sequence[Mapping[str, Any]], coercions: CoercionStats) -> Rows:
        return Rows([_encode_lines(records)] if records else [], len(records), coercions)
