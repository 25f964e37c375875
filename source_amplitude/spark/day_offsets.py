"""Decides which days a read of a table by day covers, by pure functions; what `offsets` is for hours of events.

An offset is JSON in the query's checkpoint: `{"date": "2024-01-15"}`, the last day that was read. As with events, the
end of the first micro-batch also has where the stream began, `{"first_date": …, "date": …}`, and the offset before it
has only `first_date`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from source_amplitude.endpoints.days import CURSOR_FIELD, DAY, first_day, first_day_again, newest_complete_day
from source_amplitude.spark.offsets import read_offset
from source_amplitude.spark.options import Options

FIRST_DATE = "first_date"


class DayRange(NamedTuple):
    """Holds a range of days, both ends included."""

    first: date
    last: date


@dataclass(frozen=True)
class DayOffset:
    """Says how far a stream has been read.

    :param first: where it began; known until its first micro-batch is over
    :param last: the last day that was read; None before the first micro-batch
    """

    first: date | None = None
    last: date | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> DayOffset:
        """Reads the offset that `as_dict` made.

        :raises ConfigError: another connector wrote it, or it is one of hours
        """
        of_what = " for a table by day"
        return cls(*read_offset(raw, date.fromisoformat, FIRST_DATE, CURSOR_FIELD, "2024-01-15", of_what))

    def as_dict(self) -> dict[str, str]:
        found = {FIRST_DATE: self.first, CURSOR_FIELD: self.last}
        return {name: day.isoformat() for name, day in found.items() if day is not None}


def newest_day(options: Options, now: datetime) -> date:
    """Returns the newest day that may be read at `now`: over in every time zone, and not after `end_date`."""
    newest = newest_complete_day(now)
    return min(newest, options.end.date()) if options.end else newest


def initial_offset(options: Options, now: datetime) -> DayOffset:
    """Returns where a stream without a checkpoint begins."""
    return DayOffset(first=first_day(options.config, None, now))


def end_of_batch(start: DayOffset, newest: date) -> DayOffset:
    """Returns where the micro-batch after `start` ends: at the newest day; where it starts when no day is new."""
    begins = start.first if start.last is None else start.last + DAY
    assert begins is not None, "an offset has one of both"
    return start if newest < begins else DayOffset(None if start.last else start.first, newest)


def days_between(options: Options, start: DayOffset, end: DayOffset) -> DayRange | None:
    """Returns the days of the micro-batch from `start` to `end`, always the same ones; None when no day is new.

    The week before `start` is among them, since Amplitude still changes its numbers; whatever `start_date` says by now,
    each day that is new is.
    """
    if end.last is None or (start.last is not None and end.last <= start.last):
        return None
    if start.last is None:
        first = end.first or start.first
    else:
        first = min(first_day_again(options.config, start.last), start.last + DAY)
    return DayRange(first, end.last) if first is not None and first <= end.last else None
