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
)

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
LONG_WAIT = timedelta(seconds=5)


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


class MovingCostPolicy(MovingWindowCallRatePolicy):
    """A moving window in which each request weighs what it costs."""

    def get_weight(self, request: Any) -> int:
        return request_cost(request.url)

    def try_acquire(self, request: Any, weight: int) -> None:
        try:
            super().try_acquire(request, weight)
        except CallRateLimitHit as hit:
            if hit.time_to_wait >= LONG_WAIT:
                seconds = hit.time_to_wait.total_seconds()
                logger.info(f"Waiting {seconds:.0f} s: Amplitude limits the cost of requests in five minutes")
            raise


def rest_budget() -> HttpAPIBudget:
    """The budget that all requests of a sync share. A 429 is left to the retries, which know what it said."""
    return HttpAPIBudget(
        policies=[
            MovingWindowCallRatePolicy(
                [_rate(JOBS_PER_WINDOW, JOBS_WINDOW_SECONDS)],
                [HttpRequestRegexMatcher(url_path_pattern=r"/api/5/cohorts/request/[^/]+$")],
            ),
            MovingWindowCallRatePolicy(
                [_rate(TAXONOMY_REQUESTS_PER_WINDOW, TAXONOMY_WINDOW_SECONDS)],
                [HttpRequestRegexMatcher(url_path_pattern=r"/api/2/taxonomy/")],
            ),
            MovingCostPolicy([_rate(COST_PER_WINDOW, WINDOW_SECONDS)], matchers=[]),
        ],
        status_codes_for_ratelimit_hit=[],
    )


def _rate(limit: int, seconds: float) -> Rate:
    return Rate(limit, timedelta(seconds=seconds))
