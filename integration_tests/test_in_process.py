"""The connector as Python callers meet it (the CDK's test wrapper, PyAirbyte): ordinary messages, the same records."""

from typing import Any

import pytest
import requests
from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
    SyncMode,
)
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from amplitude_simulator import Fault, Simulator
from harness.moments import FIRST_HOUR, NOW
from harness.profiles import a_profiles_config, listed
from harness.runs import Command, a_catalog, a_config
from source_amplitude import SourceAmplitude, clock
from source_amplitude.airbyte.streams.events import Events
from source_amplitude.http import retry

HOUR_20 = NOW.replace(hour=20, minute=0)


@pytest.fixture(autouse=True)
def _same_address_and_clock(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(clock, "utc_now", lambda: NOW)


def read(simulator: Simulator, state: list[AirbyteStateMessage] | None = None, **changes: Any) -> EntrypointOutput:
    catalog = ConfiguredAirbyteCatalogSerializer.load(a_catalog())
    return entrypoint_wrapper.read(SourceAmplitude(), a_config(simulator, **changes), catalog, state)


def test_given_the_wrapper_of_the_cdk_then_the_records_of_the_command_line(
    simulator: Simulator, command: Command
) -> None:
    output = read(simulator, batch_size_hours=7)
    assert not output.errors
    in_process = [message.record.data for message in output.records if message.record]
    printed = command.read(a_config(simulator, batch_size_hours=7)).records()
    assert in_process == [without_nulls(record) for record in printed]
    assert {record["uuid"] for record in in_process} == simulator.project.uuids(FIRST_HOUR, HOUR_20)
    counted = sum(message.state.sourceStats.recordCount for message in output.state_messages if message.state)
    assert counted == len(in_process)


def test_given_the_state_of_one_read_then_the_next_continues_there(simulator: Simulator) -> None:
    first = read(simulator)
    saved = AirbyteStateMessageSerializer.load(
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": "events"}, "stream_state": stream_state(first)}}
    )
    simulator.clear_log()
    assert read(simulator, [saved]).records == []
    assert simulator.log == []


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    """The CDK's serialiser leaves out fields that are null; the command line keeps them."""
    return {name: value for name, value in record.items() if value is not None}


def stream_state(output: EntrypointOutput) -> dict[str, Any]:
    return dict(output.most_recent_state.stream_state.__dict__)


def test_given_an_error_then_its_failure_type_and_the_states_before_it(simulator: Simulator) -> None:
    simulator.faults.append(Fault("status", status=403, hour=NOW.replace(hour=3, minute=0)))
    output = read(simulator)
    assert {message.trace.error.failure_type for message in output.errors if message.trace and message.trace.error} == {
        FailureType.config_error
    }
    assert stream_state(output)["server_upload_time"] == "2024-03-15T00:00:00Z"


def test_given_plain_stream_calls_then_slices_and_records_of_a_slice(simulator: Simulator) -> None:
    stream = SourceAmplitude().streams(a_config(simulator))[0]
    slices = list(stream.stream_slices(sync_mode=SyncMode.full_refresh))
    assert slices[0] == {"start": "20240313T00", "end": "20240313T23"}
    records = list(stream.read_records(SyncMode.full_refresh, stream_slice=slices[1]))
    assert {record["uuid"] for record in records} == simulator.project.uuids(  # type: ignore[index]
        FIRST_HOUR.replace(day=14), FIRST_HOUR.replace(day=14, hour=23)
    )


def test_given_an_answer_then_the_stream_parses_it(simulator: Simulator) -> None:
    config = a_config(simulator)
    stream = SourceAmplitude().streams(config)[0]
    assert isinstance(stream, Events)
    response = requests.get(
        stream.url_base + stream.path(),
        stream.request_params(None, {"start": "20240313T00", "end": "20240313T01"}),
        auth=(config["api_key"], config["secret_key"]),
        stream=True,
        timeout=60,
    )
    records = list(stream.parse_response(response))
    assert {record["uuid"] for record in records} == simulator.project.uuids(FIRST_HOUR, FIRST_HOUR.replace(hour=1))


def test_given_user_profiles_in_process_then_the_records_of_the_command_line(
    simulator: Simulator, command: Command
) -> None:
    config = a_profiles_config(simulator, listed(["ada", "grace"], ["device-1"]))
    catalog = a_catalog("user_profiles")
    output = entrypoint_wrapper.read(SourceAmplitude(), config, ConfiguredAirbyteCatalogSerializer.load(catalog), None)
    assert not output.errors
    in_process = [message.record.data for message in output.records if message.record]
    printed = command.read(config, catalog=catalog).records("user_profiles")
    assert in_process == [without_nulls(record) for record in printed]
    assert [record["user_id"] for record in in_process] == ["ada", "grace", "device-1"]
