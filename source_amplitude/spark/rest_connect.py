"""What `LakeflowConnect` says of Amplitude's other endpoints: lists, and tables with numbers a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from source_amplitude.spark import day_offsets
from source_amplitude.spark.day_offsets import DayOffset
from source_amplitude.spark.options import Options
from source_amplitude.spark.rest_reading import check_choice, is_in_plan, micro_batch, read_part, whole_table
from source_amplitude.spark.tables import is_by_day

Batches = Iterator["pa.RecordBatch"]


def next_batch(options: Options, start: Mapping[str, Any], now: datetime) -> tuple[Batches, dict[str, Any]]:
    """The rows after an offset, and the offset to go on with.

    Of a table by day all days that are over, with the week before the offset; no rows and the offset that came in where
    no day is new, or the project's plan lacks the table. Of a list all rows, and `{}`.

    :param start: `{}` at first
    """
    check_choice(options)
    if not is_by_day(options.table):
        return read_part(options, {}), {}
    begins, end = _start_and_end(options, start, now)
    parts = micro_batch(options, begins, end)
    if not parts or not _includes(options, end):
        return iter(()), dict(start)
    return read_part(options, parts[0]), DayOffset(last=end.last).as_dict()


def latest_offset(options: Options, start: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Where the next micro-batch ends."""
    if not is_by_day(options.table):
        return {}
    begins, end = _start_and_end(options, start, now)
    return end.as_dict() if end == begins or _includes(options, end) else dict(start)


def partitions(
    options: Options, start: Mapping[str, Any] | None, end: Mapping[str, Any] | None, now: datetime
) -> list[dict[str, Any]]:
    """The one part of a micro-batch, or none; without an end, of the whole table."""
    check_choice(options)
    if end is None or not is_by_day(options.table):
        return [dict(part) for part in whole_table(options, now)]
    begins = DayOffset.of(start) if start else day_offsets.initial_offset(options, now)
    ends = DayOffset.of(end) if end else begins
    return [dict(part) for part in micro_batch(options, begins, ends)]


def _start_and_end(options: Options, start: Mapping[str, Any], now: datetime) -> tuple[DayOffset, DayOffset]:
    begins = DayOffset.of(start) if start else day_offsets.initial_offset(options, now)
    return begins, day_offsets.end_of_batch(begins, day_offsets.newest_day(options, now))


def _includes(options: Options, end: DayOffset) -> bool:
    assert end.last is not None, "a micro-batch ends with a day"
    return is_in_plan(options, end.last)
