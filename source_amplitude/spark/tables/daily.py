"""Reads tables with numbers a day, which Amplitude changes for a week: rows are merged by key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.endpoints.days import DAY, first_day_again, newest_complete_day
from source_amplitude.errors import ConfigError
from source_amplitude.http.hosts import warn_of_overrides
from source_amplitude.spark.offsets import DAYS, Offset
from source_amplitude.spark.tables.list import EndpointTable
from source_amplitude.spark.tables.stream import StreamTable
from source_amplitude.spark.tables.table import Json, logger

if TYPE_CHECKING:
    import pyarrow as pa

_MOVES_ON = "moves_on"


class DailyTable(EndpointTable, StreamTable[date]):
    """Reads days that are over, as a stream each time with the week before them.

    An offset moves only where the project's plan includes the table: it says that its days have been read.
    """

    unit = DAYS
    _is_in_plan = False
    _asked_about: date | None = None

    @property
    def endpoint(self) -> DailyEndpoint:
        return cast("DailyEndpoint", super().endpoint)

    @property
    def metadata(self) -> Json:
        keys = list(self.endpoint.primary_keys)
        return {"primary_keys": keys, "cursor_field": self.endpoint.cursor_field, "ingestion_type": "cdc"}

    def newest_complete(self, now: datetime) -> date:
        return newest_complete_day(now)

    def first_after(self, last: date) -> date:
        """Returns the first day of the week before, since Amplitude still changes its numbers.

        Whatever `start_date` says by now, each day that is new is read.
        """
        return min(first_day_again(self.options.config, last), last + DAY)

    def part_of(self, first: date, last: date, *, moves_on: bool) -> Json:
        days = {"first": first.isoformat(), "last": last.isoformat()}
        return {**days, _MOVES_ON: True} if moves_on else days

    def is_in_plan(self, end: Offset[date]) -> bool:
        """Asks whether the plan includes the table; where it does not, Amplitude is asked again the next day.

        :raises AmplitudeError: as reading it does, such as ConfigError where the keys are refused
        """
        assert end.last is not None, "a micro-batch ends with a day"
        if not self._is_in_plan and end.last != self._asked_about:
            warn_of_overrides(logger)
            self._is_in_plan = self.endpoint.is_in_plan(end.last)
            self._asked_about = end.last
        return self._is_in_plan

    def batches(self, part: Json) -> Iterator[pa.RecordBatch]:
        """Reads the rows of a range of days.

        :raises ConfigError: the plan lacks the table, and an offset would move past what was not read; or the days are
            not over yet
        """
        endpoint = self.endpoint
        first, last = date.fromisoformat(part["first"]), date.fromisoformat(part["last"])
        yield from self.rows(endpoint, endpoint.requests(first, last))
        self.check_complete(last)
        if part.get(_MOVES_ON) and not endpoint.is_included:
            raise ConfigError(
                f"The project's plan does not include the table {self.name} any more: leave it out until it does."
            )
