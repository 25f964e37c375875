"""Plans micro-batches of the tables that grow with time, by hours or by days."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Generic

from source_amplitude.clock import TOLERANCE, clock_of
from source_amplitude.errors import ConfigError
from source_amplitude.spark.offsets import Offset, T, Unit
from source_amplitude.spark.tables.table import Json, Table, logger


class StreamTable(Table, Generic[T]):
    """Reads a table that grows with time: up to the newest hour or day that is complete, and not after `end_date`."""

    unit: Unit[T]

    def now(self) -> datetime:
        """Returns the time by which hours and days are complete: the earlier of the driver's clock and Amplitude's.

        :raises ConfigError: the driver's clock is more than a month ahead
        """
        from source_amplitude.http.time_of_day import time_of_day  # noqa: PLC0415 - workers do without

        return time_of_day(self.options.config.api_url, logger)

    @property
    def most_windows(self) -> int | None:
        """Returns how many windows of `batch_size_hours` a micro-batch has at most; None: all that is available."""
        return None

    @abstractmethod
    def newest_complete(self, now: datetime) -> T:
        """Returns the newest hour or day that is complete."""

    def last_of_batch(self, first: T, newest: T, windows: int | None) -> T:
        """Returns the last hour or day of a batch that begins with `first`; one before that where it has none.

        :param windows: how many windows it has at most; None: all that is available
        """
        return newest

    def first_after(self, last: T) -> T:
        """Returns where to read from when all up to `last` has been read."""
        return last + self.unit.step

    def check_complete(self, last: T) -> None:
        """Checks in a worker, after all of it was read, that what it has read was complete by then.

        The driver plans by the time that a HEAD request shows it. Where a proxy lets none pass, the answers to a task's
        own requests show the time: too late for the plan, and in time for the offset, which moves when all tasks are
        done.

        :param last: the last hour or day that was read
        :raises ConfigError: by Amplitude's answers it was not, so that the driver's clock runs ahead
        """
        now = clock_of(self.options.config.api_url).now()
        if now is not None and last > self.newest_complete(now + TOLERANCE):
            shown = last.isoformat()[: len("2024-01-15T14")]
            raise ConfigError(
                f"The {self.unit.name} up to {shown} were read before they are complete by Amplitude's clock, so the "
                "read does not count. Set the clock of Spark's driver, and let HEAD requests pass."
            )

    @abstractmethod
    def part_of(self, first: T, last: T, *, moves_on: bool) -> Json:
        """Makes one part of a range of hours or days, both ends included.

        :param moves_on: whether an offset moves past them, so that none of them would be read another time
        """

    def parts_of(self, first: T, last: T, *, moves_on: bool) -> list[Json]:
        """Shares a range of hours or days among the tasks of a batch."""
        return [self.part_of(first, last, moves_on=moves_on)]

    def is_in_plan(self, end: Offset[T]) -> bool:
        """Tells whether the project's plan includes the table, so that offsets may move."""
        return True

    def may_move_to(self, end: Offset[T]) -> bool:
        """Tells whether a stream may move to an offset, for Spark's own streams.

        :raises ConfigError: the keys are refused
        """
        return self.is_in_plan(end)

    def initial_offset(self, now: datetime) -> Json:
        """Returns where a stream without a checkpoint begins."""
        return self._beginning(now).as_dict()

    def newest(self, now: datetime) -> Json:
        """Returns the offset after everything that may be read at `now`."""
        return Offset(self.unit, last=self._newest(now)).as_dict()

    def parts(self, now: datetime) -> list[Json]:
        start, newest = self._beginning(now), self._newest(now)
        parts = self._parts_between(start, self._end(start, newest, None), moves_on=False)
        if not parts:
            first, last = self.unit.write(start.next), self.unit.write(newest)
            logger.warning(f"{self.name}: nothing to read from {first} to {last}")
        return parts

    def next_batch(self, start: Json, now: datetime) -> tuple[list[Json], Json]:
        """Plans one window at most, as one part."""
        begins = self._offset(start, now)
        end = self._end(begins, self._newest(now), 1)
        batch = self._between(begins, end)
        if batch is None or not self.is_in_plan(end):
            return [], dict(start)
        return [self.part_of(*batch, moves_on=True)], Offset(self.unit, last=end.last).as_dict()

    def latest_offset(self, start: Json | None, now: datetime) -> Json:
        begins = self._offset(start, now)
        end = self._end(begins, self._newest(now), None if start is None else self.most_windows)
        return end.as_dict() if end == begins or self.is_in_plan(end) else dict(start or {})

    def end_of_micro_batch(self, start: Json | None, newest: Json, *, everything: bool, now: datetime) -> Json:
        """Returns where the micro-batch after `start` ends, for Spark's own streams.

        :param start: None before Spark 4.2 where a stream begins
        :param newest: it ends there at the latest
        :param everything: whether it may have all that is available
        :raises ConfigError: the keys are refused, or the plan lacks a table whose beginning Spark does not know
        """
        begins, last = self._offset(start, now), Offset.read(self.unit, newest).last
        assert last is not None, "the newest offset has it"
        end = self._end(begins, last, None if everything else self.most_windows)
        if (begins.last or begins.next) > self.unit.of(now):
            logger.warning(
                f"{self.name}: nothing to read, since the stream's offset is in the future: {begins.as_dict()}"
            )
        if end == begins or self.may_move_to(end):
            return end.as_dict()
        if start is None:
            raise ConfigError(
                f"The project's plan does not include the table {self.name}: before Spark 4.2 no stream of "
                "it can begin, so leave it out until it does."
            )
        return begins.as_dict()

    def micro_batch(self, start: Json, end: Json, now: datetime) -> list[Json]:
        return self._parts_between(self._offset(start, now), self._offset(end, now), moves_on=True)

    def _between(self, start: Offset[T], end: Offset[T]) -> tuple[T, T] | None:
        """Returns the first and the last hour or day of a micro-batch, always the same ones; None when it has none.

        The beginning of the first one is taken from its end: at a restart before the first commit, Spark asks for a new
        `start`, and by then "30 days ago" may have moved.
        """
        if end.last is None or (start.last is not None and end.last <= start.last):
            return None
        first = self.first_after(start.last) if start.last is not None else end.first or start.next
        return (first, end.last) if first <= end.last else None

    def _parts_between(self, start: Offset[T], end: Offset[T], *, moves_on: bool) -> list[Json]:
        batch = self._between(start, end)
        return self.parts_of(*batch, moves_on=moves_on) if batch else []

    def _end(self, start: Offset[T], newest: T, windows: int | None) -> Offset[T]:
        """Returns where the batch after `start` ends: where it starts when there is nothing to read."""
        return start.moved_to(self.last_of_batch(start.next, newest, windows))

    def _beginning(self, now: datetime) -> Offset[T]:
        first, _ = self.options.config.beginning(None, now)
        return Offset(self.unit, first=self.unit.of(first))

    def _newest(self, now: datetime) -> T:
        newest, end = self.newest_complete(now), self.options.config.end
        return min(newest, self.unit.of(end)) if end else newest

    def _offset(self, raw: Json | None, now: datetime) -> Offset[T]:
        """Reads an offset of a checkpoint; the beginning for `{}` and None, which the framework has at first."""
        return self._beginning(now) if raw is None or raw == {} else Offset.read(self.unit, raw)
