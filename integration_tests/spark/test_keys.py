"""No key is shown, wherever Spark shows something."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from amplitude_simulator import Fault
from harness.spark import SimulatedSpark

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine


def pages(spark: SimulatedSpark) -> Iterator[str]:
    """What the UI serves of the session: pages, and its REST API."""
    url = spark.session.sparkContext.uiWebUrl
    application = f"{url}/api/v1/applications/{spark.session.sparkContext.applicationId}"
    addresses = [f"{url}/{page}/" for page in ("jobs", "stages", "environment", "executors", "SQL", "StreamingQuery")]
    addresses += [f"{application}/{name}" for name in ("jobs", "stages", "environment", "sql?details=true&length=500")]
    statements = json.loads(read(f"{application}/sql?length=500"))
    addresses += [f"{url}/SQL/execution/?id={statement['id']}" for statement in statements[-5:]]
    return map(read, addresses)


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def event_log(spark: SimulatedSpark) -> str:
    folder = Path(spark.session.conf.get("spark.eventLog.dir").removeprefix("file://"))
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc")


def test_given_all_kinds_of_reads_then_no_key_is_shown(
    spark: SimulatedSpark, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = (spark.simulator.project.api_key, spark.simulator.project.secret_key)
    frame = spark.read()
    frame.explain(mode="extended")
    frame.explain(mode="formatted")
    frame.count()
    frame.createOrReplaceTempView("events_to_count")
    spark.session.sql("SELECT count(*) FROM events_to_count").collect()
    spark.stream().explain(extended=True)
    query = spark.run_available(folder)
    query.explain(extended=True)
    shown = [json.dumps(progress.json) for progress in query.recentProgress] + [repr(frame), str(frame.schema)]
    spark.simulator.faults.append(Fault("status", status=418))
    with pytest.raises((PySparkException, Py4JJavaError)) as caught:
        spark.read().count()
    shown.append(str(caught.value))
    printed = capfd.readouterr()
    shown += [printed.out, printed.err, *pages(spark), event_log(spark)]
    shown += [
        path.read_text() for path in (folder / "checkpoint").rglob("*") if path.is_file() and path.suffix != ".crc"
    ]
    assert any("BatchScan amplitude" in text for text in shown)
    assert any("SparkListenerApplicationStart" in text for text in shown)
    for secret in secrets:
        around = [text[max(0, text.index(secret) - 300) : text.index(secret)] for text in shown if secret in text]
        assert not around
