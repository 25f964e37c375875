"""Runs work in threads of its own, which nobody waits for at exit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Cancelled(Exception):  # noqa: N818 - not an error: nobody wants the result any more
    """Reports that work under way is no longer needed."""


class Cancellation:
    """Cancels work in another thread whose result nobody wants any more."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._calls: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Ends the work, or what it waits for."""
        self._cancelled.set()
        with self._lock:
            for call in self._calls:
                call()

    def is_cancelled(self) -> bool:
        return self._cancelled.is_set()

    def check(self) -> None:
        """:raises Cancelled: it is cancelled"""
        if self._cancelled.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """:raises Cancelled: it was cancelled meanwhile"""
        if self._cancelled.wait(seconds):
            raise Cancelled

    @contextmanager
    def calling(self, function: Callable[[], object]) -> Iterator[None]:
        """Calls `function`, which ends what the work waits for, when it is cancelled within this context.

        :raises Cancelled: it is cancelled already
        """
        with self._lock:
            self._calls.append(function)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._calls.remove(function)


def in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Starts `work` in a daemon thread; the future has what it returns or raises.

    Not an executor of the standard library: it waits for its threads at exit, and one that waits for a silent server
    must not keep a finished sync from ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by result(), in the thread that asks
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def in_order(
    items: Iterator[T],
    work: Callable[[T], R],
    workers: int,
    ahead: int,
    result_of: Callable[[Future[R]], R] = Future.result,
) -> Generator[R, None, None]:
    """Does `work` on each item, on up to `workers` of them at once, and yields the results in the items' order.

    What `work` raises is raised here, after the results that come before it. When this iterator is closed, work that
    has not begun never does, and what is under way ends by itself.

    :param ahead: how many items are taken before the result of the oldest one is out
    :param result_of: waits for a result
    """
    places, is_closed = threading.Semaphore(workers), threading.Event()

    def work_in_turn(item: T) -> R:
        with places:
            if is_closed.is_set():
                raise Cancelled
            return work(item)

    pending: deque[Future[R]] = deque()
    try:
        while True:
            pending.extend(
                in_background(partial(work_in_turn, item), "worker") for item in islice(items, ahead - len(pending))
            )
            if not pending:
                return
            yield result_of(pending.popleft())
    finally:
        is_closed.set()
