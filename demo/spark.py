"""`make demo-spark`: Spark itself reads from a simulated Amplitude into Parquet, in batch and twice as a stream.

Time is simulated too: between the two runs of the stream three hours pass, in which new events become complete. The
Parquet files and the checkpoint are then in demo_output/spark/.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pyspark.sql.streaming import StreamingQuery

from amplitude_simulator import Project, Simulator
from amplitude_simulator.project import HOUR
from demo.__main__ import print_table, tell
from harness.moments import FIRST_HOUR, NOW
from harness.spark import SimulatedSpark, spark_session, uuids, write_settings

REPOSITORY = Path(__file__).parents[1]
OUTPUT = REPOSITORY / "demo_output" / "spark"
LATER = timedelta(hours=3)


@dataclass(frozen=True)
class Run:
    """One read, and what Amplitude saw of it."""

    name: str
    rows: int
    partitions: list[int]
    exports: int
    at_once: int
    seconds: float
    offsets: list[str]

    def row(self) -> list[str]:
        return [
            self.name,
            f"{self.rows:,}",
            " ".join(map(str, self.partitions)),
            str(self.exports),
            str(self.at_once),
            f"{self.seconds:.1f}",
            " -> ".join(self.offsets) or "-",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo-spark", description=__doc__)
    parser.add_argument("--events-per-hour", type=int, default=500)
    options = parser.parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    project = Project(FIRST_HOUR, options.events_per_hour)
    with tempfile.TemporaryDirectory() as folder, Simulator(project, now=NOW) as simulator:
        settings = Path(folder) / "settings.json"
        write_settings(settings, NOW)
        print(f"Amplitude is simulated at {simulator.url}, where it is {NOW:%Y-%m-%d %H:%M} UTC. Spark starts.\n")
        with spark_session(simulator.environment, Path(folder), "local[2]", settings) as session:
            sys.exit(0 if show(SimulatedSpark(session, simulator, settings)) else 1)


def show(spark: SimulatedSpark) -> bool:
    print(f"Spark {spark.session.version}; the events table:\n")
    spark.read().select("uuid", "server_upload_time", "event_type", "amplitude_id", "event_properties").printSchema()
    batch = measured("batch", spark, lambda: read_batch(spark))
    first = measured("stream, first run", spark, lambda: spark.run_available(OUTPUT, batch_size_hours="8"))
    spark.set_time(NOW + LATER)
    print(f"{LATER.seconds // 3600} hours later, at {spark.simulator.now:%Y-%m-%d %H:%M} UTC, the stream runs again.")
    second = measured("stream, second run", spark, lambda: spark.run_available(OUTPUT, batch_size_hours="8"))
    header = ["", "rows", "partitions", "exports", "at most at once", "seconds", "last hour of each micro-batch"]
    print_table(header, [run.row() for run in (batch, first, second)])
    print("\n(The seconds include the start of Spark's Python workers, and the simulator making up the events.)\n")
    return verify(spark)


def read_batch(spark: SimulatedSpark) -> None:
    spark.session.sparkContext.setJobGroup("batch", "all hours into Parquet")
    spark.read().write.parquet(f"{OUTPUT}/batch")


def partitions_of(spark: SimulatedSpark, group: str) -> list[int]:
    """How many tasks each job of a group had: those of a batch, or one for each micro-batch of a stream."""
    tracker = spark.session.sparkContext.statusTracker()
    jobs = [tracker.getJobInfo(number) for number in sorted(tracker.getJobIdsForGroup(group))]
    stages = [tracker.getStageInfo(number) for job in jobs if job for number in job.stageIds]
    return [stage.numTasks for stage in stages if stage]


def measured(name: str, spark: SimulatedSpark, run: Callable[[], StreamingQuery | None]) -> Run:
    """A read with its figures; the request that only asks whether the keys are accepted is left out."""
    spark.simulator.clear_log()
    started = time.monotonic()
    query = run()
    seconds = time.monotonic() - started
    exports = [request for request in spark.simulator.log if request.params["start"] >= f"{FIRST_HOUR:%Y}"]
    partitions = partitions_of(spark, str(query.runId) if query else "batch")
    rows = spark.session.read.parquet(f"{OUTPUT}/batch").count() if query is None else 0
    offsets: list[str] = []
    for progress in query.recentProgress if query else []:
        if progress["numInputRows"]:
            rows += progress["numInputRows"]
            offsets.append(json.loads(progress["sources"][0]["endOffset"])["last_hour"])
    return Run(name, rows, partitions, len(exports), spark.simulator.most_concurrent, seconds, offsets)


def verify(spark: SimulatedSpark) -> bool:
    """Whether both tables are what Amplitude published, each event once."""
    project, newest = spark.simulator.project, NOW.replace(minute=0) - 3 * HOUR
    batch = uuids(spark.session.read.parquet(f"{OUTPUT}/batch"))
    stream = uuids(spark.written(OUTPUT))
    of_batch, of_stream = project.uuids(FIRST_HOUR, newest), project.uuids(FIRST_HOUR, newest + LATER)
    return tell({
        f"batch: no uuid came twice ({batch.total():,} rows)": batch.total() == len(batch),
        f"batch: no uuid is missing ({len(of_batch):,} in complete hours)": batch.keys() == of_batch,
        f"stream: no uuid came twice ({stream.total():,} rows in two runs)": stream.total() == len(stream),
        f"stream: no uuid is missing ({len(of_stream):,} in complete hours)": stream.keys() == of_stream,
    })  # fmt: skip


if __name__ == "__main__":
    main()
