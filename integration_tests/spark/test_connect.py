"""`LakeflowConnect` as pipelines call it, without Spark: it takes one only for its types."""

import json
import pickle
import re
import subprocess
import sys
from abc import ABC
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyspark.sql.types import LongType, StringType, StructType

from amplitude_simulator import Simulator
from amplitude_simulator.project import HOUR
from integration_tests.spark.conftest import FIRST_HOUR, NOW
from source_amplitude import clock
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.errors import ConfigError
from source_amplitude.lakeflow import LakeflowConnect
from source_amplitude.spark import connect

pytestmark = pytest.mark.spark

DOCUMENT = Path(__file__).parents[2] / "docs" / "spark.md"


@pytest.fixture
def amplitude(a_simulator: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Simulator]:
    """Starts simulators that this process finds, at their time of day."""

    def start(now: datetime = NOW, **project: Any) -> Simulator:
        simulator = a_simulator(now, **project)
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(clock, "utc_now", lambda: simulator.now)
        return simulator

    return start


def a_connector(simulator: Simulator, **options: str) -> LakeflowConnect:
    project = simulator.project
    keys = {"api_key": project.api_key, "secret_key": project.secret_key, "region": project.region}
    return LakeflowConnect({**keys, "start_date": f"{project.first_hour:%Y-%m-%d}", **options})


def pages(connector: LakeflowConnect, start: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """What the framework does: it calls until the offset stays."""
    while True:
        records, offset = connector.read_table("events", start, {})
        yield list(records), offset
        if offset == start:
            return
        start = offset


def test_given_the_document_then_its_examples_run_as_they_stand(
    amplitude: Callable[..., Simulator], capsys: pytest.CaptureFixture[str]
) -> None:
    first_hour = datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    now = datetime.fromisoformat("2024-01-15T17:10:00+00:00")
    simulator = amplitude(now, first_hour=first_hour, api_key="abc123...", secret_key="xyz789...")
    chapter = DOCUMENT.read_text().partition("\n## LakeflowConnect\n")[2].partition("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)
    assert len(examples) == 3
    names: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, str(DOCUMENT), "exec"), names)
    printed = capsys.readouterr().out
    assert names["tables"] == ["events", "user_profiles", *(endpoint.name for endpoint in ENDPOINTS)]
    assert names["metadata"] == {
        "primary_keys": ["uuid"], "cursor_field": "server_upload_time", "ingestion_type": "append",
    }  # fmt: skip
    assert names["offset"] == {}, "that of the profiles, which came last"
    assert names["new_offset"] == {"last_hour": "20240115T14"}
    exports = [request.params["start"] for request in simulator.log]
    assert exports == [f"202401{day:02}T00" for day in range(1, 16)], "one a batch, as long as there are any"
    assert printed.count("user-") > 50
    assert "user_456 ['cohort" in printed


def test_given_calls_until_the_offset_stays_then_each_event_came_once(amplitude: Callable[..., Simulator]) -> None:
    simulator = amplitude()
    connector = a_connector(simulator, batch_size_hours="10")
    read = list(pages(connector, {}))
    uuids = Counter(record["uuid"] for records, _ in read for record in records)
    assert uuids == Counter(simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR))
    assert read[0][1] == {"last_hour": "20240313T09"}
    assert [offset for _, offset in read[-2:]] == [{"last_hour": "20240315T23"}] * 2

    simulator.now = NOW + 3 * HOUR
    later = [record["uuid"] for records, _ in pages(connector, read[-1][1]) for record in records]
    assert Counter(later) == Counter(simulator.project.uuids(FIRST_HOUR + 72 * HOUR, FIRST_HOUR + 74 * HOUR))


def test_given_none_as_the_first_offset_then_it_begins_at_the_start_date(amplitude: Callable[..., Simulator]) -> None:
    connector = a_connector(amplitude())
    assert connector.read_table("events", None, {})[1] == {"last_hour": "20240313T23"}
    assert connector.read_table("events", None, {"start_date": "2024-03-17"})[1] == {}


def test_given_micro_batches_in_partitions_then_each_event_came_once(amplitude: Callable[..., Simulator]) -> None:
    simulator = amplitude()
    connector = pickle.loads(pickle.dumps(a_connector(simulator, batch_size_hours="10")))
    assert connector.is_partitioned("events")
    assert not connector.is_partitioned("user_profiles")
    uuids: Counter[str] = Counter()
    start: dict[str, Any] = {}
    ends = []
    while (end := connector.latest_offset("events", {}, start)) != start:
        partitions = connector.get_partitions("events", {}, start, end)
        assert partitions == connector.get_partitions("events", {}, json.loads(json.dumps(start)), end)
        assert len(partitions) <= 3
        for partition in partitions:
            records = connector.read_partition("events", json.loads(json.dumps(partition)), {})
            uuids.update(record["uuid"] for record in records)
        start = end
        ends.append(end["last_hour"])
    assert ends == ["20240314T05", "20240315T11", "20240315T23"]
    assert connector.get_partitions("events", {}, start, start) == []
    whole = Counter(simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR))
    assert uuids == whole
    batch = [
        record["uuid"]
        for partition in connector.get_partitions("events", {})
        for record in connector.read_partition("events", partition, {})
    ]
    assert Counter(batch) == whole
    assert connector.latest_offset("events", {})["last_hour"] == "20240315T23"


def test_given_a_width_that_was_learnt_then_neither_tasks_nor_partitions_ask_for_more(
    amplitude: Callable[..., Simulator],
) -> None:
    simulator = amplitude(max_hours_served=6)
    connector = a_connector(simulator, num_workers="3")
    first, second, third = connector.get_partitions("events", {})
    assert len(first["windows"]) == 1
    uuids = [record["uuid"] for record in connector.read_partition("events", first, {})]
    assert [request.status for request in simulator.log][:2] == [504, 504], "24 and 12 hours"
    simulator.clear_log()
    for partition in (second, third):
        uuids += [record["uuid"] for record in connector.read_partition("events", partition, {})]
    assert {request.status for request in simulator.log} == {200}, "another task of the process"
    assert Counter(uuids) == Counter(simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR))
    assert [len(partition["windows"]) for partition in connector.get_partitions("events", {})] == [4, 4, 4]


def test_given_hours_to_skip_then_all_others_are_read_and_the_driver_s_log_names_them(
    amplitude: Callable[..., Simulator], caplog: pytest.LogCaptureFixture
) -> None:
    simulator = amplitude()
    connector = a_connector(simulator, skip_hours="20240313T05, 2024-03-14T06:00")
    found: Counter[str] = Counter()
    for partition in connector.get_partitions("events", {}):
        found.update(record["uuid"] for record in connector.read_partition("events", partition, {}))
    project = simulator.project
    left_out = set().union(*(project.uuids(FIRST_HOUR + n * HOUR, FIRST_HOUR + n * HOUR) for n in (5, 30)))
    assert found == Counter(project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR) - left_out)
    assert "events: left out, as skip_hours says" in caplog.text
    assert "20240313T05, 20240314T06" in caplog.text
    with pytest.raises(ConfigError, match="skip_hours must hold hours in UTC"):
        a_connector(simulator, skip_hours="yesterday")


def test_given_profiles_then_a_snapshot_is_one_batch_and_one_partition(amplitude: Callable[..., Simulator]) -> None:
    connector = a_connector(amplitude())
    options = {"user_ids": "user-1@example.com,user-2@example.com", "get_cohort_ids": "true"}
    records, offset = connector.read_table("user_profiles", {}, options)
    assert offset == connector.latest_offset("user_profiles", options, {}) == {}
    found = list(records)
    assert [record["user_id"] for record in found] == ["user-1@example.com", "user-2@example.com"]
    [partition] = connector.get_partitions("user_profiles", options)
    assert list(connector.read_partition("user_profiles", partition, options)) == found
    assert connector.read_table_metadata("user_profiles", {}) == {
        "primary_keys": ["user_id"], "ingestion_type": "snapshot",
    }  # fmt: skip


def test_given_tables_then_their_schemas_are_spark_s(amplitude: Callable[..., Simulator]) -> None:
    schema = a_connector(amplitude()).get_table_schema("events", {})
    assert isinstance(schema, StructType)
    assert (schema["amplitude_id"].dataType, schema["event_properties"].dataType) == (LongType(), StringType())
    timestamps = a_connector(amplitude(), timestamps="true")
    assert timestamps.get_table_schema("events", {})["event_time"].dataType.simpleString() == "timestamp"
    record = next(timestamps.read_table("events", {}, {})[0])
    assert isinstance(record["event_time"], str), "the framework converts records by the schema"


def test_given_columns_then_records_and_schemas_have_no_others(amplitude: Callable[..., Simulator]) -> None:
    connector = a_connector(amplitude())
    options = {"columns": "event_type,uuid", "start_date": "2024-03-15"}
    assert connector.get_table_schema("events", options).fieldNames() == ["event_type", "uuid"]
    records = list(connector.read_table("events", {}, options)[0])
    assert len(records) == 24 * 5
    assert {tuple(record) for record in records} == {("event_type", "uuid")}
    profiles = {"columns": "user_id", "user_ids": "user-1@example.com"}
    assert list(connector.read_table("user_profiles", {}, profiles)[0]) == [{"user_id": "user-1@example.com"}]
    with pytest.raises(ConfigError, match=r"has no column event_typ, .+: event_type is probably meant"):
        connector.get_table_schema("events", {"columns": "event_typ"})


def test_given_a_project_in_the_eu_then_it_has_no_user_profiles(amplitude: Callable[..., Simulator]) -> None:
    connector = a_connector(amplitude(region="EU"))
    assert connector.list_tables() == ["events", *(endpoint.name for endpoint in ENDPOINTS)]
    for call in (connector.get_table_schema, connector.read_table_metadata):
        with pytest.raises(ConfigError, match="User Profile API is not supported in EU region"):
            call("user_profiles", {})


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda it: it.read_table("sessions", {}, {}), "There is no table sessions: choose one of events, user_prof"),
        (lambda it: it.read_table("events", {"cursor": "x"}, {}), "not one that this connector wrote"),
        (lambda it: it.get_partitions("events", {}, {}, {"cursor": "x"}), "not one that this connector wrote"),
        (lambda it: it.read_table("user_profiles", {}, {}), "needs the option user_ids"),
        (lambda it: it.read_table("events", {}, {"end_date": "x"}), "end_date must be a date"),
        (lambda it: list(it.read_table("events", {}, {"secret_key": "x"})[0]), "Authentication failed. Check your"),
    ],
)
def test_given_a_wrong_call_then_a_sentence_says_so_at_once(
    amplitude: Callable[..., Simulator], call: Callable[[LakeflowConnect], Any], sentence: str
) -> None:
    connector = a_connector(amplitude())
    with pytest.raises(ConfigError, match=sentence) as caught:
        call(connector)
    assert caught.value.__cause__ is None


def test_given_the_framework_then_the_class_has_its_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    interface = ModuleType("databricks.labs.community_connector.interface")
    names = ("LakeflowConnect", "SupportsPartition", "SupportsPartitionedStream")
    for name in names:
        setattr(interface, name, type(name, (ABC,), {}))
    packages = ["databricks", "databricks.labs", "databricks.labs.community_connector"]
    for name in packages:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    sys.modules[packages[-1]].interface = interface  # type: ignore[attr-defined]
    connect._register()
    for name in names:
        assert issubclass(LakeflowConnect, getattr(interface, name))


WITHOUT_THE_CDK = """
import sys
from datetime import datetime

for name in ("airbyte_cdk", "airbyte_protocol_dataclasses"):
    sys.modules[name] = None  # importing it is an error
from source_amplitude import clock
from source_amplitude.lakeflow import AmplitudeDataSource
from source_amplitude.spark.spark_versions import TELLS_LIMITS

clock.utc_now = lambda: datetime.fromisoformat({now!r})
source = AmplitudeDataSource({options!r})
for reader in (source.reader(source.schema()), source.streamReader(source.schema())):
    if hasattr(reader, "initialOffset"):
        start = reader.initialOffset()
        told = (start, reader.getDefaultReadLimit()) if TELLS_LIMITS else ()
        partitions = reader.partitions(start, reader.latestOffset(*told))
    else:
        partitions = reader.partitions()
    print(sum(batch.num_rows for partition in partitions for batch in reader.read(partition)))
for more in ({{"table": "user_profiles", "user_ids": "user-1@example.com"}}, {{"table": "active_users"}},
             {{"table": "cohort_members", "cohort_ids": "k2m9xq7"}}):
    table = AmplitudeDataSource({options!r} | more)
    reader = table.reader(table.schema())
    print(sum(batch.num_rows for partition in reader.partitions() for batch in reader.read(partition)))
"""


def test_given_no_airbyte_cdk_then_all_that_workers_do_works(amplitude: Callable[..., Simulator]) -> None:
    simulator = amplitude()
    project = simulator.project
    options = {"api_key": project.api_key, "secret_key": project.secret_key, "start_date": "2024-03-13"}
    code = WITHOUT_THE_CDK.format(now=simulator.now.isoformat(), options=options)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(72 * 5), str(72 * 5), "1", "2", "20"], done.stderr


@pytest.mark.parametrize("ahead", [30, 72])
def test_given_a_clock_that_runs_ahead_then_calls_every_six_hours_bring_every_event(
    amplitude: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    simulator = amplitude(now=NOW - 48 * HOUR)
    monkeypatch.setattr(clock, "utc_now", lambda: simulator.now + ahead * HOUR)
    offset: dict[str, Any] = {}
    found: list[str] = []
    for _ in range(9):
        for records, newest in pages(a_connector(simulator), offset):
            found += [record["uuid"] for record in records]
            offset = newest
        simulator.now += 6 * HOUR
    assert offset == {"last_hour": f"{NOW - 3 * HOUR:%Y%m%dT%H}"}
    assert set(found) == simulator.project.uuids(simulator.project.first_hour, NOW.replace(minute=0) - 3 * HOUR)
    assert len(found) == len(set(found))


def test_given_a_clock_ahead_that_only_the_exports_show_then_the_batch_ends_with_an_error_instead_of_an_offset(
    amplitude: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = amplitude()
    monkeypatch.setattr(clock, "utc_now", lambda: simulator.now + 30 * HOUR)
    dates: list[datetime | None] = [NOW, None]  # the first answer is that to the request for the time
    simulator.date = lambda: dates.pop() if len(dates) > 1 else dates[0]
    connector = a_connector(simulator, start_date="2024-03-15")
    [partition, *_] = connector.get_partitions("events", {"num_workers": "1"})
    early = r"^The hours up to 2024-03-17T05 were read before they are complete by Amplitude's clock"
    with pytest.raises(ConfigError, match=early):
        list(connector.read_partition("events", json.loads(json.dumps(partition)), {}))
    assert connector.latest_offset("events", {}) == {"first_hour": "20240315T00", "last_hour": "20240315T23"}
