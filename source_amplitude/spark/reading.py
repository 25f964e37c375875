"""What a task does: the rows of some hours of events, or of user profiles, as Arrow batches.

Runs in Spark's Python workers, of which none knows of the others, and imports neither Airbyte's CDK nor Spark.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pyarrow as pa

from source_amplitude.config.model import ListedUsers
from source_amplitude.errors import ConfigError
from source_amplitude.events.reader import WindowReader
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.windows import Window
from source_amplitude.records.coercion import CoercionStats, log_coercions
from source_amplitude.spark.arrow import ArrowConverter
from source_amplitude.spark.errors import clear_errors
from source_amplitude.spark.options import Options
from source_amplitude.spark.permanent_errors import known_errors_stay
from source_amplitude.spark.rows import RowConverter
from source_amplitude.spark.schema import columns
from source_amplitude.spark.tables import EVENTS, USER_PROFILES
from source_amplitude.user_profiles.authenticator import KeyFallback
from source_amplitude.user_profiles.client import ProfileClient
from source_amplitude.user_profiles.fetch import Fetcher, FetchStatus
from source_amplitude.user_profiles.pacer import RequestPacer
from source_amplitude.user_profiles.snapshot import Snapshot
from source_amplitude.user_profiles.users import Listed

logger = logging.getLogger("source_amplitude.lakeflow")


def read_events(options: Options, windows: Sequence[Window]) -> Iterator[pa.RecordBatch]:
    """The events of some windows, one export at a time, the next one downloaded while one is read.

    :raises AmplitudeError: as reading them for Airbyte does
    """
    with clear_errors(), known_errors_stay():
        yield from _event_batches(options, windows)


def read_profiles(options: Options) -> Iterator[pa.RecordBatch]:
    """The profiles of the listed users, in their order, at the rate of the organization.

    :raises AmplitudeError: as reading them for Airbyte does
    """
    with clear_errors(), known_errors_stay():
        converter = ArrowConverter(columns(USER_PROFILES, timestamps=options.timestamps))
        yield from converter.batches(_profile_blocks(options))


def listed_users(options: Options) -> ListedUsers:
    """The users whose profiles are to be read.

    :raises ConfigError: nobody is listed
    """
    users = options.config.user_profiles.users
    if not isinstance(users, ListedUsers):
        raise ConfigError(
            "The table user_profiles needs the option user_ids (or device_ids): the users to read, with commas between."
        )
    return users


def _event_batches(options: Options, windows: Sequence[Window]) -> Iterator[pa.RecordBatch]:
    config = replace(options.config, num_workers=1)
    converter = RowConverter(columns(EVENTS, timestamps=options.timestamps))
    coercions = CoercionStats()
    with closing(Exporter(config, ConcurrencyLimiter(1), logger)) as exporter:
        for download in exporter.downloads(*windows):
            if download.archive is None:
                continue
            reader = WindowReader(download.window, download.archive, exporter.fetch_whole, converter, logger)
            for rows in reader.batches():
                coercions.add(rows.coercions)
                yield from converter.batches(rows)
            logger.info(f"events {download.window}: {reader.records:,} events")
    log_coercions(EVENTS, coercions, logger)


def _profile_blocks(options: Options) -> Iterator[bytes]:
    config = options.config
    keys = KeyFallback(config.secret_key, config.api_key, logger)
    client = ProfileClient(config, keys, RequestPacer(config.user_profiles.requests_per_minute, logger), logger)
    fetcher = Fetcher(client, config.user_profiles, keys, logger, json_columns_as_string=True)
    users = Listed(listed_users(options), {}, logger)
    with closing(Snapshot(users, fetcher, logger)) as snapshot:
        for result in snapshot.portion(users.total):
            if result.status is FetchStatus.PROFILE:
                yield result.record
