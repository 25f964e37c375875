"""Micro-batches: where they end, and that one which runs again has the same rows."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame

from amplitude_simulator import Fault
from amplitude_simulator.project import HOUR
from harness.spark import SimulatedSpark, uuids
from integration_tests.spark.conftest import FIRST_HOUR, NOW
from integration_tests.spark.queries import offsets
from source_amplitude.spark.spark_versions import TELLS_LIMITS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

tells_limits = pytest.mark.skipif(
    not TELLS_LIMITS, reason="before 4.2 Spark tells a reader no limit: a micro-batch is all that is available"
)


@tells_limits
def test_given_more_hours_than_a_micro_batch_then_there_are_several(spark: SimulatedSpark, folder: Path) -> None:
    query = spark.run_available(folder, batch_size_hours="10")
    assert offsets(folder) == [
        {"first_hour": "20240313T00", "last_hour": "20240314T05"},
        {"last_hour": "20240315T11"},
        {"last_hour": "20240315T23"},
    ]
    assert [progress["numInputRows"] for progress in query.recentProgress] == [150, 150, 60]
    assert query.recentProgress[0]["sources"][0]["latestOffset"] == '{"last_hour": "20240315T23"}'


def test_given_nothing_new_then_the_offset_stays_and_nothing_is_asked_for(spark: SimulatedSpark, folder: Path) -> None:
    spark.run_available(folder)
    before = offsets(folder)
    spark.simulator.clear_log()
    spark.run_available(folder)
    assert offsets(folder)[-1] == before[-1]
    assert not spark.simulator.log


def test_given_empty_hours_then_the_offset_moves_past_them(
    a_spark: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = a_spark(events_per_hour=lambda hour: 3 if hour == FIRST_HOUR + 40 * HOUR else 0)
    spark.run_available(folder)
    assert spark.written(folder).count() == 3
    assert offsets(folder) == [{"first_hour": "20240313T00", "last_hour": "20240315T23"}]


def test_given_hours_that_complete_while_it_runs_then_available_now_leaves_them(
    spark: SimulatedSpark, folder: Path
) -> None:
    def write(frame: DataFrame, batch: int) -> None:
        spark.set_time(NOW + 5 * HOUR)
        frame.write.mode("append").parquet(f"{folder}/events")

    spark.run(spark.stream(batch_size_hours="10").writeStream.foreachBatch(write), folder)
    assert offsets(folder)[-1]["last_hour"] == "20240315T23"


def test_given_a_failing_sink_and_a_later_restart_then_the_micro_batch_has_the_same_rows(
    spark: SimulatedSpark, folder: Path
) -> None:
    """Without a start date: by the restart, "30 days ago" is another hour."""
    options = {"start_date": "", "batch_size_hours": "300"}
    read: list[tuple[int, Counter[str]]] = []

    def fail_once(frame: DataFrame, batch: int) -> None:
        read.append((batch, uuids(frame)))
        if len(read) == 1:
            raise RuntimeError("the sink is broken")

    with pytest.raises(StreamingQueryException, match="the sink is broken"):
        spark.run(spark.stream(**options).writeStream.foreachBatch(fail_once), folder)
    spark.set_time(NOW + 3 * HOUR)
    for _ in range(1 if TELLS_LIMITS else 2):  # before 4.2, a run with `availableNow` is one micro-batch
        spark.run(spark.stream(**options).writeStream.foreachBatch(fail_once), folder)
    assert [batch for batch, _ in read] == [0, 0, 1]
    assert read[0][1] == read[1][1]
    whole = spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 74 * HOUR)
    assert read[1][1] + read[2][1] == Counter(whole)


def test_given_a_task_that_fails_for_good_then_the_query_fails_with_the_sentence(
    spark: SimulatedSpark, folder: Path
) -> None:
    spark.simulator.faults.append(Fault("status", status=400, hour=FIRST_HOUR + 30 * HOUR, body=b"too large"))
    with pytest.raises(StreamingQueryException) as caught:
        spark.run_available(folder)
    assert "ConfigError: The hour 20240314T06 is too large for the Export API (400 too large)" in str(caught.value)
    spark.simulator.faults.clear()
    spark.run_available(folder)
    assert uuids(spark.written(folder)) == Counter(spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR))


def test_given_an_hour_that_is_refused_for_good_then_skip_hours_lets_the_stream_go_on_without_it(
    spark: SimulatedSpark, folder: Path
) -> None:
    refused = FIRST_HOUR + 30 * HOUR
    spark.simulator.faults.append(Fault("status", status=400, hour=refused, body=b"too large"))
    with pytest.raises(StreamingQueryException, match=r"name it in skip_hours \(20240314T06\)"):
        spark.run_available(folder)
    spark.run_available(folder, skip_hours="20240314T06")
    project = spark.simulator.project
    whole = project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR)
    assert uuids(spark.written(folder)) == Counter(whole - project.uuids(refused, refused))


def test_given_a_running_query_then_hours_are_appended_as_they_become_complete(
    spark: SimulatedSpark, folder: Path
) -> None:
    writer = spark.stream().writeStream.format("parquet").option("path", f"{folder}/events")
    query = writer.option("checkpointLocation", f"{folder}/checkpoint").trigger(processingTime="0 seconds").start()
    try:
        query.processAllAvailable()
        spark.set_time(NOW + 2 * HOUR)
        query.processAllAvailable()
    finally:
        query.stop()
    assert uuids(spark.written(folder)) == Counter(spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 73 * HOUR))


def test_given_an_offset_of_another_connector_then_a_sentence_says_so(spark: SimulatedSpark, folder: Path) -> None:
    spark.run_available(folder)
    newest = max((folder / "checkpoint" / "offsets").glob("[0-9]*"), key=lambda path: int(path.name))
    lines = newest.read_text().splitlines()
    newest.write_text("\n".join([*lines[:-1], '{"cursor": "2024-03-15"}']))
    (newest.parent / f".{newest.name}.crc").unlink()
    with pytest.raises(StreamingQueryException, match=r"not one that this connector wrote \(its fields: cursor"):
        spark.run_available(folder)
