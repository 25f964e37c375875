"""A read of no hour or day is no error, since the next one may have some; it says why it has none."""

import logging
from typing import Any

import pytest

from source_amplitude.spark.options import Options
from source_amplitude.spark.readers import BatchReader, StreamReader
from source_amplitude.spark.tables.daily import DailyTable
from source_amplitude.spark.tables.events import EventsTable
from source_amplitude.spark.tables.stream import StreamTable

pytestmark = pytest.mark.spark


def options(**given: str) -> Options:
    return Options.of({"api_key": "0123", "secret_key": "4567", **given}, logging.getLogger("test"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"start_date": "2990-01-01"}, "events: nothing to read from 29900101T00 to 2"),
        ({"end_date": "2024-01-31"}, "T23"),  # 30 days ago is after it
    ],
)
def test_given_a_range_of_no_hour_then_a_warning_tells_it(
    given: dict[str, str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    [partition] = BatchReader(EventsTable(options(**given))).partitions()
    assert partition.value is None
    [warning] = caplog.messages
    assert warning.startswith("events: nothing to read from 2")
    assert told in warning


def test_given_a_range_of_no_day_then_a_warning_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    [partition] = BatchReader(DailyTable(options(table="active_users", start_date="2990-01-01"))).partitions()
    assert partition.value is None
    [warning] = caplog.messages
    assert warning.startswith("active_users: nothing to read from 2990-01-01 to 2")


@pytest.mark.parametrize(
    ("table", "offset"),
    [
        (EventsTable(options()), {"last_hour": "29900101T00"}),
        (DailyTable(options(table="active_users")), {"date": "2990-01-01"}),
    ],
    ids=["hours", "days"],
)
def test_given_an_offset_in_the_future_then_a_warning_says_so(
    table: StreamTable[Any], offset: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert StreamReader(table).latestOffset(offset) == offset
    assert caplog.messages == [f"{table.name}: nothing to read, since the stream's offset is in the future: {offset}"]


def test_given_a_stream_that_is_up_to_date_then_it_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    offset = {"last_hour": "20240131T23"}
    assert StreamReader(EventsTable(options(end_date="2024-01-31"))).latestOffset(offset) == offset
    assert caplog.messages == []
