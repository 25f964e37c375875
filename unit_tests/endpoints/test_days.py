from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.config.model import Config
from source_amplitude.endpoints.days import (
    DAY,
    day_param,
    first_day_again,
    newest_complete_day,
    number_of_days,
    parse_day_param,
    ranges,
    read_state,
    write_state,
)
from source_amplitude.errors import ConfigError

YEARS = timedelta(days=20 * 365)
MOMENTS = st.timedeltas(timedelta(), YEARS).map(lambda since: datetime(2015, 1, 1, tzinfo=timezone.utc) + since)
DAYS = st.dates(date(2015, 1, 1), date(2035, 1, 1))
# From Baker Island to Kiritimati.
OFFSETS = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))


@given(now=MOMENTS, offset=OFFSETS)
def test_the_newest_day_is_over_in_any_time_zone_and_the_one_after_it_is_not_in_the_last(
    now: datetime, offset: timedelta
) -> None:
    newest = newest_complete_day(now)
    assert newest < (now + offset).date(), "it is a later day there"
    assert (now - timedelta(hours=12)).date() == newest + DAY, "it is the next day in the last time zone"


@given(first=DAYS, count=st.integers(0, 900), days=st.integers(1, 200))
def test_ranges_hold_each_day_once_in_order_and_none_has_more_days_than_it_may(
    first: date, count: int, days: int
) -> None:
    last = first + (count - 1) * DAY
    found = list(ranges(first, last, days))
    read = [start + number * DAY for start, end in found for number in range(number_of_days(start, end))]
    assert read == [first + number * DAY for number in range(count)]
    assert all(1 <= number_of_days(start, end) <= days for start, end in found)
    assert all(number_of_days(start, end) == days for start, end in found[:-1])


@given(day=DAYS)
def test_days_and_states_are_read_as_they_were_written(day: date) -> None:
    assert parse_day_param(day_param(day)) == day
    assert read_state(write_state(day), "active_users") == day


def test_given_a_state_then_its_day_and_the_week_before_it_are_read_again_but_nothing_before_the_start() -> None:
    state = date(2024, 3, 10)

    def a_config(*start: int) -> Config:
        return Config("", "", start=datetime(*start, tzinfo=timezone.utc) if start else None)  # type: ignore[arg-type, misc]

    assert first_day_again(a_config(2024, 1, 1), state) == date(2024, 3, 3)
    assert first_day_again(a_config(2024, 3, 9), state) == date(2024, 3, 9)
    assert first_day_again(a_config(), state) == date(2024, 3, 3), "a pause leaves nothing out"


@pytest.mark.parametrize("value", ["2026-02-17", "2026-02-17T00:00:00", "2026-02-17T23:59:59.999Z", "20260217"])
def test_given_a_day_in_any_form_then_that_day(value: str) -> None:
    assert read_state({"date": value}, "active_users") == date(2026, 2, 17)


@pytest.mark.parametrize("state", [{"date": None}, {"date": 20260217}, {"date": "soon"}, {"cursor": "2026-02-17"}])
def test_given_another_state_then_an_error_names_the_stream_and_no_value(state: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        read_state(state, "active_users")
    assert "the stream active_users" in raised.value.message
    assert "soon" not in raised.value.message


def test_given_no_state_then_none() -> None:
    assert read_state({}, "active_users") is None
