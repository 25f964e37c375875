"""What Spark's door does with answers that are made to harm: it shows no piece of a key, loses nothing and ends."""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from amplitude_simulator import Fault, RestData
from amplitude_simulator.archives import Member
from harness.spark import SimulatedSpark
from harness.spark_shown import before_secrets
from integration_tests.spark.conftest import FIRST_HOUR
from integration_tests.spark.queries import sentence_of
from source_amplitude.export.archive import MAX_LINE_BYTES

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]  # of a busy machine

PIECE = 8  # characters of a key, which nothing may show
API_KEY, SECRET_KEY = "5f2b8e6c1d9a47038e6b2c5d7f1a9e04", "c9d41e7ab3f0852691d7e4c8a2b60f35"
STREAM = "stream of events"
CUT = 200  # characters of an answer that an error shows


def pieces_of(*secrets: str) -> list[str]:
    return [secret[start : start + PIECE] for secret in secrets for start in range(len(secret) - PIECE + 1)]


def quoted(api_key: str, secret_key: str) -> dict[str, str]:
    """Sentences in which a server repeats what it was sent."""
    basic = b64encode(f"{api_key}:{secret_key}".encode()).decode()
    return {
        "the secret key": f"no such key: {secret_key}",
        "the header": f"bad header Authorization: Basic {basic}",
        "a signed address": f"see https://files.test/a.zip?Key={api_key}&X-Amz-Signature={secret_key}",
        "the secret key where the text is cut": "x" * (CUT - 12) + secret_key,
    }


@pytest.fixture
def a_project(a_spark: Callable[..., SimulatedSpark]) -> SimulatedSpark:
    """Spark with keys that have no repeated pieces, so that any eight characters of them are theirs alone."""
    return a_spark(api_key=API_KEY, secret_key=SECRET_KEY, rest=RestData(first_day=FIRST_HOUR.date()))


@pytest.mark.parametrize(
    ("table", "where"),
    [
        *(("events", where) for where in quoted(API_KEY, SECRET_KEY)),
        (STREAM, "the secret key where the text is cut"),
        ("cohorts", "the header"),
        ("user_profiles", "a signed address"),
    ],
)
def test_given_an_answer_that_quotes_a_key_then_neither_the_error_nor_a_log_has_a_piece_of_it(
    a_project: SimulatedSpark, folder: Path, capfd: pytest.CaptureFixture[str], table: str, where: str
) -> None:
    spark, body = a_project, quoted(API_KEY, SECRET_KEY)[where].encode()
    if table in ("events", STREAM):
        spark.simulator.faults.append(Fault("status", status=418, body=body, hour=FIRST_HOUR))
    elif table == "cohorts":
        spark.simulator.faults.append(Fault("status", api="rest", path="/api/3/cohorts", status=418, body=body))
    else:
        spark.simulator.faults.append(Fault("status", api="profile", status=418, body=body))
    options = {"end_date": "2024-03-13", "user_ids": "ada"}
    with pytest.raises((PySparkException, Py4JJavaError)) as caught:
        spark.run_available(folder, **options) if table == STREAM else spark.read(table=table, **options).count()
    printed = capfd.readouterr()
    shown = [str(caught.value), repr(caught.value), printed.out, printed.err]
    assert any("418" in text for text in shown), "the answer is what is told of"
    basic = b64encode(f"{API_KEY}:{SECRET_KEY}".encode()).decode()
    assert not before_secrets(shown, pieces_of(API_KEY, SECRET_KEY, basic))


def test_given_a_profile_of_a_thousand_levels_then_it_is_a_row_and_so_is_the_next(spark: SimulatedSpark) -> None:
    levels = 1000
    nested = '{"a":' * levels + "1" + "}" * levels
    deep = f'{{"userData": {{"user_id": "ada", "amp_props": {nested}}}}}'.encode()
    spark.simulator.faults.append(Fault("status", api="profile", user="ada", status=200, body=deep))
    rows = spark.read(table="user_profiles", user_ids="ada, user-2@example.com").collect()
    assert [row.user_id for row in rows] == ["ada", "user-2@example.com"]
    assert json.loads(rows[1].amp_props)
    assert rows[0].amp_props.startswith('{"a":{"a":')
    assert rows[0].amp_props.count("a") == levels


def too_long(members: Iterable[Member]) -> list[Member]:
    """The first member has a line behind its own that is longer than any that is read."""
    (name, content), *others = members
    lines = gzip.decompress(content).rstrip(b"\n") + b'\n{"uuid":"' + b"x" * MAX_LINE_BYTES + b'"}\n'
    return [(name, gzip.compress(lines)), *others]


def test_given_a_line_without_end_then_the_stream_ends_with_its_place_and_goes_on_without_that_hour(
    spark: SimulatedSpark, folder: Path
) -> None:
    spark.simulator.faults.append(Fault("members", hour=FIRST_HOUR, transform=too_long))
    options = {"end_date": "2024-03-13", "batch_size_hours": "1"}
    told = sentence_of(spark, lambda: spark.run_available(folder, **options))
    assert f"line 6: longer than {MAX_LINE_BYTES:,} bytes" in told, told
    spark.run_available(folder, **options, skip_hours="20240313T00")
    found = {row.uuid for row in spark.written(folder).collect()}
    assert found == spark.simulator.project.uuids(FIRST_HOUR + timedelta(hours=1), FIRST_HOUR + timedelta(hours=23))


def test_given_429_with_no_time_to_wait_then_the_waits_grow_and_each_event_comes(spark: SimulatedSpark) -> None:
    tries = 6
    refused = Fault("status", status=429, headers={"Retry-After": "0"}, hour=FIRST_HOUR, times=tries)
    spark.simulator.faults.append(refused)
    assert spark.read(end_date="2024-03-13", num_workers="1").count() == 24 * 5
    asked = [request for request in spark.simulator.log if request.params.get("start") == "20240313T00"]
    assert len(asked) == tries + 1, "all of them by the one task that waited"
