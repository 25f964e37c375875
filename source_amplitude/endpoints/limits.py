"""Keeps requests within Amplitude's limits: what they cost, how much of it is allowed, and when there is room again.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest, `.../behavioral-cohorts` and `.../taxonomy`.
"""

from __future__ import annotations

import logging
import re
import time
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from source_amplitude import progress
from source_amplitude.endpoints.days import number_of_days, parse_day_param

# Amplitude allows a project 1,000 in five minutes, other tools included.
WINDOW_SECONDS = 300.0
COST_PER_WINDOW = 900
# A month of sessions. Larger requests were refused while others ran, and are lost as a whole when they fail.
COST_PER_REQUEST = 120
# 7,200 an hour are allowed, in a pool of their own.
TAXONOMY_WINDOW_SECONDS = 3600.0
TAXONOMY_REQUESTS_PER_WINDOW = 7000
# Downloads of cohorts that are started: 60 in ten minutes.
JOBS_WINDOW_SECONDS = 600.0
JOBS_PER_WINDOW = 60

COST_PER_DAY = {
    "2/events/segmentation": 1,
    "2/users": 1,
    "2/sessions/average": 4,
    "2/sessions/peruser": 4,
    "2/sessions/length": 4,
}
GROUP_BY_FACTOR = 4
LONG_WAIT_SECONDS = 5.0


def cost_per_day(path: str, *, grouped: bool = False) -> int:
    """Returns the cost of one day of a request to `api/...`; 0 for endpoints that know no days."""
    return COST_PER_DAY.get(path.removeprefix("api/"), 0) * (GROUP_BY_FACTOR if grouped else 1)


def request_cost(url: str) -> int:
    """Returns days x conditions x the cost of the type; 1 for a request without days."""
    address = urlsplit(url)
    params = parse_qs(address.query)
    daily = cost_per_day(address.path.partition("/api/")[2], grouped="g" in params)
    if not daily or not {"start", "end"} <= params.keys():
        return 1
    return daily * number_of_days(*(parse_day_param(params[name][0]) for name in ("start", "end")))


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
            (re.compile(path), what, InMemoryBucket([Rate(most, int(seconds * 1000))]))
            for path, what, most, seconds in (
                (
                    "/api/5/cohorts/request/[^/]+$",
                    "downloads of cohorts in ten minutes",
                    JOBS_PER_WINDOW,
                    JOBS_WINDOW_SECONDS,
                ),
                (
                    "/api/2/taxonomy/",
                    "taxonomy requests in an hour",
                    TAXONOMY_REQUESTS_PER_WINDOW,
                    TAXONOMY_WINDOW_SECONDS,
                ),
                ("", "the cost of requests in five minutes", COST_PER_WINDOW, WINDOW_SECONDS),
            )
        ]

    def wait(self, url: str) -> None:
        """Waits until there is room for a request, and logs every half minute what is waited for."""
        path = urlsplit(url).path
        what, window = next((what, window) for pattern, what, window in self._limits if pattern.search(path))
        while seconds := self._try(window, RateItem(what, int(time.monotonic() * 1000), request_cost(url))):
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
