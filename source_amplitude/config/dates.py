"""Parses moments, and the range of days and hours that a configuration asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timezone

from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import DAY, HOUR, HOURLY_SINCE, floor_to_day, floor_to_hour, parse_export_hour

_BEGINS_WITH_A_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2}|[0-9]{4})([T ]|$)").match
_DATE_CHARACTERS = len("2024-01-31")
# As a sentence about a refused hour names it, or as people write it.
_HOUR = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[T ]([0-9]{2})(?::00(?::00(?:\.0+)?)?Z?)?\Z")


def parse_timestamp(text: str) -> datetime:
    """Parses a date, or a date and time, in any ISO 8601 form, as a moment in UTC; without a zone it is in UTC.

    :raises ValueError: anything else, such as a time of day, which other readers would complete with today
    """
    if not _BEGINS_WITH_A_DATE(text):
        raise ValueError("not a date, nor a date and time")
    import pendulum  # noqa: PLC0415 - it costs Spark's processes more than all the rest of the package

    moment = pendulum.parse(text, tz="UTC", strict=True, exact=True)
    if isinstance(moment, datetime):
        return datetime.fromisoformat(moment.isoformat()).astimezone(timezone.utc)
    if isinstance(moment, date):
        return datetime.combine(moment, time(), timezone.utc)
    raise ValueError("not a moment")


def start_of(text: str | None) -> datetime | None:
    """Parses a `start_date`; None without one.

    :raises ConfigError: there is no such day
    """
    if not text:
        return None
    try:
        return parse_timestamp(text)
    except (ValueError, OverflowError):
        raise ConfigError(
            "Config validation error: start_date must be a date such as 2024-01-31 that exists."
        ) from None


def end_hour(text: str | None) -> datetime | None:
    """Reads the last hour of `end_date`: of the whole day, or the hour of a date with a time; None without one.

    What was uploaded before 2014-11-12 comes in whole days.

    :raises ConfigError: there is no such day
    """
    if not text:
        return None
    try:
        end = floor_to_hour(parse_timestamp(text))
    except (ValueError, OverflowError):
        raise ConfigError("end_date must be a date such as 2024-01-31 that exists.") from None
    whole_day = len(text) <= _DATE_CHARACTERS or end < HOURLY_SINCE
    return floor_to_day(end) + (DAY - HOUR) if whole_day else end


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Refuses a range that ends before it begins.

    :raises ConfigError: it does
    """
    if start is not None and end is not None and end < floor_to_hour(start):
        raise ConfigError("end_date must not be before start_date.")


def nothing_to_read(what: str, end: datetime, first: datetime, reason: str) -> str:
    """Says that a stream or a sync reads nothing, since `end_date` is before its beginning, which has a reason."""
    begins = f"{first:%Y-%m-%d}, {reason}"
    return f"{what} has nothing to read: end_date is {end:%Y-%m-%d}, and it begins with {begins}"


def hours_to_skip(entries: Iterable[str]) -> frozenset[datetime]:
    """Reads the hours of `skip_hours`, such as `20240115T14` or `2024-01-15T14:00`; before 2014-11-12 whole days.

    :raises ConfigError: an entry is not an hour
    """
    hours: set[datetime] = set()
    for entry in entries:
        try:
            hour = parse_export_hour(_HOUR.sub(r"\1\2\3T\4", entry))
        except ValueError:
            raise ConfigError("skip_hours must hold hours in UTC, such as 20240115T14.") from None
        first = hour if hour >= HOURLY_SINCE else floor_to_day(hour)
        hours |= {first + number * HOUR for number in range(1 if hour >= HOURLY_SINCE else 24)}
    return frozenset(hours)
