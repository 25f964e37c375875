"""The rate of profile requests, in the CDK's terms: a smooth token bucket that gives way to 429.

Amplitude allows 600 requests a minute for the whole organization, other tools included
(https://amplitude.com/docs/apis/analytics/user-profile). The CDK's own policies let a minute's requests go at once.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from datetime import datetime, timedelta, timezone
from threading import Lock

import requests
from airbyte_cdk.sources.streams.call_rate import APIBudget, BaseCallRatePolicy, CallRateLimitHit

from source_amplitude.events.download import retry_after_seconds

logger = logging.getLogger("airbyte.streams.user_profiles")

# Half a second more than a minute: requests reach Amplitude with different delays, and it counts them as they arrive.
WINDOW_SECONDS = 60.5
CATCH_UP_SECONDS = 1.0
SLOW_DOWN = 0.75
RECOVERY_WINDOWS = 10
ABANDONED_SECONDS = 5.0
SMALLEST_SHARE = 0.02
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_ASKED_PAUSE_SECONDS = 300.0


class TokenBucket(BaseCallRatePolicy):
    """Lets requests through one by one, evenly spaced and in the order in which they came.

    Never more than `calls` in any `WINDOW_SECONDS`; a delay of up to a second is made up for. A 429 pauses all requests
    (twice as long each time until one goes through) and lowers the pace, which then grows back within ten minutes.
    """

    def __init__(self, calls: int) -> None:
        super().__init__(matchers=[])
        self._calls = calls
        self._sent: deque[float] = deque(maxlen=calls)
        self._waiting: dict[object, float] = {}
        self._next_at = time.monotonic()
        self._share = 1.0
        self._share_since = self._next_at
        self._throttled_in_a_row = 0
        self._lock = Lock()
        self.paused_until = self._next_at

    def __str__(self) -> str:
        return f"TokenBucket({self._calls} a minute)"

    def try_acquire(self, request: object, weight: int) -> None:
        """Take a token, or a place in the queue for one.

        :raises CallRateLimitHit: with the time until it is this request's turn
        """
        with self._lock:
            now = time.monotonic()
            self._forget_abandoned(now)
            self._waiting.setdefault(request, now)
            position = list(self._waiting).index(request)
            window_opens_at = self._sent[0] + WINDOW_SECONDS if len(self._sent) == self._calls else now
            earliest = max(self._next_at, self.paused_until, window_opens_at)
            wait = earliest + position * self._interval(now) - now
            if position > 0 or wait > 0:
                self._waiting[request] = now + wait
                raise CallRateLimitHit(
                    error="the limit of profile requests is reached",
                    item=request,
                    weight=weight,
                    rate=f"{self._calls} a minute",
                    time_to_wait=timedelta(seconds=max(wait, 0.001)),
                )
            del self._waiting[request]
            self._sent.append(now)
            self._next_at = max(self._next_at, now - CATCH_UP_SECONDS) + self._interval(now)

    def update(self, available_calls: int | None, call_reset_ts: datetime | None) -> None:
        """Learn from an answer.

        :param available_calls: 0 for a 429, None for any other answer
        :param call_reset_ts: until when a 429 said to wait
        """
        with self._lock:
            if available_calls != 0:
                self._throttled_in_a_row = 0
                return
            now = time.monotonic()
            if self._throttled_in_a_row == 0:
                self._share = max(SMALLEST_SHARE, self._present_share(now) * SLOW_DOWN)
                self._share_since = now
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self._throttled_in_a_row)
            if call_reset_ts is not None:
                asked = (call_reset_ts - datetime.now(timezone.utc)).total_seconds()
                pause = min(LONGEST_ASKED_PAUSE_SECONDS, max(pause, asked))
            self._throttled_in_a_row += 1
            self.paused_until = self._next_at = now + pause
            logger.info(
                f"429 from the User Profile API: the organization's limit is reached. Pausing for {pause:.1f} s, "
                f"then {self._calls * self._share:.0f} requests a minute"
            )

    def _forget_abandoned(self, now: float) -> None:
        """A request that does not come back in its turn must not keep the others waiting."""
        for request, comes_back_at in list(self._waiting.items()):
            if comes_back_at < now - ABANDONED_SECONDS:
                del self._waiting[request]

    def _interval(self, now: float) -> float:
        return WINDOW_SECONDS / (self._calls * self._present_share(now))

    def _present_share(self, now: float) -> float:
        return min(1.0, self._share + (now - self._share_since) / (RECOVERY_WINDOWS * WINDOW_SECONDS))


class ProfileBudget(APIBudget):
    """The budget of all profile requests: what the CDK's HTTP client waits for, and tells each answer to."""

    def __init__(self, requests_per_minute: int) -> None:
        self.bucket = TokenBucket(requests_per_minute)
        super().__init__(policies=[self.bucket])

    def update_from_response(self, request: object, response: object) -> None:
        """Answers to requests that were sent before the last pause say nothing about it, and are left out."""
        if not isinstance(response, requests.Response):
            return
        if time.monotonic() - response.elapsed.total_seconds() < self.bucket.paused_until:
            return
        throttled = response.status_code == requests.codes.too_many_requests
        asked = retry_after_seconds(response.headers.get("Retry-After")) if throttled else None
        self.bucket.update(
            available_calls=0 if throttled else None,
            call_reset_ts=datetime.now(timezone.utc) + timedelta(seconds=asked) if asked is not None else None,
        )
