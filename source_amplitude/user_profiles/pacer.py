"""Keeps the rate of profile requests: a smooth token bucket that gives way to 429.

Amplitude allows 600 requests a minute for the whole organization, other tools included
(https://amplitude.com/docs/apis/analytics/user-profile). The CDK's call-rate policies would keep to the same limit, but
they do not slow down for another tool's share, and the Spark door does without the CDK.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import Lock

from source_amplitude.threads import Cancellation

# Half a second more than a minute: requests reach Amplitude with different delays, and it counts them as they arrive.
WINDOW_SECONDS = 60.5
CATCH_UP_SECONDS = 1.0
SLOW_DOWN = 0.75
RECOVERY_WINDOWS = 10
SMALLEST_SHARE = 0.02
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_ASKED_PAUSE_SECONDS = 300.0


class RequestPacer:
    """Lets requests through one by one, evenly spaced; the first of them waits, and the others wait for it.

    Never more than `calls` in any `WINDOW_SECONDS`; a delay of up to a second is made up for. A 429 pauses all requests
    (twice as long each time until one goes through) and lowers the pace, which then grows back within ten minutes.
    """

    def __init__(self, calls: int, logger: logging.Logger) -> None:
        self._calls = calls
        self._logger = logger
        self._sent: deque[float] = deque(maxlen=calls)
        self._next_at = time.monotonic()
        self._share = 1.0
        self._share_since = self._next_at
        self._throttled_in_a_row = 0
        self._paused_until = self._next_at
        self._turn = Lock()
        self._lock = Lock()

    def acquire(self, cancellation: Cancellation) -> float:
        """Waits for a token; returns when it was given, by `time.monotonic`.

        :raises Cancelled: meanwhile
        """
        with self._turn:
            cancellation.check()
            while wait := self.take():
                cancellation.sleep(wait)
            return time.monotonic()

    def take(self) -> float:
        """Takes a token and returns 0, or returns the seconds until there may be one."""
        with self._lock:
            now = time.monotonic()
            window_opens_at = self._sent[0] + WINDOW_SECONDS if len(self._sent) == self._calls else now
            wait = max(self._next_at, self._paused_until, window_opens_at) - now
            if wait > 0:
                return max(wait, 0.001)
            self._sent.append(now)
            interval = WINDOW_SECONDS / (self._calls * self._present_share(now))
            self._next_at = max(self._next_at, now - CATCH_UP_SECONDS) + interval
            return 0.0

    def answered(self, sent_at: float, *, throttled: bool, retry_after: float | None = None) -> None:
        """Learns from an answer. Those to requests that were sent before the last pause say nothing about it.

        :param sent_at: when its request was sent, by `time.monotonic`
        :param throttled: it was a 429
        :param retry_after: seconds that it asked to wait
        """
        with self._lock:
            if sent_at < self._paused_until:
                return
            if not throttled:
                self._throttled_in_a_row = 0
                return
            now = time.monotonic()
            if self._throttled_in_a_row == 0:
                self._share = max(SMALLEST_SHARE, self._present_share(now) * SLOW_DOWN)
                self._share_since = now
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self._throttled_in_a_row)
            if retry_after is not None:
                pause = min(LONGEST_ASKED_PAUSE_SECONDS, max(pause, retry_after))
            self._throttled_in_a_row += 1
            self._paused_until = self._next_at = now + pause
            self._logger.info(
                f"429 from the User Profile API: the organization's limit is reached. Pausing for {pause:.1f} s, "
                f"then {self._calls * self._share:.0f} requests a minute"
            )

    def _present_share(self, now: float) -> float:
        return min(1.0, self._share + (now - self._share_since) / (RECOVERY_WINDOWS * WINDOW_SECONDS))
