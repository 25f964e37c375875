"""Run an iterator in a thread of its own, a few items ahead."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import wait
from queue import Queue
from typing import TypeVar

from source_amplitude.threads import in_background

T = TypeVar("T")


def read_ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """The same items in the same order, up to `depth` of them made before they are asked for.

    What the iterable raises is raised here, after the items that came before. It is left alone when this iterator is
    closed: at most `depth` + 1 items later its thread ends.
    """
    done = object()
    abandoned = threading.Event()
    queue: Queue[object] = Queue(maxsize=depth)

    def run() -> None:
        try:
            for item in items:
                queue.put(item)
                if abandoned.is_set():
                    return
        finally:
            queue.put(done)

    ended = in_background(run, "read-ahead")
    try:
        while (item := queue.get()) is not done:
            yield item  # type: ignore[misc]
        ended.result()
    finally:
        abandoned.set()
        while not ended.done():
            while not queue.empty():
                queue.get()
            wait([ended], timeout=0.01)
