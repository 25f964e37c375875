import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
import requests
from airbyte_cdk.sources.streams.call_rate import CallRateLimitHit

from source_amplitude.user_profiles import budget
from source_amplitude.user_profiles.budget import WINDOW_SECONDS, ProfileBudget, TokenBucket


class Clock:
    """A monotonic clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(budget.time, "monotonic", clock)
    return clock


def sent(bucket: TokenBucket, clock: Clock, seconds: float, in_flight: int, stall: Iterator[float]) -> list[float]:
    """When requests go out over some seconds, with always `in_flight` of them waiting for a token."""
    waiting: list[tuple[float, object]] = [(clock.now, object()) for _ in range(in_flight)]
    times: list[float] = []
    end = clock.now + seconds
    while True:
        waiting.sort(key=lambda entry: entry[0])
        wake_at, request = waiting.pop(0)
        if wake_at >= end:
            return times
        clock.now = max(clock.now, wake_at) + next(stall)
        try:
            bucket.try_acquire(request, 1)
        except CallRateLimitHit as hit:
            waiting.append((clock.now + hit.time_to_wait.total_seconds(), request))
        else:
            times.append(clock.now)
            waiting.append((clock.now, object()))


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
    times = sent(TokenBucket(600), clock, 300, in_flight=20, stall=no_stall())
    assert len(times) >= 0.99 * 600 * 5
    assert most_in(60, times) <= 600
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) > 0.09
    assert max(gaps) < 0.11


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("calls", [7, 600])
def test_given_stalls_then_never_above_the_limit_in_any_window(clock: Clock, calls: int, seed: int) -> None:
    times = sent(TokenBucket(calls), clock, 600, in_flight=20, stall=stalls(seed))
    assert most_in(WINDOW_SECONDS - 0.001, times) <= calls


def test_given_an_idle_time_then_no_burst_beyond_a_second_of_requests(clock: Clock) -> None:
    bucket = TokenBucket(600)
    clock.now += 3600
    times = sent(bucket, clock, 10, in_flight=20, stall=no_stall())
    assert most_in(0.05, times) <= 11


def test_tokens_are_given_in_the_order_of_asking(clock: Clock) -> None:
    bucket = TokenBucket(600)
    bucket.try_acquire(object(), 1)
    first, second = object(), object()
    for request in (first, second):
        with pytest.raises(CallRateLimitHit):
            bucket.try_acquire(request, 1)
    clock.now += 0.15
    with pytest.raises(CallRateLimitHit):
        bucket.try_acquire(second, 1)
    bucket.try_acquire(first, 1)


def test_given_a_request_that_never_comes_back_then_the_others_go_on(clock: Clock) -> None:
    bucket = TokenBucket(600)
    bucket.try_acquire(object(), 1)
    abandoned = object()
    with pytest.raises(CallRateLimitHit):
        bucket.try_acquire(abandoned, 1)
    assert len(sent(bucket, clock, 60, in_flight=3, stall=no_stall())) > 500


def an_answer(status: int, seconds_ago: float = 0.0, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.elapsed = timedelta(seconds=seconds_ago)
    response.headers.update(headers)
    return response


def wait_for_one(bucket: TokenBucket) -> float:
    try:
        bucket.try_acquire(request := object(), 1)
    except CallRateLimitHit as hit:
        del bucket._waiting[request]
        return hit.time_to_wait.total_seconds()
    return 0.0


def test_given_429_then_pauses_that_double_until_an_answer_and_then_a_slower_pace(clock: Clock) -> None:
    a_budget = ProfileBudget(600)
    pauses = []
    for _ in range(4):
        a_budget.update_from_response(None, an_answer(429))
        pauses.append(wait_for_one(a_budget.bucket))
        clock.now += pauses[-1] + 0.01
    assert pauses == pytest.approx([1, 2, 4, 8], abs=0.01)
    a_budget.update_from_response(None, an_answer(200))
    slow = sent(a_budget.bucket, clock, 10, in_flight=20, stall=no_stall())
    assert 70 <= len(slow) <= 85
    clock.now += 660
    assert len(sent(a_budget.bucket, clock, 60, in_flight=20, stall=no_stall())) >= 594


def test_given_many_429_of_requests_sent_before_the_pause_then_they_count_once(clock: Clock) -> None:
    a_budget = ProfileBudget(600)
    a_budget.update_from_response(None, an_answer(429))
    for _ in range(10):
        clock.now += 0.01
        a_budget.update_from_response(None, an_answer(429, seconds_ago=0.3))
    assert wait_for_one(a_budget.bucket) < 1


def test_given_retry_after_then_it_is_kept_to(clock: Clock) -> None:
    a_budget = ProfileBudget(600)
    a_budget.update_from_response(None, an_answer(429, **{"Retry-After": "17"}))
    assert wait_for_one(a_budget.bucket) == pytest.approx(17, abs=0.1)
    later = ProfileBudget(600)
    later.update_from_response(None, an_answer(429, **{"Retry-After": "86400"}))
    assert wait_for_one(later.bucket) == pytest.approx(300, abs=0.1)


def test_a_moment_in_retry_after_is_understood(clock: Clock) -> None:
    a_budget = ProfileBudget(600)
    moment = datetime.now(timezone.utc) + timedelta(seconds=30)
    header = moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    a_budget.update_from_response(None, an_answer(429, **{"Retry-After": header}))
    assert 28 < wait_for_one(a_budget.bucket) < 31
