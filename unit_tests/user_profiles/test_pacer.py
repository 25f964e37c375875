import logging
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from harness.limits import STUCK_SECONDS, scaled
from source_amplitude.threads import Cancellation, Cancelled, in_background
from source_amplitude.user_profiles import pacer
from source_amplitude.user_profiles.pacer import WINDOW_SECONDS, RequestPacer
from unit_tests.clock import Clock

LOGGER = logging.getLogger("test")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacer.time, "monotonic", clock)
    return clock


def sent(bucket: RequestPacer, clock: Clock, seconds: float, stall: Iterator[float]) -> list[float]:
    """When requests go out over some seconds, while there is always one that waits for a token."""
    times: list[float] = []
    end = clock.now + seconds
    while clock.now < end:
        if wait := bucket.take():
            clock.now += wait + next(stall)
        else:
            times.append(clock.now)
            clock.now += next(stall)
    return times


def most_in(seconds: float, times: list[float]) -> int:
    most, first = 0, 0
    for last, moment in enumerate(times):
        while times[first] < moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def no_stall() -> Iterator[float]:
    while True:
        yield 0.0


def stalls(seed: int) -> Iterator[float]:
    """Wakes come late: mostly a little, sometimes by seconds."""
    chance = random.Random(seed)
    while True:
        yield chance.choice([0.0, 0.0, 0.0005, 0.002]) if chance.random() < 0.998 else chance.uniform(0, 5)


def test_given_steady_demand_then_evenly_spaced_at_99_percent_and_never_above_the_limit(clock: Clock) -> None:
    times = sent(RequestPacer(600, LOGGER), clock, 300, stall=no_stall())
    assert len(times) >= 0.99 * 600 * 5
    assert most_in(60, times) <= 600
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) > 0.09
    assert max(gaps) < 0.11


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("calls", [7, 600])
def test_given_stalls_then_never_above_the_limit_in_any_window(clock: Clock, calls: int, seed: int) -> None:
    times = sent(RequestPacer(calls, LOGGER), clock, 600, stall=stalls(seed))
    assert most_in(WINDOW_SECONDS - 0.001, times) <= calls


def test_given_an_idle_time_then_no_burst_beyond_a_second_of_requests(clock: Clock) -> None:
    bucket = RequestPacer(600, LOGGER)
    clock.now += 3600
    times = sent(bucket, clock, 10, stall=no_stall())
    assert most_in(0.05, times) <= 11


def test_given_many_that_wait_and_are_cancelled_then_all_of_them_end_and_take_no_token() -> None:
    bucket, cancellation = RequestPacer(1, LOGGER), Cancellation()
    bucket.acquire(cancellation)
    waiting = [in_background(lambda: bucket.acquire(cancellation), "waits") for _ in range(5)]
    cancellation.cancel()
    assert [type(each.exception(scaled(STUCK_SECONDS))) for each in waiting] == [Cancelled] * 5
    assert len(bucket._sent) == 1


def test_given_many_that_wait_then_each_has_a_token_of_its_own() -> None:
    bucket, cancellation = RequestPacer(60_000, LOGGER), Cancellation()
    for future in [in_background(lambda: bucket.acquire(cancellation), "waits") for _ in range(20)]:
        future.result(scaled(STUCK_SECONDS))
    assert len(bucket._sent) == 20


def test_given_429_then_pauses_that_double_until_an_answer_and_then_a_slower_pace(clock: Clock) -> None:
    bucket = RequestPacer(600, LOGGER)
    pauses = []
    for _ in range(8):
        bucket.answered(clock.now, throttled=True)
        pauses.append(bucket.take())
        clock.now += pauses[-1] + 0.01
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], abs=0.01)
    bucket.answered(clock.now, throttled=False)
    clock.now += 600
    bucket.answered(clock.now, throttled=True)
    assert bucket.take() == pytest.approx(1, abs=0.01)


def test_given_429_then_three_quarters_of_the_pace_which_grows_back_in_ten_minutes(clock: Clock) -> None:
    bucket = RequestPacer(600, LOGGER)
    bucket.answered(clock.now, throttled=True)
    clock.now += 1.01
    slow = sent(bucket, clock, 10, stall=no_stall())
    assert 73 <= len(slow) <= 80
    clock.now += 660
    assert len(sent(bucket, clock, 60, stall=no_stall())) >= 594


def test_given_many_relapses_then_never_slower_than_a_fiftieth(clock: Clock) -> None:
    bucket = RequestPacer(600, LOGGER)
    for _ in range(50):
        bucket.answered(clock.now, throttled=True)
        clock.now += 1.01
        bucket.answered(clock.now, throttled=False)
    gaps = [after - before for before, after in pairwise(sent(bucket, clock, 60, stall=no_stall()))]
    assert max(gaps) == pytest.approx(WINDOW_SECONDS / 600 * 50, rel=0.2)


def test_given_many_429_of_requests_sent_before_the_pause_then_they_count_once(clock: Clock) -> None:
    bucket = RequestPacer(600, LOGGER)
    bucket.answered(clock.now, throttled=True)
    for _ in range(10):
        clock.now += 0.01
        bucket.answered(clock.now - 0.3, throttled=True)
    assert bucket.take() < 1


@pytest.mark.parametrize(("asked", "kept"), [(17, 17), (0.2, 1), (299, 299), (86400, 300)])
def test_given_retry_after_then_it_is_kept_to_within_bounds(clock: Clock, asked: float, kept: float) -> None:
    bucket = RequestPacer(600, LOGGER)
    bucket.answered(clock.now, throttled=True, retry_after=asked)
    assert bucket.take() == pytest.approx(kept, abs=0.01)
