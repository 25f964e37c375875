from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.errors import ConfigError
from source_amplitude.events.late_hours import RECHECK_AFTER_HOURS, RecheckQueue, WindowAnswer
from source_amplitude.events.state import EventsState
from source_amplitude.export.windows import HOUR, Window, slices
from unit_tests.strategies import any_json

START = datetime(2024, 3, 13, tzinfo=timezone.utc)
REMEMBERED_HOURS = max(RECHECK_AFTER_HOURS)

windows = st.builds(
    lambda first, hours: Window(START + first * HOUR, START + (first + hours - 1) * HOUR),
    st.integers(0, 100),
    st.integers(1, 30),
)
counts = st.integers(0, 10**12)


def through_a_state(recent: RecheckQueue) -> RecheckQueue:
    return EventsState.from_mapping(EventsState(START, recent).to_mapping(), 2).recent


@given(
    late_by=st.lists(st.integers(0, REMEMBERED_HOURS), min_size=60, max_size=60),
    pauses=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    width=st.integers(1, 24),
    lookback=st.sampled_from([0, 0, 5, 30]),
)
def test_given_any_schedule_then_what_is_published_within_the_remembered_hours_is_read(
    late_by: list[int], pauses: list[int], width: int, lookback: int
) -> None:
    """Hour n is complete at the time n, and published at the time n + late_by[n]."""

    def count(window: Window, now: int) -> int:
        first = (window.first - START) // HOUR
        return sum(hour + late_by[hour] <= now for hour in range(first, min(first + window.hours, len(late_by))))

    recent, next_hour, now = RecheckQueue(), 0, 0
    read: set[int] = set()
    for pause in [*pauses, len(late_by), REMEMBERED_HOURS + 1]:
        now += pause
        newest = START + now * HOUR
        emitted: list[Window] = []
        for window in slices(START + max(0, next_hour - lookback) * HOUR, newest, width):
            recent.add(window, 0, count(window, now), newest)
            emitted.append(window)
        next_hour = max(next_hour, now + 1)
        for answered in recent.due(newest):
            if (events := count(answered.window, now)) != answered.events:
                emitted.append(answered.window)
            recent.add(answered.window, 0, events, newest)
        for window in emitted:
            hours = ((window.first - START) // HOUR + number for number in range(window.hours))
            read |= {hour for hour in hours if hour < len(late_by) and hour + late_by[hour] <= now}
        assert recent.due(newest) == [], "asked for once at an age"
        recent = through_a_state(recent)
    assert read == set(range(len(late_by)))


@given(hours=st.integers(30, 200))
def test_given_hourly_syncs_then_each_hour_is_asked_for_again_twice(hours: int) -> None:
    recent, asked = RecheckQueue(), 0
    for number in range(hours):
        newest = START + number * HOUR
        recent.add(Window(newest, newest), 100, 5, newest)
        for answered in recent.due(newest):
            assert (newest - answered.window.last) // HOUR == RECHECK_AFTER_HOURS[answered.times]
            recent.add(answered.window, 100, 5, newest)
            asked += 1
        assert len(recent.to_state()) <= REMEMBERED_HOURS
    assert asked == hours - RECHECK_AFTER_HOURS[0] + hours - RECHECK_AFTER_HOURS[1]


@given(answers=st.lists(st.tuples(windows, counts, counts), max_size=8), newest=st.integers(0, 130))
def test_a_memory_reads_back_as_it_was_and_leaves_the_hour_alone(
    answers: list[tuple[Window, int, int]], newest: int
) -> None:
    recent = RecheckQueue()
    for window, archive_bytes, events in answers:
        recent.add(window, archive_bytes, events, START + newest * HOUR)
    state = EventsState(START, recent).to_mapping()
    found = EventsState.from_mapping(state, 2)
    assert found.resume_at == START, "it is our own state, with a memory or without"
    assert found.recent.to_state() == recent.to_state()
    assert ("recent" in state) == bool(recent.to_state())


def test_given_a_window_is_read_again_then_its_newest_answer_counts() -> None:
    recent = RecheckQueue()
    for first, last in ((0, 3), (4, 4), (5, 8)):
        recent.add(Window(START + first * HOUR, START + last * HOUR), 10, 1, START + 8 * HOUR)
    recent.add(Window(START + 3 * HOUR, START + 7 * HOUR), 20, 2, START + 8 * HOUR)
    assert [(first, hours, events) for first, hours, _, events, _ in recent.to_state()] == [
        ("20240313T00", 4, 1),
        ("20240313T03", 5, 2),
        ("20240313T05", 4, 1),
    ]


def test_given_a_window_of_yesterday_s_past_then_it_is_not_remembered() -> None:
    recent = RecheckQueue()
    window = Window(START, START)
    recent.add(window, 1, 1, START + (REMEMBERED_HOURS - 1) * HOUR)
    assert len(recent.to_state()) == 1
    recent.add(window, 1, 1, START + REMEMBERED_HOURS * HOUR)
    assert recent.to_state() == []


def test_given_a_start_date_then_nothing_before_it_is_asked_for() -> None:
    recent = RecheckQueue(WindowAnswer(Window(hour, hour), 1, 1, 0) for hour in (START, START + HOUR))
    recent.forget_before(START + HOUR)
    assert [answered.window.first for answered in recent.due(START + timedelta(days=9))] == [START + HOUR]


@given(recent=any_json)
def test_given_anything_in_its_place_then_a_memory_or_a_config_error(recent: Any) -> None:
    state = {"server_upload_time": "2024-03-15T21:00:00Z", "recent": recent}
    try:
        assert EventsState.from_mapping(state, 2).recent.to_state() == sorted(recent)
    except ConfigError as error:
        assert "Reset the stream's state" in str(error)


@pytest.mark.parametrize(
    "entry",
    [
        ["20240313T00", 0, 1, 1, 0],
        ["20240313T00", 1, -1, 1, 0],
        ["20240313T00", 1, 1, True, 0],
        ["20240313T00", 1, 1, 1.0, 0],
        ["2024-03-13", 1, 1, 1, 0],
        ["20240313T00", 1, 1, 1],
        ["20240313T00", 10**12, 1, 1, 0],
        [],
        {},
        "20240313T00",
    ],
)
def test_given_an_entry_that_it_did_not_write_then_a_config_error(entry: Any) -> None:
    with pytest.raises(ConfigError):
        EventsState.from_mapping({"server_upload_time": "2024-03-15T21:00:00Z", "recent": [entry]}, 2)
