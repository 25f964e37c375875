"""Timestamps of Amplitude's answers to RFC 3339."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timezone

_INSTANT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2})(?P<fraction>\.[0-9]{1,9})?"
    r"(?:[Zz]|(?P<hours>[+-][0-9]{2}):?(?P<minutes>[0-5][0-9]))?"
).fullmatch
_USUAL = b"0000-00-00 00:00:00.000000Z"
USUAL_CHARACTERS = len(_USUAL)
_DATE_CHARACTERS = len(b"0000-00-00")
_END_OF_DAY = b"T24"  # an hour that Python takes for the first one of the next day since 3.14
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")


def rfc3339(text: str) -> str | None:
    """Writes a date and a time as an instant in UTC, such as `2024-03-15T10:04:58.123000Z`; None for any other text.

    Without a zone it is in UTC, as Amplitude's documentation says. The fraction keeps its digits, nine at the most.
    """
    found = _INSTANT(text)
    if found is None:
        return None
    date, time, fraction, hours, minutes = found.groups()
    local = f"{date}T{time}"
    try:
        moment = datetime.fromisoformat(local if hours is None else f"{local}{hours}:{minutes}")
        if hours is not None:
            local = moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):  # no day of the calendar, or in UTC before the year 1
        return None
    return f"{local}{fraction or ''}Z"


def all_rfc3339(texts: Sequence[str]) -> list[str] | None:
    """Returns what `rfc3339` makes of each text, fast where all are in the usual form; None when one is no instant."""
    if (lines := usual_rfc3339(texts, after="\n")) is not None:
        if _END_OF_DAY in lines:
            return None
        try:
            deque(map(datetime.fromisoformat, texts), maxlen=0)  # for the calendar alone
        except ValueError:
            return None
        return lines.decode().split("\n")[:-1]
    instants = [instant for text in texts if (instant := rfc3339(text)) is not None]
    return instants if len(instants) == len(texts) else None


def usual_rfc3339(texts: Sequence[str], after: str = "") -> bytearray | None:
    """Writes texts in Amplitude's usual form as `rfc3339` does, `after` behind each; None where one has another form.

    Whether the calendar has such a day is left to the caller. Each text ends with the only Z that it has, so all of
    them together show the form of each.
    """
    usual = _USUAL + after.encode()
    joined = f"Z{after}".join([*texts, ""]).encode()
    if joined.translate(_DIGITS_TO_ZERO) != usual * len(texts):
        return None
    written = bytearray(joined)
    written[_DATE_CHARACTERS :: len(usual)] = b"T" * len(texts)
    return written
