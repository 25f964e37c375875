"""The tables of Amplitude's other endpoints as pipelines call for them, and as Spark before 4.2 does; without Spark."""

import json
import pickle
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from harness.moments import DAY
from harness.rest import DAILY, SNAPSHOTS, days, days_asked_for, most_cost_in_any
from integration_tests.spark.conftest import NOW
from source_amplitude import clock
from source_amplitude.endpoints import cohort_job, limits
from source_amplitude.errors import ConfigError
from source_amplitude.lakeflow import AmplitudeDataSource, LakeflowConnect
from source_amplitude.spark.readers import StreamReader

pytestmark = pytest.mark.spark

FIRST_DAY = date(2024, 3, 1)
COHORTS = {"cohort_ids": "k2m9xq7"}


@pytest.fixture
def amplitude(a_simulator: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Simulator]:
    """Starts simulators that this process finds, at their time of day."""

    def start(now: datetime = NOW, **data: Any) -> Simulator:
        simulator = a_simulator(now, rest=RestData(**{"first_day": FIRST_DAY, **data}))
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(clock, "utc_now", lambda: simulator.now)
        return simulator

    monkeypatch.setattr(cohort_job, "POLL_SECONDS", 0.02)
    return start


def given(simulator: Simulator, **options: str) -> dict[str, str]:
    project = simulator.project
    return {"api_key": project.api_key, "secret_key": project.secret_key, "start_date": f"{FIRST_DAY}", **options}


def a_connector(simulator: Simulator, **options: str) -> LakeflowConnect:
    return LakeflowConnect(given(simulator, **options))


def read(connector: LakeflowConnect, table: str, start: dict[str, Any], **options: str) -> tuple[list[Any], Any]:
    records, offset = connector.read_table(table, start, options)
    return list(records), offset


def test_given_any_table_then_its_metadata_are_its_key_and_how_it_is_ingested(
    amplitude: Callable[..., Simulator],
) -> None:
    connector = a_connector(amplitude())
    assert connector.list_tables()[:2] == ["events", "user_profiles"]
    assert set(connector.list_tables()[2:]) == {*DAILY, *SNAPSHOTS}
    for table in DAILY:
        metadata = connector.read_table_metadata(table, {})
        assert (metadata["cursor_field"], metadata["ingestion_type"]) == ("date", "cdc")
        assert metadata["primary_keys"][0] == "date"
    for table in SNAPSHOTS:
        assert connector.read_table_metadata(table, {}).keys() == {"primary_keys", "ingestion_type"}
        assert connector.read_table_metadata(table, {})["ingestion_type"] == "snapshot"
    for table in (*DAILY, *SNAPSHOTS):
        assert not connector.is_partitioned(table)


@pytest.mark.parametrize("table", [*DAILY, *SNAPSHOTS])
def test_given_any_table_then_each_record_has_its_key_and_the_columns_of_its_schema(
    amplitude: Callable[..., Simulator], table: str
) -> None:
    connector = a_connector(amplitude())
    records, _ = read(connector, table, {}, **COHORTS)
    assert records
    keys = connector.read_table_metadata(table, {})["primary_keys"]
    found = [tuple(record[key] for key in keys) for record in records]
    assert len(set(found)) == len(found)
    assert all(None not in key and "" not in key for key in found)
    names = connector.get_table_schema(table, {}).fieldNames()
    assert {tuple(record) for record in records} == {tuple(names)}


def test_given_calls_until_the_offset_stays_then_every_day_once_and_later_the_week_before(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude()
    connector = pickle.loads(pickle.dumps(a_connector(simulator)))
    records, offset = read(connector, "active_users", {})
    assert [record["date"] for record in records] == days(FIRST_DAY, date(2024, 3, 14))
    assert offset == {"date": "2024-03-14"}
    assert read(connector, "active_users", offset) == ([], offset)
    simulator.now = NOW + 2 * DAY
    records, newer = read(connector, "active_users", json.loads(json.dumps(offset)))
    assert [record["date"] for record in records] == days(date(2024, 3, 7), date(2024, 3, 16))
    assert newer == {"date": "2024-03-16"}


def test_given_micro_batches_in_partitions_then_the_same_days(amplitude: Callable[..., Simulator]) -> None:
    simulator = amplitude()
    connector = a_connector(simulator)
    end = connector.latest_offset("active_users", {}, {})
    assert end == {"first_date": "2024-03-01", "date": "2024-03-14"}
    [partition] = connector.get_partitions("active_users", {}, {}, end)
    records = list(connector.read_partition("active_users", json.loads(json.dumps(partition)), {}))
    assert [record["date"] for record in records] == days(FIRST_DAY, date(2024, 3, 14))
    assert connector.get_partitions("active_users", {}, end, end) == []
    assert connector.latest_offset("active_users", {}, end) == end
    [whole] = connector.get_partitions("active_users", {"end_date": "2024-03-02"})
    records = list(connector.read_partition("active_users", whole, {}))
    assert [record["date"] for record in records] == days(FIRST_DAY, date(2024, 3, 2))
    assert connector.get_partitions("active_users", {"start_date": "2024-03-15"}) == []


def test_given_a_list_then_it_is_one_batch_and_one_partition(amplitude: Callable[..., Simulator]) -> None:
    connector = a_connector(amplitude())
    records, offset = read(connector, "cohorts", {})
    assert offset == connector.latest_offset("cohorts", {}, {}) == {}
    [partition] = connector.get_partitions("cohorts", {}, {}, {})
    assert list(connector.read_partition("cohorts", partition, {})) == records
    assert len(records) == 3


def test_given_a_plan_that_lacks_them_then_no_rows_and_the_offset_stays(
    amplitude: Callable[..., Simulator], caplog: pytest.LogCaptureFixture
) -> None:
    simulator = amplitude(missing={"/api/2/sessions": 403, "/api/3/cohorts": 404})
    connector = a_connector(simulator)
    for start in ({}, {"date": "2024-03-10"}):
        assert read(connector, "sessions_per_user", start) == ([], start)
        assert connector.latest_offset("sessions_per_user", {}, start) == start
    assert read(connector, "cohorts", {}) == ([], {})
    told = "sessions_per_user: this project's plan does not include this data, so there is none (403 Forbidden"
    assert told in caplog.text
    assert {request.cost for request in simulator.rest_log} == {1, 4}, "a day of sessions is asked for"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda it: it.read_table("active_users", {"last_hour": "20240115T14"}, {}), "wrote for a table by day"),
        (lambda it: it.read_table("active_users", {"date": "2024-02-30"}, {}), "wrote for a table by day"),
        (lambda it: it.get_partitions("active_users", {}, {}, {"x": "1"}), "wrote for a table by day"),
        (lambda it: it.latest_offset("active_users", {}, {"x": "1"}), "wrote for a table by day"),
        (lambda it: it.read_table("events", {"date": "2024-01-15"}, {}), "not one that this connector wrote"),
        (lambda it: it.read_table("cohort_members", {}, {}), "The table cohort_members needs the option cohort_ids"),
        (lambda it: it.get_partitions("cohort_members", {}), "The table cohort_members needs the option cohort_ids"),
        (lambda it: it.read_table("cohort", {}, {}), "There is no table cohort: choose one of events, user_profiles"),
        (lambda it: it.read_table("active_users", {}, {"secret_key": "x"}), "Authentication failed. Check your"),
        (lambda it: list(it.read_table("cohorts", {}, {"secret_key": "x"})[0]), "Authentication failed. Check your"),
    ],
)
def test_given_a_wrong_call_then_a_sentence_says_so(
    amplitude: Callable[..., Simulator], call: Callable[[LakeflowConnect], Any], sentence: str
) -> None:
    connector = a_connector(amplitude())
    with pytest.raises(ConfigError, match=sentence) as caught:
        call(connector)
    assert caught.value.__cause__ is None


def test_given_several_tables_in_one_process_then_they_share_amplitudes_limits(
    amplitude: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = 1.0
    monkeypatch.setattr(limits, "WINDOW_SECONDS", window * 1.5)
    simulator = amplitude(datetime(2024, 6, 1, 13, tzinfo=timezone.utc), window_seconds=window)
    for table in ("active_users", "new_users", "average_session_length", "sessions_per_user"):
        assert len(read(a_connector(simulator), table, {})[0]) == 92
    assert {request.status for request in simulator.rest_log} == {200}, "nothing was refused"
    assert 500 < most_cost_in_any(window, simulator.rest_log) <= 900


def a_reader(simulator: Simulator, table: str) -> StreamReader:
    source = AmplitudeDataSource(given(simulator, table=table))
    reader = source.streamReader(source.schema())
    assert isinstance(reader, StreamReader)
    return reader


def test_given_a_spark_that_does_not_tell_where_a_micro_batch_begins_then_the_same_days(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude()
    reader = a_reader(simulator, "active_users")
    start, end = reader.initialOffset(), reader.latestOffset()
    assert (start, end) == ({"first_date": "2024-03-01"}, {"first_date": "2024-03-01", "date": "2024-03-14"})
    assert len(reader.partitions(start, end)) == 1
    assert reader.latestOffset() == end, "nothing is new"
    simulator.now = NOW + DAY
    assert reader.latestOffset() == {"date": "2024-03-15"}

    again = a_reader(simulator, "active_users")  # at a restart
    newest = again.latestOffset()
    assert newest == {"first_date": "2024-03-01", "date": "2024-03-15"}
    [partition] = again.partitions(end, newest)
    assert partition.value["first"] == "2024-03-07"
    assert again.partitions({"date": "2024-03-15"}, newest) == []


def test_given_such_a_spark_and_a_plan_that_lacks_the_table_then_a_sentence_says_so(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude(missing={"/api/2/users": 403})
    with pytest.raises(ConfigError, match=r"does not include the table active_users: before Spark 4\.2"):
        a_reader(simulator, "active_users").latestOffset()
    reader = a_reader(simulator, "active_users")
    reader.partitions({"date": "2024-03-10"}, {"date": "2024-03-10"})  # as at a restart
    assert reader.latestOffset() == {"date": "2024-03-10"}


def test_given_a_running_query_and_a_plan_that_lacks_the_table_then_it_is_asked_once_a_day(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude(missing={"/api/2/users": 403})
    reader = a_reader(simulator, "active_users")
    start = {"date": "2024-03-10"}
    for _ in range(3):
        assert reader.latestOffset(start) == start
    assert len(simulator.rest_log) == 1
    simulator.now = NOW + DAY
    assert reader.latestOffset(start) == start
    assert len(simulator.rest_log) == 2


def test_given_a_query_that_runs_until_all_is_read_then_days_that_end_meanwhile_are_for_the_next(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude()
    reader = a_reader(simulator, "active_users")
    reader.prepareForTriggerAvailableNow()
    simulator.now = NOW + DAY
    assert reader.latestOffset({"date": "2024-03-10"}) == {"date": "2024-03-14"}
    assert reader.reportLatestOffset() == {"date": "2024-03-14"}
    assert days_asked_for(simulator) == ["2024-03-14"], "only for the plan"


def test_given_a_plan_that_loses_the_table_while_it_is_read_then_the_batch_ends_with_an_error_instead_of_an_offset(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude()
    connector = a_connector(simulator)
    records, offset = connector.read_table("sessions_per_user", {}, {})
    assert offset == {"date": "2024-03-14"}, "which the framework keeps when all records are taken"
    end = connector.latest_offset("sessions_per_user", {}, {})
    [partition] = connector.get_partitions("sessions_per_user", {}, {}, end)
    body = json.dumps({"error": {"http_code": 403, "type": "forbidden", "message": "Not in your plan"}}).encode()
    simulator.faults.append(Fault("status", api="rest", path="/api/2/sessions/*", status=403, body=body))
    lost = r"^The project's plan does not include the table sessions_per_user any more"
    with pytest.raises(ConfigError, match=lost):
        list(records)
    with pytest.raises(ConfigError, match=lost):
        list(connector.read_partition("sessions_per_user", json.loads(json.dumps(partition)), {}))
    [whole] = connector.get_partitions("sessions_per_user", {})
    assert list(connector.read_partition("sessions_per_user", whole, {})) == [], "a batch has no offset to move"


def test_given_a_clock_ahead_that_only_other_answers_show_then_the_batch_ends_with_an_error_instead_of_an_offset(
    amplitude: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = amplitude()
    monkeypatch.setattr(clock, "utc_now", lambda: simulator.now + 3 * DAY)
    dates: list[datetime | None] = [NOW, None]  # the first answer is that to the request for the time
    simulator.date = lambda: dates.pop() if len(dates) > 1 else dates[0]
    connector = a_connector(simulator)
    records, offset = connector.read_table("active_users", {}, {})
    assert offset == {"date": "2024-03-17"}, "which the framework keeps when all records are taken"
    early = r"^The days up to 2024-03-17 were read before they are complete by Amplitude's clock"
    with pytest.raises(ConfigError, match=early):
        list(records)
    records, offset = read(connector, "active_users", {})
    assert (records[-1]["date"], offset) == ("2024-03-14", {"date": "2024-03-14"})
