import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from source_amplitude.events.readahead import read_ahead


def test_the_same_items_in_the_same_order() -> None:
    assert list(read_ahead(iter(range(1000)), 2)) == list(range(1000))


def test_given_an_error_then_it_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    ahead = read_ahead(items(), 5)
    assert (next(ahead), next(ahead)) == (1, 2)
    with pytest.raises(KeyError, match="three"):
        next(ahead)


def test_given_a_slow_reader_then_only_a_few_items_are_made_ahead() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with closing(read_ahead(items(), 2)) as ahead:
        next(ahead)
        time.sleep(0.1)
        assert len(made) <= 5


def test_given_close_then_the_thread_ends() -> None:
    with closing(read_ahead(iter(range(10**9)), 2)) as ahead:
        assert next(ahead) == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]
