"""Every way to get it wrong: one clear sentence each, at the end of what Spark says, and no key anywhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql.types import LongType, StructField, StructType

from amplitude_simulator import Fault
from harness.spark import SimulatedSpark
from integration_tests.spark.queries import sentence_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"api_key": ""}, "api_key is required: give it as an option, or as AMPLITUDE_API_KEY in the driver's"),
        ({"secret_key": ""}, "secret_key is required: give it as an option, or as AMPLITUDE_SECRET_KEY in the"),
        ({"table": "sessions"}, "There is no table sessions: choose one of events, user_profiles, events_list"),
        ({"start_date": "2024-02-30"}, "Config validation error: start_date must be a date such as 2024-01-31"),
        ({"region": "Mars"}, "Config validation error: region must be one of US, EU."),
        ({"num_workers": "many"}, "Config validation error: num_workers must be a whole number from 1 to 5."),
        ({"lookback_hours": "1"}, "lookback_hours is not offered on Spark"),
        ({"table": "user_profiles"}, "The table user_profiles needs the option user_ids (or device_ids)"),
    ],
)
def test_given_a_wrong_option_then_a_sentence_names_it(
    spark: SimulatedSpark, options: dict[str, str], sentence: str
) -> None:
    assert sentence_of(spark, lambda: spark.read(**options).count()).startswith(sentence)
    assert not spark.simulator.log


def test_given_wrong_keys_then_one_request_is_refused_and_a_sentence_says_so(spark: SimulatedSpark) -> None:
    told = sentence_of(spark, lambda: spark.read(secret_key="wrong").count())
    assert told.startswith("Authentication failed. Check your api_key and secret_key.")
    # Others ask whether the project is in the other region.
    in_the_region = [request.status for request in spark.simulator.log if request.path.startswith("/us/")]
    assert in_the_region == [401]


def test_given_keys_of_the_other_region_then_a_sentence_names_it(spark: SimulatedSpark, folder: Path) -> None:
    sentence = "The project of these keys is in the US region: set region to US."
    assert sentence_of(spark, lambda: spark.read(region="EU").count()) == sentence
    assert sentence_of(spark, lambda: spark.run_available(folder, region="EU")) == sentence


def test_given_a_project_in_the_eu_then_it_has_no_user_profiles(a_spark: Callable[..., SimulatedSpark]) -> None:
    spark = a_spark(region="EU")
    assert spark.read(end_date="2024-03-13").count() == 24 * 5
    told = sentence_of(spark, lambda: spark.read(table="user_profiles", user_ids="ada"))
    assert told == "User Profile API is not supported in EU region: leave the table user_profiles out."
    told = sentence_of(spark, lambda: spark.read(table="x"))
    assert told.startswith("There is no table x: choose one of events, events_list, cohorts, ")


def test_given_a_stream_of_profiles_then_a_sentence_says_that_there_is_none(
    spark: SimulatedSpark, folder: Path
) -> None:
    told = sentence_of(spark, lambda: spark.run_available(folder, table="user_profiles", user_ids="ada"))
    assert told == (
        "The table user_profiles cannot be read as a stream, since it has no history: "
        "read it as a batch, with spark.read."
    )


def test_given_a_schema_then_a_sentence_says_to_leave_it_out(spark: SimulatedSpark) -> None:
    schema = StructType([StructField("uuid", LongType())])
    reader = spark.session.read.format("amplitude").schema(schema).options(**spark.options)
    told = sentence_of(spark, lambda: reader.load().count())
    assert told.startswith("The tables of Amplitude have schemas of their own: leave .schema(…) out. In SQL, use CR")


def test_given_a_task_that_fails_for_good_then_the_action_fails_with_the_sentence(spark: SimulatedSpark) -> None:
    spark.simulator.faults.append(Fault("status", status=418, hour=spark.simulator.project.first_hour, body=b"tea"))
    told = sentence_of(spark, lambda: spark.read().count())
    assert told.startswith("Amplitude gave an unexpected answer to the export of 20240313T00-20240313T23: 418 tea. Nob")


def test_given_an_hour_that_is_refused_for_good_then_other_tries_of_its_task_do_not_ask_again(
    spark: SimulatedSpark,
) -> None:
    hour = spark.simulator.project.first_hour
    spark.simulator.faults.append(Fault("status", status=400, hour=hour, body=b"too large"))
    told = sentence_of(spark, lambda: spark.read(num_workers="1", batch_size_hours="8", end_date="2024-03-13").count())
    assert told.startswith("The hour 20240313T00 is too large for the Export API (400 too large)")
    asked = [request.params["end"] for request in spark.simulator.log if request.params["start"] == "20240313T00"]
    assert asked == ["20240313T07", "20240313T03", "20240313T01", "20240313T00"], "each range once"
    spark.simulator.faults.clear()
    assert spark.read(num_workers="1", end_date="2024-03-13").count() == 24 * 5, "another action asks anew"
