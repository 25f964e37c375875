"""Keeps the time of day by which hours and days are complete: the earlier of this machine's clock and Amplitude's.

Every answer has a `Date` (RFC 9110, section 6.6.1), and one that was kept in a cache says its `Age` (RFC 9111). Time as
an answer shows it goes on by the monotonic clock, and the latest of all answers counts, so that a single stale one
changes nothing. It can only make hours complete later, never earlier: a wrong `Date` costs time, and no event.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from threading import RLock
from urllib.parse import urlsplit

from source_amplitude.errors import ConfigError

TOLERANCE = timedelta(minutes=1)
CHECK_FAILS_FROM = timedelta(hours=1)
# Beyond it nobody can say which of the two clocks is wrong, and a sync that waits for its hours would wait for ever.
MOST_BELIEVED = timedelta(days=31)
FRESH_SECONDS = 3600.0


def utc_now() -> datetime:
    """Reads this machine's clock. The one place where tests turn the time of day: callers write `clock.utc_now()`."""
    return datetime.now(timezone.utc)


class ServerClock:
    """Keeps the time of a server, as its answers show it; for any number of threads."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._latest: datetime | None = None
        self._shown_at = -FRESH_SECONDS
        self.requested_at = -FRESH_SECONDS
        self.is_reported = False

    def shown(self, headers: Mapping[str, str]) -> None:
        """Learns from the headers of an answer; one without a `Date` that can be read shows nothing."""
        try:
            moment = parsedate_to_datetime(headers["Date"]) + timedelta(seconds=int(headers.get("Age", "0")))
            moment = moment.astimezone(timezone.utc)
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        with self._lock:
            known = self.now()
            if known is None or moment >= known:
                self._latest, self._shown_at = moment, time.monotonic()

    def now(self) -> datetime | None:
        """Returns the server's time; None where no answer has shown it."""
        with self._lock:
            if self._latest is None:
                return None
            try:
                return self._latest + timedelta(seconds=time.monotonic() - self._shown_at)
            except OverflowError:  # an answer from the year 9999
                return self._latest

    @property
    def is_fresh(self) -> bool:
        """Tells whether the server has answered, or was sent a request, within the last hour."""
        return time.monotonic() - max(self._shown_at, self.requested_at) < FRESH_SECONDS

    def ahead(self) -> timedelta:
        """Returns how far this machine's clock is ahead of the server's: negative where behind, zero where unknown."""
        server = self.now()
        return timedelta() if server is None else utc_now() - server

    def earlier(self) -> datetime:
        """Returns the earlier time of this machine's clock and the server's, whatever their difference."""
        return min(filter(None, (utc_now(), self.now())))

    def believed(self) -> datetime:
        """Returns the earlier time of the two clocks, by which hours and days are read.

        :raises ConfigError: they differ by more than a month, and this machine's is the later one
        """
        if (ahead := self.ahead()) > MOST_BELIEVED:
            raise ConfigError(f"{_apart(ahead)} One of them is wrong, so nothing is read. {_ADVICE}")
        return self.earlier()


_clocks: dict[tuple[str, str], ServerClock] = {}


def clock_of(url: str) -> ServerClock:
    """Returns the clock of the server at an address: one in a process."""
    address = urlsplit(url)
    return _clocks.setdefault((address.scheme, address.netloc), ServerClock())


def difference(ahead: timedelta) -> str:
    """Describes the difference of the two clocks, what it means for a sync, and what to do about it."""
    when = "when they are complete by Amplitude's clock" if ahead > timedelta() else "that much later"
    return f"{_apart(ahead)} Hours and days are read {when}. {_ADVICE}"


_ADVICE = "Set the clock of the machine; if it is right, a proxy on the way sends a wrong Date."


def _apart(ahead: timedelta) -> str:
    direction = "ahead of" if ahead > timedelta() else "behind"
    return f"The clock of this machine is {_span(abs(ahead))} {direction} Amplitude's (the Date of its answers)."


def _span(span: timedelta) -> str:
    if span >= timedelta(days=7):
        return f"{round(span / timedelta(days=1)):,} days"
    if span >= timedelta(hours=2):
        return f"{round(span / timedelta(hours=1))} hours"
    return f"{round(span / timedelta(minutes=1))} minutes"
