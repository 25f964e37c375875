"""Reads the table of events: hours of uploads, appended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from source_amplitude.errors import ConfigError
from source_amplitude.export.windows import Window, export_hour
from source_amplitude.spark import offsets
from source_amplitude.spark.offsets import FIRST_HOUR, LAST_HOUR, Offset
from source_amplitude.spark.options import Options
from source_amplitude.spark.tables.table import Json, StreamTable, logger
from source_amplitude.spark.widths import width_of

if TYPE_CHECKING:
    import pyarrow as pa

_WINDOWS = "windows"


class EventsTable(StreamTable):
    """Reads complete hours in at most `num_workers` parts, each a list of windows for one export at a time."""

    is_partitioned = True

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._keys_are_checked = False

    @property
    def metadata(self) -> Json:
        return {"primary_keys": ["uuid"], "cursor_field": "server_upload_time", "ingestion_type": "append"}

    def check_keys(self) -> None:
        from source_amplitude.export.probe import why_keys_refused  # noqa: PLC0415 - workers do without
        from source_amplitude.http.hosts import warn_of_overrides  # noqa: PLC0415

        if self._keys_are_checked:
            return
        warn_of_overrides(logger)
        if why := why_keys_refused(self.options.config, logger):
            raise ConfigError(why)
        self._keys_are_checked = True

    def parts(self, now: datetime) -> list[Json]:
        start, newest = offsets.initial_offset(self.options, now), offsets.newest_hour(self.options, now)
        parts = self._parts_of(offsets.hours_between(start, offsets.end_of_batch(start, newest, None)))
        if not parts:
            logger.warning(f"{self.name}: nothing to read from {start.as_dict()[FIRST_HOUR]} to {export_hour(newest)}")
        return parts

    def read(self, part: Json) -> Iterator[pa.RecordBatch]:
        from source_amplitude.spark.event_rows import read_events  # noqa: PLC0415 - only workers need it

        return read_events(self.options, self.columns, offsets.windows_of_json(part[_WINDOWS]))

    def initial_offset(self, now: datetime) -> Json:
        return offsets.initial_offset(self.options, now).as_dict()

    def newest(self, now: datetime) -> Json:
        return Offset(last=offsets.newest_hour(self.options, now)).as_dict()

    def next_batch(self, start: Json, now: datetime) -> tuple[list[Json], Json]:
        """Plans one window of `batch_size_hours` at most."""
        begins = self._offset(start, now)
        newest = offsets.newest_hour(self.options, now)
        end = offsets.end_of_batch(begins, newest, self.options.config.batch_size_hours)
        hours = offsets.hours_between(begins, end)
        return ([_part([hours])], Offset(last=end.last).as_dict()) if hours else ([], dict(start))

    def latest_offset(self, start: Json | None, now: datetime) -> Json:
        begins = self._offset(start, now)
        most_hours = None if start is None else offsets.hours_a_micro_batch(self.options)
        return offsets.end_of_batch(begins, offsets.newest_hour(self.options, now), most_hours).as_dict()

    def end_of_micro_batch(self, start: Json | None, newest: Json, *, everything: bool, now: datetime) -> Json:
        begins = self._offset(start, now)
        last = Offset.of(newest).last
        assert last is not None, f"{LAST_HOUR} is what the newest offset has"
        most_hours = None if everything else offsets.hours_a_micro_batch(self.options)
        end = offsets.end_of_batch(begins, last, most_hours)
        if begins.is_after(now):
            logger.warning(
                f"{self.name}: nothing to read, since the stream's offset is in the future: {begins.as_dict()}"
            )
        if end != begins:
            self.check_keys()
        return end.as_dict()

    def micro_batch(self, start: Json, end: Json, now: datetime) -> list[Json]:
        return self._parts_of(offsets.hours_between(self._offset(start, now), self._offset(end, now)))

    def read_limit(self) -> Any:
        """Limits a micro-batch to one archive, of `batch_size_hours`, for each partition."""
        from source_amplitude.spark.spark_versions import most_archives  # noqa: PLC0415 - workers do without

        return most_archives(self.options.config.num_workers)

    def _offset(self, raw: Json | None, now: datetime) -> Offset:
        """Reads an offset of a checkpoint; the beginning for `{}` and None, which the framework has at first."""
        return offsets.initial_offset(self.options, now) if raw is None or raw == {} else Offset.of(raw)

    def _parts_of(self, hours: Window | None) -> list[Json]:
        if hours is None:
            return []
        skipped = [hour for hour in sorted(self.options.config.skip_hours) if hours.first <= hour <= hours.last]
        if skipped:
            named = ", ".join(map(export_hour, skipped))
            logger.warning(f"{self.name}: left out, as skip_hours says, so that their events are not read: {named}")
        lists = offsets.partitions_of(hours, self.options, width_of(self.options.config).hours)
        return [_part(windows) for windows in lists]


def _part(windows: list[Window]) -> Json:
    return {_WINDOWS: offsets.windows_as_json(windows)}
