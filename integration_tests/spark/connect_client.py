"""What somebody does over Spark Connect, in a process of its own: no process has both kinds of sessions.

Reads its arguments as JSON from standard input: `address` of the server, `folder` for what queries write, `ways` (name
to options), and `result`, the file for what it found: for each way the `uuids` of a batch, of a stream and of a view,
the `error` of a wrong region, and what is `shown` of plans.
"""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from harness.spark import uuids
from source_amplitude.lakeflow import AmplitudeDataSource


def use(session: SparkSession, name: str, options: dict[str, str], folder: Path) -> dict[str, Any]:
    batch = session.read.format("amplitude").options(**options).load()
    stream = session.readStream.format("amplitude").options(**options).load()
    shown = StringIO()
    with redirect_stdout(shown):
        batch.explain(extended=True)
        stream.explain(extended=True)
    writer = stream.writeStream.format("parquet").option("path", f"{folder}/{name}")
    query = writer.option("checkpointLocation", f"{folder}/{name}_checkpoint").trigger(availableNow=True).start()
    query.awaitTermination()
    shown.write(json.dumps([progress.json for progress in query.recentProgress]))
    given = ", ".join(f"{option} '{value}'" for option, value in options.items())
    session.sql(f"CREATE TEMPORARY VIEW {name} USING amplitude OPTIONS ({given})").collect()
    error = ""
    try:
        session.read.format("amplitude").options(**options, region="EU").load().count()
    except PySparkException as caught:
        error = f"{caught}\n{caught!r}"
    read = {"batch": batch, "stream": session.read.parquet(f"{folder}/{name}"), "view": session.table(name)}
    return {
        "uuids": {kind: dict(uuids(frame)) for kind, frame in read.items()},
        "error": error,
        "shown": shown.getvalue(),
    }


def main() -> None:
    told = json.load(sys.stdin)
    session = SparkSession.builder.remote(told["address"]).getOrCreate()
    session.dataSource.register(AmplitudeDataSource)
    found = {name: use(session, name, options, Path(told["folder"])) for name, options in told["ways"].items()}
    Path(told["result"]).write_text(json.dumps(found))
    session.stop()


if __name__ == "__main__":
    main()
