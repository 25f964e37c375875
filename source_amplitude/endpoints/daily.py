"""Defines the base of the endpoints that have numbers by day."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from datetime import date
from typing import ClassVar

from msgspec import Raw

from source_amplitude.endpoints.answers import NotIncludedError
from source_amplitude.endpoints.days import CURSOR_FIELD, day_param, number_of_days, parse_day_param, ranges
from source_amplitude.endpoints.endpoint import Days, Endpoint
from source_amplitude.endpoints.limits import COST_PER_REQUEST, seconds_at_the_limit
from source_amplitude.progress import counted
from source_amplitude.records.json_repair import Fields, elements, object_fields, plain_text

GROUP_BY_FACTOR = 4


class DailyEndpoint(Endpoint, ABC):
    """Reads days of the project's time zone, each when it is over.

    Source of the facts: https://amplitude.com/docs/apis/analytics/dashboard-rest
    """

    primary_keys: ClassVar[tuple[str, ...]] = (CURSOR_FIELD,)
    cursor_field = CURSOR_FIELD
    day_cost: ClassVar[int]
    """What Amplitude counts of a request for each of its days, and `GROUP_BY_FACTOR` times that where it is grouped."""
    is_grouped = False

    @property
    def days_per_request(self) -> int:
        """Returns how many days a request has, so that its cost fits."""
        return COST_PER_REQUEST // self._cost_of(1)

    def cost(self, days: Days) -> int:
        return self._cost_of(number_of_days(parse_day_param(days["start"]), parse_day_param(days["end"])))

    def _cost_of(self, days: int) -> int:
        return days * self.day_cost * (GROUP_BY_FACTOR if self.is_grouped else 1)

    def is_in_plan(self, day: date) -> bool:
        """Requests one day to learn whether the plan includes the endpoint; logs a warning where it does not.

        :raises AmplitudeError: as `request`
        """
        try:
            self.fetch_records({"start": day_param(day), "end": day_param(day)})
        except NotIncludedError as error:
            self._log_not_included(error)
        return self.is_included

    def requests(self, first: date, last: date) -> Iterator[Days]:
        """Yields the days of each request for a range of days, until the plan turns out to lack the endpoint."""
        self._log_range(first, last)
        for beginning, end in ranges(first, last, self.days_per_request):
            if self.is_included:
                yield {"start": day_param(beginning), "end": day_param(end)}

    def _log_range(self, first: date, last: date) -> None:
        days = number_of_days(first, last)
        requests = -(-days // self.days_per_request)
        minutes = seconds_at_the_limit(requests, self._cost_of(self.days_per_request)) / 60
        time_needed = f"about {counted(round(minutes), 'minute')}" if minutes >= 1 else "less than a minute"
        self.logger.info(
            f"{self.name}: reading {counted(days, 'day')}, {first} to {last}, with {counted(requests, 'request')}; "
            f"at Amplitude's limits that takes {time_needed}"
        )


def data_of(answer: Fields) -> Fields:
    """Reads the numbers of an answer.

    :raises KeyError, ValueError: it has none
    """
    data = object_fields(answer["data"])
    if data is None:
        raise ValueError("not an object")
    return data


def numbers_by_day(data: Fields) -> Iterator[tuple[str, tuple[Raw, ...]]]:
    """Yields each day of an answer with its number of each series; no day where Amplitude has no series at all."""
    if series := [elements(numbers) for numbers in elements(data["series"])]:
        for day, numbers in zip(elements(data["xValues"]), zip(*series, strict=True), strict=True):
            yield date.fromisoformat(plain_text(day)[:10]).isoformat(), numbers
