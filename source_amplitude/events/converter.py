"""Lines of an export archive to records: JSON bytes in, JSON bytes out.

Only what must change is touched: bags and fractions go through as the text that they came as, so numbers stay exact
whatever their size, and nothing is parsed that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import Any

import msgspec
from msgspec import Raw

from source_amplitude.events.shape import Shape
from source_amplitude.json_repair import NOT_STRICT, may_hold_nul, strict_json
from source_amplitude.odd_values import ColumnValues, Oddities, is_number
from source_amplitude.rfc3339 import all_rfc3339
from source_amplitude.schema import declared_types

_EMPTY_BAG = Raw(b"{}")
_NULL = Raw(b"null")
_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_encode_lines = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True)
class Records:
    """Records as newline-delimited JSON, each a JSON object; iterating gives them one by one."""

    ndjson: bytes
    count: int
    oddities: Oddities = field(default_factory=Oddities)

    def __len__(self) -> int:
        return self.count

    def and_then(self, others: Records) -> Records:
        self.oddities.add(others.oddities)
        return Records(self.ndjson + others.ndjson, self.count + others.count, self.oddities)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.ndjson.split(b"\n")[:-1])


class _OddValueError(Exception):
    """A line that has to be looked at field by field."""


_DOES_NOT_FIT = (*NOT_STRICT, _OddValueError)


class RecordConverter:
    """Makes records of raw lines.

    :param json_columns_as_string: whether object- and array-valued fields become JSON text
        (`properties_format: json_string`) or stay as they are (`object`)
    """

    def __init__(self, *, json_columns_as_string: bool) -> None:
        self._json_columns_as_string = json_columns_as_string
        self._types = declared_types("events")
        self._shape = Shape(self._types)

    def convert(self, text: bytes, count: int) -> Records:
        """The records of so many lines, one for each that is not blank, which fit the stream's schema.

        Timestamps such as `2024-03-15 10:04:58.123000` become RFC 3339 in UTC (Amplitude's documentation: UTC, no
        zone). A line that is JSON but for what `strict_json` repairs is repaired. What does not fit its column, or has
        none, is kept in `additional_fields` (see `odd_values`). All that is counted in the records' `oddities`.

        :raises NotAJsonObjectError: a line is not a JSON object
        """
        try:
            return self._shaped(text, count)
        except _DOES_NOT_FIT:
            lines = [line for line in text.split(b"\n") if line.strip()]
            return self._bisected(lines) if lines else Records(b"", 0)

    def _bisected(self, lines: list[bytes]) -> Records:
        try:
            return self._shaped(b"\n".join(lines), len(lines))
        except _DOES_NOT_FIT:
            if len(lines) == 1:
                return self._unshaped(lines[0])
            middle = len(lines) // 2
            return self._bisected(lines[:middle]).and_then(self._bisected(lines[middle:]))

    def _shaped(self, text: bytes, count: int) -> Records:
        """The records of lines that all fit the shape; one that does not raises what `_DOES_NOT_FIT` names."""
        events = self._shape.decode_lines(text)
        if may_hold_nul(text) or len(events) != count:
            raise _OddValueError
        oddities = self._look_at_verbatim_fields(events) if self._shape.verbatim else Oddities()
        self._check_bags(events)
        self._check_numbers(events)
        self._convert_timestamps(events)
        return Records(_encode_lines(events), len(events), oddities)

    def _look_at_verbatim_fields(self, events: Sequence[Any]) -> Oddities:
        values = self._column_values()
        for event in events:
            for attribute, name in self._shape.verbatim.items():
                if raw := getattr(event, attribute):
                    setattr(event, attribute, values.value(name, raw))
            event.additional_fields = values.additional_fields()
        return values.oddities

    def _check_bags(self, events: Sequence[Any]) -> None:
        as_string = self._json_columns_as_string
        for attribute in self._shape.bags:
            for event in events:
                if raw := getattr(event, attribute):
                    text = "{}" if raw == _EMPTY_BAG else str(raw, "utf-8")  # most bags are empty
                    if text[0] == "{":
                        if as_string:
                            setattr(event, attribute, text)
                    elif raw != _NULL:
                        raise _OddValueError

    def _check_numbers(self, events: Sequence[Any]) -> None:
        for attribute in self._shape.numbers:
            for event in events:
                raw = getattr(event, attribute)
                if raw and raw != _NULL and not is_number(raw):
                    raise _OddValueError

    def _convert_timestamps(self, events: Sequence[Any]) -> None:
        columns = [[getattr(event, attribute) for event in events] for attribute in self._shape.timestamps]
        instants = all_rfc3339(list(filter(None, chain.from_iterable(columns))))
        if instants is None:
            raise _OddValueError
        remaining = iter(instants)
        for attribute, column in zip(self._shape.timestamps, columns, strict=True):
            for event, instant in zip(compress(events, column), remaining):  # noqa: B905 - as many as the column has
                setattr(event, attribute, instant)

    def _unshaped(self, line: bytes) -> Records:
        """The record of any line; the next one with the same fields will fit the shape, if its values do."""
        repaired = line
        try:
            if may_hold_nul(line):
                repaired = strict_json(line)
            elif not line.isascii():
                line.decode()
            fields = _decode(repaired)
        except NOT_STRICT:
            repaired = strict_json(line)
            fields = _decode(repaired)
        values = self._column_values()
        record = values.record(fields)
        values.oddities.repaired = int(repaired != line)
        self._shape = self._shape.including(fields, {*values.oddities.converted, *values.oddities.nulled})
        return Records(_encode_lines([record]), 1, values.oddities)

    def _column_values(self) -> ColumnValues:
        return ColumnValues(self._types, json_columns_as_string=self._json_columns_as_string)
