"""Decides which hours may be read, and in which windows, by pure functions.

Facts from https://amplitude.com/docs/apis/analytics/export: the range selects whole UTC hours of `server_upload_time`,
both ends inclusive, at most 365 days; an hour is complete some hours after its end; what was uploaded before 2014-11-12
is grouped by day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOURLY_SINCE = datetime(2014, 11, 12, tzinfo=timezone.utc)
EXPORT_HOUR_FORMAT = "%Y%m%dT%H"


@dataclass(frozen=True, order=True)
class Window:
    """Holds a range of whole UTC hours, both ends inclusive, as one export request has it."""

    first: datetime
    last: datetime

    @property
    def hours(self) -> int:
        return int((self.last - self.first) / HOUR) + 1

    @property
    def resume_at(self) -> datetime:
        """Returns the first hour after this window."""
        return self.last + HOUR

    @property
    def can_be_split(self) -> bool:
        """Tells whether it has several hours; before 2014-11-12, several days."""
        return self.hours >= (2 if self.first >= HOURLY_SINCE else 48)

    @property
    def start_param(self) -> str:
        return export_hour(self.first)

    @property
    def end_param(self) -> str:
        return export_hour(self.last)

    def __str__(self) -> str:
        return f"{self.start_param}-{self.end_param}"


def export_hour(moment: datetime) -> str:
    """Writes an hour in the form of the Export API's `start` and `end`: `20240115T14`."""
    return f"{moment.year:04d}{moment.strftime('%m%dT%H')}"


def parse_export_hour(text: str) -> datetime:
    """Parses the UTC hour of `20240115T14`; raises ValueError on anything else."""
    hour = datetime.strptime(text, EXPORT_HOUR_FORMAT).replace(tzinfo=timezone.utc)
    if export_hour(hour) != text:  # strptime is lenient about digits
        raise ValueError(f"{text!r} does not match {EXPORT_HOUR_FORMAT}")
    return hour


def floor_to_hour(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)


def floor_to_day(moment: datetime) -> datetime:
    return floor_to_hour(moment).replace(hour=0)


def newest_complete_hour(now: datetime, delay_hours: int) -> datetime:
    """Returns the newest hour whose events are all published: it ended at least `delay_hours` ago."""
    return floor_to_hour(now - delay_hours * HOUR) - HOUR


def next_window(start: datetime, newest: datetime, width_hours: int) -> Window | None:
    """Returns the window of up to `width_hours` hours that begins at `start`; None when no complete hour is left.

    Before 2014-11-12 a window is made of whole UTC days, so it may begin before `start` and be wider than asked;
    it never reaches across that date.
    """
    first = floor_to_hour(start)
    if first >= HOURLY_SINCE:
        last = min(first + (width_hours - 1) * HOUR, newest)
    else:
        first = floor_to_day(first)
        whole_days = max(1, width_hours // 24)
        complete_until = floor_to_day(newest + HOUR)
        last = min(first + whole_days * DAY, HOURLY_SINCE, complete_until) - HOUR
    return Window(first, last) if last >= first else None


def slices(start: datetime, newest: datetime, width_hours: int) -> Iterator[Window]:
    """Yields consecutive windows from `start` to `newest`: no hour in two of them, none left out."""
    window = next_window(start, newest, width_hours)
    while window is not None:
        yield window
        window = next_window(window.resume_at, newest, width_hours)


def without_hours(window: Window, skipped: Collection[datetime]) -> list[Window]:
    """Returns the ranges of a window's hours between those that are left out.

    :param skipped: hours; before 2014-11-12 all hours of a day
    """
    found: list[Window] = []
    first = window.first
    for hour in sorted(hour for hour in skipped if window.first <= hour <= window.last):
        if hour > first:
            found.append(Window(first, hour - HOUR))
        first = hour + HOUR
    return [*found, Window(first, window.last)] if first <= window.last else found
