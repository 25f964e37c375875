"""Converts lines of an export archive: many at once by way of a shape, those that do not fit it one by one."""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID, uuid5

from msgspec import UNSET, Raw

from source_amplitude.events.shape import KEY, Shape
from source_amplitude.export.archive import lines_of
from source_amplitude.records.coercion import CoercionStats, ColumnValues
from source_amplitude.records.json_repair import (
    NO_KEY,
    NOT_STRICT,
    is_too_deep,
    strict_fields,
    strict_lines,
    without_nul,
)
from source_amplitude.records.schema import declared_types

BLOCK_BYTES = 256 * 1024
MOST_NAMES_SEEN = 10_000
EMPTY_BAG = Raw(b"{}")
_KEYS = UUID("5c1a3c5e-2a0f-5d55-9a53-6f0f2c1f7a4e")

T = TypeVar("T", bound="Batch")


class Batch(Protocol):
    """Holds what some events became, in their order."""

    @property
    def coercions(self) -> CoercionStats: ...

    def __len__(self) -> int:
        """Counts the events."""

    def and_then(self: T, *others: T) -> T:
        """Returns all of them, these first."""


class NeedsCoercionError(Exception):
    """Reports a line that has to be looked at field by field."""


DOES_NOT_FIT = (*NOT_STRICT, NeedsCoercionError)


def key_of(line: bytes) -> str:
    """Makes the key of an event that came without one: the same for the same line, whenever it is exported."""
    return str(uuid5(_KEYS, line.strip().decode("latin-1")))


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keeps Python from looking for cycles: events are many objects without any, and to look takes 4% of a sync."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
        self._names_seen: set[str] = set()  # of undeclared fields
        self._shape = Shape(declared, missing=missing) if only is None else Shape.of_columns(self._types, missing)

    @property
    def block_bytes(self) -> int:
        """Returns how many bytes of lines are best converted at once."""
        return BLOCK_BYTES

    @_without_collection()
    def convert(self, text: bytes, count: int) -> T:
        """Converts so many lines: one event for each that is not blank.

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
        try:
            batch = self._shaped(b"\n".join(lines), len(lines))
        except DOES_NOT_FIT:
            batch = self._of_lines(lines)
        batch.coercions.repaired += repaired
        return batch

    @abstractmethod
    def _of_events(self, events: Sequence[Any], coercions: CoercionStats) -> T:
        """Converts events that were parsed into the shape, after the values that do not fit it were looked at.

        :raises NeedsCoercionError: one of them has a value that does not fit its column
        """

    @abstractmethod
    def _of_records(self, records: Sequence[Mapping[str, Any]], coercions: CoercionStats) -> T:
        """Converts records whose values fit their columns."""

    def _of_lines(self, lines: list[bytes]) -> T:
        """Converts lines of which some do not fit the shape."""
        # One after the other: a line that does not fit makes the shape wider, so that the next ones fit it.
        runs = groupby(lines, self._fits)
        first, *others = [self._bisected(list(run)) if fits else self._unshaped(run) for fits, run in runs]
        return first.and_then(*others)

    def _fits(self, line: bytes) -> bool:
        try:
            return len(self._shape.decode_lines(line)) == 1
        except NOT_STRICT:
            return False

    def _bisected(self, lines: list[bytes]) -> T:
        """Converts lines that fit the shape, but for values which are looked at later."""
        try:
            return self._shaped(b"\n".join(lines), len(lines))
        except DOES_NOT_FIT:
            if len(lines) == 1:
                return self._unshaped(lines)
            middle = len(lines) // 2
            return self._bisected(lines[:middle]).and_then(self._bisected(lines[middle:]))

    def _shaped(self, text: bytes, count: int) -> T:
        """Converts lines that all fit the shape; one that does not raises what `DOES_NOT_FIT` names."""
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
                if is_too_deep(raw, 1):
                    raise NeedsCoercionError
                setattr(event, attribute, values.value(name, raw))

    def _unshaped(self, lines: Iterable[bytes]) -> T:
        """Converts any lines; the next ones with the same fields will fit the shape, if their values do."""
        values = self._column_values()
        coercions, records = values.coercions, []
        for line in lines:
            fields = strict_fields(line)
            if self._only is not None:
                fields = {name: raw for name, raw in fields.items() if name in self._only}
            record = values.record(fields)
            if KEY in self._types and record.get(KEY) in NO_KEY:
                record[KEY] = key_of(line)
                coercions.keys_made += 1
            self._learn(fields, coercions.converted.keys() | coercions.nulled.keys())
            records.append(record)
        return self._of_records(records, coercions)

    def _learn(self, fields: Mapping[str, Raw], misfits: Set[str]) -> None:
        """Makes the shape wider, so that events with these fields fit it.

        Not by an undeclared field that only a later event has, and for the first time: its name may not come again, and
        a wider shape costs as much as some hundred events.
        """
        new = fields.keys() - self._types.keys() - self._names_seen
        if new and not self._shape.is_new:
            self._names_seen |= new
            if len(self._names_seen) > MOST_NAMES_SEEN:
                self._names_seen = new
            fields = {name: raw for name, raw in fields.items() if name not in new}
        self._shape = self._shape.including(fields, misfits)

    def _column_values(self) -> ColumnValues:
        return ColumnValues(self._types, json_columns_as_string=self._json_columns_as_string)
