"""The endpoints of the Dashboard REST API: what is counted of events, users and sessions.

Facts from https://amplitude.com/docs/apis/analytics/dashboard-rest
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, ClassVar

from source_amplitude.endpoints.answers import RejectedError
from source_amplitude.endpoints.client import Params
from source_amplitude.endpoints.daily import DailyEndpoint, numbers_by_day
from source_amplitude.endpoints.days import CURSOR_FIELD, parse_day_param
from source_amplitude.endpoints.endpoint import Days, Endpoint, Record
from source_amplitude.errors import ConfigError

UNGROUPED_LABEL = "0"


class EventsList(Endpoint):
    """The visible event types, with this week's totals."""

    name = "events_list"
    primary_keys = ("id",)
    api_path = "api/2/events/list"

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        for record in super().parse_records(answer, days):
            hidden = record.get("timeline_hidden")  # 0 and 1 were seen too
            yield {**record, "timeline_hidden": bool(hidden)} if hidden in (0, 1) else record


class UserCounts(DailyEndpoint):
    """How many users there were each day: by country, or all of them under the label 0, as Amplitude has it."""

    api_path = "api/2/users"
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

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        labels = _labels(answer["data"])
        for day, numbers in numbers_by_day(answer["data"]):
            yield {CURSOR_FIELD: day, "statistics": dict(zip(labels, numbers, strict=True))}


class ActiveUsers(UserCounts):
    """Users with an event on the day."""

    name = "active_users"
    metric = "active"


class NewUsers(UserCounts):
    """Users with their first event on the day."""

    name = "new_users"
    metric = "new"


class AverageSessionLength(DailyEndpoint):
    """The average length of a day's sessions, in seconds."""

    name = "average_session_length"
    api_path = "api/2/sessions/average"

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        for day, (length, *_) in numbers_by_day(answer["data"]):
            yield {CURSOR_FIELD: day, "length": length}


class SessionsPerUser(DailyEndpoint):
    """The average number of a day's sessions of a user."""

    name = "sessions_per_user"
    api_path = "api/2/sessions/peruser"

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        for day, (average, *_) in numbers_by_day(answer["data"]):
            yield {CURSOR_FIELD: day, "avg_sessions": average}


class SessionLengthDistribution(DailyEndpoint):
    """How many of a day's sessions had which length. An answer counts over all of its days, so each has its own."""

    name = "session_length_distribution"
    primary_keys = (CURSOR_FIELD, "bucket")
    api_path = "api/2/sessions/length"
    days_per_request = 1

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        data = answer["data"]
        day: date = parse_day_param(days["start"])
        for series in data["series"][:1]:
            for bucket, count in zip(data["xValues"], series, strict=True):
                yield {CURSOR_FIELD: day.isoformat(), "bucket": str(bucket), "count": count}


def _labels(data: Mapping[str, Any]) -> list[str]:
    """The names of the series: seen live in `seriesLabels`, the integer 0 for all users; documented in `seriesMeta`."""
    labels = data.get("seriesLabels") or [meta for meta in data.get("seriesMeta") or [] if isinstance(meta, str)]
    return [str(label) for label in labels] or [UNGROUPED_LABEL]
