import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import HOUR, HOURLY_SINCE, Window, parse_export_hour
from source_amplitude.spark import offsets
from source_amplitude.spark.offsets import Offset
from source_amplitude.spark.options import Options

pytestmark = pytest.mark.spark

NOW = datetime(2024, 3, 15, 23, 10, tzinfo=timezone.utc)
NEWEST = parse_export_hour("20240315T20")


def options(**given: Any) -> Options:
    raw = {"api_key": "a", "secret_key": "s", **given}
    return Options.of({name: str(value) for name, value in raw.items()}, logging.getLogger("test"))


def hour(text: str) -> datetime:
    return parse_export_hour(text)


def all_hours(windows: list[Window]) -> list[datetime]:
    return [window.first + number * HOUR for window in windows for number in range(window.hours)]


def test_given_an_offset_then_it_is_the_documented_json() -> None:
    assert Offset(last=hour("20240115T14")).as_dict() == {"last_hour": "20240115T14"}
    assert Offset.of({"last_hour": "20240115T14"}) == Offset(last=hour("20240115T14"))


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
    with pytest.raises(ConfigError, match="not one that this connector wrote"):
        Offset.of(raw)


def test_given_no_start_date_then_a_stream_begins_30_days_ago() -> None:
    assert offsets.initial_offset(options(), NOW).as_dict() == {"first_hour": "20240214T23"}


def test_given_an_end_date_then_nothing_after_it_is_new() -> None:
    assert offsets.newest_hour(options(), NOW) == NEWEST
    assert offsets.newest_hour(options(end_date="2024-03-14"), NOW) == hour("20240314T23")
    assert offsets.newest_hour(options(end_date="2024-03-16"), NOW) == NEWEST


def test_given_a_limit_then_a_micro_batch_ends_there_and_the_first_end_tells_the_beginning() -> None:
    end = offsets.end_of_batch(Offset(first=hour("20240313T00")), NEWEST, 24)
    assert end.as_dict() == {"first_hour": "20240313T00", "last_hour": "20240313T23"}
    assert offsets.end_of_batch(end, NEWEST, 24).as_dict() == {"last_hour": "20240314T23"}
    assert offsets.end_of_batch(end, NEWEST, None).as_dict() == {"last_hour": "20240315T20"}


def test_given_nothing_new_then_a_micro_batch_ends_where_it_starts() -> None:
    for start in (Offset(last=NEWEST), Offset(hour("20240101T00"), NEWEST), Offset(first=NEWEST + HOUR)):
        assert offsets.end_of_batch(start, NEWEST, 24) == start
        assert offsets.hours_between(start, start) is None


def test_given_a_newest_hour_before_the_offset_then_the_offset_stays() -> None:
    start = Offset(last=NEWEST)
    assert offsets.end_of_batch(start, NEWEST - 5 * HOUR, None) == start


def test_given_a_first_micro_batch_again_then_its_hours_come_from_its_end() -> None:
    end = Offset(hour("20240313T00"), hour("20240313T23"))
    later = offsets.initial_offset(options(), NOW + timedelta(hours=5))
    assert offsets.hours_between(later, end) == offsets.hours_between(Offset(first=hour("20240313T00")), end)
    assert offsets.hours_between(Offset(), end) == Window(hour("20240313T00"), hour("20240313T23"))


def test_given_a_start_that_was_read_then_a_first_hour_in_the_end_changes_nothing() -> None:
    end = Offset(hour("20240101T00"), hour("20240313T23"))
    assert offsets.hours_between(Offset(last=hour("20240313T20")), end) == Window(
        hour("20240313T21"), hour("20240313T23")
    )


def test_given_72_hours_then_each_of_three_tasks_reads_a_day() -> None:
    partitions = offsets.partitions_of(Window(hour("20240313T00"), hour("20240315T23")), options(), 24)
    assert [[str(window) for window in windows] for windows in partitions] == [
        ["20240313T00-20240313T23"],
        ["20240314T00-20240314T23"],
        ["20240315T00-20240315T23"],
    ]


def test_given_few_hours_then_the_tasks_share_them() -> None:
    partitions = offsets.partitions_of(Window(hour("20240313T00"), hour("20240313T03")), options(), 24)
    assert [len(all_hours(windows)) for windows in partitions] == [2, 2]


def test_given_windows_then_they_come_back_from_json() -> None:
    windows = [Window(hour("20240313T00"), hour("20240313T03"))]
    assert offsets.windows_of_json(offsets.windows_as_json(windows)) == windows


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
    chosen = options(batch_size_hours=width, num_workers=workers)
    begin = HOURLY_SINCE + first * HOUR
    newest = begin + length * HOUR
    offset, read = Offset(first=begin), []
    while (
        end := offsets.end_of_batch(offset, newest, offsets.hours_a_micro_batch(chosen) if limited else None)
    ) != offset:
        batch = offsets.hours_between(offset, end)
        assert batch is not None
        partitions = offsets.partitions_of(batch, chosen, chosen.config.batch_size_hours)
        assert len(partitions) <= workers
        read += sorted(hour for windows in partitions for hour in all_hours(windows))
        offset = end
    # Before 2014-11-12 whole days are read, so reading may begin before the first hour and end before the newest.
    assert read == [read[0] + number * HOUR for number in range(len(read))] if read else True
    if begin >= HOURLY_SINCE:
        assert (read[0], read[-1]) == (begin, newest)
