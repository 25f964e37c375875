"""Every stream shows in `discover`, and every record is what its schema says."""

from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from amplitude_simulator import Simulator
from harness.rest import ALL_COHORTS, read_streams
from harness.runs import Command, a_config

KEYS = {
    "events_list": [["value"]],
    "cohorts": [["id"]],
    "cohort_members": [["cohort_id"], ["amplitude_id"]],
    "annotations": [["id"]],
    "annotation_categories": [["id"]],
    "event_totals": [["date"]],
    "active_users": [["date"]],
    "new_users": [["date"]],
    "average_session_length": [["date"]],
    "sessions_per_user": [["date"]],
    "session_length_distribution": [["date"], ["bucket"]],
    "taxonomy_events": [["event_type"]],
    "taxonomy_event_properties": [["event_type"], ["event_property"]],
    "taxonomy_user_properties": [["user_property"]],
    "taxonomy_categories": [["id"]],
}


@pytest.fixture
def command(command: Command) -> Command:
    command.warm = True
    return command


def discovered(command: Command, **config: Any) -> dict[str, dict[str, Any]]:
    path = command.file("config.json", a_config(command.simulator, **config))
    outcome = command.run("discover", "--config", path)
    assert outcome.exit_code == 0, outcome.everything
    [catalog] = outcome.of_type("CATALOG")
    return {stream["name"]: stream for stream in catalog["catalog"]["streams"]}


def test_given_discover_then_every_stream_with_its_key_its_modes_and_a_description_of_each_field(
    simulator: Simulator, command: Command
) -> None:
    streams = discovered(command)
    others = {"events", "user_profiles"}
    found = {name: stream["source_defined_primary_key"] for name, stream in streams.items() if name not in others}
    assert found == KEYS
    for name, keys in KEYS.items():
        is_daily = ["date"] in keys
        assert streams[name]["supported_sync_modes"] == ["full_refresh", *(["incremental"] if is_daily else [])]
        assert streams[name].get("default_cursor_field") == (["date"] if is_daily else None)
        assert streams[name]["is_resumable"] == (is_daily or name == "cohort_members")
        assert all(field["description"] for field in streams[name]["json_schema"]["properties"].values())
    assert simulator.rest_log == [], "discover asks none of these endpoints"


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_given_any_stream_then_each_record_is_valid_and_has_its_key(command: Command, properties_format: str) -> None:
    config = {
        "properties_format": properties_format,
        "cohort_members": {"cohorts": ALL_COHORTS, "user_properties": ["gp:plan"]},
    }
    streams = discovered(command, **config)
    outcome = read_streams(command, *KEYS, **config)
    assert outcome.exit_code == 0, outcome.everything
    for name, keys in KEYS.items():
        records = outcome.records(name)
        assert records, name
        validator = Draft7Validator(streams[name]["json_schema"], format_checker=FormatChecker())
        for record in records:
            validator.validate(record)
        values = [tuple(record.get(key) for [key] in keys) for record in records]
        assert len(set(values)) == len(values), "a key came twice"
        declared = streams[name]["json_schema"]["properties"]
        assert {field for record in records for field in record} <= declared.keys(), "a field that is not described"
