from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from source_amplitude.export.windows import (
    DAY,
    HOUR,
    HOURLY_SINCE,
    Window,
    export_hour,
    floor_to_day,
    newest_complete_hour,
    parse_export_hour,
    slices,
    without_hours,
)

UTC = timezone.utc
hours = st.integers(0, 23 * 366 * 24).map(lambda number: datetime(2012, 1, 1, tzinfo=UTC) + number * HOUR)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def covered(windows: list[Window]) -> list[datetime]:
    return [window.first + i * HOUR for window in windows for i in range(window.hours)]


def test_given_23_10_and_two_hours_of_delay_then_hour_20_is_the_newest() -> None:
    assert newest_complete_hour(at("2024-03-15T23:10"), 2) == at("2024-03-15T20:00")


def test_given_an_hour_that_ended_exactly_the_delay_ago_then_it_is_complete() -> None:
    assert newest_complete_hour(at("2024-03-15T23:00"), 2) == at("2024-03-15T20:00")
    assert newest_complete_hour(at("2024-03-15T22:59:59.999999"), 2) == at("2024-03-15T19:00")


def test_given_three_days_then_three_requests_of_a_day() -> None:
    asked = [(w.start_param, w.end_param) for w in slices(at("2024-01-10T00:00"), at("2024-01-12T23:00"), 24)]
    assert asked == [
        ("20240110T00", "20240110T23"),
        ("20240111T00", "20240111T23"),
        ("20240112T00", "20240112T23"),
    ]


def test_given_time_before_2014_11_12_then_whole_days_that_end_there() -> None:
    windows = list(slices(at("2014-11-10T05:00"), at("2014-11-12T03:00"), 36))
    assert [(w.start_param, w.end_param) for w in windows] == [
        ("20141110T00", "20141110T23"),
        ("20141111T00", "20141111T23"),
        ("20141112T00", "20141112T03"),
    ]


def test_given_a_width_of_a_month_then_no_window_reaches_across_2014_11_12() -> None:
    windows = list(slices(at("2014-11-10T05:00"), at("2014-11-13T05:00"), 24 * 30))
    assert [(w.start_param, w.end_param) for w in windows] == [
        ("20141110T00", "20141111T23"),
        ("20141112T00", "20141113T05"),
    ]


@given(
    start=hours,
    days=st.integers(0, 40),
    minutes=st.integers(0, 59),
    delay=st.integers(0, 168),
    width=st.integers(1, 8760),
)
def test_every_complete_hour_is_in_exactly_one_window_and_none_incomplete(
    start: datetime, days: int, minutes: int, delay: int, width: int
) -> None:
    now = start + timedelta(days=days, minutes=minutes)
    newest = newest_complete_hour(now, delay)
    windows = list(slices(start, newest, width))
    seen = covered(windows)

    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    wanted = {start + i * HOUR for i in range(max(0, int((newest - start) / HOUR) + 1))}
    if newest < HOURLY_SINCE:  # a day that is not over cannot be asked for
        wanted = {hour for hour in wanted if floor_to_day(hour) + DAY <= newest + HOUR}
    assert wanted <= set(seen)
    for hour in seen:
        assert hour + HOUR + delay * HOUR <= now
        assert hour >= (start if start >= HOURLY_SINCE else floor_to_day(start))
    for window in windows:
        assert window.hours <= max(width, 24 if window.first < HOURLY_SINCE else 1)
        if window.first < HOURLY_SINCE:
            assert window.first.hour == 0
            assert window.last.hour == 23
            assert window.resume_at <= HOURLY_SINCE


@given(first=hours, length=st.integers(1, 500))
def test_a_window_can_be_split_where_half_its_width_makes_several(first: datetime, length: int) -> None:
    if first < HOURLY_SINCE:
        first = floor_to_day(first)
        assume(first + length * DAY <= HOURLY_SINCE)
        window = Window(first, first + length * DAY - HOUR)
    else:
        window = Window(first, first + (length - 1) * HOUR)
    parts = list(slices(window.first, window.last, max(1, window.hours // 2)))
    assert window.can_be_split == (length > 1) == (len(parts) > 1)


@given(hour=hours)
def test_the_form_of_an_export_hour_can_be_read_back(hour: datetime) -> None:
    assert parse_export_hour(export_hour(hour)) == hour


@pytest.mark.parametrize("text", ["", "20240115", "20240115T24", "2024-01-15T14", "20240115T1", "x"])
def test_given_no_export_hour_then_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not match|unconverted|time data"):
        parse_export_hour(text)


@given(start=hours, length=st.integers(1, 200), skipped=st.sets(st.integers(-3, 203)))
def test_without_some_hours_every_other_hour_is_in_exactly_one_range(
    start: datetime, length: int, skipped: set[int]
) -> None:
    window = Window(start, start + (length - 1) * HOUR)
    left_out = {start + number * HOUR for number in skipped}
    ranges = without_hours(window, left_out)
    assert covered(ranges) == [hour for hour in covered([window]) if hour not in left_out]
    assert all(one.resume_at < other.first for one, other in pairwise(ranges))
