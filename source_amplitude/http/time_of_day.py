"""Requests the time of day from Amplitude, where no answer has shown it yet."""

from __future__ import annotations

import logging
import time
from contextlib import closing, suppress
from datetime import datetime

import requests

from source_amplitude.clock import TOLERANCE, ServerClock, clock_of, difference
from source_amplitude.http.session import NoKeys, Session

PATH = "api/2/export"
TIMEOUT_SECONDS = 10.0


def time_of_day(api_url: str, logger: logging.Logger) -> datetime:
    """Returns the time by which hours and days are complete: the earlier of this machine's clock and Amplitude's.

    Amplitude is asked once an hour at most, by a request without keys, unless another answer has shown its time, and
    once more where the clocks differ; a difference of more than a minute is a warning, once in a process.

    :raises ConfigError: this machine's clock is more than a month ahead
    """
    return server_clock(api_url, logger).believed()


def server_clock(api_url: str, logger: logging.Logger) -> ServerClock:
    """Returns Amplitude's clock, after a request where its time is not known; logs a difference to this machine's."""
    server = clock_of(api_url)
    if not server.is_fresh:
        _request(api_url, server, logger)
    if server.ahead() > TOLERANCE:  # that answer may have been a stale one
        _request(api_url, server, logger)
    ahead = server.ahead()
    if abs(ahead) > TOLERANCE and not server.is_reported:
        server.is_reported = True
        logger.warning(difference(ahead))
    return server


def _request(api_url: str, server: ServerClock, logger: logging.Logger) -> None:
    """Sends one request. Without an answer this machine's clock counts alone, until another request has one."""
    server.requested_at = time.monotonic()
    session = Session(NoKeys(), (), 1, logger)
    with suppress(requests.RequestException, OSError), closing(session):
        session.head(f"{api_url}{PATH}", TIMEOUT_SECONDS)
