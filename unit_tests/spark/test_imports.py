"""Each process that Spark starts imports the package anew, and imports only what it needs."""

import pickle
import subprocess
import sys

import pytest

from source_amplitude.lakeflow import AmplitudeDataSource
from source_amplitude.spark.readers import BatchReader

pytestmark = pytest.mark.spark

HEAVY = {"airbyte_cdk", "jsonschema", "pandas", "pendulum", "pyrate_limiter", "requests", "msgspec"}
OPTIONS = {"api_key": "0123", "secret_key": "4567", "start_date": "2024-01-01", "end_date": "2024-01-02"}
RECEIVES = """
import pickle, sys
reader = pickle.loads(sys.stdin.buffer.read())
"""
CONVERTS = """
import json, sys
import source_amplitude.spark.event_rows
from source_amplitude.spark.rows import RowConverter
from source_amplitude.spark.schema import columns

usual = {"uuid": "a", "event_time": "2024-03-15 10:04:58.123000", "city": "Zürich", "app": 1, "paying": True}
usual |= {"event_properties": {"a": 1}, "groups": {}, "location_lat": 47.4, "of_ours": 7}
events = [usual, {**usual, "uuid": "b"}, {**usual, **dict.fromkeys(list(usual)[1:])}, {"uuid": "c"}]
odd = [{**usual, "paying": "true", "event_time": "2024-03-15T10:04:58Z", "app": "x"}]
converter = RowConverter(columns("events", timestamps=%(timestamps)s))
for lines in [events] * 3 + [odd + events] * 3:
    text = b"\\n".join(json.dumps(event).encode() for event in lines)
    assert sum(batch.num_rows for batch in converter.batches(converter.convert(text, len(lines)))) == len(lines)
"""


def imported_by(script: str, given: bytes = b"") -> set[str]:
    """Which of the heavy packages a process has imported at the end of a script."""
    script += f"\nprint(*sorted({HEAVY!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], input=given, capture_output=True, check=True)
    return set(ran.stdout.decode().split())


def test_whoever_imports_what_users_import_gets_nothing_heavy_with_it() -> None:
    assert imported_by("import sys, source_amplitude.lakeflow") == set()


@pytest.mark.parametrize("table", ["events", "user_profiles"])
def test_a_worker_that_receives_a_reader_gets_nothing_heavy_with_it(table: str) -> None:
    source = AmplitudeDataSource({**OPTIONS, "table": table, "user_ids": "a"})
    reader = source.reader(source.schema())
    assert isinstance(reader, BatchReader)
    assert imported_by(RECEIVES, pickle.dumps(reader)) == set()


@pytest.mark.parametrize("timestamps", [False, True])
def test_what_converts_events_does_not_import_pandas(timestamps: bool) -> None:
    assert imported_by(CONVERTS % {"timestamps": timestamps}) == {"msgspec", "requests"}
