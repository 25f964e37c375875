"""The stream `events` through the real command line: which hours, which records, which states."""

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Simulator
from amplitude_simulator.project import HOUR
from harness.moments import FIRST_HOUR, NOW
from harness.runs import Command, a_catalog, a_config, uuids_before_each_state
from integration_tests.checking import an_events_state

UTC = timezone.utc
HOUR_20 = datetime(2024, 3, 15, 20, tzinfo=UTC)


def asked(simulator: Simulator) -> list[tuple[str, str]]:
    return [(request.params["start"], request.params["end"]) for request in simulator.log]


def test_given_72_hours_and_a_width_of_24_then_three_requests_of_a_day(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(now=datetime(2024, 3, 16, 2, 0, tzinfo=UTC))
    outcome = Command(simulator, tmp_path).read()
    assert outcome.exit_code == 0, outcome.everything
    assert sorted(asked(simulator)) == [
        ("20240313T00", "20240313T23"),
        ("20240314T00", "20240314T23"),
        ("20240315T00", "20240315T23"),
    ]
    assert outcome.cursors == ["2024-03-14T00:00:00Z", "2024-03-15T00:00:00Z", "2024-03-16T00:00:00Z"]
    assert sorted(outcome.uuids) == sorted(simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 71 * HOUR))


def test_given_23_10_then_it_ends_with_hour_20_and_an_hour_later_continues_with_21(
    simulator: Simulator, command: Command
) -> None:
    first = command.read()
    assert max(asked(simulator)) == ("20240315T00", "20240315T20")
    assert first.cursors[-1] == "2024-03-15T21:00:00Z"

    simulator.now = NOW + HOUR
    simulator.clear_log()
    second = command.read(state=first.last_state)
    assert asked(simulator) == [("20240315T21", "20240315T21")]

    both = first.uuids + second.uuids
    assert len(both) == len(set(both))
    assert set(both) == simulator.project.uuids(FIRST_HOUR, HOUR_20 + HOUR)


def test_given_many_nightly_syncs_then_their_union_is_what_was_published(
    simulator: Simulator, command: Command
) -> None:
    state, seen = None, []
    for hours in (0, 1, 2, 2.9, 7, 30):
        simulator.now = NOW + hours * HOUR
        outcome = command.read(state=state)
        assert outcome.exit_code == 0, outcome.everything
        state = outcome.last_state
        seen += outcome.uuids
    assert len(seen) == len(set(seen))
    assert set(seen) == simulator.project.uuids(FIRST_HOUR, HOUR_20 + 30 * HOUR)


def test_given_nothing_new_then_success_without_a_request(simulator: Simulator, command: Command) -> None:
    first = command.read()
    simulator.clear_log()
    second = command.read(state=first.last_state)
    assert second.exit_code == 0
    assert asked(simulator) == []
    assert second.last_state == first.last_state
    assert second.statuses[-1] == ("events", "COMPLETE")


@pytest.mark.parametrize("workers", [1, 5])
def test_given_parallel_downloads_then_records_and_states_are_in_order(
    simulator: Simulator, command: Command, workers: int
) -> None:
    outcome = command.read(a_config(simulator, num_workers=workers, batch_size_hours=4))
    assert simulator.most_concurrent <= workers
    uploaded = [record["server_upload_time"][:13] for record in outcome.records()]
    assert uploaded == sorted(uploaded)
    assert outcome.cursors == sorted(outcome.cursors)
    for cursor, uuids in uuids_before_each_state(outcome):
        assert cursor is not None
        reached = datetime.fromisoformat(cursor.replace("Z", "+00:00"))
        assert uuids == simulator.project.uuids(FIRST_HOUR, reached - HOUR)


def test_the_record_count_of_each_state_is_exact(simulator: Simulator, command: Command) -> None:
    outcome = command.read(a_config(simulator, batch_size_hours=7))
    counts, since = [], 0
    for message in outcome.messages:
        if message["type"] == "RECORD":
            since += 1
        elif message["type"] == "STATE":
            counts.append((message["state"]["sourceStats"]["recordCount"], float(since)))
            since = 0
    assert len(counts) == 10
    assert all(told == actual for told, actual in counts)


def test_given_empty_hours_then_the_state_moves_past_them(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=lambda hour: 3 if hour.day == 15 else 0)
    outcome = Command(simulator, tmp_path).read()
    assert outcome.exit_code == 0, outcome.everything
    assert outcome.cursors == ["2024-03-14T00:00:00Z", "2024-03-15T00:00:00Z", "2024-03-15T21:00:00Z"]
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR, HOUR_20)


@pytest.mark.parametrize(
    ("state", "first_hour"),
    [
        ({"server_upload_time": "2024-03-15T15:00:00Z"}, "20240315T15"),
        # Of the official connector, which saw hours 12 to 14 in part at best.
        ({"server_upload_time": "2024-03-15 14:03:22.123456"}, "20240315T12"),
        ({"server_upload_time": "2024-03-15T16:03:22.123456+02:00"}, "20240315T12"),
        ({"server_upload_time": "20240315T14"}, "20240315T12"),
        ({"last_hour": "20240315T14"}, "20240315T15"),
    ],
)
def test_given_a_state_of_any_accepted_form_then_it_continues_there(
    simulator: Simulator, command: Command, state: dict[str, str], first_hour: str
) -> None:
    outcome = command.read(state=an_events_state(state))
    assert asked(simulator) == [(first_hour, "20240315T20")]
    assert set(outcome.uuids) == simulator.project.uuids(
        datetime.strptime(first_hour, "%Y%m%dT%H").replace(tzinfo=UTC), HOUR_20
    )


def test_given_a_later_start_date_then_it_wins_over_the_state_and_an_earlier_one_does_not(
    simulator: Simulator, command: Command
) -> None:
    state = an_events_state({"server_upload_time": "2024-03-15T05:00:00Z"})
    command.read(a_config(simulator, start_date="2024-03-15T10:00:00Z"), state)
    command.read(a_config(simulator, start_date="2024-03-14"), state)
    assert asked(simulator) == [("20240315T10", "20240315T20"), ("20240315T05", "20240315T20")]


def test_given_a_lookback_then_earlier_hours_are_read_again_and_the_state_does_not_move_back(
    simulator: Simulator, command: Command
) -> None:
    state = an_events_state({"server_upload_time": "2024-03-15T18:00:00Z"})
    outcome = command.read(a_config(simulator, lookback_hours=5, batch_size_hours=3, num_workers=1), state)
    assert asked(simulator) == [
        ("20240315T13", "20240315T15"),
        ("20240315T16", "20240315T18"),
        ("20240315T19", "20240315T20"),
    ]
    assert outcome.cursors == ["2024-03-15T18:00:00Z", "2024-03-15T19:00:00Z", "2024-03-15T21:00:00Z"]


def test_given_no_start_date_then_the_last_thirty_days_but_never_past_an_old_state(
    simulator: Simulator, command: Command
) -> None:
    config = a_config(simulator, start_date=None, batch_size_hours=8760, num_workers=1)
    command.read(config)
    command.read(config, an_events_state({"server_upload_time": "2024-01-01T00:00:00Z"}))
    of_the_last_day = ("20240314T21", "20240315T20")
    assert asked(simulator) == [
        ("20240214T23", "20240314T20"),
        of_the_last_day,
        ("20240101T00", "20240314T20"),
        of_the_last_day,
    ]


def test_given_time_before_2014_11_12_then_whole_days_are_asked_for(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    first_hour = datetime(2014, 11, 10, 5, tzinfo=UTC)
    simulator = a_simulator(first_hour=first_hour, now=datetime(2014, 11, 13, 1, tzinfo=UTC))
    outcome = Command(simulator, tmp_path).read(a_config(simulator, batch_size_hours=36))
    assert sorted(asked(simulator)) == [
        ("20141110T00", "20141110T23"),
        ("20141111T00", "20141111T23"),
        ("20141112T00", "20141112T22"),
    ]
    assert sorted(outcome.uuids) == sorted(simulator.project.uuids(first_hour, datetime(2014, 11, 12, 22, tzinfo=UTC)))


def test_given_24_hours_are_too_large_then_it_narrows_by_itself(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(max_response_bytes=12_000, events_per_hour=5)
    outcome = Command(simulator, tmp_path).read()
    assert outcome.exit_code == 0, outcome.everything
    assert 400 in {request.status for request in simulator.log}
    assert sorted(outcome.uuids) == sorted(simulator.project.uuids(FIRST_HOUR, HOUR_20))


def test_given_24_hours_time_out_then_it_narrows_by_itself(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(max_hours_served=5)
    outcome = Command(simulator, tmp_path).read()
    assert outcome.exit_code == 0, outcome.everything
    refused = [request for request in simulator.log if request.status == 504]
    assert 3 <= len(refused) <= 5, "the width that worked must be remembered"
    assert sorted(outcome.uuids) == sorted(simulator.project.uuids(FIRST_HOUR, HOUR_20))


def test_records_have_every_field_with_rfc_3339_times_and_bags_as_json_text(
    simulator: Simulator, command: Command
) -> None:
    records = command.read().records()
    bags = {"event_properties", "user_properties", "group_properties", "groups", "data"}
    for record in records:
        assert len(record) >= 50
        assert record["server_upload_time"].endswith("Z")
        assert "T" in record["server_upload_time"]
        assert all(
            isinstance(record[bag], str) and isinstance(json.loads(record[bag]), dict) for bag in bags if record[bag]
        )


def test_records_and_traces_say_when_they_were_emitted_in_milliseconds(simulator: Simulator, command: Command) -> None:
    began = time.time() * 1000 - 1
    outcome = command.read(a_config(simulator, start_date="2024-03-15"))
    emitted = [message["record"]["emitted_at"] for message in outcome.of_type("RECORD")]
    assert len(emitted) == 105
    assert all(type(moment) is int for moment in emitted)
    emitted += [message["trace"]["emitted_at"] for message in outcome.of_type("TRACE")]
    assert all(began < moment <= time.time() * 1000 for moment in emitted)


def test_given_object_format_then_bags_are_objects_in_records_and_schema(
    simulator: Simulator, command: Command
) -> None:
    config = a_config(simulator, properties_format="object")
    assert all(isinstance(record["event_properties"], dict) for record in command.read(config).records())
    for properties_format, expected in (("object", ["null", "object"]), ("json_string", ["null", "string"])):
        path = command.file("config.json", a_config(simulator, properties_format=properties_format))
        [catalog] = command.run("discover", "--config", path).of_type("CATALOG")
        [events] = [stream for stream in catalog["catalog"]["streams"] if stream["name"] == "events"]
        assert events["json_schema"]["properties"]["event_properties"]["type"] == expected
        assert events["source_defined_primary_key"] == [["uuid"]]
        assert events["default_cursor_field"] == ["server_upload_time"]
        assert events["supported_sync_modes"] == ["full_refresh", "incremental"]


def test_given_both_formats_then_the_same_values(simulator: Simulator, command: Command) -> None:
    as_text = command.read(a_config(simulator, properties_format="json_string")).records()
    as_objects = command.read(a_config(simulator, properties_format="object")).records()
    for text, record in zip(as_text, as_objects, strict=True):
        for name, value in record.items():
            assert (json.loads(text[name]) if isinstance(value, (dict, list)) else text[name]) == value


def test_given_full_refresh_then_everything_and_still_resumable(simulator: Simulator, command: Command) -> None:
    outcome = command.read(catalog=a_catalog(sync_mode="full_refresh"))
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR, HOUR_20)
    assert outcome.cursors[-1] == "2024-03-15T21:00:00Z"


def test_given_a_configuration_of_the_official_connector_then_it_works(simulator: Simulator, command: Command) -> None:
    config = a_config(simulator, region=None, data_region="Standard Server", request_time_range=12)
    outcome = command.read(config)
    assert outcome.exit_code == 0
    assert simulator.project.secret_key not in outcome.everything, "a migration that prints the configuration"
    assert min(asked(simulator)) == ("20240313T00", "20240313T11")


def test_the_log_tells_of_each_window_and_never_of_a_record(simulator: Simulator, command: Command) -> None:
    outcome = command.read()
    assert "window 3 of 3" in outcome.log
    assert len(outcome.of_type("LOG")) < 25
    assert "Read 3 records" not in outcome.log


def test_an_estimate_a_window_tells_how_much_is_to_come(simulator: Simulator, command: Command) -> None:
    outcome = command.read(a_config(simulator, batch_size_hours=6))
    traces = (message["trace"] for message in outcome.of_type("TRACE"))
    estimates = [trace["estimate"] for trace in traces if trace["type"] == "ESTIMATE"]
    assert len(estimates) == len(outcome.states) == 12
    assert {(estimate["name"], estimate["type"]) for estimate in estimates} == {("events", "STREAM")}
    events = len(outcome.records())
    assert all(abs(estimate["row_estimate"] - events) < events * 0.15 for estimate in estimates[1:])
    sizes = sum(len(json.dumps(record, ensure_ascii=False).encode()) for record in outcome.records())
    assert abs(estimates[-1]["byte_estimate"] - sizes) < sizes * 0.05
