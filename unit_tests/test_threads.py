import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.limits import wait_until
from source_amplitude.threads import in_order


@settings(max_examples=40)
@given(
    items=st.lists(st.integers(0, 3), max_size=60),
    workers=st.integers(1, 8),
    more_ahead=st.integers(0, 8),
)
def test_given_any_delays_then_every_result_once_in_order_and_no_more_at_once(
    items: list[int], workers: int, more_ahead: int
) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def work(item: tuple[int, int]) -> tuple[int, int]:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(item[1] * 0.0005)
        with lock:
            running[0] -= 1
        return item

    numbered = list(enumerate(items))
    assert list(in_order(iter(numbered), work, workers, workers + more_ahead)) == numbered
    assert most[0] <= workers


def test_given_an_error_then_the_results_before_it_come_first() -> None:
    def work(item: int) -> int:
        if item == 5:
            raise KeyError("five")
        time.sleep(0.01)
        return item

    results = in_order(iter(range(20)), work, 8, 16)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(KeyError):
        next(results)


def test_given_close_then_what_was_not_begun_is_dropped_and_the_threads_end() -> None:
    begun = []
    go_on = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        go_on.wait(5)
        return item

    before = threading.active_count()
    results = in_order(iter(range(100)), work, 4, 50)
    threading.Timer(0.05, go_on.set).start()
    assert next(results) == 0
    results.close()
    wait_until(lambda: threading.active_count() <= before, "the threads to end")
    assert len(begun) < 100
