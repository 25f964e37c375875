"""Run an iterator in a thread of its own, a few items ahead."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from queue import Queue
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterable[T], depth: int) -> Generator[T, None, None]:
    """The same items in the same order, up to `depth` of them made before they are asked for.

    What the iterable raises is raised here, after the items that came before. It is left alone when this iterator is
    closed: at most `depth` + 1 items later its thread ends.
    """
    done = object()
    abandoned = threading.Event()
    queue: Queue[object] = Queue(maxsize=depth)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            for item in items:
                queue.put(item)
                if abandoned.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that reads
            errors.append(error)
        queue.put(done)

    thread = threading.Thread(target=run, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not done:
            yield item  # type: ignore[misc]
        if errors:
            raise errors[0]
    finally:
        abandoned.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get()
            thread.join(timeout=0.01)
