"""What requests cost and how much of it Amplitude allows, in the CDK's terms.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest, `.../behavioral-cohorts` and `.../taxonomy`.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airbyte_cdk.sources.streams.call_rate import (
    CallRateLimitHit,
    HttpAPIBudget,
    HttpRequestRegexMatcher,
    MovingWindowCallRatePolicy,
    Rate,
    RequestMatcher,
)

from source_amplitude import progress
from source_amplitude.rest.days import number_of_days, parse_day_param

logger = logging.getLogger("airbyte")

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

COST_PER_DAY = {"2/users": 1, "2/sessions/average": 4, "2/sessions/peruser": 4, "2/sessions/length": 4}
GROUP_BY_FACTOR = 4
LONG_WAIT_SECONDS = 5.0


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


class MovingWindowPolicy(MovingWindowCallRatePolicy):
    """A moving window that says what is waited for, and says it again as long as the wait lasts."""

    def __init__(self, what: str, limit: int, seconds: float, matchers: list[RequestMatcher]) -> None:
        super().__init__([Rate(limit, timedelta(seconds=seconds))], matchers)
        self._what = what

    def try_acquire(self, request: Any, weight: int) -> None:
        """
        :raises CallRateLimitHit: there is no room; the CDK waits as long as it says, and tries again
        """
        try:
            super().try_acquire(request, weight)
        except CallRateLimitHit as hit:
            seconds = hit.time_to_wait.total_seconds()
            if seconds >= LONG_WAIT_SECONDS:
                logger.info(f"Waiting for Amplitude's limit on {self._what}: {seconds:.0f} s still")
            hit.time_to_wait = min(hit.time_to_wait, timedelta(seconds=progress.PROGRESS_SECONDS))
            raise


class MovingCostPolicy(MovingWindowPolicy):
    """A moving window in which each request weighs what it costs."""

    def get_weight(self, request: Any) -> int:
        return request_cost(request.url)


def rest_budget() -> HttpAPIBudget:
    """The budget that all requests of a sync share. A 429 is left to the retries, which know what it said."""
    return HttpAPIBudget(
        policies=[
            MovingWindowPolicy(
                "downloads of cohorts in ten minutes",
                JOBS_PER_WINDOW,
                JOBS_WINDOW_SECONDS,
                [HttpRequestRegexMatcher(url_path_pattern=r"/api/5/cohorts/request/[^/]+$")],
            ),
            MovingWindowPolicy(
                "taxonomy requests in an hour",
                TAXONOMY_REQUESTS_PER_WINDOW,
                TAXONOMY_WINDOW_SECONDS,
                [HttpRequestRegexMatcher(url_path_pattern=r"/api/2/taxonomy/")],
            ),
            MovingCostPolicy("the cost of requests in five minutes", COST_PER_WINDOW, WINDOW_SECONDS, []),
        ],
        status_codes_for_ratelimit_hit=[],
    )
