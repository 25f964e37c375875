"""Which hours of events micro-batches and their tasks have."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.moments import NOW
from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import HOUR, HOURLY_SINCE, export_hour, parse_export_hour
from source_amplitude.spark.offsets import HOURS, Offset
from source_amplitude.spark.options import Options
from source_amplitude.spark.tables.events import EventsTable
from source_amplitude.spark.tables.table import Json

pytestmark = pytest.mark.spark

NEWEST = {"last_hour": "20240315T20"}


def a_table(**given: Any) -> EventsTable:
    raw = {"api_key": "a", "secret_key": "s", **given}
    table = EventsTable(Options.of({name: str(value) for name, value in raw.items()}, logging.getLogger("test")))
    table._keys_are_checked = True  # nobody answers here
    return table


def end_of_batch(start: Json, newest: Json = NEWEST, *, everything: bool = False, **given: Any) -> Json:
    return a_table(**given).end_of_micro_batch(start, newest, everything=everything, now=NOW)


def hours_of(parts: list[Json]) -> list[datetime]:
    return sorted(hour for part in parts for hour in hours_of_part(part))


def hours_of_part(part: Json) -> list[datetime]:
    windows = [(parse_export_hour(first), parse_export_hour(last)) for first, last in part["windows"]]
    return [first + number * HOUR for first, last in windows for number in range((last - first) // HOUR + 1)]


def test_given_an_offset_then_it_is_the_documented_json() -> None:
    assert Offset(HOURS, last=parse_export_hour("20240115T14")).as_dict() == {"last_hour": "20240115T14"}
    assert Offset.read(HOURS, {"last_hour": "20240115T14"}) == Offset(HOURS, last=parse_export_hour("20240115T14"))


@pytest.mark.parametrize(
    "raw",
    [
        {"cursor": "20240115T14"},
        {"last_hour": "2024-01-15"},
        {"last_hour": 12},
        {"last_hour": "20240115T14", "x": 1},
        {},
        7,
        None,
        "text",
        ["last_hour"],
    ],
)
def test_given_an_offset_of_another_connector_then_a_sentence_says_so(raw: Any) -> None:
    with pytest.raises(ConfigError, match=r"not one that this connector wrote \("):
        Offset.read(HOURS, raw)


def test_given_no_start_date_then_a_stream_begins_30_days_ago() -> None:
    assert a_table().initial_offset(NOW) == {"first_hour": "20240214T23"}


def test_given_an_end_date_then_nothing_after_it_is_new() -> None:
    assert a_table().newest(NOW) == NEWEST
    assert a_table(end_date="2024-03-14").newest(NOW) == {"last_hour": "20240314T23"}
    assert a_table(end_date="2024-03-16").newest(NOW) == NEWEST


def test_given_a_limit_then_a_micro_batch_ends_there_and_the_first_end_tells_the_beginning() -> None:
    day = {"batch_size_hours": 8, "num_workers": 3}
    end = end_of_batch({"first_hour": "20240313T00"}, **day)
    assert end == {"first_hour": "20240313T00", "last_hour": "20240313T23"}
    assert end_of_batch(end, **day) == {"last_hour": "20240314T23"}
    assert end_of_batch(end, everything=True, **day) == {"last_hour": "20240315T20"}


@pytest.mark.parametrize(
    "start", [NEWEST, {"first_hour": "20240101T00", **NEWEST}, {"first_hour": "20240315T21"}], ids=str
)
def test_given_nothing_new_then_a_micro_batch_ends_where_it_starts(start: Json) -> None:
    for everything in (False, True):
        assert end_of_batch(start, everything=everything) == start
    assert a_table().micro_batch(start, start, NOW) == []


def test_given_a_newest_hour_before_the_offset_then_the_offset_stays() -> None:
    assert end_of_batch(NEWEST, {"last_hour": "20240315T15"}, everything=True) == NEWEST


def test_given_a_first_micro_batch_again_then_its_hours_come_from_its_end() -> None:
    end = {"first_hour": "20240313T00", "last_hour": "20240313T23"}
    later = a_table().initial_offset(NOW + timedelta(hours=5))
    parts = a_table().micro_batch(later, end, NOW)
    assert parts == a_table().micro_batch({"first_hour": "20240313T00"}, end, NOW)
    assert [*map(export_hour, hours_of(parts))] == [f"20240313T{hour:02}" for hour in range(24)]


def test_given_a_start_that_was_read_then_a_first_hour_in_the_end_changes_nothing() -> None:
    end = {"first_hour": "20240101T00", "last_hour": "20240313T23"}
    parts = a_table().micro_batch({"last_hour": "20240313T20"}, end, NOW)
    assert [*map(export_hour, hours_of(parts))] == ["20240313T21", "20240313T22", "20240313T23"]


def test_given_72_hours_then_each_of_three_tasks_reads_a_day() -> None:
    assert a_table().micro_batch({"last_hour": "20240312T23"}, {"last_hour": "20240315T23"}, NOW) == [
        {"windows": [["20240313T00", "20240313T23"]]},
        {"windows": [["20240314T00", "20240314T23"]]},
        {"windows": [["20240315T00", "20240315T23"]]},
    ]


def test_given_few_hours_then_the_tasks_share_them() -> None:
    parts = a_table().micro_batch({"last_hour": "20240312T23"}, {"last_hour": "20240313T03"}, NOW)
    assert [len(hours_of_part(part)) for part in parts] == [2, 2]


@given(
    first=st.integers(-3000, 3000),
    length=st.integers(0, 2000),
    width=st.integers(1, 100),
    workers=st.integers(1, 5),
    limited=st.booleans(),
)
def test_given_any_range_then_micro_batches_and_tasks_cover_each_hour_once(
    first: int, length: int, width: int, workers: int, limited: bool
) -> None:
    table = a_table(batch_size_hours=width, num_workers=workers)
    begin = HOURLY_SINCE + first * HOUR
    newest = {"last_hour": export_hour(begin + length * HOUR)}
    offset, read = {"first_hour": export_hour(begin)}, []
    while (end := table.end_of_micro_batch(offset, newest, everything=not limited, now=NOW)) != offset:
        parts = table.micro_batch(offset, end, NOW)
        assert 1 <= len(parts) <= workers
        read += hours_of(parts)
        offset = end
    # Before 2014-11-12 whole days are read, so reading may begin before the first hour and end before the newest.
    assert read == [read[0] + number * HOUR for number in range(len(read))] if read else True
    if begin >= HOURLY_SINCE:
        assert (read[0], read[-1]) == (begin, begin + length * HOUR)
