"""These streams as Python callers meet them (the CDK's test wrapper, PyAirbyte): ordinary messages and records."""

import pytest
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.test import entrypoint_wrapper

from amplitude_simulator import Simulator
from harness.moments import NOW
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS
from harness.runs import Command, a_catalog, a_config
from source_amplitude import SourceAmplitude, clock
from source_amplitude.endpoints import cohort_job


@pytest.fixture(autouse=True)
def _same_address_and_clock(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort_job, "POLL_SECONDS", 0.02)
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clock, "utc_now", lambda: NOW)


def test_given_any_stream_in_process_then_the_records_and_states_of_the_command_line(
    simulator: Simulator, command: Command
) -> None:
    config = a_config(simulator, cohort_members={"cohorts": ALL_COHORTS, "user_properties": ["gp:plan"]})
    catalog = a_catalog(*SNAPSHOTS, *DAILY)
    output = entrypoint_wrapper.read(SourceAmplitude(), config, ConfiguredAirbyteCatalogSerializer.load(catalog), None)
    assert not output.errors
    printed = command.read(config, catalog=catalog)
    for stream in (*SNAPSHOTS, *DAILY):
        in_process = [
            message.record.data for message in output.records if message.record and message.record.stream == stream
        ]
        assert in_process == [
            {name: value for name, value in record.items() if value is not None} for record in printed.records(stream)
        ], "the CDK's serialiser leaves out fields that are null"
        assert in_process
    assert len(output.state_messages) == len(printed.states)


def test_given_the_eu_then_these_streams_are_read_from_there(simulator: Simulator) -> None:
    catalog = ConfiguredAirbyteCatalogSerializer.load(a_catalog("events_list"))
    output = entrypoint_wrapper.read(SourceAmplitude(), a_config(simulator, region="EU"), catalog, None)
    assert output.errors, "the project is in the other region"
    assert [request.path for request in simulator.rest_log] == ["/eu/api/2/events/list"]
