"""No key is shown, wherever Spark shows something."""

import json
import logging
import re
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql.conf import RuntimeConfig

from amplitude_simulator import Fault
from harness.spark import REPOSITORY, SimulatedSpark
from harness.spark_shown import before_secrets, pages, texts
from source_amplitude.lakeflow import AmplitudeDataSource
from source_amplitude.spark import redaction

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine


def test_given_all_kinds_of_reads_then_no_key_is_shown(
    spark: SimulatedSpark, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = Path(spark.session.conf.get("spark.eventLog.dir").removeprefix("file://"))
    secrets = (spark.simulator.project.api_key, spark.simulator.project.secret_key)
    frame = spark.read()
    frame.explain(mode="extended")
    frame.explain(mode="formatted")
    frame.count()
    given = ", ".join(f"{name} '{value}'" for name, value in spark.options.items())
    spark.session.sql(f"CREATE OR REPLACE TEMPORARY VIEW events_to_count USING amplitude OPTIONS ({given})").collect()
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
    shown += [printed.out, printed.err, *pages(spark.session.sparkContext.uiWebUrl), *texts(log)]
    shown += texts(folder / "checkpoint")
    assert any("BatchScan amplitude" in text for text in shown)
    assert any("SparkListenerApplicationStart" in text for text in shown)
    assert not before_secrets(shown, secrets)


def test_given_a_root_logger_at_debug_then_it_shows_no_key(
    spark: SimulatedSpark, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = (spark.simulator.project.api_key, spark.simulator.project.secret_key)
    logging.getLogger("py4j").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    spark.session.range(1).count()
    assert "Command to send" in caplog.text, "what py4j logs then"
    caplog.clear()
    spark.session.dataSource.register(AmplitudeDataSource)
    caplog.clear()
    assert spark.read(end_date="2024-03-13").count() == 24 * 5
    assert not before_secrets([caplog.text], secrets)


def test_given_patterns_of_the_session_then_they_hold_beside_those_of_the_keys(
    spark: SimulatedSpark, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = spark.session.conf
    spark.session.readStream.format("rate").option("url", "jdbc:of-somebody").load().explain(extended=True)
    assert "rate" in (printed := capsys.readouterr().out)
    assert "jdbc:of-somebody" not in printed, "Spark's own pattern, which is a default"
    patterns = {name: conf.get(name) for name in redaction.REDACTED}
    try:
        for name in patterns:
            conf.set(name, "own")
        for _ in range(2):
            spark.session.dataSource.register(AmplitudeDataSource)
        assert {name: conf.get(name) for name in patterns} == {
            name: f"own|{keys}" for name, keys in redaction.REDACTED.items()
        }
    finally:
        for name, pattern in patterns.items():
            conf.set(name, pattern)


def test_given_a_platform_that_fixes_the_session_then_a_warning_says_where_keys_belong(
    spark: SimulatedSpark, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise AnalysisException("[CONFIG_NOT_AVAILABLE] Configuration spark.sql.redaction is not available.")

    monkeypatch.setattr(RuntimeConfig, "get", refuse)
    spark.session.dataSource.register(AmplitudeDataSource)
    assert "do not give api_key and secret_key as options here" in caplog.text


def test_given_the_docs_then_they_have_the_patterns() -> None:
    page = (REPOSITORY / "docs" / "spark.md").read_text()
    for name, keys in redaction.REDACTED.items():
        [line] = re.findall(rf"^{re.escape(name)} +(.+)$", page, re.MULTILINE)
        assert line.endswith(keys)
