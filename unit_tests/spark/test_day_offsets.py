"""Which days micro-batches of the tables by day have."""

import logging
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.endpoints.days import DAY, LOOKBACK
from source_amplitude.errors import ConfigError
from source_amplitude.spark.offsets import DAYS, Offset
from source_amplitude.spark.options import Options
from source_amplitude.spark.tables.daily import DailyTable
from source_amplitude.spark.tables.table import Json

pytestmark = pytest.mark.spark

NOW = datetime(2024, 3, 16, 2, 10, tzinfo=timezone.utc)
NEWEST = {"date": "2024-03-14"}
FIRST = date(2024, 3, 1)


def a_table(**given: Any) -> DailyTable:
    raw = {"api_key": "a", "secret_key": "s", "table": "active_users", **given}
    table = DailyTable(Options.of({name: str(value) for name, value in raw.items()}, logging.getLogger("test")))
    table._is_in_plan = True  # nobody answers here
    return table


def end_of_batch(start: Json, newest: Json = NEWEST) -> Json:
    return a_table().end_of_micro_batch(start, newest, everything=False, now=NOW)


def days_between(start: Json, end: Json, **given: Any) -> tuple[date, date] | None:
    parts = a_table(**given).micro_batch(start, end, NOW)
    assert all(part["moves_on"] for part in parts)
    [found] = [(date.fromisoformat(part["first"]), date.fromisoformat(part["last"])) for part in parts] or [None]
    return found


def test_given_an_offset_then_it_is_the_documented_json() -> None:
    assert Offset(DAYS, last=date(2024, 1, 15)).as_dict() == {"date": "2024-01-15"}
    assert Offset.read(DAYS, {"date": "2024-01-15"}) == Offset(DAYS, last=date(2024, 1, 15))
    both = {"first_date": "2024-01-01", "date": "2024-01-15"}
    assert Offset.read(DAYS, both).as_dict() == both


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
    with pytest.raises(ConfigError, match=r"not one that this connector wrote for a table by day \("):
        Offset.read(DAYS, raw)


def test_given_no_start_date_then_a_stream_begins_30_days_ago() -> None:
    assert a_table().initial_offset(NOW) == {"first_date": "2024-02-15"}
    assert a_table(start_date="2024-03-01T12:00:00Z").initial_offset(NOW) == {"first_date": "2024-03-01"}


def test_given_an_end_date_then_no_day_after_it_is_new() -> None:
    assert a_table().newest(NOW) == NEWEST
    assert a_table(end_date="2024-03-10").newest(NOW) == {"date": "2024-03-10"}
    assert a_table(end_date="2024-03-10T14:00:00Z").newest(NOW) == {"date": "2024-03-10"}
    assert a_table(end_date="2024-03-16").newest(NOW) == NEWEST


def test_given_days_that_are_over_then_a_micro_batch_ends_with_them_and_the_first_end_tells_the_beginning() -> None:
    end = end_of_batch({"first_date": "2024-03-01"})
    assert end == {"first_date": "2024-03-01", "date": "2024-03-14"}
    assert end_of_batch(end, {"date": "2024-03-15"}) == {"date": "2024-03-15"}


@pytest.mark.parametrize(
    "start", [NEWEST, {"first_date": "2024-03-01", **NEWEST}, {"first_date": "2024-03-15"}], ids=str
)
def test_given_nothing_new_then_a_micro_batch_ends_where_it_starts(start: Json) -> None:
    assert end_of_batch(start) == start
    assert end_of_batch(start, {"date": "2024-03-09"}) == start
    assert days_between(start, start) is None


def test_given_the_first_day_then_it_is_read_when_it_is_over() -> None:
    start = {"first_date": "2024-03-14"}
    assert days_between(start, end_of_batch(start)) == (date(2024, 3, 14), date(2024, 3, 14))


def test_given_an_offset_then_the_week_before_it_is_read_again_but_nothing_before_the_start_date() -> None:
    start = {"date": "2024-03-10"}
    assert days_between(start, NEWEST) == (date(2024, 3, 3), date(2024, 3, 14))
    assert days_between(start, NEWEST, start_date="2024-03-05") == (date(2024, 3, 5), date(2024, 3, 14))


def test_given_a_start_date_after_the_offset_then_no_day_is_left_out() -> None:
    found = days_between({"date": "2024-03-10"}, NEWEST, start_date="2024-03-14")
    assert found == (date(2024, 3, 11), date(2024, 3, 14))


def test_given_a_first_micro_batch_again_then_its_days_come_from_its_end() -> None:
    later = a_table().initial_offset(NOW + timedelta(days=20))
    assert later == {"first_date": "2024-03-06"}
    assert days_between(later, {"first_date": "2024-03-01", **NEWEST}) == (FIRST, date(2024, 3, 14))


def test_given_a_batch_then_no_offset_moves_past_its_days() -> None:
    assert a_table(start_date="2024-03-10").parts(NOW) == [{"first": "2024-03-10", "last": "2024-03-14"}]


@given(pauses=st.lists(st.integers(0, 60), max_size=20), has_start=st.booleans())
def test_given_any_pauses_then_each_day_is_read_in_the_week_after_it_was_new(
    pauses: list[int], has_start: bool
) -> None:
    given = {"start_date": FIRST} if has_start else {}
    offset: Json = {"first_date": f"{FIRST}"}
    newest, read_until = date(2024, 3, 14), FIRST - DAY
    for pause in pauses:
        newest += pause * DAY
        end = end_of_batch(offset, {"date": f"{newest}"})
        found = days_between(offset, end, **given)
        assert (found is None) == (end == offset)
        if found is not None:
            first, last = found
            assert last == newest
            assert first <= read_until + DAY, "no gap"
            if read_until >= FIRST + LOOKBACK:
                assert first == read_until - LOOKBACK
            read_until = newest
        offset = end
