"""What requests cost, and how much of it Amplitude allows.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest, `.../behavioral-cohorts` and `.../taxonomy`.
"""

from __future__ import annotations

import logging
import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

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
_JOB_PATH = re.compile(r"/api/5/cohorts/request/[^/]+$")
_TAXONOMY_PATH = re.compile("/api/2/taxonomy/")
_ANY_PATH = re.compile("")


class Limit(NamedTuple):
    """How much of something is allowed within any span of some seconds.

    :param what: in words for the log
    :param most: so many requests, or so much of their cost
    :param path_pattern: which requests, by a regular expression on their path; they count under the first that matches
    """

    what: str
    most: int
    seconds: float
    path_pattern: re.Pattern[str]

    def is_of(self, url: str) -> bool:
        return self.path_pattern.search(urlsplit(url).path) is not None


def limits() -> list[Limit]:
    """All limits, the last one for whatever is under no other."""
    return [
        Limit(
            "downloads of cohorts in ten minutes",
            JOBS_PER_WINDOW,
            JOBS_WINDOW_SECONDS,
            _JOB_PATH,
        ),
        Limit(
            "taxonomy requests in an hour",
            TAXONOMY_REQUESTS_PER_WINDOW,
            TAXONOMY_WINDOW_SECONDS,
            _TAXONOMY_PATH,
        ),
        Limit("the cost of requests in five minutes", COST_PER_WINDOW, WINDOW_SECONDS, _ANY_PATH),
    ]


def cost_per_day(path: str, *, grouped: bool = False) -> int:
    """The cost of one day of a request to `api/...`; 0 for endpoints that know no days."""
    return COST_PER_DAY.get(path.removeprefix("api/"), 0) * (GROUP_BY_FACTOR if grouped else 1)


def request_cost(url: str) -> int:
    """Days x conditions x the cost of the type; 1 for a request without days."""
    address = urlsplit(url)
    params = parse_qs(address.query)
    daily = cost_per_day(address.path.partition("/api/")[2], grouped="g" in params)
    if not daily or not {"start", "end"} <= params.keys():
        return 1
    return daily * number_of_days(*(parse_day_param(params[name][0]) for name in ("start", "end")))


def seconds_at_the_limit(requests: int, cost: int) -> float:
    """How long requests of one cost wait for the limit, all in all, when nothing else was asked for before them."""
    return (requests - 1) // (COST_PER_WINDOW // cost) * WINDOW_SECONDS


def logged_wait(what: str, seconds: float, logger: logging.Logger) -> float:
    """Logs what is waited for, if it takes long, and returns the seconds to wait before the next log line."""
    if seconds >= LONG_WAIT_SECONDS:
        logger.info(f"Waiting for Amplitude's limit on {what}: {seconds:.0f} s still")
    return min(seconds, progress.PROGRESS_SECONDS)
