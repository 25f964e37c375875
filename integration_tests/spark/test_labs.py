"""The source file that docs/spark.md gives for the framework's own pipelines, merged into a stand-in of it."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from amplitude_simulator.project import HOUR
from harness.spark import REPOSITORY, SimulatedSpark, uuids
from integration_tests.spark.conftest import FIRST_HOUR
from integration_tests.spark.labs_framework import register_lakeflow_source
from source_amplitude.spark.spark_versions import TELLS_LIMITS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

A_SUBCLASS_ALONE = """
from source_amplitude.lakeflow import LakeflowConnect as Ours


class AmplitudeLakeflowConnect(Ours):
    pass
"""


def documented_file() -> str:
    """The block of docs/spark.md that follows the path of the source in the framework's tree."""
    chapter = (REPOSITORY / "docs" / "spark.md").read_text().partition("/sources/amplitude/amplitude.py`")[2]
    found = re.search(r"```py\n(.*?)```", chapter, re.DOTALL)
    assert found
    return found.group(1)


def stream(spark: SimulatedSpark, table: str) -> DataFrame:
    options = {**spark.options, "tableName": table}
    return spark.session.readStream.format("merged_lakeflow_connect").options(**options).load()


def run(spark: SimulatedSpark, folder: Path, table: str = "events") -> None:
    spark.run(stream(spark, table).writeStream.format("parquet").option("path", f"{folder}/events"), folder)


def forget_the_newest_commit(folder: Path) -> None:
    newest = max((folder / "checkpoint" / "commits").glob("[0-9]*"), key=lambda path: int(path.name))
    newest.unlink()
    (newest.parent / f".{newest.name}.crc").unlink()


def written_after_a_restart(spark: SimulatedSpark, folder: Path) -> Counter[str]:
    """Four hours are written, the newest commit is lost, and five hours later the query starts again."""
    written: dict[int, Counter[str]] = {}

    def write(frame: DataFrame, batch: int) -> None:
        written[batch] = uuids(frame)  # a batch that comes again replaces what it wrote

    for _ in range(2 if TELLS_LIMITS else 3):  # before 4.2, a run with `availableNow` is one micro-batch
        spark.run(stream(spark, "events").writeStream.foreachBatch(write), folder)
        if spark.simulator.now < FIRST_HOUR + 8 * HOUR:
            forget_the_newest_commit(folder)
            spark.set_time(spark.simulator.now + 5 * HOUR)
    return sum(written.values(), Counter())


def test_given_a_lost_commit_then_the_documented_file_has_each_event_once(
    a_spark: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = a_spark(FIRST_HOUR + 6 * HOUR, events_per_hour=100)
    register_lakeflow_source(spark.session, documented_file())
    found = written_after_a_restart(spark, folder)
    assert found == Counter(spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 8 * HOUR))
    assert found.total() == 900


def test_given_a_lost_commit_then_a_subclass_alone_doubles_events_as_the_docs_say(
    a_spark: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = a_spark(FIRST_HOUR + 6 * HOUR, events_per_hour=100)
    register_lakeflow_source(spark.session, A_SUBCLASS_ALONE)
    found = written_after_a_restart(spark, folder)
    assert (found.total(), len(found)) == (1400, 900)


def test_given_the_documented_file_then_a_batch_is_read_in_parts_and_a_table_by_day_as_a_stream(
    spark: SimulatedSpark, folder: Path
) -> None:
    register_lakeflow_source(spark.session, documented_file())
    options = {**spark.options, "tableName": "events"}
    frame = spark.session.read.format("merged_lakeflow_connect").options(**options).load()
    assert frame.rdd.getNumPartitions() == 3
    assert uuids(frame) == Counter(spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR))
    run(spark, folder, "average_session_length")
    assert sorted(row.date for row in spark.written(folder).collect()) == ["2024-03-13", "2024-03-14"]


def test_given_a_file_that_only_imports_the_class_then_the_framework_finds_none(spark: SimulatedSpark) -> None:
    with pytest.raises(ValueError, match="No LakeflowConnect implementation found"):
        register_lakeflow_source(spark.session, "from source_amplitude.lakeflow import LakeflowConnect\n")
