"""Reads the endpoints of the Dashboard REST API: what is counted of events, users and sessions.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import ClassVar

from msgspec import Raw

from source_amplitude.endpoints.answers import RejectedError
from source_amplitude.endpoints.daily import DailyEndpoint, data_of, numbers_by_day
from source_amplitude.endpoints.days import CURSOR_FIELD, parse_day_param
from source_amplitude.endpoints.endpoint import Days, Endpoint, Record
from source_amplitude.endpoints.sender import Params
from source_amplitude.errors import ConfigError
from source_amplitude.records.json_repair import NO_KEY, NULL, Fields, elements, plain_text, plain_value, raw_json

_EMPTY = Raw(b"[]")
ALL_EVENT_TYPES = '{"event_type":"_all"}'


class EventsList(Endpoint):
    """Reads the visible event types, with this week's totals."""

    name = "events_list"
    primary_keys = ("value",)  # no documentation has an id
    api_path = "api/2/events/list"

    def parse_record(self, fields: Fields) -> Record:
        hidden = plain_value(fields.get("timeline_hidden", NULL))  # 0 and 1 were seen too
        return {**fields, "timeline_hidden": raw_json(bool(hidden))} if hidden in (0, 1) else fields


class UserCounts(DailyEndpoint):
    """Counts users a day: by country, or all of them under the label 0, as Amplitude has it."""

    api_path = "api/2/users"
    day_cost = 1
    metric: ClassVar[str]

    @property
    def is_grouped(self) -> bool:  # type: ignore[override]  # an attribute elsewhere
        return self.config.active_users_group_by_country

    def params(self, days: Days) -> Params:
        params = {**days, "m": self.metric, "i": "1"}
        return {**params, "g": "country"} if self.is_grouped else params

    def fetch_records(self, days: Days) -> Iterable[Record]:
        try:
            return super().fetch_records(days)
        except RejectedError as error:
            if not self.is_grouped:
                raise
            raise ConfigError(
                f"Amplitude cannot group users by country for the stream {self.name}: the project's events may have no "
                f"country. Set active_users_group_by_country to false. ({error.message})"
            ) from error

    def parse_records(self, answer: Fields, days: Days) -> Iterator[Record]:
        data = data_of(answer)
        labels = _labels(data)
        for day, numbers in numbers_by_day(data):
            yield {CURSOR_FIELD: raw_json(day), "statistics": raw_json(dict(zip(labels, numbers, strict=True)))}


class NumberADay(DailyEndpoint):
    """Reads one number a day, into a column of its own."""

    column: ClassVar[str]

    def parse_records(self, answer: Fields, days: Days) -> Iterator[Record]:
        for day, (number, *_) in numbers_by_day(data_of(answer)):
            yield {CURSOR_FIELD: raw_json(day), self.column: number}


class EventTotals(NumberADay):
    """Counts events a day, of all types: what a loaded day is compared with."""

    name = "event_totals"
    api_path = "api/2/events/segmentation"
    day_cost = 1
    column = "totals"

    def params(self, days: Days) -> Params:
        return {**days, "e": ALL_EVENT_TYPES, "m": "totals", "i": "1"}


class ActiveUsers(UserCounts):
    """Counts users with an event on the day."""

    name = "active_users"
    metric = "active"


class NewUsers(UserCounts):
    """Counts users with their first event on the day."""

    name = "new_users"
    metric = "new"


class AverageSessionLength(NumberADay):
    """Reads the average length of a day's sessions, in seconds."""

    name = "average_session_length"
    api_path = "api/2/sessions/average"
    day_cost = 4
    column = "length"


class SessionsPerUser(NumberADay):
    """Reads the average number of a day's sessions of a user."""

    name = "sessions_per_user"
    api_path = "api/2/sessions/peruser"
    day_cost = 4
    column = "avg_sessions"


class SessionLengthDistribution(DailyEndpoint):
    """Counts a day's sessions by their length. An answer counts over all of its days, so each has its own."""

    name = "session_length_distribution"
    primary_keys = (CURSOR_FIELD, "bucket")
    api_path = "api/2/sessions/length"
    day_cost = 4
    days_per_request = 1

    def parse_records(self, answer: Fields, days: Days) -> Iterator[Record]:
        data = data_of(answer)
        day: date = parse_day_param(days["start"])
        for series in elements(data["series"])[:1]:
            for bucket, count in zip(elements(data["xValues"]), elements(series), strict=True):
                if bucket in NO_KEY:
                    raise ValueError("a bucket without a name")
                yield {CURSOR_FIELD: raw_json(day.isoformat()), "bucket": raw_json(plain_text(bucket)), "count": count}


def _labels(data: Fields) -> list[str]:
    """Reads the names of the series: seen live in `seriesLabels` (0 for all users), documented in `seriesMeta`.

    Two that are the same, as repaired ones may be, differ by a number.
    """
    labels = [plain_text(label) for label in elements(data.get("seriesLabels", _EMPTY))]
    if not labels:
        labels = [meta for meta in map(plain_value, elements(data.get("seriesMeta", _EMPTY))) if isinstance(meta, str)]
    times: Counter[str] = Counter()
    for place, label in enumerate(labels):
        times[label] += 1
        labels[place] = label if times[label] == 1 else f"{label} ({times[label]})"
    return labels or ["0"]
