"""What a log says of long waits and of quiet hours, without a clock: by the number of lines."""

import logging
from concurrent.futures import Future
from datetime import datetime, timedelta, timezone

import pytest

from source_amplitude import progress
from source_amplitude.export.prefetch import EmptyWindowLog
from source_amplitude.export.windows import Window
from source_amplitude.progress import Progress

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
LOGGER = logging.getLogger("test")


def a_day(number: int) -> Window:
    first = START + timedelta(days=number)
    return Window(first, first + timedelta(hours=23))


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "test")


def test_given_a_wait_of_three_intervals_then_three_lines_and_the_result(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.01)
    future: Future[str] = Future()
    intervals = []

    def describe() -> str:
        intervals.append(None)
        if len(intervals) == 3:
            future.set_result("here")
        return f"interval {len(intervals)}"

    assert Progress(LOGGER).result_of(future, describe) == "here"
    assert caplog.messages == ["interval 1", "interval 2", "interval 3"]


def test_given_a_result_that_is_there_or_an_error_then_no_line(caplog: pytest.LogCaptureFixture) -> None:
    done: Future[int] = Future()
    done.set_result(5)
    assert Progress(LOGGER).result_of(done, lambda: "waiting") == 5
    failed: Future[int] = Future()
    failed.set_exception(TimeoutError("of the work itself"))
    with pytest.raises(TimeoutError, match="of the work itself"):
        Progress(LOGGER).result_of(failed, lambda: "waiting")
    assert caplog.messages == []


def test_given_quiet_windows_then_one_line_a_run(caplog: pytest.LogCaptureFixture) -> None:
    quiet = EmptyWindowLog(Progress(LOGGER))
    for number in range(30):
        quiet.add(a_day(number))
    assert (quiet.is_going_on, caplog.messages) == (True, [])
    quiet.end()
    quiet.end()
    assert (quiet.is_going_on, caplog.messages) == (
        False,
        ["No events in 20240101T00-20240130T23 (720 hours, 30 exports)"],
    )


def test_given_a_quiet_run_that_takes_long_then_a_line_an_interval_and_no_hour_twice(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = EmptyWindowLog(Progress(LOGGER))
    quiet.add(a_day(0))
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.0)
    quiet.add(a_day(1))
    monkeypatch.undo()
    quiet.add(a_day(2))
    quiet.end()
    assert caplog.messages == [
        "No events in 20240101T00-20240102T23 (48 hours, 2 exports)",
        "No events in 20240103T00-20240103T23 (24 hours, 1 export)",
    ]
