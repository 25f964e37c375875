"""Converts lines of an export archive to records: JSON bytes in, JSON bytes out.

Only what must change is touched: bags and fractions go through as the text that they came as, so numbers stay exact
whatever their size, and nothing is parsed that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import Any

import msgspec

from source_amplitude.events.lines import EMPTY_BAG, LineConverter, NeedsCoercionError
from source_amplitude.records.coercion import CoercionStats, is_number
from source_amplitude.records.json_repair import NULL, SHORTEST_TOO_DEEP, is_too_deep
from source_amplitude.records.rfc3339 import all_rfc3339

_encode_lines = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True)
class Records:
    """Holds records as newline-delimited JSON, each a JSON object; iterating gives them one by one."""

    ndjson: bytes
    count: int
    coercions: CoercionStats = field(default_factory=CoercionStats)

    def __len__(self) -> int:
        return self.count

    def and_then(self, *others: Records) -> Records:
        for other in others:
            self.coercions.add(other.coercions)
        parts = (self, *others)
        ndjson = b"".join([part.ndjson for part in parts])
        return Records(ndjson, sum(part.count for part in parts), self.coercions)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.ndjson.split(b"\n")[:-1])


class RecordConverter(LineConverter[Records]):
    """Makes records, which fit the stream's schema.

    Timestamps such as `2024-03-15 10:04:58.123000` become RFC 3339 in UTC (Amplitude's documentation: UTC, no zone).
    """

    def _of_events(self, events: Sequence[Any], coercions: CoercionStats) -> Records:
        self._check_bags(events)
        self._check_numbers(events)
        self._convert_timestamps(events)
        return Records(_encode_lines(events), len(events), coercions)

    def _of_records(self, records: Sequence[Mapping[str, Any]], coercions: CoercionStats) -> Records:
        return Records(_encode_lines(records), len(records), coercions)

    def _check_bags(self, events: Sequence[Any]) -> None:
        as_string = self._json_columns_as_string
        for attribute in self._shape.bags:
            for event in events:
                if raw := getattr(event, attribute):
                    text = "{}" if raw == EMPTY_BAG else str(raw, "utf-8")  # most bags are empty
                    if text[0] == "{":
                        if as_string:
                            setattr(event, attribute, text)
                    elif raw != NULL:
                        raise NeedsCoercionError
                    if len(raw) >= SHORTEST_TOO_DEEP and is_too_deep(raw, 1):
                        raise NeedsCoercionError

    def _check_numbers(self, events: Sequence[Any]) -> None:
        for attribute in self._shape.numbers:
            for event in events:
                raw = getattr(event, attribute)
                if raw and raw != NULL and not is_number(raw):
                    raise NeedsCoercionError

    def _convert_timestamps(self, events: Sequence[Any]) -> None:
        columns = [[getattr(event, attribute) for event in events] for attribute in self._shape.timestamps]
        instants = all_rfc3339(list(filter(None, chain.from_iterable(columns))))
        if instants is None:
            raise NeedsCoercionError
        remaining = iter(instants)
        for attribute, column in zip(self._shape.timestamps, columns, strict=True):
            for event, instant in zip(compress(events, column), remaining):  # noqa: B905 - as many as the column has
                setattr(event, attribute, instant)
