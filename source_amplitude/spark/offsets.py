"""Decides which hours a read covers, by pure functions: offsets, micro-batches and partitions.

An offset is JSON in the query's checkpoint: `{"last_hour": "20240115T14"}`, the last hour that was read. Spark does not
keep where a stream began, so the end of the first micro-batch has that too: `{"first_hour": …, "last_hour": …}`. The
offset before it has only `first_hour`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import (
    HOUR,
    HOURLY_SINCE,
    Window,
    export_hour,
    floor_to_day,
    floor_to_hour,
    newest_complete_hour,
    next_window,
    parse_export_hour,
    slices,
)
from source_amplitude.spark.options import Options

FIRST_HOUR = "first_hour"
LAST_HOUR = "last_hour"

T = TypeVar("T")


@dataclass(frozen=True)
class Offset:
    """Says how far a stream has been read.

    :param first: where it began; known until its first micro-batch is over
    :param last: the last hour that was read; None before the first micro-batch
    """

    first: datetime | None = None
    last: datetime | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Offset:
        """Reads the offset that `as_dict` made.

        :raises ConfigError: another connector wrote it
        """
        return cls(*read_offset(raw, parse_export_hour, FIRST_HOUR, LAST_HOUR, "20240115T14"))

    def is_after(self, moment: datetime) -> bool:
        """Tells whether all of its hours are after a moment."""
        found = self.last or self.first
        return found is not None and found > moment

    def as_dict(self) -> dict[str, str]:
        found = {FIRST_HOUR: self.first, LAST_HOUR: self.last}
        return {name: export_hour(hour) for name, hour in found.items() if hour is not None}


def read_offset(
    raw: Mapping[str, Any], parse: Callable[[str], T], first: str, last: str, example: str, of_what: str = ""
) -> tuple[T | None, T | None]:
    """Reads where a stream began and the last that was read of it, by the names of the two fields in a checkpoint.

    :raises ConfigError: another connector wrote it, which may be any JSON, or it is one `of_what` else
    """
    try:
        found = {name: parse(raw[name]) for name in raw}
    except (ValueError, TypeError):
        found = {}
    if found and not found.keys() - {first, last}:
        return found.get(first), found.get(last)
    fields = f"its fields: {', '.join(sorted(map(str, raw)))}" if isinstance(raw, Mapping) else "it has no fields"
    raise ConfigError(
        f"The saved offset is not one that this connector wrote{of_what} "
        f"({fields}; expected: {json.dumps({last: example})}). Start the query with a checkpoint location of its own."
    )


def newest_hour(options: Options, now: datetime) -> datetime:
    """Returns the newest hour that may be read at `now`: complete, and not after `end_date`."""
    newest = newest_complete_hour(now, options.config.export_delay_hours)
    return min(newest, options.end) if options.end else newest


def initial_offset(options: Options, now: datetime) -> Offset:
    """Returns where a stream without a checkpoint begins."""
    return Offset(first=floor_to_hour(options.config.first_hour(None, now)))


def end_of_batch(start: Offset, newest: datetime, most_hours: int | None) -> Offset:
    """Returns where the micro-batch after `start` ends: after at most `most_hours`, at the newest hour at the latest.

    It ends where it starts when there is nothing to read. Before 2014-11-12 it ends with a day.

    :param most_hours: None: everything there is
    """
    first = _hour_after(start)
    if most_hours is None:
        last = newest if newest >= HOURLY_SINCE else floor_to_day(newest + HOUR) - HOUR
    else:
        window = next_window(first, newest, most_hours)
        last = window.last if window else first - HOUR
    return start if last < first else Offset(None if start.last else start.first, last)


def hours_between(start: Offset, end: Offset) -> Window | None:
    """Returns the hours of the micro-batch from `start` to `end`, always the same ones; None when there are none.

    The beginning of the first one is taken from its end: at a restart before the first commit, Spark asks for a new
    `start`, and by then "30 days ago" may have moved.
    """
    first = start.last + HOUR if start.last else end.first or start.first
    if first is None or end.last is None or end.last < first:
        return None
    return Window(first, end.last)


def hours_a_micro_batch(options: Options) -> int:
    """Counts how many hours all partitions of a micro-batch read together, one window each."""
    return options.config.batch_size_hours * options.config.num_workers


def partitions_of(hours: Window, options: Options, widest_hours: int) -> list[list[Window]]:
    """Shares the hours among at most `num_workers` lists of windows, each to be read one window at a time.

    :param widest_hours: of a window

    So there are never more than `num_workers` exports at once, wherever the lists are read. A range that is narrower
    than all windows together is shared evenly.
    """
    workers = options.config.num_workers
    width = min(widest_hours, -(-hours.hours // workers))
    windows = list(slices(hours.first, hours.last, width))
    return [windows[number::workers] for number in range(min(workers, len(windows)))]


def windows_as_json(windows: Sequence[Window]) -> list[list[str]]:
    return [[window.start_param, window.end_param] for window in windows]


def windows_of_json(windows: Sequence[Sequence[str]]) -> list[Window]:
    return [Window(parse_export_hour(first), parse_export_hour(last)) for first, last in windows]


def _hour_after(start: Offset) -> datetime:
    if start.last is not None:
        return start.last + HOUR
    assert start.first is not None, "an offset has one of both"
    return start.first
