import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from harness.limits import STUCK_SECONDS, scaled
from source_amplitude.events.slots import GROW_AFTER, Cancelled, RequestSlots

FIRST = datetime(2024, 1, 1, tzinfo=timezone.utc)


def hour(number: int) -> datetime:
    return FIRST + timedelta(hours=number)


def test_given_many_threads_then_never_more_than_the_limit_at_once() -> None:
    slots, lock, busy, most = RequestSlots(3), threading.Lock(), [0], [0]

    def work(number: int) -> None:
        with slots.one(hour(number)):
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            time.sleep(0.01)
            with lock:
                busy[0] -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 3


def test_given_several_waiting_then_the_oldest_window_goes_first() -> None:
    slots, order = RequestSlots(1), []

    def work(number: int) -> None:
        with slots.one(hour(number)):
            order.append(number)

    with slots.one(hour(0)):
        threads = [threading.Thread(target=work, args=(number,)) for number in (3, 1, 2)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert order == [1, 2, 3]


def test_given_429_then_one_fewer_never_none_and_more_again_after_successes() -> None:
    slots = RequestSlots(3)
    assert [slots.fewer() for _ in range(3)] == [1, 1, 1]
    for _ in range(GROW_AFTER * 5):
        slots.succeeded()
    with slots.one(hour(1)), slots.one(hour(2)), slots.one(hour(3)):
        assert slots.fewer() == 2


def test_given_close_then_everybody_who_waits_is_let_go() -> None:
    slots, cancelled = RequestSlots(1), []

    def work() -> None:
        with pytest.raises(Cancelled), slots.one(hour(2)):
            pass
        cancelled.append(1)

    def sleep() -> None:
        with pytest.raises(Cancelled):
            slots.sleep(60)
        cancelled.append(2)

    with slots.one(hour(1)):
        threads = [threading.Thread(target=target) for target in (work, sleep)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        slots.close()
        for thread in threads:
            thread.join(scaled(STUCK_SECONDS))
    assert sorted(cancelled) == [1, 2]
