"""Describes how far a stream has been read, by hours or by days, in the JSON that Spark keeps in a checkpoint.

An offset is `{"last_hour": "20240115T14"}`, the last hour that was read, or of a table by day `{"date": "2024-01-15"}`.
Spark does not keep where a stream began, so the end of the first micro-batch has that too: `{"first_hour": …,
"last_hour": …}` or `{"first_date": …, "date": …}`. The offset before it has only where the stream began.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

from source_amplitude.endpoints.days import CURSOR_FIELD
from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import DAY, HOUR, export_hour, floor_to_hour, parse_export_hour

T = TypeVar("T", bound=date)
"""An hour, as a `datetime`, or a day."""


@dataclass(frozen=True)
class Unit(Generic[T]):
    """Describes what offsets count.

    :param name: in a sentence
    :param first_field: the name of where a stream began
    :param last_field: the name of the last hour or day that was read
    :param example: of the last hour or day
    :param of: returns the hour or day of a moment
    :param kind: of the tables whose offsets these are, in a sentence
    """

    name: str
    step: timedelta
    first_field: str
    last_field: str
    example: str
    parse: Callable[[str], T]
    write: Callable[[T], str]
    of: Callable[[datetime], T]
    kind: str = ""


HOURS: Unit[datetime] = Unit(
    "hours", HOUR, "first_hour", "last_hour", "20240115T14", parse_export_hour, export_hour, floor_to_hour
)
DAYS: Unit[date] = Unit(
    "days", DAY, "first_date", CURSOR_FIELD, "2024-01-15", date.fromisoformat, date.isoformat, datetime.date,
    kind=" for a table by day",
)  # fmt: skip


@dataclass(frozen=True)
class Offset(Generic[T]):
    """Says how far a stream has been read.

    :param first: where it began; known until its first micro-batch is over
    :param last: the last hour or day that was read; None before the first micro-batch
    """

    unit: Unit[T]
    first: T | None = None
    last: T | None = None

    @classmethod
    def read(cls, unit: Unit[T], raw: Mapping[str, Any]) -> Offset[T]:
        """Reads the offset that `as_dict` made.

        :raises ConfigError: another connector wrote it, which may be any JSON, or it is one of another unit
        """
        try:
            found = {name: unit.parse(raw[name]) for name in raw}
        except (ValueError, TypeError):
            found = {}
        if found and not found.keys() - {unit.first_field, unit.last_field}:
            return cls(unit, found.get(unit.first_field), found.get(unit.last_field))
        fields = f"its fields: {', '.join(sorted(map(str, raw)))}" if isinstance(raw, Mapping) else "it has no fields"
        raise ConfigError(
            f"The saved offset is not one that this connector wrote{unit.kind} ({fields}; expected: "
            f"{json.dumps({unit.last_field: unit.example})}). Start the query with a checkpoint location of its own."
        )

    def as_dict(self) -> dict[str, str]:
        found = {self.unit.first_field: self.first, self.unit.last_field: self.last}
        return {name: self.unit.write(moment) for name, moment in found.items() if moment is not None}

    @property
    def next(self) -> T:
        """Returns the first hour or day that has not been read."""
        if self.last is not None:
            return self.last + self.unit.step
        assert self.first is not None, "an offset has one of both"
        return self.first

    def moved_to(self, last: T) -> Offset[T]:
        """Returns where a micro-batch from here to `last` ends: here, where there is nothing to read."""
        return self if last < self.next else Offset(self.unit, None if self.last else self.first, last)
