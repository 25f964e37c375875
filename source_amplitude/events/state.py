"""The state of `events`: what is accepted, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from source_amplitude.config.timestamps import parse_timestamp
from source_amplitude.errors import foreign_state
from source_amplitude.events.late_hours import RecheckQueue
from source_amplitude.export.windows import HOUR, floor_to_hour, parse_export_hour

CURSOR_FIELD = "server_upload_time"
LAST_HOUR = "last_hour"
RECENT = "recent"


@dataclass
class EventsState:
    """Which hours are emitted, and which of them are asked for again.

    :param resume_at: the first hour that is still to be read; None before any was
    :param recent: what Amplitude answered for the windows of the last day
    """

    resume_at: datetime | None = None
    recent: RecheckQueue = field(default_factory=RecheckQueue)

    @classmethod
    def from_mapping(cls, state: Mapping[str, Any], export_delay_hours: int) -> EventsState:
        """Reads a saved state, as `read_state` and `read_recent` do.

        :raises ConfigError: it is not one of this stream
        """
        return cls(read_state(state, export_delay_hours), read_recent(state))

    def to_mapping(self) -> dict[str, Any]:
        return write_state(self.resume_at, self.recent) if self.resume_at else {}

    def move_to(self, hour: datetime) -> None:
        """Moves on to an hour, before which all is emitted; never back."""
        self.resume_at = max(hour, self.resume_at or hour)


def read_state(state: Mapping[str, Any], export_delay_hours: int) -> datetime | None:
    """The first hour that is still to be read; None for an empty state.

    Accepted are our own `{"server_upload_time": "2024-01-15T15:00:00Z"}`, `{"last_hour": "20240115T14"}`, and what the
    official connector wrote: the upload time of the newest event it saw, in any ISO form. It reads hours before all of
    them is published, so that hour and the `export_delay_hours` before it are read again.

    :raises ConfigError: for anything else
    """
    if not state:
        return None
    try:
        if CURSOR_FIELD in state:
            hour = floor_to_hour(_instant(state[CURSOR_FIELD]))
            is_ours = {name: value for name, value in state.items() if name != RECENT} == write_state(hour)
            return hour if is_ours else hour - export_delay_hours * HOUR
        if LAST_HOUR in state:
            return parse_export_hour(state[LAST_HOUR]) + HOUR
    except (ValueError, TypeError, OverflowError) as error:
        raise _unusable(state) from error
    raise _unusable(state)


def read_recent(state: Mapping[str, Any]) -> RecheckQueue:
    """What Amplitude answered for the windows of the last day; nothing where the state does not say.

    :raises ConfigError: it says what `write_state` never wrote
    """
    try:
        return RecheckQueue.from_state(state.get(RECENT, []))
    except (ValueError, TypeError, OverflowError) as error:
        raise _unusable(state) from error


def write_state(resume_at: datetime, recent: RecheckQueue | None = None) -> dict[str, Any]:
    """The state that says: what was published when it was last asked for, of the hours before `resume_at`, is emitted.

    :param recent: when that was for the hours that may change; left out where there are none
    """
    state: dict[str, Any] = {CURSOR_FIELD: resume_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if recent is not None and (remembered := recent.to_state()):
        state[RECENT] = remembered
    return state


def _instant(text: object) -> datetime:
    if not isinstance(text, str):
        raise TypeError("not a text")
    return parse_timestamp(text)


def _unusable(state: Mapping[str, Any]) -> Exception:
    return foreign_state("events", state, f"{CURSOR_FIELD} with a date and time")
