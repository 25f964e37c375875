"""The Dashboard REST API: events, active and new users, sessions.

Source of the facts: https://amplitude.com/docs/apis/analytics/dashboard-rest
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zlib import crc32

from amplitude_simulator.export import Answer
from amplitude_simulator.project import Project
from amplitude_simulator.rest.answers import as_json, error
from amplitude_simulator.rest.counting import BUCKETS, Counts, Day
from amplitude_simulator.rest.limits import DAY_FORMAT, cost_of

DAY = timedelta(days=1)
DAYS_OF_CHANGE = 7
ALL_EVENT_TYPES = {"event_type": "_all"}


class Dashboard:
    """Numbers of days in the project's time zone: they grow until the day is over, and a little for a week more.

    They are invented, unless `RestData.numbers` says that they are counted from the project's events.
    """

    def __init__(self, project: Project, now: Callable[[], datetime]) -> None:
        self._project = project
        self._data = project.rest
        self._now = now
        self._counts = Counts(project)
        self._is_counted = self._data.numbers == "counted"

    @property
    def first_day(self) -> date:
        return self._data.first_day or self._project.first_hour.date()

    def counted(self, day: date) -> Day:
        """A day as it stands now, counted from the events that are published."""
        return self._counts.on(day, self._now())

    def count(self, metric: str, day: date, group: str = "") -> int:
        """The invented number of a day as it stands now."""
        begins = datetime.combine(day, time(), timezone.utc) - timedelta(hours=self._data.utc_offset_hours)
        share = min(1.0, max(0.0, (self._now() - begins) / DAY))
        if day < self.first_day or not share:
            return 0
        whole = 50 + crc32(f"{self._project.seed}/{metric}/{day}/{group}".encode()) % 500
        if share < 1.0:
            return int(whole * share)
        return whole + min(DAYS_OF_CHANGE, (self._now() - begins) // DAY)

    def users(self, params: dict[str, str]) -> Answer:
        days = _days(params)
        metric = params.get("m", "active")
        if days is None or metric not in ("active", "new") or params.get("i", "1") != "1":
            return error(400, "Invalid chart definition", "Invalid start, end, m or i")
        labels: list[Any]
        if "g" not in params:
            series, labels = [[self._users(metric, day) for day in days]], [0]
        elif params["g"] != "country" or not self._data.countries:
            return error(400, "Invalid chart definition", f"Invalid user property {params['g']}")
        else:
            labels = self._countries(metric, days)
            series = [[self._users(metric, day, country) for day in days] for country in labels]
        return self._answer("/api/2/users", params, days, series, labels)

    def event_totals(self, params: dict[str, str]) -> Answer:
        """Event segmentation, of which only this is served: the totals of all event types."""
        days = _days(params)
        try:
            event = json.loads(params.get("e", ""))
        except ValueError:
            event = None
        if days is None or event != ALL_EVENT_TYPES or params.get("m") != "totals" or params.get("i", "1") != "1":
            return error(400, "Invalid chart definition", "Invalid e, start, end, m or i")
        if self._is_counted:
            series = [[self.counted(day).events for day in days]]
        else:
            series = [[self.count("totals", day) for day in days]]
        return self._answer("/api/2/events/segmentation", params, days, series, [0])

    def average_session_length(self, params: dict[str, str]) -> Answer:
        def length(day: date) -> float:
            return self.counted(day).average_session_length if self._is_counted else self.count("length", day) * 1.37

        return self._sessions("/api/2/sessions/average", params, length)

    def sessions_per_user(self, params: dict[str, str]) -> Answer:
        def average(day: date) -> float:
            return self.counted(day).sessions_per_user if self._is_counted else self.count("peruser", day) * 0.01

        return self._sessions("/api/2/sessions/peruser", params, average)

    def session_length_distribution(self, params: dict[str, str]) -> Answer:
        days = _days(params)
        if days is None:
            return error(400, "Invalid chart definition", "Invalid start or end")
        if self._is_counted:
            counts = [sum(self.counted(day).sessions_in(bucket) for day in days) for bucket in BUCKETS]
        else:
            counts = [sum(self.count("distribution", day, bucket) for day in days) for bucket in BUCKETS]
        data = {"series": [counts] if any(counts) else [], "xValues": list(BUCKETS)}
        return as_json({"data": data, "novaCost": cost_of("/api/2/sessions/length", params)})

    def events(self) -> Answer:
        """Visible events; a custom event has no id, as nobody has shown one that has."""
        listed = [self._event(number, name) for number, name in enumerate(self._data.event_types)]
        custom = self._event(len(listed), "ce:Any purchase")
        del custom["id"], custom["name"]
        return as_json({"data": [*listed, custom], "novaCost": 1})

    def _event(self, number: int, name: str) -> dict[str, Any]:
        return {
            "autohidden": False, "id": 811402117 + number, "value": name, "display": name.capitalize(), "hidden": False,
            "deleted": False, "flow_hidden": False, "timeline_hidden": 0 if number % 2 else False, "non_active": False,
            "in_waitroom": False, "waitroom_approved": None, "name": name, "totals": 812 + number, "totals_delta": 17.5,
        }  # fmt: skip

    def _sessions(self, path: str, params: dict[str, str], number: Callable[[date], float]) -> Answer:
        days = _days(params)
        if days is None:
            return error(400, "Invalid chart definition", "Invalid start or end")
        return self._answer(path, params, days, [[round(number(day), 4) for day in days]], [0])

    def _countries(self, metric: str, days: Sequence[date]) -> list[str]:
        if not self._is_counted:
            return list(self._data.countries)
        return sorted({country for day in days for country in _by_country(metric, self.counted(day))})

    def _users(self, metric: str, day: date, country: str = "") -> int:
        """How many users a day has, in one country or (without one) in all."""
        if not self._is_counted:
            return self.count(metric, day, country)
        users = _by_country(metric, self.counted(day))
        return len(users.get(country, ())) if country else len(set().union(*users.values()))

    def _answer(
        self, path: str, params: dict[str, str], days: Sequence[date], series: list[Any], labels: Sequence[object]
    ) -> Answer:
        grouped = "g" in params
        data: dict[str, Any] = {
            "xValues": [f"{day:%Y-%m-%d}" for day in days],
            "series": series if any(map(any, series)) else [],
            "seriesCollapsed": [[sum(row)] for row in series],
        }
        if grouped and self._data.group_labels == "seriesMeta":
            data["seriesMeta"] = list(labels)
        else:
            data["seriesMeta"] = [{"segmentIndex": 0} for _ in labels]
            data["seriesLabels"] = list(labels)
        cost = cost_of(path, params)
        return as_json(
            {"data": data, "novaCost": cost, "novaRuntime": 12, "cacheFreshness": "RECENT", "timeComputed": 1}
        )


def _by_country(metric: str, day: Day) -> Mapping[str, set[int]]:
    return day.new_users if metric == "new" else day.active_users


def _days(params: dict[str, str]) -> list[date] | None:
    """The days of a request, both ends included; None when they make no range."""
    try:
        first, last = (
            datetime.strptime(params[name], DAY_FORMAT).replace(tzinfo=timezone.utc).date() for name in ("start", "end")
        )
    except (KeyError, ValueError):
        return None
    return [first + number * DAY for number in range((last - first).days + 1)] or None
