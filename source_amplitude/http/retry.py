"""Decides for all requests how often one is sent again, and how long to wait before that."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import urllib3
from requests.exceptions import ConnectTimeout, ProxyError
from urllib3.exceptions import ConnectTimeoutError, InvalidHeader, NewConnectionError

from source_amplitude.http.answers import innermost

MAX_TRIES = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
# A network or a proxy that restarts is back by then; the log says at least every half minute what is waited for.
LONGEST_AWAY_SECONDS = 300.0
LONGEST_AWAY_WAIT_SECONDS = 30.0
_FAILED, _THROTTLED, _AWAY = "failed", "throttled", "away"
_PROXY_CANNOT = re.compile(r"Tunnel connection failed: 5[0-9][0-9]")


class Retries:
    """Counts the tries of one request.

    A failure uses up a try. Answers of 429 (throttled) and a network that is away use up time instead.

    :param longest_throttled_seconds: how long answers of 429 in a row are waited out
    :param max_tries: of a request that somebody waits for; for it, a network that is away is a failure like any other
    """

    def __init__(self, longest_throttled_seconds: float, max_tries: int | None = None) -> None:
        self._longest_throttled = longest_throttled_seconds
        self._waits_for_network = max_tries is None
        self._kind, self._in_a_row, self._since = _FAILED, 0, 0.0
        self.max_tries = MAX_TRIES if max_tries is None else max_tries
        self.failures = 0
        self.attempt = 1
        """Which try of the request is the next."""

    def failed(self, error: BaseException | None = None) -> float | None:
        """Counts a failed request; returns the seconds to wait before the next try, or None when there is none left.

        :param error: why there was no answer; None: there was one
        """
        if error is not None and self._waits_for_network and is_away(error):
            waited = self._count(_AWAY)
            wait = min(LONGEST_AWAY_WAIT_SECONDS, backoff_seconds(self._in_a_row))
            return None if waited + wait > LONGEST_AWAY_SECONDS else wait
        self._count(_FAILED)
        self.failures += 1
        return None if self.failures >= self.max_tries else backoff_seconds(self.failures)

    def throttled(self, retry_after: float | None = None, *, is_paced: bool = False) -> float | None:
        """Counts an answer of 429; returns the seconds to wait, or None after too long a time.

        That is what its `Retry-After` says, but no less than after as many failures: it may say 0 for ever.

        :param is_paced: whether something else keeps to a pace, so that nothing is to be waited for here
        """
        waited = self._count(_THROTTLED)
        wait = 0.0 if is_paced else max(retry_after or 0.0, backoff_seconds(self._in_a_row))
        return None if waited + wait > self._longest_throttled else wait

    def next_try(self, wait: float) -> str:
        """Describes when the next try is, for the log."""
        if self._kind == _AWAY:
            return f"no connection for {time.monotonic() - self._since:.0f} s; trying again in {wait:.1f} s"
        return f"try {self.failures + 1} of {self.max_tries} in {wait:.1f} s"

    @property
    def spent(self) -> str:
        """Describes what the tries have taken, such as `5 times`, for an error after the last one."""
        minutes = (time.monotonic() - self._since) / 60
        return f"for {minutes:.0f} minutes" if self._kind == _AWAY else f"{self.max_tries} times"

    def _count(self, kind: str) -> float:
        """Counts one more of a kind in a row; returns the seconds since the first of them."""
        self.attempt += 1
        if kind != self._kind:
            self._kind, self._in_a_row, self._since = kind, 0, time.monotonic()
        self._in_a_row += 1
        return time.monotonic() - self._since


def is_away(error: BaseException) -> bool:
    """Tells whether no connection was made: no address for the name, nobody who listens, a proxy that is not there."""
    reason = innermost(error)
    if isinstance(error, ConnectTimeout) or isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return True
    return isinstance(error, ProxyError) and (
        isinstance(reason, ConnectionError) or _PROXY_CANNOT.match(str(reason)) is not None
    )


def backoff_seconds(failures: int) -> float:
    """Returns seconds to wait after so many failures: doubling, with jitter so that parallel requests spread out."""
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 30)) * random.uniform(0.75, 1.25)  # noqa: S311


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Reads the seconds of a `Retry-After` header (seconds or an HTTP date); None without one that makes sense.

    A date is meant by the clock of the server, which the `Date` of the same answer shows.
    """
    try:
        text = headers["Retry-After"]
        if "Date" in headers and not text.strip().isdecimal():
            return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(headers["Date"])).total_seconds())
        return urllib3.Retry().parse_retry_after(text)
    except (KeyError, InvalidHeader, ValueError, TypeError, OverflowError):
        return None
