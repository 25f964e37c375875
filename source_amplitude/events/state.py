"""Reads and writes the state of `events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from source_amplitude.config.dates import parse_timestamp
from source_amplitude.errors import foreign_state
from source_amplitude.events.late_hours import RecheckQueue
from source_amplitude.export.windows import HOUR, floor_to_hour, parse_export_hour

CURSOR_FIELD = "server_upload_time"
LAST_HOUR = "last_hour"
RECENT = "recent"


@dataclass
class EventsState:
    """Knows which hours are emitted, and which of them are requested again.

    :param resume_at: the first hour that is still to be read; None before any was
    :param recent: what Amplitude answered for the windows of the last day
    """

    resume_at: datetime | None = None
    recent: RecheckQueue = field(default_factory=RecheckQueue)

    @classmethod
    def from_mapping(cls, state: Mapping[str, Any], export_delay_hours: int) -> EventsState:
        """Reads a saved state; nothing is emitted by an empty one.

        Accepted are our own `{"server_upload_time": "2024-01-15T15:00:00Z"}`, `{"last_hour": "20240115T14"}`, and what
        the official connector wrote: the upload time of the newest event it saw, in any ISO form. It reads hours before
        all of them is published, so that hour and the `export_delay_hours` before it are read again.

        :raises ConfigError: it is not one of this stream
        """
        try:
            return cls(_resume_at(state, export_delay_hours), RecheckQueue.from_state(state.get(RECENT, [])))
        except (ValueError, TypeError, OverflowError) as error:
            raise foreign_state("events", state, f"{CURSOR_FIELD} with a date and time") from error

    def to_mapping(self) -> dict[str, Any]:
        """Writes the state that says: what was published when it was last asked for, before `resume_at`, is emitted."""
        if self.resume_at is None:
            return {}
        recent = self.recent.to_state()
        return {CURSOR_FIELD: _written(self.resume_at), **({RECENT: recent} if recent else {})}

    def move_to(self, hour: datetime) -> None:
        """Moves on to an hour, before which all is emitted; never back."""
        self.resume_at = max(hour, self.resume_at or hour)


def _resume_at(state: Mapping[str, Any], export_delay_hours: int) -> datetime | None:
    if not state:
        return None
    if CURSOR_FIELD in state:
        text = state[CURSOR_FIELD]
        if not isinstance(text, str):
            raise TypeError("not a text")
        hour = floor_to_hour(parse_timestamp(text))
        is_ours = text == _written(hour) and state.keys() <= {CURSOR_FIELD, RECENT}
        return hour if is_ours else hour - export_delay_hours * HOUR
    if LAST_HOUR in state:
        return parse_export_hour(state[LAST_HOUR]) + HOUR
    raise ValueError("no field of this stream")


def _written(hour: datetime) -> str:
    return hour.strftime("%Y-%m-%dT%H:%M:%SZ")
