"""Work in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Cancelled(Exception):  # noqa: N818 - not an error: nobody wants the result any more
    """Work under way is no longer needed."""


def in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Start `work` in a daemon thread; the future has what it returns or raises.

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
