"""What is in the columns, by Spark itself."""

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from pyspark.sql import functions as f

from amplitude_simulator import Fault
from amplitude_simulator.archives import Member
from amplitude_simulator.project import HOUR
from harness.spark import SimulatedSpark, uuids
from integration_tests.spark.conftest import FIRST_HOUR

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine


def with_fields(**fields: object) -> Fault:
    """A fault that changes the first event of a member."""

    def change(members: list[Member]) -> list[Member]:
        name, content = members[0]
        first, rest = gzip.decompress(content).split(b"\n", 1)
        changed = json.dumps({**json.loads(first), **fields}).encode()
        return [(name, gzip.compress(changed + b"\n" + rest)), *members[1:]]

    return Fault("members", hour=FIRST_HOUR, transform=change)


def test_given_events_then_ids_are_exact_and_bags_are_json(spark: SimulatedSpark) -> None:
    published = {
        event["uuid"]: event
        for event in map(json.loads, spark.simulator.project.published(FIRST_HOUR, spark.simulator.now))
    }
    frame = spark.read(end_date="2024-03-13T00:00:00Z")
    bag = f.get_json_object("event_properties", "$['order id']").alias("order_id")
    rows = frame.select("uuid", "amplitude_id", "event_id", "event_properties", "event_time", "app", bag).collect()
    assert {row.uuid for row in rows} == published.keys()
    for row in rows:
        event = published[row.uuid]
        assert (row.amplitude_id, row.event_id, row.app) == (event["amplitude_id"], event["event_id"], event["app"])
        assert json.loads(row.event_properties) == event["event_properties"]
        assert row.order_id == str(event["event_properties"]["order id"])
        assert row.event_time == event["event_time"].replace(" ", "T") + "Z"


def test_given_the_option_columns_then_the_table_has_no_others(spark: SimulatedSpark) -> None:
    whole = spark.read(end_date="2024-03-13", timestamps="true")
    few = spark.read(end_date="2024-03-13", timestamps="true", columns="event_properties,uuid,event_time")
    assert few.columns == ["event_properties", "uuid", "event_time"]
    assert sorted(few.collect()) == sorted(whole.select(*few.columns).collect())


def test_given_the_option_timestamps_then_they_are_of_spark_s_type(spark: SimulatedSpark) -> None:
    frame = spark.read(end_date="2024-03-13T00:00:00Z", timestamps="true")
    assert dict(frame.dtypes)["server_upload_time"] == "timestamp"
    seconds = f.unix_micros("server_upload_time").alias("micros")
    found = {row.uuid: row.micros for row in frame.select("uuid", seconds).collect()}
    for event in map(json.loads, spark.simulator.project.published(FIRST_HOUR, spark.simulator.now)):
        uploaded = datetime.fromisoformat(event["server_upload_time"]).replace(tzinfo=timezone.utc)
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        assert found[event["uuid"]] == (uploaded - epoch) // timedelta(microseconds=1)


def test_given_what_fits_no_column_then_it_is_kept_and_the_batch_goes_on(spark: SimulatedSpark) -> None:
    new = {"brand_new": {"a": [1]}, "session_id": "no number", "event_id": 2**70, "paying": "perhaps", "user_id": 12}
    spark.simulator.faults.append(with_fields(**new))
    frame = spark.read(end_date="2024-03-13T23:00:00Z", batch_size_hours="24", num_workers="1")
    assert uuids(frame).total() == 24 * 5
    [changed] = frame.where("additional_fields is not null").collect()
    expected = {name: value for name, value in new.items() if name != "user_id"}
    assert json.loads(changed.additional_fields) == expected
    assert (changed.session_id, changed.event_id, changed.paying, changed.user_id) == (None, None, None, "12")
    assert changed.amplitude_id is not None


def test_given_an_end_date_then_the_batch_ends_there(spark: SimulatedSpark) -> None:
    project = spark.simulator.project
    assert uuids(spark.read(end_date="2024-03-13")).keys() == project.uuids(FIRST_HOUR, FIRST_HOUR + 23 * HOUR)


def test_given_nothing_to_read_then_the_table_is_empty(spark: SimulatedSpark) -> None:
    assert spark.read(start_date="2024-03-17").count() == 0
    assert not spark.simulator.log


def test_given_a_limit_then_no_archive_stays_behind(spark: SimulatedSpark) -> None:
    assert len(spark.read().limit(3).collect()) == 3


def test_given_listed_users_then_their_profiles_are_a_table(a_spark: Callable[..., SimulatedSpark]) -> None:
    spark = a_spark(unknown_users=["user-404@example.com"])
    listed = "user-1@example.com, user-404@example.com, user-2@example.com"
    frame = spark.read(table="user_profiles", user_ids=listed, get_cohort_ids="true", get_computations="true")
    assert dict(frame.dtypes)["cohort_ids"] == "array<string>"
    rows = frame.collect()
    assert [row.user_id for row in rows] == ["user-1@example.com", "user-2@example.com"]
    assert all(row.cohort_ids and json.loads(row.amp_props) and json.loads(row.computations) for row in rows)
    assert {row.additional_fields for row in rows} == {None}


def test_given_odd_values_in_a_profile_then_they_are_kept_as_json(spark: SimulatedSpark) -> None:
    answer = {"userData": {"user_id": "ada", "amp_props": ["x"], "brand_new": {"a": 1.5}}}
    spark.simulator.faults.append(Fault("status", api="profile", status=200, body=json.dumps(answer).encode()))
    [row] = spark.read(table="user_profiles", user_ids="ada").collect()
    assert (row.user_id, row.amp_props) == ("ada", None)
    assert json.loads(row.additional_fields) == {"amp_props": ["x"], "brand_new": {"a": 1.5}}


def test_given_columns_then_they_have_comments(spark: SimulatedSpark) -> None:
    spark.read(end_date="2024-03-13").createOrReplaceTempView("described")
    described = {row.col_name: row.comment for row in spark.session.sql("DESCRIBE described").collect()}
    assert described["uuid"] == "The event's unique identifier; the key of the stream."
