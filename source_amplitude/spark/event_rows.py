"""Reads the rows of some hours of events, as Arrow batches.

Runs in Spark's Python workers, of which none knows of the others, and imports neither Airbyte's CDK nor Spark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import pyarrow as pa

from source_amplitude.events.reader import WindowReader
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.windows import Window
from source_amplitude.records.coercion import CoercionStats, log_coercions
from source_amplitude.records.schema import FieldType
from source_amplitude.spark.options import Options
from source_amplitude.spark.rows import RowConverter
from source_amplitude.spark.tables.events import width_of
from source_amplitude.spark.tables.table import logger


def read_events(
    options: Options, columns: Mapping[str, FieldType], windows: Sequence[Window]
) -> Iterator[pa.RecordBatch]:
    """Reads the events of some windows, one export at a time, the next one downloaded while one is read.

    Their batches are as small as the blocks that are converted: see `combined`.
    """
    config = replace(options.config, num_workers=1)
    converter = RowConverter(columns)
    coercions = CoercionStats()
    with closing(Exporter(config, ConcurrencyLimiter(1), logger)) as exporter:
        for download in exporter.downloads(*windows, width=width_of(options.config)):
            if download.archive is None:
                continue
            reader = WindowReader(download.window, download.archive, exporter.fetch_whole, converter, logger)
            for rows in reader.batches():
                coercions.add(rows.coercions)
                yield from converter.batches(rows)
            logger.info(f"events {download.window}: {reader.records:,} events")
    log_coercions(options.table, coercions, logger)
