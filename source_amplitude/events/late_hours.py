"""Rechecks the windows of the last day for hours that Amplitude publishes late.

Amplitude's documentation says that an hour is there two hours after its end at the earliest, and gives no upper bound:
https://amplitude.com/docs/apis/analytics/export
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from source_amplitude.export.archive import ArchiveDamagedError, BadLineError
from source_amplitude.export.download import DiskFullError, TooMuchAtOnceError, UnchangedError
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.prefetch import Download
from source_amplitude.export.windows import HOUR, Window, export_hour, parse_export_hour

RECHECK_AFTER_HOURS = (6, 24)
WIDEST_REMEMBERED_HOURS = 24
_Count = Annotated[int, Meta(ge=0)]
_Entry = tuple[str, Annotated[int, Meta(ge=1)], _Count, _Count, _Count]


@dataclass(frozen=True)
class WindowAnswer:
    """Remembers what Amplitude answered to the last request for a window.

    :param archive_bytes: 0 where nothing was uploaded
    :param times: which of `RECHECK_AFTER_HOURS` had passed by then: so many of them
    """

    window: Window
    archive_bytes: int
    events: int
    times: int


class RecheckQueue:
    """Keeps the windows that are requested again, oldest first.

    A window's age is that of its last hour: how long it has counted as complete.
    """

    def __init__(self, answers: Iterable[WindowAnswer] = ()) -> None:
        self._answers = sorted(answers, key=lambda answered: answered.window)

    @classmethod
    def from_state(cls, state: object) -> RecheckQueue:
        """Reads what `to_state` wrote.

        :raises ValueError, OverflowError: it did not write this
        """
        return cls(
            WindowAnswer(Window(start := parse_export_hour(first), start + (hours - 1) * HOUR), *numbers)
            for first, hours, *numbers in msgspec.convert(state, list[_Entry])
        )

    def to_state(self) -> list[list[Any]]:
        """Writes `["20240315T20", 1, 9012, 45, 0]` a window: first hour, hours, bytes, events, rechecks."""
        return [
            [export_hour(each.window.first), each.window.hours, each.archive_bytes, each.events, each.times]
            for each in self._answers
        ]

    def add(self, window: Window, archive_bytes: int, events: int, newest: datetime) -> None:
        """Remembers an answer, instead of those for parts of its hours, unless the window is too old to change.

        :param newest: the newest complete hour when the window was asked for
        """
        kept = [each for each in self._answers if each.window.first < window.first or each.window.last > window.last]
        times = _times(window, newest)
        if times < len(RECHECK_AFTER_HOURS):
            kept.append(WindowAnswer(window, archive_bytes, events, times))
        self._answers = sorted(kept, key=lambda answered: answered.window)

    def forget(self, answered: WindowAnswer) -> None:
        self._answers = [each for each in self._answers if each != answered]

    def forget_before(self, hour: datetime) -> None:
        """Forgets the windows that begin before an hour."""
        self._answers = [each for each in self._answers if each.window.first >= hour]

    def due(self, newest: datetime) -> list[WindowAnswer]:
        """Returns the windows to request again when `newest` is the newest complete hour."""
        return [each for each in self._answers if _times(each.window, newest) > each.times]


def recheck(
    answered: WindowAnswer, exporter: Exporter, logger: logging.Logger
) -> tuple[WindowAnswer, Iterable[Download]]:
    """Requests a window again; returns the new answer, and the downloads to emit: none where no event was added.

    An answer of the same length is not read. One of another length, or without any, is counted. Which of its events are
    new cannot be known from that: all of them are to be emitted where there are more. Where there are fewer, some were
    deleted in Amplitude, and emitting those that are left once more would take none of them away.

    :raises AmplitudeError: as `Downloader.fetch` does
    """
    window, started = answered.window, time.monotonic()
    try:
        archive = exporter.fetch(window, answered.archive_bytes)
    except UnchangedError:
        return answered, ()
    except (TooMuchAtOnceError, DiskFullError) as error:
        logger.info(f"Late hours cannot be looked for in one request ({error}): all events of it are emitted again")
        return answered, exporter.downloads(window)
    if archive is None:
        if answered.events:
            logger.warning(
                f"events {window}: Amplitude has no events any more, {answered.events:,} were read: "
                "deleted events stay in the destination"
            )
        return replace(answered, archive_bytes=0, events=0), ()
    try:
        events = sum(block.count_lines() for block in archive.blocks())
    except (ArchiveDamagedError, BadLineError):
        events = None  # reading it will meet the damage again, and knows what to do
    if events is not None and events <= answered.events:
        archive.close()
        if events < answered.events:
            logger.warning(
                f"events {window}: {events:,} events instead of {answered.events:,}, some were deleted in Amplitude: "
                "none is emitted again, and the deleted ones stay in the destination"
            )
        return replace(answered, archive_bytes=archive.size, events=events), ()
    counted = "another number of" if events is None else f"{events:,}"
    logger.info(
        f"events {window}: {counted} events instead of {answered.events:,}, published late: all are emitted again"
    )
    return answered, [Download(window, archive, time.monotonic() - started)]


def _times(window: Window, newest: datetime) -> int:
    return sum(newest - window.last >= hours * HOUR for hours in RECHECK_AFTER_HOURS)
