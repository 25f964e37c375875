"""Parses moments as configurations and states write them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timezone

_BEGINS_WITH_A_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2}|[0-9]{4})([T ]|$)").match


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
