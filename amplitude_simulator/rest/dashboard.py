"""The Dashboard REST API: events, active and new users, sessions.

Source of the facts: https://amplitude.com/docs/apis/analytics/dashboard-rest
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zlib import crc32

from amplitude_simulator.export import Answer
from amplitude_simulator.project import Project
from amplitude_simulator.rest.answers import as_json, error
from amplitude_simulator.rest.limits import DAY_FORMAT, cost_of

DAY = timedelta(days=1)
DAYS_OF_CHANGE = 7
BUCKETS = ("0s-3s", "3s-10s", "10s-30s", "30s-60s", "60s-180s", "180s-600s", "600s-1800s", "1800s-3600s",
           "3600s-86400s")  # fmt: skip


class Dashboard:
    """Numbers of days in the project's time zone: they grow until the day is over, and a little for a week more."""

    def __init__(self, project: Project, now: Callable[[], datetime]) -> None:
        self._project = project
        self._data = project.rest
        self._now = now

    @property
    def first_day(self) -> date:
        return self._data.first_day or self._project.first_hour.date()

    def count(self, metric: str, day: date, group: str = "") -> int:
        """The number of a day as it stands now."""
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
        if "g" not in params:
            series, labels = [[self.count(metric, day) for day in days]], [0]
        elif params["g"] != "country" or not self._data.countries:
            return error(400, "Invalid chart definition", f"Invalid user property {params['g']}")
        else:
            labels = list(self._data.countries)  # type: ignore[arg-type]
            series = [[self.count(metric, day, country) for day in days] for country in self._data.countries]
        return self._answer("/api/2/users", params, days, series, labels)

    def average_session_length(self, params: dict[str, str]) -> Answer:
        return self._sessions("/api/2/sessions/average", "length", params, scale=1.37)

    def sessions_per_user(self, params: dict[str, str]) -> Answer:
        return self._sessions("/api/2/sessions/peruser", "peruser", params, scale=0.01)

    def session_length_distribution(self, params: dict[str, str]) -> Answer:
        days = _days(params)
        if days is None:
            return error(400, "Invalid chart definition", "Invalid start or end")
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

    def _sessions(self, path: str, metric: str, params: dict[str, str], scale: float) -> Answer:
        days = _days(params)
        if days is None:
            return error(400, "Invalid chart definition", "Invalid start or end")
        series = [[round(self.count(metric, day) * scale, 4) for day in days]]
        return self._answer(path, params, days, series, [0])

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


def _days(params: dict[str, str]) -> list[date] | None:
    """The days of a request, both ends included; None when they make no range."""
    try:
        first, last = (
            datetime.strptime(params[name], DAY_FORMAT).replace(tzinfo=timezone.utc).date() for name in ("start", "end")
        )
    except (KeyError, ValueError):
        return None
    return [first + number * DAY for number in range((last - first).days + 1)] or None
