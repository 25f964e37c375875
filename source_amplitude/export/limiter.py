"""Limits how many export requests are in flight."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Condition

from source_amplitude.threads import Cancellation

GROW_AFTER = 4


class ConcurrencyLimiter:
    """Limits concurrent requests, and gives way to 429: one fewer each time, one more again after some successes.

    One for all export requests of a sync. The oldest window goes first, since the sync waits for it. Requests that are
    in flight together are of one generation, which ends with a 429.
    """

    def __init__(self, limit: int) -> None:
        self._most = limit
        self._limit = limit
        self._busy = 0
        self._generation = 0
        self._successes = 0
        self._waiting: list[datetime] = []
        self._changed = Condition()

    @contextmanager
    def acquire(self, priority: datetime, cancellation: Cancellation) -> Iterator[int]:
        """Holds a place among the requests in flight; yields its generation, for `throttled`.

        :param priority: the smallest among those waiting is served first
        :raises Cancelled: before there was a place
        """
        with cancellation.calling(self._wake), self._changed:
            self._waiting.append(priority)
            self._changed.wait_for(
                lambda: cancellation.is_cancelled() or (self._busy < self._limit and min(self._waiting) == priority)
            )
            self._waiting.remove(priority)
            self._changed.notify_all()
            cancellation.check()
            self._busy += 1
            generation = self._generation
        try:
            yield generation
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def throttled(self, generation: int) -> int:
        """Allows, after a 429, one request fewer than were in flight, never none. Returns the new limit.

        Requests of one generation are refused together: only the first of them lowers the limit.
        """
        with self._changed:
            if generation == self._generation:
                self._limit = max(1, min(self._limit, self._busy) - 1)
                self._generation += 1
                self._successes = 0
            return self._limit

    def succeeded(self) -> None:
        """Counts a request that was served: after a few of these, one more is allowed again."""
        with self._changed:
            self._successes += 1
            if self._limit < self._most and self._successes >= GROW_AFTER:
                self._successes = 0
                self._limit += 1
                self._changed.notify_all()

    def _wake(self) -> None:
        """Lets those who wait look whether they are cancelled."""
        with self._changed:
            self._changed.notify_all()
