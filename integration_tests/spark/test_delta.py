"""A real Delta table, merged by key as docs/spark.md shows it: restarts, late hours, numbers that change."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame

from amplitude_simulator import RestData
from amplitude_simulator.project import HOUR
from harness.moments import DAY
from harness.rest import days
from harness.spark import REPOSITORY, SimulatedSpark
from integration_tests.spark.conftest import FIRST_HOUR
from source_amplitude.spark.spark_versions import TELLS_LIMITS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

Merge = Callable[[DataFrame, Any], None]


@pytest.fixture(scope="module")
def merge_into() -> Callable[..., Merge]:
    """The function of the page."""
    page = (REPOSITORY / "docs" / "spark.md").read_text()
    [block] = re.findall(r"```python\n(from deltalake .*?)\nstream = ", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    return names["merge_into"]


def column(path: Path, name: str) -> list[Any]:
    return list(DeltaTable(str(path)).to_pyarrow_table().column(name).to_pylist())


def test_given_a_sink_that_fails_after_it_has_written_then_a_restart_has_each_event_once(
    a_spark: Callable[..., SimulatedSpark], folder: Path, merge_into: Callable[..., Merge]
) -> None:
    spark = a_spark(FIRST_HOUR + 14 * HOUR)
    merge, written = merge_into(f"{folder}/events", "uuid"), []

    def fail_once(rows: DataFrame, batch: int) -> None:
        merge(rows, batch)
        written.append(batch)
        if len(written) == 2:
            raise RuntimeError("the driver ends here")

    def run() -> None:
        stream = spark.stream(batch_size_hours="2", num_workers="2")
        spark.run(stream.writeStream.foreachBatch(fail_once), folder)

    if not TELLS_LIMITS:  # before 4.2, a run is one micro-batch
        run()
        spark.set_time(spark.simulator.now + HOUR)
    with pytest.raises(StreamingQueryException, match="the driver ends here"):
        run()
    spark.set_time(FIRST_HOUR + 16 * HOUR)
    for _ in range(2):
        run()
    assert written.count(1) == 2, "a micro-batch came again"
    assert Counter(column(folder / "events", "uuid")) == Counter(
        spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 13 * HOUR)
    )


def test_given_a_late_hour_then_reading_its_day_again_adds_its_events(
    a_spark: Callable[..., SimulatedSpark], folder: Path, merge_into: Callable[..., Merge]
) -> None:
    late = FIRST_HOUR + 3 * HOUR
    spark = a_spark(FIRST_HOUR + 14 * HOUR, late={late: 20 * HOUR})
    merge = merge_into(f"{folder}/events", "uuid")
    spark.run(spark.stream().writeStream.foreachBatch(merge), folder)
    project = spark.simulator.project
    missing = project.uuids(late, late)
    assert missing
    assert not missing & set(column(folder / "events", "uuid"))
    spark.set_time(FIRST_HOUR + 40 * HOUR)
    merge(spark.read(end_date=f"{FIRST_HOUR + 11 * HOUR:%Y-%m-%dT%H:%M:%SZ}"), None)
    assert Counter(column(folder / "events", "uuid")) == Counter(project.uuids(FIRST_HOUR, FIRST_HOUR + 11 * HOUR))


def test_given_numbers_that_amplitude_changes_then_the_table_has_the_final_ones(
    a_spark: Callable[..., SimulatedSpark], folder: Path, merge_into: Callable[..., Merge]
) -> None:
    first_day = date(2024, 3, 1)
    spark = a_spark(datetime(2024, 3, 5, 13, tzinfo=timezone.utc), rest=RestData(first_day=first_day))
    merge = merge_into(f"{folder}/days", "date", "bucket")
    options = {"table": "session_length_distribution", "start_date": f"{first_day}"}
    known: list[dict[tuple[str, str], int]] = []
    for _ in range(2):
        spark.run(spark.stream(**options).writeStream.foreachBatch(merge), folder)
        rows = DeltaTable(f"{folder}/days").to_pyarrow_table().to_pylist()
        known.append({(row["date"], row["bucket"]): row["count"] for row in rows})
        assert len(known[-1]) == len(rows), "a key comes once"
        spark.set_time(spark.simulator.now + 6 * DAY)
    dashboard = spark.simulator.rest.dashboard
    for day in days(first_day, date(2024, 3, 3)):
        for (found, bucket), count in known[1].items():
            if found == day:
                assert count == dashboard.count("distribution", date.fromisoformat(day), bucket)
    assert any(known[0][key] != known[1][key] for key in known[0]), "some numbers have changed"
