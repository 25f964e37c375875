"""A driver of a standalone cluster, in a process of its own: streams events into Parquet files, all that there are.

Its argument is a file with JSON: `options` of the source, `folder` for the files, and `result`, the file for `uuids`
of all events and for the places (`modules`) of the package on executors.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from source_amplitude.lakeflow import AmplitudeDataSource


def place_of_the_package(_: int) -> str:
    import source_amplitude  # noqa: PLC0415 - on an executor

    return str(source_amplitude.__file__)


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    session = SparkSession.builder.getOrCreate()
    session.dataSource.register(AmplitudeDataSource)
    stream = session.readStream.format("amplitude").options(**given["options"]).load()
    writer = stream.writeStream.format("parquet").option("path", f"{given['folder']}/events")
    writer = writer.option("checkpointLocation", f"{given['folder']}/checkpoint").trigger(availableNow=True)
    writer.start().awaitTermination()
    events = session.read.parquet(f"{given['folder']}/events").select("uuid").collect()
    modules = session.sparkContext.range(0, 4, numSlices=4).map(place_of_the_package).collect()
    found = {"uuids": [row.uuid for row in events], "modules": sorted(set(modules))}
    Path(given["result"]).write_text(json.dumps(found))
    session.stop()


if __name__ == "__main__":
    main()
