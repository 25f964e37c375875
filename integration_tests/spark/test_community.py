"""The format `lakeflow_connect`, as pipelines of Lakeflow's community connectors ask it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from harness.spark import SimulatedSpark, uuids
from integration_tests.spark.conftest import FIRST_HOUR
from source_amplitude.endpoints.registry import ENDPOINTS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine


def read(spark: SimulatedSpark, table: str, **options: str) -> DataFrame:
    """As the framework does: the connection's options, and the table's."""
    given = {**spark.options, "tableName": table, **options}
    return spark.session.read.format("lakeflow_connect").options(**given).load()


def test_which_tables_there_are(a_spark: Callable[..., SimulatedSpark]) -> None:
    others = [endpoint.name for endpoint in ENDPOINTS]
    tables = [row.tableName for row in read(a_spark(), "_community_tables").collect()]
    assert tables == ["events", "user_profiles", *others]
    in_the_eu = [row.tableName for row in read(a_spark(region="EU"), "_community_tables").collect()]
    assert in_the_eu == ["events", *others]


def test_there_are_no_namespaces(spark: SimulatedSpark) -> None:
    frame = read(spark, "_community_namespaces")
    assert frame.schema.simpleString() == "struct<namespace:array<string>>"
    assert frame.collect() == []


NAMES = ["events", "user_profiles", "cohorts", "session_length_distribution"]


@pytest.mark.parametrize("names", [json.dumps(NAMES), ", ".join(NAMES)])
@pytest.mark.parametrize("table", ["_community_table_metadata", "_lakeflow_metadata"])
def test_what_the_tables_are(spark: SimulatedSpark, table: str, names: str) -> None:
    configs = json.dumps({"user_profiles": {"user_ids": "user-1"}})
    rows = {row.tableName: row for row in read(spark, table, tableNameList=names, tableConfigs=configs).collect()}
    assert (rows["events"].primary_keys, rows["events"].cursor_field) == (["uuid"], "server_upload_time")
    assert rows["events"].ingestion_type == "append"
    assert (rows["user_profiles"].primary_keys, rows["user_profiles"].cursor_field) == (["user_id"], None)
    assert rows["user_profiles"].ingestion_type == "snapshot"
    assert tuple(rows["cohorts"])[1:] == (["id"], None, "snapshot")
    assert tuple(rows["session_length_distribution"])[1:] == (["date", "bucket"], "date", "cdc")


def test_a_table_is_that_of_the_format_amplitude(spark: SimulatedSpark, folder: Path) -> None:
    frame = read(spark, "events", end_date="2024-03-13")
    assert frame.schema == spark.read(end_date="2024-03-13").schema
    assert uuids(frame).total() == 24 * 5
    options = {**spark.options, "tableName": "events"}
    stream = spark.session.readStream.format("lakeflow_connect").options(**options).load()
    spark.run(stream.writeStream.format("parquet").option("path", f"{folder}/events"), folder)
    written = uuids(spark.written(folder))
    assert written.keys() == spark.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR.replace(day=15, hour=23))
    assert set(written.values()) == {1}


def test_tables_by_day_and_lists_are_those_of_the_format_amplitude(spark: SimulatedSpark, folder: Path) -> None:
    days = read(spark, "average_session_length", end_date="2024-03-14")
    assert [row.date for row in days.collect()] == ["2024-03-13", "2024-03-14"]
    assert read(spark, "cohorts").collect() == spark.read(table="cohorts").collect()
    options = {**spark.options, "tableName": "average_session_length"}
    stream = spark.session.readStream.format("lakeflow_connect").options(**options).load()
    spark.run(stream.writeStream.format("parquet").option("path", f"{folder}/events"), folder)
    assert sorted(row.date for row in spark.written(folder).collect()) == ["2024-03-13", "2024-03-14"]


@pytest.mark.parametrize(
    ("table", "options", "told"),
    [
        ("_community_table_metadata", {"tableNameList": "[events"}, "The option tablenamelist must hold JSON."),
        ("_community_table_metadata", {"tableNameList": '["invoices"]'}, "invoices"),
        ("invoices", {}, "invoices"),
    ],
)
def test_given_something_wrong_then_a_sentence(
    spark: SimulatedSpark, table: str, options: dict[str, str], told: str
) -> None:
    with pytest.raises(Exception, match=told) as caught:
        read(spark, table, **options).collect()
    assert spark.options["secret_key"] not in str(caught.value)
