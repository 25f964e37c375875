"""One measurement of Spark's Python workers, in a session of its own: prints the cost as JSON."""

import argparse
import json
import tempfile
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from benchmarks.amplitude import API_KEY, SECRET_KEY
from benchmarks.contenders.plain_spark import PlainDataSource
from benchmarks.spark_workers import Workers, WorkersCost
from harness.spark import python_workers, spark_session, uuids

WORKERS = 2
WARM_READS = 3
HOUR = timedelta(hours=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("amplitude", "plain"))
    parser.add_argument("url")
    parser.add_argument("first_hour", type=datetime.fromisoformat)
    parser.add_argument("hours", type=int)
    parser.add_argument("width_hours", type=int)
    parser.add_argument("timestamps", choices=("true", "false"))
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        spark_session({"AMPLITUDE_API_URL": options.url}, Path(folder), f"local[{WORKERS}]") as session,
    ):
        session.dataSource.register(PlainDataSource)

        def table(hours: int, width: int) -> DataFrame:
            return events_table(session, options.name, options.timestamps, options.first_hour, hours, width)

        for _ in range(WARM_READS):  # each worker has a task of them, and imports what it needs
            table(min(WORKERS, options.hours), 1).count()
        assert python_workers(), "no worker is there to be measured"
        workers = Workers()
        workers.start()
        table(options.hours, options.width_hours).write.parquet(f"{folder}/events")
        wall, cpu, peak_mb = workers.stop()
        found = uuids(session.read.parquet(f"{folder}/events"))
        assert len(found) == found.total() > 0, "an event is there twice, or none at all"
        print(json.dumps(asdict(WorkersCost(len(found), wall, cpu, peak_mb))))


def events_table(
    session: SparkSession, name: str, timestamps: str, first: datetime, hours: int, width: int
) -> DataFrame:
    """The events of some hours, read in windows of `width` hours by at most as many tasks as there are workers."""
    last = first + (hours - 1) * HOUR
    starts = [first + offset * HOUR for offset in range(0, hours, width)]
    windows = ",".join(f"{start:%Y%m%dT%H}-{start + (width - 1) * HOUR:%Y%m%dT%H}" for start in starts)
    ranges = {
        "amplitude": {
            "start_date": f"{first:%Y-%m-%dT%H:%M:%SZ}",
            "end_date": f"{last:%Y-%m-%dT%H:%M:%SZ}",
            "batch_size_hours": str(width),
            "num_workers": str(WORKERS),
        },
        "plain": {"windows": windows},
    }
    keys = {"api_key": API_KEY, "secret_key": SECRET_KEY}
    return session.read.format(name).options(**keys, **ranges[name], timestamps=timestamps).load()


if __name__ == "__main__":
    main()
