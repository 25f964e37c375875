from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.events.estimate import SyncEstimate
from source_amplitude.export.windows import HOUR, Window, slices

START = datetime(2024, 3, 1, tzinfo=timezone.utc)
ROWS_PER_ARCHIVE_BYTE = 1 / 250
BYTES_PER_ROW = 1700


def estimates(rows_of_hours: list[int], width_hours: int) -> list[tuple[int, int, int, int]]:
    """Of each window: rows out before it, rows and bytes estimated, rows out after it."""
    newest = START + (len(rows_of_hours) - 1) * HOUR
    estimate = SyncEstimate(newest)
    told, out = [], 0
    for window in slices(START, newest, width_hours):
        rows = sum(rows_of_hours[hour_number(window.first) : hour_number(window.resume_at)])
        found = estimate.begin(window, int(rows / ROWS_PER_ARCHIVE_BYTE))
        if found:
            told.append((out, *found, out + rows))
        out += rows
        estimate.end(rows, rows * BYTES_PER_ROW)
    return told


def hour_number(hour: datetime) -> int:
    return int((hour - START) / HOUR)


def test_given_even_hours_then_right_from_the_second_window_on_and_progress_never_falls() -> None:
    told = estimates([1000] * 240, width_hours=24)
    assert len(told) == 10
    assert all((rows, size) == (240_000, 240_000 * BYTES_PER_ROW) for _, rows, size, _ in told[1:])
    assert 150_000 < told[0][1] < 300_000, "a guess, by what is usual"


def test_given_growing_traffic_then_each_estimate_is_nearer_to_the_truth() -> None:
    hours = [10 * (number + 1) for number in range(30 * 24)]
    errors = [abs(rows - sum(hours)) for _, rows, _, _ in estimates(hours, width_hours=24)[1:]]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < sum(hours) * 0.001


def test_given_a_night_between_busy_days_then_progress_falls_by_little() -> None:
    hours = [50 if hour % 24 < 6 else 1000 for hour in range(20 * 24)]
    told = estimates(hours, width_hours=6)[4:]
    progress = [out / rows for out, rows, _, _ in told]
    assert all(later > earlier - 0.02 for earlier, later in pairwise(progress))


@given(hours=st.lists(st.integers(0, 10_000), min_size=1, max_size=200), width=st.integers(1, 48))
def test_given_any_traffic_then_never_below_what_is_out_and_right_at_the_end(hours: list[int], width: int) -> None:
    told = estimates(hours, width)
    assert bool(told) == any(hours)
    for out_before, rows, _, _ in told:
        assert rows >= out_before
    if len([row for row in told if row[3] > row[0]]) > 1:
        assert abs(told[-1][1] - sum(hours)) <= max(1, sum(hours) * 0.01)


def test_given_no_events_then_no_estimate() -> None:
    assert estimates([0] * 48, width_hours=24) == []


def test_given_whole_days_that_begin_before_the_start_then_no_hour_is_left_at_the_end() -> None:
    day = Window(START, START + 23 * HOUR)
    estimate = SyncEstimate(newest=START + timedelta(hours=20))
    assert estimate.begin(day, 3000) == (10, 19_000)
