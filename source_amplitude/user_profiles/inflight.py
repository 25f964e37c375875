"""Work on several items at once, with the results in the items' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

from source_amplitude.threads import in_background

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    items: Iterator[T],
    work: Callable[[T], R],
    workers: int,
    ahead: int,
    result_of: Callable[[Future[R]], R] = Future.result,
) -> Generator[R, None, None]:
    """`work` on each item, `workers` of them at once; results in the items' order.

    What `work` raises is raised here, after the results that come before it. When this iterator is closed, items that
    were taken are dropped and work that is under way ends by itself.

    :param ahead: how many items are taken before the result of the oldest one is out
    :param result_of: waits for a result
    """
    tasks: SimpleQueue[tuple[T, Future[R]] | None] = SimpleQueue()
    pending: deque[Future[R]] = deque()

    for number in range(workers):
        in_background(lambda: _serve(tasks, work), f"profile-{number}")
    try:
        while True:
            for item in islice(items, ahead - len(pending)):
                future: Future[R] = Future()
                pending.append(future)
                tasks.put((item, future))
            if not pending:
                return
            yield result_of(pending.popleft())
    finally:
        for future in pending:
            future.cancel()
        for _ in range(workers):
            tasks.put(None)


def _serve(tasks: SimpleQueue[tuple[T, Future[R]] | None], work: Callable[[T], R]) -> None:
    while (task := tasks.get()) is not None:
        item, future = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work(item))
            except BaseException as error:  # noqa: BLE001 - raised again by result(), in the thread that reads
                future.set_exception(error)
