"""One measurement of Spark, in a session of its own: prints the cost as JSON."""

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

from benchmarks.amplitude import API_KEY, SECRET_KEY
from benchmarks.contenders.ready_batches import ReadyBatches
from benchmarks.spark_cost import Meter
from harness.spark import spark_session, uuids
from source_amplitude.lakeflow import AmplitudeDataSource
from source_amplitude.spark.readers import BatchReader

WORKERS = 2
HOUR = timedelta(hours=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=("batch", "stream", "ready"))
    parser.add_argument("url")
    parser.add_argument("first_hour", type=datetime.fromisoformat)
    parser.add_argument("hours", type=int)
    parser.add_argument("events", type=int, help="so many must come")
    parser.add_argument("--columns", default="")
    arguments = parser.parse_args()
    os.environ["AMPLITUDE_API_URL"] = arguments.url  # of this process too, which makes the files of the floor
    last = arguments.first_hour + (arguments.hours - 1) * HOUR
    options = {
        "api_key": API_KEY,
        "secret_key": SECRET_KEY,
        "start_date": f"{arguments.first_hour:%Y-%m-%dT%H:%M:%SZ}",
        "end_date": f"{last:%Y-%m-%dT%H:%M:%SZ}",
        "batch_size_hours": str(-(-arguments.hours // WORKERS)),
        "num_workers": str(WORKERS),
        "columns": arguments.columns,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        spark_session({}, Path(folder), f"local[{WORKERS}]") as session,
    ):
        session.range(1).write.parquet(f"{folder}/warm")  # Spark's own first query costs seconds
        if arguments.mode == "ready":
            options = ready(options, Path(folder))
            session.dataSource.register(ReadyBatches)
        meter = Meter()
        meter.start()
        write(session, arguments.mode, options, folder)
        cost = meter.stop(arguments.events)
        found = uuids(session.read.parquet(f"{folder}/events"))
        assert len(found) == found.total() == arguments.events, "an event is there twice, or is missing"
        print(json.dumps(asdict(cost)))


def write(session: SparkSession, mode: str, options: dict[str, str], folder: str) -> None:
    """Reads all that the options say into Parquet files."""
    if mode == "stream":
        stream = session.readStream.format("amplitude").options(**options).load()
        writer = stream.writeStream.format("parquet").option("path", f"{folder}/events")
        writer = writer.option("checkpointLocation", f"{folder}/checkpoint").trigger(availableNow=True)
        writer.start().awaitTermination()
    else:
        name = "ready" if mode == "ready" else "amplitude"
        session.read.format(name).options(**options).load().write.parquet(f"{folder}/events")


def ready(options: dict[str, str], folder: Path) -> dict[str, str]:
    """The rows as files of Arrow batches, one for each task, and the options that read them."""
    source = AmplitudeDataSource(options)
    reader = source.reader(source.schema())
    assert isinstance(reader, BatchReader)
    for number, partition in enumerate(reader.partitions()):
        batches = reader.read(partition)
        first = next(batches)
        with pa.OSFile(f"{folder}/{number}.arrow", "wb") as file, pa.ipc.new_stream(file, first.schema) as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
    return {"folder": str(folder), "schema": source.schema().json()}


if __name__ == "__main__":
    main()
