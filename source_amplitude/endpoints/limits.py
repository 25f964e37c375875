"""Keeps requests within Amplitude's limits: how many of which cost are allowed, and when there is room.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest, `.../behavioral-cohorts` and `.../taxonomy`.
"""

from __future__ import annotations

import logging
import re
import time
from threading import Lock

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from source_amplitude import progress

# Amplitude allows a project 1,000 in five minutes, other tools included.
WINDOW_SECONDS = 300.0
COST_PER_WINDOW = 900
# A month of sessions. Larger requests were refused while others ran, and are lost as a whole when they fail.
COST_PER_REQUEST = 120
# Downloads of cohorts that are started: 60 in ten minutes.
JOBS_WINDOW_SECONDS = 600.0
JOBS_PER_WINDOW = 60
LONG_WAIT_SECONDS = 5.0
_JOB_PATH = re.compile("api/5/cohorts/request/[^/]+$")
_TAXONOMY_PATH = re.compile("api/2/taxonomy/")
_ANY_PATH = re.compile("")


def seconds_at_the_limit(requests: int, cost: int) -> float:
    """Returns how long requests of one cost wait for the limit in all, when no others were sent before them."""
    return (requests - 1) // (COST_PER_WINDOW // cost) * WINDOW_SECONDS


class RateLimiter:
    """Lets requests through as Amplitude's limits allow; for all threads of a process. The CDK uses its library too."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lock = Lock()
        # A request counts under the first whose pattern its path matches.
        self._limits = [
            (path, what, InMemoryBucket([Rate(most, int(seconds * 1000))]))
            for path, what, most, seconds in (
                (_JOB_PATH, "downloads of cohorts in ten minutes", JOBS_PER_WINDOW, JOBS_WINDOW_SECONDS),
                # 7,200 an hour are allowed, in a pool of their own.
                (_TAXONOMY_PATH, "taxonomy requests in an hour", 7000, 3600.0),
                (_ANY_PATH, "the cost of requests in five minutes", COST_PER_WINDOW, WINDOW_SECONDS),
            )
        ]

    def wait(self, path: str, cost: int) -> None:
        """Waits until there is room for a request, and logs every half minute what is waited for.

        :param path: such as "api/2/users"
        :param cost: days x conditions x the cost of the type; 1 for a request without days
        """
        what, window = next((what, window) for pattern, what, window in self._limits if pattern.match(path))
        while seconds := self._try(window, RateItem(what, int(time.monotonic() * 1000), cost)):
            if seconds >= LONG_WAIT_SECONDS:
                self._logger.info(f"Waiting for Amplitude's limit on {what}: {seconds:.0f} s still")
            time.sleep(min(seconds, progress.PROGRESS_SECONDS))

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
