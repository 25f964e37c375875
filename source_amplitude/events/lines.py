"""Lines of an export archive to whatever is made of them: many at once by way of a shape, odd ones one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID, uuid5

from msgspec import UNSET, Raw

from source_amplitude.events.shape import KEY, Shape
from source_amplitude.export.archive import lines_of
from source_amplitude.records.coercion import CoercionStats, ColumnValues
from source_amplitude.records.json_repair import NOT_STRICT, read_object, strict_lines, without_nul
from source_amplitude.records.schema import declared_types

BLOCK_BYTES = 256 * 1024
EMPTY_BAG = Raw(b"{}")
NULL = Raw(b"null")
_NO_KEY = (None, NULL, Raw(b'""'))
_KEYS = UUID("5c1a3c5e-2a0f-5d55-9a53-6f0f2c1f7a4e")

T = TypeVar("T", bound="Batch")


class Batch(Protocol):
    """What some events became, in their order."""

    @property
    def coercions(self) -> CoercionStats: ...

    def __len__(self) -> int:
        """How many events."""

    def and_then(self: T, others: T) -> T:
        """Both, these first."""


class NeedsCoercionError(Exception):
    """A line that has to be looked at field by field."""


DOES_NOT_FIT = (*NOT_STRICT, NeedsCoercionError)


def key_of(line: bytes) -> str:
    """Makes the key of an event that came without one: the same for the same line, whenever it is exported."""
    return str(uuid5(_KEYS, line.strip().decode("latin-1")))


class LineConverter(ABC, Generic[T]):
    """Makes batches of raw lines.

    :param json_columns_as_string: whether object- and array-valued fields become JSON text
        (`properties_format: json_string`) or stay as they are (`object`)
    :param missing: what an event that was parsed into a shape has in a field that its line lacks
    :param only: the declared fields to read, where nobody has a use for others; None: all fields, declared or not
    """

    def __init__(
        self, *, json_columns_as_string: bool, missing: Any = UNSET, only: Collection[str] | None = None
    ) -> None:
        self._json_columns_as_string = json_columns_as_string
        self._only = only
        declared = declared_types("events")
        self._types = declared if only is None else {name: declared[name] for name in declared if name in only}
        self._shape = Shape(declared, missing=missing) if only is None else Shape.of_columns(self._types, missing)

    @property
    def block_bytes(self) -> int:
        """How many bytes of lines it is best given at once."""
        return BLOCK_BYTES

    def convert(self, text: bytes, count: int) -> T:
        """What becomes of so many lines: one event for each that is not blank.

        A line that is JSON but for what `strict_json` repairs is repaired. What does not fit its column, or has none,
        is kept in `additional_fields`. A key that is missing is made of the line. All that is counted in `coercions`.

        :raises NotAJsonObjectError: a line is not a JSON object
        """
        try:
            return self._shaped(text, count)
        except DOES_NOT_FIT:
            lines = lines_of(text)
        if not lines:
            return self._of_events([], CoercionStats())
        lines, repaired = strict_lines(lines)
        batch = self._bisected(lines)
        batch.coercions.repaired += repaired
        return batch

    @abstractmethod
    def _of_events(self, events: Sequence[Any], coercions: CoercionStats) -> T:
        """Of events that were parsed into the shape, their odd values and fields looked at already.

        :raises NeedsCoercionError: one of them has a value that does not fit its column
        """

    @abstractmethod
    def _of_record(self, record: Mapping[str, Any], coercions: CoercionStats) -> T:
        """Of a record whose values fit their columns."""

    def _bisected(self, lines: list[bytes]) -> T:
        try:
            return self._shaped(b"\n".join(lines), len(lines))
        except DOES_NOT_FIT:
            if len(lines) == 1:
                return self._unshaped(lines[0])
            middle = len(lines) // 2
            return self._bisected(lines[:middle]).and_then(self._bisected(lines[middle:]))

    def _shaped(self, text: bytes, count: int) -> T:
        """For lines that all fit the shape; one that does not raises what `DOES_NOT_FIT` names."""
        text, repaired = without_nul(text)
        events = self._shape.decode_lines(text)
        if len(events) != count:
            raise NeedsCoercionError
        coercions = self._look_at_verbatim_fields(events) if self._shape.verbatim else CoercionStats()
        coercions.repaired += repaired
        return self._of_events(events, coercions)

    def _look_at_verbatim_fields(self, events: Sequence[Any]) -> CoercionStats:
        values = self._column_values()
        for event in events:
            self._look_at_verbatim_fields_of(event, values)
            event.additional_fields = values.additional_fields()
        return values.coercions

    def _look_at_verbatim_fields_of(self, event: Any, values: ColumnValues) -> None:
        for attribute, name in self._shape.verbatim.items():
            if raw := getattr(event, attribute):
                setattr(event, attribute, values.value(name, raw))

    def _unshaped(self, line: bytes) -> T:
        """For any line; the next one with the same fields will fit the shape, if its values do."""
        fields, is_repaired = read_object(line)
        if self._only is not None:
            fields = {name: raw for name, raw in fields.items() if name in self._only}
        values = self._column_values()
        record = values.record(fields)
        values.coercions.repaired = int(is_repaired)
        if KEY in self._types and record.get(KEY) in _NO_KEY:
            record[KEY] = key_of(line)
            values.coercions.keys_made = 1
        self._learn(fields, {*values.coercions.converted, *values.coercions.nulled})
        return self._of_record(record, values.coercions)

    def _learn(self, fields: Mapping[str, Raw], odd: Collection[str]) -> None:
        """Makes the shape wider, so that events with these fields fit it."""
        self._shape = self._shape.including(fields, odd)

    def _column_values(self) -> ColumnValues:
        return ColumnValues(self._types, json_columns_as_string=self._json_columns_as_string)
