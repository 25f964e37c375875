"""Plans days of the project's time zone: which are over, how requests have them, and the state that counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from source_amplitude.config.dates import parse_timestamp
from source_amplitude.config.model import Config
from source_amplitude.errors import foreign_state

CURSOR_FIELD = "date"
DAY = timedelta(days=1)
# Amplitude does not tell the project's time zone; in the last one a day ends this long after it does in UTC.
WESTERNMOST_OFFSET = timedelta(hours=12)
# Numbers of past days still change: late uploads, merged users.
LOOKBACK = timedelta(days=7)
_PARAM_FORMAT = "%Y%m%d"


def newest_complete_day(now: datetime) -> date:
    """Returns the last day that is over in every time zone."""
    return (now - WESTERNMOST_OFFSET).date() - DAY


def first_day_again(config: Config, state: date) -> date:
    """Returns the first day to read again: the week before the state's day, but nothing before `start_date`."""
    again = state - LOOKBACK
    return max(again, config.start.date()) if config.start else again


def ranges(first: date, last: date, days: int) -> Iterator[tuple[date, date]]:
    """Yields consecutive ranges of so many days, the last one shorter; both ends belong to a range."""
    while first <= last:
        end = min(last, first + (days - 1) * DAY)
        yield first, end
        first = end + DAY


def day_param(day: date) -> str:
    return day.strftime(_PARAM_FORMAT)


def parse_day_param(text: str) -> date:
    return datetime.strptime(text, _PARAM_FORMAT).replace(tzinfo=timezone.utc).date()


def number_of_days(first: date, last: date) -> int:
    """Counts the days of a range, both ends included."""
    return (last - first).days + 1


def read_state(state: Mapping[str, Any], stream: str) -> date | None:
    """Reads the last day that has been emitted; None for an empty state. The official connector's has the same form.

    :raises ConfigError: for any other state
    """
    if not state:
        return None
    try:
        return parse_timestamp(state[CURSOR_FIELD]).date()
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise foreign_state(stream, state, f"{CURSOR_FIELD} with a day") from error


def write_state(day: date) -> dict[str, Any]:
    """Writes the state that says: every day up to this one has been emitted."""
    return {CURSOR_FIELD: day.isoformat()}
