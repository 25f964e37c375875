from datetime import timedelta

import pytest
import time_machine

from harness.moments import NOW
from source_amplitude.http import retry
from source_amplitude.http.retry import MAX_TRIES, Retries, backoff_seconds, retry_after_seconds
from unit_tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retry.time, "monotonic", clock)
    return clock


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.random, "uniform", lambda _low, _high: 1.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("17", 17),
        (" 17 ", 17),
        (f"{NOW + timedelta(seconds=30):%a, %d %b %Y %H:%M:%S} GMT", 30),
        (f"{NOW - timedelta(seconds=30):%a, %d %b %Y %H:%M:%S} GMT", 0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("", None),
        ("Fri, 99 Foo 2024 23:10:01 GMT", None),
    ],
)
def test_what_retry_after_says(header: str, seconds: float | None) -> None:
    with time_machine.travel(NOW, tick=False):
        assert retry_after_seconds({"Retry-After": header}) == seconds


@pytest.mark.parametrize(
    ("retry_at", "seconds"),
    [("Fri, 15 Mar 2024 12:01:30 GMT", 90.0), ("Fri, 15 Mar 2024 11:00:00 GMT", 0.0), ("soon", None)],
)
def test_given_a_date_to_retry_at_then_it_is_meant_by_the_clock_of_the_server(
    retry_at: str, seconds: float | None
) -> None:
    headers = {"Retry-After": retry_at, "Date": "Fri, 15 Mar 2024 12:00:00 GMT"}
    assert retry_after_seconds(headers) == seconds


def test_without_retry_after_it_says_nothing() -> None:
    assert retry_after_seconds({}) is None


@pytest.mark.usefixtures("no_jitter")
def test_failures_wait_twice_as_long_each_time_up_to_a_minute_and_then_there_is_no_try_left() -> None:
    retries = Retries(600)
    assert [retries.failed() for _ in range(MAX_TRIES)] == [1, 2, 4, 8, None]
    assert [backoff_seconds(failures) for failures in (6, 7, 8, 2000)] == [32, 60, 60, 60]


def test_parallel_requests_spread_out() -> None:
    waits = {backoff_seconds(3) for _ in range(50)}
    assert len(waits) > 25
    assert min(waits) >= 3
    assert max(waits) <= 5


@pytest.mark.usefixtures("no_jitter")
def test_429_is_waited_out_by_time_and_uses_up_no_try(clock: Clock) -> None:
    retries = Retries(100, max_tries=2)
    waits = []
    while (wait := retries.throttled()) is not None:
        waits.append(wait)
        clock.now += wait
    assert waits == [1, 2, 4, 8, 16, 32]
    assert retries.failed() == 1
    assert retries.throttled(100) == 100
    assert retries.throttled(101) is None


@pytest.mark.usefixtures("no_jitter")
def test_a_failure_in_between_begins_the_time_of_429_anew(clock: Clock) -> None:
    retries = Retries(100)
    assert retries.throttled(60) == 60
    clock.now += 60
    assert retries.throttled(60) is None
    retries.failed()
    assert retries.throttled(60) == 60
