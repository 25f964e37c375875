"""Amplitude's limits as a budget of the CDK."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airbyte_cdk.sources.streams.call_rate import (
    CallRateLimitHit,
    HttpAPIBudget,
    HttpRequestRegexMatcher,
    MovingWindowCallRatePolicy,
    Rate,
)

from source_amplitude.endpoints.limits import Limit, limits, logged_wait, request_cost

logger = logging.getLogger("airbyte")


class MovingWindowPolicy(MovingWindowCallRatePolicy):
    """A moving window in which each request weighs what it costs.

    It says what is waited for, and says it again as long as the wait lasts.
    """

    def __init__(self, limit: Limit) -> None:
        matcher = HttpRequestRegexMatcher(url_path_pattern=limit.path_pattern)
        super().__init__([Rate(limit.most, timedelta(seconds=limit.seconds))], [matcher])
        self._what = limit.what

    def get_weight(self, request: Any) -> int:
        return request_cost(request.url)

    def try_acquire(self, request: Any, weight: int) -> None:
        """
        :raises CallRateLimitHit: there is no room; the CDK waits as long as it says, and tries again
        """
        try:
            super().try_acquire(request, weight)
        except CallRateLimitHit as hit:
            seconds = logged_wait(self._what, hit.time_to_wait.total_seconds(), logger)
            hit.time_to_wait = timedelta(seconds=seconds)
            raise


def endpoint_budget() -> HttpAPIBudget:
    """The budget that all requests of a sync share. A 429 is left to the retries, which know what it said."""
    policies = [MovingWindowPolicy(limit) for limit in limits()]
    return HttpAPIBudget(policies=policies, status_codes_for_ratelimit_hit=[])
