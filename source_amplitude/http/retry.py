"""One retry policy for all requests: how often a request is sent again, and how long to wait before that."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

import urllib3
from urllib3.exceptions import InvalidHeader

MAX_TRIES = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0


class Retries:
    """The tries of one request. A failure uses up a try; a 429 (throttled) uses up time instead.

    :param longest_throttled_seconds: how long answers of 429 in a row are waited out
    """

    def __init__(self, longest_throttled_seconds: float, max_tries: int | None = None) -> None:
        self._longest_throttled = longest_throttled_seconds
        self._throttled_since: float | None = None
        self._throttled = 0
        self.max_tries = MAX_TRIES if max_tries is None else max_tries
        self.failures = 0
        self.attempt = 1
        """Which try of the request is the next."""

    def failed(self) -> float | None:
        """The request failed: seconds to wait before the next try, or None when there is none left."""
        self._throttled_since = None
        self._throttled = 0
        self.failures += 1
        self.attempt += 1
        return None if self.failures >= self.max_tries else backoff_seconds(self.failures)

    def throttled(self, retry_after: float | None = None) -> float | None:
        """The answer was a 429: seconds to wait, by its `Retry-After` if it has one; None after too long a time."""
        now = time.monotonic()
        if self._throttled_since is None:
            self._throttled_since = now
        self._throttled += 1
        self.attempt += 1
        wait = retry_after if retry_after is not None else backoff_seconds(self._throttled)
        return None if now + wait - self._throttled_since > self._longest_throttled else wait


def backoff_seconds(failures: int) -> float:
    """Seconds to wait after so many failures: doubling, with jitter so that parallel requests spread out."""
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 30)) * random.uniform(0.75, 1.25)  # noqa: S311


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds or an HTTP date); None without one that makes sense."""
    try:
        return urllib3.Retry().parse_retry_after(headers["Retry-After"])
    except (KeyError, InvalidHeader, ValueError, OverflowError):
        return None
