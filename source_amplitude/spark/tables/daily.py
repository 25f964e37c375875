"""Reads tables with numbers a day, which Amplitude changes for a week: rows are merged by key."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

from source_amplitude.endpoints.daily import DailyEndpoint
from source_amplitude.errors import ConfigError
from source_amplitude.http.hosts import warn_of_overrides
from source_amplitude.spark import day_offsets
from source_amplitude.spark.day_offsets import DayOffset, DayRange
from source_amplitude.spark.endpoint_rows import MOVES_ON
from source_amplitude.spark.options import Options
from source_amplitude.spark.tables.list import EndpointTable
from source_amplitude.spark.tables.table import Json, StreamTable, logger


class DailyTable(EndpointTable, StreamTable):
    """Reads days that are over, as a stream each time with the week before them.

    An offset moves only where the project's plan includes the table: it says that its days have been read.
    """

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._is_in_plan = False
        self._asked_about: date | None = None

    @property
    def metadata(self) -> Json:
        keys = list(self.endpoint.primary_keys)
        return {"primary_keys": keys, "cursor_field": self.endpoint.cursor_field, "ingestion_type": "cdc"}

    def parts(self, now: datetime) -> list[Json]:
        start = day_offsets.initial_offset(self.options, now)
        newest = day_offsets.newest_day(self.options, now)
        end = day_offsets.end_of_batch(start, newest)
        if end == start:
            logger.warning(f"{self.name}: nothing to read from {start.first} to {newest}")
        return _parts_of(day_offsets.days_between(self.options, start, end))

    def initial_offset(self, now: datetime) -> Json:
        return day_offsets.initial_offset(self.options, now).as_dict()

    def newest(self, now: datetime) -> Json:
        return DayOffset(last=day_offsets.newest_day(self.options, now)).as_dict()

    def next_batch(self, start: Json, now: datetime) -> tuple[list[Json], Json]:
        end = self.latest_offset(start, now)
        parts = self.micro_batch(start, end, now)
        return (parts, DayOffset(last=DayOffset.of(end).last).as_dict()) if parts else ([], dict(start))

    def latest_offset(self, start: Json | None, now: datetime) -> Json:
        begins = self._offset(start, now)
        end = day_offsets.end_of_batch(begins, day_offsets.newest_day(self.options, now))
        return end.as_dict() if end == begins or self._includes(end) else dict(start or {})

    def end_of_micro_batch(self, start: Json | None, newest: Json, *, everything: bool, now: datetime) -> Json:
        """Returns the newest day that is over, whatever the limit."""
        begins, last = self._offset(start, now), DayOffset.of(newest).last
        assert last is not None, "a day is what the newest offset has"
        end = day_offsets.end_of_batch(begins, last)
        if end == begins or self._includes(end):
            return end.as_dict()
        if start is None:
            raise ConfigError(
                f"The project's plan does not include the table {self.name}: before Spark 4.2 no stream of "
                "it can begin, so leave it out until it does."
            )
        return begins.as_dict()

    def micro_batch(self, start: Json, end: Json, now: datetime) -> list[Json]:
        days = day_offsets.days_between(self.options, self._offset(start, now), self._offset(end, now))
        return [{**part, MOVES_ON: True} for part in _parts_of(days)]

    def _offset(self, raw: Json | None, now: datetime) -> DayOffset:
        """Reads an offset of a checkpoint; the beginning for `{}` and None, which the framework has at first."""
        return day_offsets.initial_offset(self.options, now) if raw is None or raw == {} else DayOffset.of(raw)

    def _includes(self, end: DayOffset) -> bool:
        """Tells whether the plan includes the table; where it does not, Amplitude is asked again the next day.

        :raises AmplitudeError: as reading it does, such as ConfigError where the keys are refused
        """
        assert end.last is not None, "a micro-batch ends with a day"
        if not self._is_in_plan and end.last != self._asked_about:
            warn_of_overrides(logger)
            self._is_in_plan = cast("DailyEndpoint", self.endpoint).is_in_plan(end.last)
            self._asked_about = end.last
        return self._is_in_plan


def _parts_of(days: DayRange | None) -> list[Json]:
    return [{"first": days.first.isoformat(), "last": days.last.isoformat()}] if days else []
