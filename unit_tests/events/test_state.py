from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.errors import ConfigError
from source_amplitude.events.state import EventsState
from unit_tests.strategies import any_json

UTC = timezone.utc


def read_state(state: dict[str, Any], export_delay_hours: int) -> datetime | None:
    return EventsState.from_mapping(state, export_delay_hours).resume_at


@given(hours=st.integers(0, 30 * 366 * 24))
def test_a_written_state_reads_back_as_the_same_hour(hours: int) -> None:
    hour = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    assert read_state(EventsState(hour).to_mapping(), 2) == hour


def test_an_empty_state_is_none() -> None:
    assert read_state({}, 2) is None
    assert EventsState().to_mapping() == {}


@given(state=st.dictionaries(st.sampled_from(["server_upload_time", "last_hour"]) | st.text(max_size=5), any_json))
def test_given_anything_then_an_hour_or_a_config_error(state: dict[str, Any]) -> None:
    try:
        hour = read_state(state, 2)
    except ConfigError:
        pass
    else:
        assert hour is None or (hour.tzinfo is not None and hour.minute == hour.second == hour.microsecond == 0)


@given(text=st.text(max_size=30))
def test_given_any_text_then_an_hour_or_a_config_error(text: str) -> None:
    for field in ("server_upload_time", "last_hour"):
        with suppress(ConfigError):
            assert read_state({field: text}, 2) is not None


@pytest.mark.parametrize("text", ["14:03", "P1D", "2024-W03", "2024-01-15/2024-01-16", "now", "2024", "2024-01-15 x"])
def test_given_something_that_names_no_moment_then_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        read_state({"server_upload_time": text}, 2)


@pytest.mark.parametrize(
    "text",
    ["2024-01-15 14:03:22.123456", "2024-01-15T14:03:22.123456+00:00", "2024-01-15T16:03:22+02:00", "20240115T14"],
)
@pytest.mark.parametrize(("delay_hours", "first_hour"), [(0, 14), (2, 12), (15, -1)])
def test_given_the_newest_event_of_another_connector_then_hours_that_may_have_been_incomplete_are_read_again(
    text: str, delay_hours: int, first_hour: int
) -> None:
    day = datetime(2024, 1, 15, tzinfo=UTC)
    assert read_state({"server_upload_time": text}, delay_hours) == day + timedelta(hours=first_hour)
