"""What Amplitude counts of the events that a project has published: events, users and sessions by day."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import NamedTuple

from amplitude_simulator.project import HOUR, PUBLISHING, Project

# In seconds; the last bucket ends with a day, the most that a session has.
BUCKET_BOUNDS = (0, 3, 10, 30, 60, 180, 600, 1800, 3600, 86400)
BUCKETS = tuple(f"{start}s-{end}s" for start, end in pairwise(BUCKET_BOUNDS))
NO_COUNTRY = "(none)"


class Brief(NamedTuple):
    """What counts of an event; moments are in UTC, without a zone."""

    user: int
    country: str
    session: int
    happened: datetime
    happened_at_client: datetime


@dataclass
class Day:
    """The numbers of a day; users are counted by country."""

    events: int = 0
    active_users: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    new_users: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    session_seconds: list[float] = field(default_factory=list)
    users_with_sessions: set[int] = field(default_factory=set)

    @property
    def average_session_length(self) -> float:
        return sum(self.session_seconds) / len(self.session_seconds) if self.session_seconds else 0.0

    @property
    def sessions_per_user(self) -> float:
        return len(self.session_seconds) / len(self.users_with_sessions) if self.users_with_sessions else 0.0

    def sessions_in(self, bucket: str) -> int:
        start, end = map(int, bucket.replace("s", "").split("-"))
        return sum(start <= seconds < end for seconds in self.session_seconds)


class Counts:
    """The days of a project, as they stand at a moment: late events count for their day, deleted ones no more."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._hours: dict[datetime, list[Brief]] = {}
        self._counted: tuple[datetime, dict[date, Day]] | None = None

    def on(self, day: date, now: datetime) -> Day:
        if self._counted is None or self._counted[0] != now:
            self._counted = now, self._count(list(self._briefs(now)))
        return self._counted[1].get(day) or Day()

    def _count(self, briefs: list[Brief]) -> dict[date, Day]:
        days: dict[date, Day] = defaultdict(Day)
        first_events: dict[int, Brief] = {}
        sessions: dict[tuple[int, int], list[Brief]] = defaultdict(list)
        for brief in briefs:
            day = days[self._day(brief.happened)]
            day.events += 1
            day.active_users[brief.country].add(brief.user)
            if brief.user not in first_events or brief.happened < first_events[brief.user].happened:
                first_events[brief.user] = brief
            if brief.session != -1:
                sessions[brief.user, brief.session].append(brief)
        for user, first in first_events.items():
            days[self._day(first.happened)].new_users[first.country].add(user)
        for (user, _), events in sessions.items():
            day = days[self._day(min(event.happened for event in events))]
            moments = [event.happened_at_client for event in events]
            day.session_seconds.append((max(moments) - min(moments)).total_seconds())
            day.users_with_sessions.add(user)
        return days

    def _day(self, moment: datetime) -> date:
        return (moment + timedelta(hours=self._project.rest.utc_offset_hours)).date()

    def _briefs(self, now: datetime) -> Iterator[Brief]:
        hour = self._project.first_hour
        while hour + HOUR < now:
            yield from self._briefs_of(hour, now)
            hour += HOUR

    def _briefs_of(self, hour: datetime, now: datetime) -> list[Brief]:
        """The events of an hour; those of one that is published whole are kept until a deletion changes it."""
        project = self._project
        whole = now - hour - HOUR >= PUBLISHING + project.late.get(hour, 0 * HOUR)
        if not whole or project.deletions:
            return list(map(_brief, project.published(hour, now)))
        if hour not in self._hours:
            self._hours[hour] = list(map(_brief, project.published(hour, now)))
        return self._hours[hour]


def _brief(line: bytes) -> Brief:
    event = json.loads(line)
    return Brief(
        event["amplitude_id"],
        event["country"] or NO_COUNTRY,
        event["session_id"],
        _moment(event["event_time"]),
        _moment(event["client_event_time"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
