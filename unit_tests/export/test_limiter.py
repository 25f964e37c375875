import threading
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

import pytest

from harness.limits import wait_until
from source_amplitude.export.limiter import GROW_AFTER, ConcurrencyLimiter
from source_amplitude.threads import Cancellation, Cancelled, in_background

FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)
NEVER = Cancellation()


def hour(number: int) -> datetime:
    return FIRST + timedelta(hours=number)


def cancel_once_it_waits(limiter: ConcurrencyLimiter, cancellation: Cancellation, served: threading.Event) -> None:
    wait_until(
        lambda: served.is_set() or (limiter._waiting and limiter._busy >= limiter._limit), "a request that waits"
    )
    cancellation.cancel()


def most_at_once(limiter: ConcurrencyLimiter) -> int:
    """How many requests the limiter lets through before one has to wait."""
    with ExitStack() as held:
        for number in range(10):
            cancellation, served = Cancellation(), threading.Event()
            cancelling = in_background(lambda c=cancellation, s=served: cancel_once_it_waits(limiter, c, s), "test")
            try:
                held.enter_context(limiter.acquire(hour(number), cancellation))
            except Cancelled:
                return number
            finally:
                served.set()
                cancelling.result()
    raise AssertionError("no limit")


def test_given_many_threads_then_never_more_than_the_limit_at_once() -> None:
    limiter, lock, busy, most = ConcurrencyLimiter(3), threading.Lock(), [0], [0]
    together = threading.Barrier(3)

    def work(number: int) -> None:
        with limiter.acquire(hour(number), NEVER):
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            together.wait()  # three at once, or nobody goes on
            with lock:
                busy[0] -= 1

    for future in [in_background(lambda n=number: work(n), "test") for number in range(12)]:
        future.result()
    assert most[0] == 3


def test_given_several_waiting_then_the_oldest_window_goes_first() -> None:
    limiter, order = ConcurrencyLimiter(1), []

    def work(number: int) -> None:
        with limiter.acquire(hour(number), NEVER):
            order.append(number)

    with limiter.acquire(hour(0), NEVER):
        futures = [in_background(lambda n=number: work(n), "test") for number in (3, 1, 2)]
        wait_until(lambda: len(limiter._waiting) == 3, "three that wait")
    for future in futures:
        future.result()
    assert order == [1, 2, 3]


def throttle(limiter: ConcurrencyLimiter, requests: int) -> list[int]:
    """Requests that are in flight together all get a 429; the limit after each of them."""
    with ExitStack() as held:
        generations = [held.enter_context(limiter.acquire(hour(number), NEVER)) for number in range(requests)]
        return [limiter.throttled(generation) for generation in generations]


def test_given_429_for_all_in_flight_then_one_fewer_for_all_of_them() -> None:
    limiter = ConcurrencyLimiter(5)
    assert throttle(limiter, 5) == [4, 4, 4, 4, 4]
    assert throttle(limiter, 4) == [3, 3, 3, 3]
    assert most_at_once(limiter) == 3


def test_given_429_while_few_are_in_flight_then_one_fewer_than_those_and_never_none() -> None:
    limiter = ConcurrencyLimiter(5)
    assert throttle(limiter, 3) == [2, 2, 2]
    assert throttle(limiter, 1) == [1]
    assert throttle(limiter, 1) == [1]
    assert most_at_once(limiter) == 1


def test_given_successes_after_429_then_one_more_for_each_four_and_never_above_the_first_limit() -> None:
    limiter = ConcurrencyLimiter(3)
    throttle(limiter, 3)
    throttle(limiter, 2)
    limits = []
    for _ in range(3 * GROW_AFTER):
        limits.append(limiter._limit)
        limiter.succeeded()
    assert limits == [1] * 4 + [2] * 4 + [3] * 4
    assert most_at_once(limiter) == 3


def test_given_429_then_the_successes_before_it_no_longer_count() -> None:
    limiter = ConcurrencyLimiter(2)
    for _ in range(GROW_AFTER - 1):
        limiter.succeeded()
    throttle(limiter, 2)
    limiter.succeeded()
    assert most_at_once(limiter) == 1


def test_given_cancelled_then_only_its_own_waiters_are_let_go() -> None:
    limiter, cancellation = ConcurrencyLimiter(1), Cancellation()

    def work(number: int, which: Cancellation) -> int:
        with limiter.acquire(hour(number), which):
            return number

    with limiter.acquire(hour(0), NEVER):
        mine = in_background(lambda: work(1, cancellation), "test")
        other = in_background(lambda: work(2, NEVER), "test")
        wait_until(lambda: len(limiter._waiting) == 2, "two that wait")
        cancellation.cancel()
        with pytest.raises(Cancelled):
            mine.result()
        assert not other.done()
    assert other.result() == 2
