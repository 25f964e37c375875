import logging
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.endpoints.days import DAY, LOOKBACK
from source_amplitude.errors import ConfigError
from source_amplitude.spark import day_offsets
from source_amplitude.spark.day_offsets import DayOffset, DayRange
from source_amplitude.spark.options import Options

pytestmark = pytest.mark.spark

NOW = datetime(2024, 3, 16, 2, 10, tzinfo=timezone.utc)
NEWEST = date(2024, 3, 14)
FIRST = date(2024, 3, 1)


def options(**given: Any) -> Options:
    raw = {"api_key": "a", "secret_key": "s", **given}
    return Options.of({name: str(value) for name, value in raw.items()}, logging.getLogger("test"))


def test_given_an_offset_then_it_is_the_documented_json() -> None:
    assert DayOffset(last=date(2024, 1, 15)).as_dict() == {"date": "2024-01-15"}
    assert DayOffset.of({"date": "2024-01-15"}) == DayOffset(last=date(2024, 1, 15))
    both = {"first_date": "2024-01-01", "date": "2024-01-15"}
    assert DayOffset.of(both).as_dict() == both


@pytest.mark.parametrize(
    "raw",
    [
        {"last_hour": "20240115T14"},
        {"date": "soon"},
        {"date": 12},
        {"date": None},
        {"date": "2024-01-15", "x": "1"},
        {},
        7,
        None,
    ],
)
def test_given_an_offset_of_another_connector_then_a_sentence_says_so(raw: Any) -> None:
    with pytest.raises(ConfigError, match="not one that this connector wrote for a table by day"):
        DayOffset.of(raw)


def test_given_no_start_date_then_a_stream_begins_30_days_ago() -> None:
    assert day_offsets.initial_offset(options(), NOW).as_dict() == {"first_date": "2024-02-15"}
    assert day_offsets.initial_offset(options(start_date="2024-03-01T12:00:00Z"), NOW) == DayOffset(first=FIRST)


def test_given_an_end_date_then_no_day_after_it_is_new() -> None:
    assert day_offsets.newest_day(options(), NOW) == NEWEST
    assert day_offsets.newest_day(options(end_date="2024-03-10"), NOW) == date(2024, 3, 10)
    assert day_offsets.newest_day(options(end_date="2024-03-10T14:00:00Z"), NOW) == date(2024, 3, 10)
    assert day_offsets.newest_day(options(end_date="2024-03-16"), NOW) == NEWEST


def test_given_days_that_are_over_then_a_micro_batch_ends_with_them_and_the_first_end_tells_the_beginning() -> None:
    end = day_offsets.end_of_batch(DayOffset(first=FIRST), NEWEST)
    assert end.as_dict() == {"first_date": "2024-03-01", "date": "2024-03-14"}
    assert day_offsets.end_of_batch(end, NEWEST + DAY).as_dict() == {"date": "2024-03-15"}


@pytest.mark.parametrize("start", [DayOffset(last=NEWEST), DayOffset(FIRST, NEWEST), DayOffset(first=NEWEST + DAY)])
def test_given_nothing_new_then_a_micro_batch_ends_where_it_starts(start: DayOffset) -> None:
    assert day_offsets.end_of_batch(start, NEWEST) == start
    assert day_offsets.end_of_batch(start, NEWEST - 5 * DAY) == start
    assert day_offsets.days_between(options(), start, start) is None


def test_given_the_first_day_then_it_is_read_when_it_is_over() -> None:
    end = day_offsets.end_of_batch(DayOffset(first=NEWEST), NEWEST)
    assert day_offsets.days_between(options(), DayOffset(first=NEWEST), end) == DayRange(NEWEST, NEWEST)


def test_given_an_offset_then_the_week_before_it_is_read_again_but_nothing_before_the_start_date() -> None:
    start, end = DayOffset(last=date(2024, 3, 10)), DayOffset(last=NEWEST)
    assert day_offsets.days_between(options(), start, end) == DayRange(date(2024, 3, 3), NEWEST)
    since = options(start_date="2024-03-05")
    assert day_offsets.days_between(since, start, end) == DayRange(date(2024, 3, 5), NEWEST)


def test_given_a_start_date_after_the_offset_then_no_day_is_left_out() -> None:
    start, end = DayOffset(last=date(2024, 3, 10)), DayOffset(last=NEWEST)
    later = options(start_date="2024-03-14")
    assert day_offsets.days_between(later, start, end) == DayRange(date(2024, 3, 11), NEWEST)


def test_given_a_first_micro_batch_again_then_its_days_come_from_its_end() -> None:
    end = DayOffset(FIRST, NEWEST)
    later = day_offsets.initial_offset(options(), NOW + timedelta(days=20))
    assert later.first is not None
    assert later.first > FIRST
    assert day_offsets.days_between(options(), later, end) == DayRange(FIRST, NEWEST)
    assert day_offsets.days_between(options(), DayOffset(), end) == DayRange(FIRST, NEWEST)


@given(pauses=st.lists(st.integers(0, 60), max_size=20), has_start=st.booleans())
def test_given_any_pauses_then_each_day_is_read_in_the_week_after_it_was_new(
    pauses: list[int], has_start: bool
) -> None:
    chosen = options(start_date=FIRST) if has_start else options()
    offset = DayOffset(first=FIRST)
    newest, read_until = NEWEST, FIRST - DAY
    for pause in pauses:
        newest += pause * DAY
        end = day_offsets.end_of_batch(offset, newest)
        found = day_offsets.days_between(chosen, offset, end)
        assert (found is None) == (end == offset)
        if found is not None:
            assert found.last == newest
            assert found.first <= read_until + DAY, "no gap"
            assert found == day_offsets.days_between(
                chosen, DayOffset.of(offset.as_dict()), DayOffset.of(end.as_dict())
            )
            if read_until >= FIRST + LOOKBACK:
                assert found.first == read_until - LOOKBACK
            read_until = newest
        offset = end
