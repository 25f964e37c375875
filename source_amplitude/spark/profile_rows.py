"""Reads the rows of user profiles, as Arrow batches. Runs in Spark's Python workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

import pyarrow as pa

from source_amplitude.config.model import ListedUsers
from source_amplitude.records.schema import FieldType
from source_amplitude.spark.arrow import ArrowConverter
from source_amplitude.spark.options import Options
from source_amplitude.spark.tables.table import logger
from source_amplitude.user_profiles.fetch import Fetcher, FetchStatus
from source_amplitude.user_profiles.keys import KeyFallback
from source_amplitude.user_profiles.pacer import RequestPacer
from source_amplitude.user_profiles.snapshot import Snapshot
from source_amplitude.user_profiles.users import Listed


def read_profiles(options: Options, users: ListedUsers, columns: Mapping[str, FieldType]) -> Iterator[pa.RecordBatch]:
    """Reads the profiles of the listed users, in their order, at the rate of the organization."""
    return ArrowConverter(columns).batches(_blocks(options, users))


def _blocks(options: Options, listed: ListedUsers) -> Iterator[bytes]:
    config = options.config
    keys = KeyFallback(config.secret_key, config.api_key, logger)
    fetcher = Fetcher(config, keys, RequestPacer(config.user_profiles.requests_per_minute, logger), logger)
    users = Listed(listed, {}, logger)
    with closing(Snapshot(users, fetcher, logger)) as snapshot:
        for result in snapshot.portion(users.total):
            if result.status is FetchStatus.PROFILE:
                yield result.record
