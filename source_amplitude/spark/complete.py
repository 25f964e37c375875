"""Keeps offsets from moving past hours and days that are not complete by Amplitude's clock.

The driver plans by the time that a HEAD request shows it. Where a proxy lets none pass, the answers to a task's own
requests show the time: too late for the plan, and in time for the offset, which moves when all tasks are done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

from source_amplitude.clock import TOLERANCE, clock_of
from source_amplitude.errors import ConfigError

T = TypeVar("T", date, datetime)


def check_complete(api_url: str, unit: str, last: T, newest: Callable[[datetime], T]) -> None:
    """Checks, after all of it was read, that what a task has read was complete by then.

    :param unit: `hours` or `days`
    :param last: the last of them that was read
    :param newest: the newest one that is complete at a time
    :raises ConfigError: by Amplitude's answers it was not, so that the driver's clock runs ahead
    """
    now = clock_of(api_url).now()
    if now is not None and last > newest(now + TOLERANCE):
        shown = f"{last:%Y-%m-%dT%H}" if isinstance(last, datetime) else f"{last}"
        raise ConfigError(
            f"The {unit} up to {shown} were read before they are complete by Amplitude's clock, so the read does not "
            "count. Set the clock of Spark's driver, and let HEAD requests pass."
        )
