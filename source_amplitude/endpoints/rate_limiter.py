"""Keeps requests within Amplitude's limits, by a library that the CDK uses too."""

from __future__ import annotations

import logging
import time
from threading import Lock

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from source_amplitude.endpoints.limits import limits, logged_wait, request_cost


class RateLimiter:
    """Lets requests through as Amplitude's limits allow; for all threads of a process."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._windows = [(limit, InMemoryBucket([Rate(limit.most, int(limit.seconds * 1000))])) for limit in limits()]
        self._lock = Lock()

    def wait(self, url: str) -> None:
        """Waits until there is room for a request, and logs every half minute what is waited for."""
        limit, window = next((limit, window) for limit, window in self._windows if limit.is_of(url))
        while wait := self._try(window, RateItem(limit.what, int(time.monotonic() * 1000), request_cost(url))):
            time.sleep(logged_wait(limit.what, wait, self._logger))

    def _try(self, window: InMemoryBucket, item: RateItem) -> float:
        """Takes the room and returns 0, or returns the seconds until there may be some."""
        with self._lock:
            window.leak(item.timestamp)
            if window.put(item):
                return 0.0
            milliseconds = window.waiting(item)
            assert isinstance(milliseconds, int), "this kind of window is not asynchronous"
            assert milliseconds >= 0, "no request costs more than a whole window"
            return (milliseconds + 1) / 1000
