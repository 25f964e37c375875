"""The tables of Amplitude's other endpoints, by Spark itself: the same rows as the command line has."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame

from amplitude_simulator import Cohort, Fault, RestData
from amplitude_simulator.rest.cohorts import member_ids, member_rows
from amplitude_simulator.rest.dashboard import BUCKETS
from harness.moments import DAY
from harness.rest import DAILY, SNAPSHOTS, days, days_asked_for
from harness.spark import SimulatedSpark
from integration_tests.spark.conftest import NOW
from integration_tests.spark.queries import offsets, sentence_of
from source_amplitude.spark.spark_versions import TELLS_LIMITS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

FIRST_DAY = date(2024, 3, 1)
START = {"start_date": "2024-03-01"}
PROBE = "/us/api/2/events/list"


@pytest.fixture
def project(a_spark: Callable[..., SimulatedSpark]) -> Callable[..., SimulatedSpark]:
    """Spark with a project whose first day is 2024-03-01; by default it is 02:10 on 2024-03-16."""

    def become(now: datetime = NOW, **data: Any) -> SimulatedSpark:
        return a_spark(now, rest=RestData(**{"first_day": FIRST_DAY, **data}))

    return become


def read_days(frame: DataFrame) -> list[str]:
    return sorted({row.date for row in frame.select("date").collect()})


def asked(spark: SimulatedSpark) -> list[str]:
    """The days that were asked for, but for what only asks for the plan and the keys."""
    return sorted(days_asked_for(spark.simulator))


@pytest.mark.parametrize("table", DAILY)
def test_given_a_table_by_day_then_every_day_that_is_over_once(
    project: Callable[..., SimulatedSpark], table: str
) -> None:
    spark = project()
    rows = spark.read(table=table, **START).collect()
    dashboard = spark.simulator.rest.dashboard
    expected = []
    for day in map(date.fromisoformat, days(FIRST_DAY, date(2024, 3, 14))):
        if table in ("active_users", "new_users"):
            metric = table.partition("_")[0]
            countries = {group: dashboard.count(metric, day, group) for group in ("Spain", "Chile", "(none)")}
            expected.append((f"{day}", countries))
        elif table == "event_totals":
            expected.append((f"{day}", dashboard.count("totals", day)))
        elif table == "average_session_length":
            expected.append((f"{day}", round(dashboard.count("length", day) * 1.37, 4)))
        elif table == "sessions_per_user":
            expected.append((f"{day}", round(dashboard.count("peruser", day) * 0.01, 4)))
        elif table == "session_length_distribution":
            expected += [(f"{day}", bucket, dashboard.count("distribution", day, bucket)) for bucket in BUCKETS]
        else:
            pytest.fail(f"Say here what a day of {table} is.")
    found = [tuple(row)[:-1] for row in rows]
    if table in ("active_users", "new_users"):
        found = [(day, json.loads(statistics)) for day, statistics in found]
    assert found == expected
    assert {row.additional_fields for row in rows} == {None}


def test_given_an_end_date_then_the_batch_ends_there_and_the_keys_were_asked_about_once(
    project: Callable[..., SimulatedSpark],
) -> None:
    spark = project()
    frame = spark.read(table="active_users", start_date="2024-03-03T15:00:00Z", end_date="2024-03-05")
    assert read_days(frame) == days(date(2024, 3, 3), date(2024, 3, 5))
    assert [request.path for request in spark.simulator.rest_log] == [PROBE, "/us/api/2/users"]


def test_given_no_day_that_is_over_then_the_table_is_empty(project: Callable[..., SimulatedSpark]) -> None:
    spark = project()
    assert spark.read(table="active_users", start_date="2024-03-15").count() == 0
    assert spark.simulator.rest_log == []


def test_given_no_grouping_then_all_users_under_0(project: Callable[..., SimulatedSpark]) -> None:
    spark = project()
    options = {"table": "new_users", "start_date": "2024-03-14", "active_users_group_by_country": "false"}
    [row] = spark.read(**options).collect()
    count = spark.simulator.rest.dashboard.count("new", date(2024, 3, 14))
    assert json.loads(row.statistics) == {"0": count}


@pytest.mark.parametrize("table", [name for name in SNAPSHOTS if name != "cohort_members"])
def test_given_a_list_then_it_is_a_table(project: Callable[..., SimulatedSpark], table: str) -> None:
    spark = project()
    frame = spark.read(table=table)
    rows = frame.collect()
    assert rows
    assert {row.additional_fields for row in rows} == {None}
    assert all(comment for field in frame.schema if (comment := field.metadata["comment"]) or pytest.fail(field.name))


def test_given_lists_of_texts_and_objects_then_arrays_and_json(project: Callable[..., SimulatedSpark]) -> None:
    spark = project()
    frame = spark.read(table="cohorts")
    types = dict(frame.dtypes)
    assert (types["owners"], types["definition"], types["size"]) == ("array<string>", "string", "bigint")
    rows = {row.id: row for row in frame.collect()}
    assert rows.keys() == {"k2m9xq7", "p8w3rt1", "z5n4bc6"}
    assert isinstance(json.loads(rows["k2m9xq7"].definition), dict)
    assert rows["z5n4bc6"].metadata == ["a"]


def test_given_what_fits_no_column_then_it_is_kept(project: Callable[..., SimulatedSpark]) -> None:
    spark = project(cohorts=[Cohort("a", fields={"size": "many", "brand new": {"x": 2**70}})])
    [row] = spark.read(table="cohorts").collect()
    assert row.size is None
    assert json.loads(row.additional_fields) == {"size": "many", "brand new": {"x": 2**70}}


def test_given_chosen_cohorts_then_their_members_with_properties(project: Callable[..., SimulatedSpark]) -> None:
    spark = project()
    names = ["gp:plan", "gp:a, b"]
    frame = spark.read(table="cohort_members", cohort_ids="k2m9xq7, z5n4bc6", user_properties=json.dumps(names))
    assert frame.columns == ["cohort_id", "amplitude_id", "user_id", "properties"]
    expected = [
        (cohort.id, int(amplitude_id), user_id or None, dict(zip(names, values, strict=True)))
        for cohort in spark.simulator.project.rest.cohorts
        if cohort.id != "p8w3rt1"
        for amplitude_id, user_id, *values in list(member_rows(cohort, names))[1:]
    ]
    rows = frame.collect()
    assert [(*row[:3], json.loads(row.properties)) for row in rows] == expected


def test_given_a_number_of_cohorts_then_the_oldest_so_many(project: Callable[..., SimulatedSpark]) -> None:
    spark = project(cohorts=[Cohort("new"), Cohort("old", fields={"createdAt": 1})])
    rows = spark.read(table="cohort_members", max_cohorts="1").collect()
    assert [row.amplitude_id for row in rows] == list(member_ids(Cohort("old")))
    assert {row.properties for row in rows} == {None}


def test_given_a_plan_that_lacks_them_then_no_rows(project: Callable[..., SimulatedSpark]) -> None:
    spark = project(missing={"/api/3/cohorts": 403, "/api/2/users": 403})
    for options in ({"table": "cohorts"}, {"table": "active_users"}, {"table": "cohort_members", "max_cohorts": "2"}):
        assert spark.read(**options).count() == 0


def test_given_a_stream_then_each_trigger_has_the_new_days_and_the_week_before(
    project: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = project()
    options = {"table": "average_session_length", **START}
    query = spark.run_available(folder, **options)
    assert offsets(folder) == [{"first_date": "2024-03-01", "date": "2024-03-14"}]
    assert read_days(spark.written(folder)) == days(FIRST_DAY, date(2024, 3, 14))
    newest = query.recentProgress[0]["sources"][0]["latestOffset"]
    assert newest == '{"date": "2024-03-14"}' or not TELLS_LIMITS

    spark.simulator.clear_log()
    spark.run_available(folder, **options)
    assert spark.simulator.rest_log == [], "no day is new"

    spark.simulator.clear_log()
    spark.set_time(NOW + 2 * DAY)
    query = spark.run_available(folder, **options)
    assert offsets(folder)[-1]["date"] == "2024-03-16"
    assert query.recentProgress[0]["numInputRows"] == 10
    again = days(date(2024, 3, 7), date(2024, 3, 16))
    assert asked(spark) == sorted([*again, "2024-03-16"]), "and the newest day for the plan"


def test_given_days_that_are_merged_by_key_then_the_numbers_are_the_final_ones(
    project: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = project(datetime(2024, 3, 2, 13, tzinfo=timezone.utc))
    table: dict[str, float] = {}

    def merge(frame: DataFrame, _: int) -> None:
        rows = frame.collect()
        assert len({row.date for row in rows}) == len(rows), "a key comes once in a micro-batch"
        table.update({row.date: row.length for row in rows})

    for _ in range(5):
        stream = spark.stream(table="average_session_length", **START)
        spark.run(stream.writeStream.foreachBatch(merge), folder)
        spark.set_time(spark.simulator.now + 3 * DAY)
    spark.set_time(spark.simulator.now + 30 * DAY)
    for day in map(date.fromisoformat, days(FIRST_DAY, date(2024, 3, 5))):
        assert table[f"{day}"] == round(spark.simulator.rest.dashboard.count("length", day) * 1.37, 4)


def test_given_a_failure_then_the_micro_batch_runs_again_with_the_same_days(
    project: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = project()
    options = {"table": "sessions_per_user"}  # without a start date: "30 days ago" moves
    spark.simulator.faults.append(Fault("status", api="rest", status=503, day=date(2024, 3, 10)))
    with pytest.raises(StreamingQueryException, match="Amplitude kept failing to answer for the stream sessions_per"):
        spark.run_available(folder, **{**options, "start_date": ""})
    assert offsets(folder) == [{"first_date": "2024-02-15", "date": "2024-03-14"}]
    spark.simulator.faults.clear()
    spark.simulator.clear_log()
    spark.set_time(NOW + timedelta(days=3))
    for _ in range(1 if TELLS_LIMITS else 2):  # before 4.2, a run with `availableNow` is one micro-batch
        spark.run_available(folder, **{**options, "start_date": ""})
    assert offsets(folder)[1]["date"] == "2024-03-17"
    first, second = days(date(2024, 2, 15), date(2024, 3, 14)), days(date(2024, 3, 7), date(2024, 3, 17))
    assert asked(spark) == sorted([*first, *second, "2024-03-17"])


def test_given_a_plan_that_lacks_it_then_the_stream_has_no_rows_and_its_offset_waits(
    project: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = project(missing={"/api/2/sessions": 403})
    options = {"table": "sessions_per_user", **START}
    if TELLS_LIMITS:
        spark.run_available(folder, **options)
        assert offsets(folder) == [{"first_date": "2024-03-01"}], "where it begins, and no day that was read"
    else:
        told = sentence_of(spark, lambda: spark.run_available(folder, **options))
        assert told.startswith("The project's plan does not include the table sessions_per_user: before Spark 4.2 no ")
    assert [request.params["start"] for request in spark.simulator.rest_log] == ["20240314"]

    spark = project()
    spark.run_available(folder, **options)
    assert read_days(spark.written(folder)) == days(FIRST_DAY, date(2024, 3, 14))


def test_given_a_plan_that_loses_it_in_between_then_the_query_fails_and_its_offset_waits(
    project: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = project()
    body = json.dumps({"error": {"http_code": 403, "type": "forbidden", "message": "Not in your plan"}}).encode()
    lost = Fault("status", api="rest", status=403, body=body, day=FIRST_DAY)
    spark.simulator.faults.append(lost)
    options = {"table": "sessions_per_user", **START}
    told = sentence_of(spark, lambda: spark.run_available(folder, **options))
    assert told == (
        "The project's plan does not include the table sessions_per_user any more: leave it out until it does."
    )
    spark.simulator.faults.clear()
    spark.run_available(folder, **options)
    assert read_days(spark.written(folder)) == days(FIRST_DAY, date(2024, 3, 14))


@pytest.mark.parametrize("table", ["cohorts", "active_users"])
def test_given_wrong_keys_then_one_request_is_refused_and_a_sentence_says_so(
    project: Callable[..., SimulatedSpark], folder: Path, table: str
) -> None:
    spark = project()
    told = sentence_of(spark, lambda: spark.read(table=table, secret_key="wrong").count())
    assert told == (
        "Authentication failed. Check your api_key and secret_key. Amplitude says: 403 Forbidden (Invalid API Key). "
        "The region is set to US: a project of the other region is refused in the same way."
    )
    assert [request.path for request in spark.simulator.rest_log] == [PROBE]
    if table == "active_users":
        assert sentence_of(spark, lambda: spark.run_available(folder, table=table, secret_key="wrong")) == told
        assert len(spark.simulator.rest_log) == 2


@pytest.mark.parametrize("table", ["taxonomy_events", "cohort_members"])
def test_given_a_stream_of_a_list_then_a_sentence_says_that_there_is_none(
    project: Callable[..., SimulatedSpark], folder: Path, table: str
) -> None:
    spark = project()
    told = sentence_of(spark, lambda: spark.run_available(folder, table=table, cohort_ids="a"))
    assert told.startswith(f"The table {table} cannot be read as a stream, since it has no history")


def test_given_a_request_that_amplitude_rejects_then_the_action_fails_with_its_words(
    project: Callable[..., SimulatedSpark],
) -> None:
    spark = project(missing={"/api/2/events/list": 404})
    told = sentence_of(spark, lambda: spark.read(table="events_list").count())
    assert told.startswith("Amplitude gave an unexpected answer for the stream events_list: 404 Not Found (This feat")


def test_given_events_without_a_country_then_a_sentence_names_the_option(
    project: Callable[..., SimulatedSpark],
) -> None:
    spark = project(countries=())
    told = sentence_of(spark, lambda: spark.read(table="active_users").count())
    assert "Set active_users_group_by_country to false." in told


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"table": "cohort_members"}, "The table cohort_members needs the option cohort_ids, with commas between, or"),
        (
            {"table": "cohort_members", "cohort_ids": "a", "max_cohorts": "2"},
            "Give one of the options cohort_ids and max_cohorts, not both.",
        ),
        ({"table": "active_user"}, "There is no table active_user: choose one of events, user_profiles, events_list"),
    ],
)
def test_given_a_wrong_option_then_a_sentence_names_it(
    project: Callable[..., SimulatedSpark], options: dict[str, str], sentence: str
) -> None:
    spark = project()
    assert sentence_of(spark, lambda: spark.read(**options).count()).startswith(sentence)
    assert spark.simulator.rest_log == []


def test_given_a_checkpoint_of_events_then_a_sentence_says_so(
    project: Callable[..., SimulatedSpark], folder: Path
) -> None:
    spark = project()
    spark.run_available(folder)
    with pytest.raises(StreamingQueryException, match=r"wrote for a table by day \(its fields: first_hour, last_hour"):
        spark.run_available(folder, table="active_users")
