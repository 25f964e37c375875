"""How many export requests may be in flight."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Condition

GROW_AFTER = 4


class Cancelled(Exception):  # noqa: N818 - not an error: the sync is over and nobody waits for the result
    """The sync ended while a download was under way."""


class RequestSlots:
    """A limit on concurrent requests that gives way to 429: one fewer after each, one more after some successes.

    The oldest window goes first, since the sync waits for it.
    """

    def __init__(self, limit: int) -> None:
        self._most = limit
        self._limit = limit
        self._busy = 0
        self._successes = 0
        self._closed = False
        self._waiting: list[datetime] = []
        self._changed = Condition()

    @contextmanager
    def one(self, priority: datetime) -> Iterator[None]:
        """Hold one slot; the smallest `priority` among those waiting is served first.

        :raises Cancelled: the slots were closed
        """
        with self._changed:
            heapq.heappush(self._waiting, priority)
            self._changed.wait_for(lambda: self._closed or (self._busy < self._limit and self._waiting[0] == priority))
            self._waiting.remove(priority)
            heapq.heapify(self._waiting)
            self._changed.notify_all()
            if self._closed:
                raise Cancelled
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def fewer(self) -> int:
        """Amplitude said 429: allow one request fewer, never none. Returns the new limit."""
        with self._changed:
            self._limit = max(1, min(self._limit, self._busy or 1) - 1)
            self._successes = 0
            return self._limit

    def succeeded(self) -> None:
        """A request was served: after a few of these, allow one more again."""
        with self._changed:
            self._successes += 1
            if self._limit < self._most and self._successes >= GROW_AFTER:
                self._successes = 0
                self._limit += 1
                self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait without a slot.

        :raises Cancelled: the slots were closed meanwhile
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._closed, timeout=seconds):
                raise Cancelled

    def close(self) -> None:
        """Let go of everybody who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
