"""Reads the table of events: hours of uploads, appended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from source_amplitude.config.model import Config
from source_amplitude.errors import ConfigError
from source_amplitude.export.width import AdaptiveWidth
from source_amplitude.export.windows import (
    HOUR,
    HOURLY_SINCE,
    Window,
    export_hour,
    floor_to_day,
    newest_complete_hour,
    next_window,
    parse_export_hour,
    slices,
)
from source_amplitude.spark.offsets import HOURS, Offset
from source_amplitude.spark.tables.stream import StreamTable
from source_amplitude.spark.tables.table import Json, logger

if TYPE_CHECKING:
    import pyarrow as pa

_WINDOWS = "windows"


class EventsTable(StreamTable[datetime]):
    """Reads complete hours in at most `num_workers` parts, each a list of windows for one export at a time."""

    is_partitioned = True
    unit = HOURS
    _keys_are_checked = False

    @property
    def metadata(self) -> Json:
        return {"primary_keys": ["uuid"], "cursor_field": "server_upload_time", "ingestion_type": "append"}

    @property
    def most_windows(self) -> int:
        return self.options.config.num_workers

    def check_keys(self) -> None:
        from source_amplitude.export.probe import why_keys_refused  # noqa: PLC0415 - workers do without
        from source_amplitude.http.hosts import warn_of_overrides  # noqa: PLC0415

        if self._keys_are_checked:
            return
        warn_of_overrides(logger)
        if why := why_keys_refused(self.options.config, logger):
            raise ConfigError(why)
        self._keys_are_checked = True

    def may_move_to(self, end: Offset[datetime]) -> bool:
        self.check_keys()
        return True

    def newest_complete(self, now: datetime) -> datetime:
        return newest_complete_hour(now, self.options.config.export_delay_hours)

    def last_of_batch(self, first: datetime, newest: datetime, windows: int | None) -> datetime:
        """Returns the last hour; before 2014-11-12 that of a day."""
        if windows is None:
            return newest if newest >= HOURLY_SINCE else floor_to_day(newest + HOUR) - HOUR
        window = next_window(first, newest, windows * self.options.config.batch_size_hours)
        return window.last if window else first - HOUR

    def part_of(self, first: datetime, last: datetime, *, moves_on: bool) -> Json:
        return _part([Window(first, last)])

    def parts_of(self, first: datetime, last: datetime, *, moves_on: bool) -> list[Json]:
        """Shares hours among at most `num_workers` lists of windows, each to be read one window at a time.

        So there are never more than `num_workers` exports at once, wherever the lists are read. A range that is
        narrower than all windows together is shared evenly.
        """
        config = self.options.config
        skipped = [hour for hour in sorted(config.skip_hours) if first <= hour <= last]
        if skipped:
            named = ", ".join(map(export_hour, skipped))
            logger.warning(f"{self.name}: left out, as skip_hours says, so that their events are not read: {named}")
        width = min(width_of(config).hours, -(-Window(first, last).hours // config.num_workers))
        windows = list(slices(first, last, width))
        return [_part(windows[number :: config.num_workers]) for number in range(min(config.num_workers, len(windows)))]

    def batches(self, part: Json) -> Iterator[pa.RecordBatch]:
        from source_amplitude.spark.arrow import combined  # noqa: PLC0415 - only workers need it
        from source_amplitude.spark.event_rows import read_events  # noqa: PLC0415

        windows = [Window(parse_export_hour(first), parse_export_hour(last)) for first, last in part[_WINDOWS]]
        yield from combined(read_events(self.options, self.columns, windows))
        self.check_complete(max(window.last for window in windows))


def _part(windows: Sequence[Window]) -> Json:
    return {_WINDOWS: [[window.start_param, window.end_param] for window in windows]}


def width_of(config: Config) -> AdaptiveWidth:
    """Returns how wide the exports of a project may be, as far as this process has learnt it.

    Each refusal may be an answer that took Amplitude minutes, so what one task has learnt is kept for the next one.
    """
    return _width(config.api_url, config.api_key, config.batch_size_hours)


@cache
def _width(api_url: str, api_key: str, widest_hours: int) -> AdaptiveWidth:  # noqa: ARG001 - they tell projects apart
    return AdaptiveWidth(widest_hours)
