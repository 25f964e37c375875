"""The stream `user_profiles` through the real command line: whose profiles, which records, which requests."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from amplitude_simulator.profiles import a_profile
from harness.moments import NOW
from harness.profiles import (
    COMPLETE,
    a_profiles_config,
    active,
    keys_of,
    listed,
    profile_states,
    read_profiles,
    users_seen,
)
from harness.runs import Command, a_catalog, a_config
from integration_tests.checking import assert_no_key, check, verdict

USERS = [f"user-{number}" for number in range(60)]
LAST_HOUR = NOW.replace(hour=20, minute=0)
GATE = "User Profile API is not supported in EU region"


@pytest.fixture
def simulator(a_simulator: Callable[..., Simulator]) -> Simulator:
    return a_simulator(profiles_per_minute=10**6)


@pytest.fixture
def command(command: Command) -> Command:
    return command


def asked(simulator: Simulator) -> list[str]:
    return [request.params.get("user_id") or request.params["device_id"] for request in simulator.profile_log]


def test_given_listed_users_then_each_once_in_order_with_states_in_between(command: Command) -> None:
    outcome = read_profiles(command, listed([*USERS, "user-3"], ["device-1"]))
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == [*USERS, "device-1"]
    states = profile_states(outcome)
    assert [state.get("done") for state in states[:2]] == [25, 50]
    assert states[2:] == [COMPLETE] * len(states[2:])
    assert "61 profiles read, 0 users unknown to Amplitude, 0 users that could not be read" in outcome.log
    assert sum(state["sourceStats"]["recordCount"] for state in outcome.states) == 61
    assert outcome.statuses[-1] == ("user_profiles", "COMPLETE")
    assert sorted(asked(command.simulator)) == sorted([*USERS, "device-1"])


def test_given_odd_values_then_kept_and_counted_in_one_line_without_a_value(command: Command) -> None:
    body = {"userData": {"user_id": "a", "cohort_ids": "a secret", "propensity": "0.50", "new": "NUL\x00"}}
    command.simulator.faults.append(Fault("status", api="profile", status=200, body=json.dumps(body).encode()))
    outcome = read_profiles(command, listed(USERS))
    assert outcome.exit_code == 0, outcome.everything
    records = outcome.records("user_profiles")
    assert {(record["cohort_ids"], record["propensity"], record["new"]) for record in records} == {
        (None, 0.5, "NUL\ufffd")
    }
    assert {record["additional_fields"] for record in records} == {'{"cohort_ids":"a secret","new":"NUL\ufffd"}'}
    [told] = [line for line in outcome.log.splitlines() if "additional_fields" in line]
    for part in ("60 records or answers were repaired", "'cohort_ids' (60)", "'propensity' (60)", "'new' (60)"):
        assert part in told
    assert "secret" not in outcome.log


def test_given_all_parts_then_all_fields_and_computations_told_apart(command: Command) -> None:
    parts = {
        "get_cohort_ids": True,
        "get_computations": True,
        "recommendation_ids": ["r1, r2"],
        "prediction_ids": ["p1"],
        "propensity_type": "pct",
    }
    config = a_profiles_config(command.simulator, listed(["ada"]), **parts)
    outcome = command.read({**config, "properties_format": "object"}, catalog=a_catalog("user_profiles"))
    [record] = outcome.records("user_profiles")
    params = {"get_amp_props": "true", "get_cohort_ids": "true", "get_recs": "true", "rec_id": "r1,r2",
              "get_propensity": "true", "prediction_id": "p1", "propensity_type": "pct"}  # fmt: skip
    expected = a_profile("ada", None, params)
    computed = a_profile("ada", None, {"get_computations": "true"})
    assert record == {**expected, "computations": computed["amp_props"], "additional_fields": None}
    assert [request.params for request in command.simulator.profile_log] == [
        {"user_id": "ada", **params},
        {"user_id": "ada", "get_computations": "true"},
    ]

    as_text = command.read(config, catalog=a_catalog("user_profiles")).records("user_profiles")[0]
    for name, value in record.items():
        is_bag = isinstance(value, (dict, list)) and name != "cohort_ids"
        assert (json.loads(as_text[name]) if is_bag else as_text[name]) == value


@pytest.mark.parametrize(
    ("wanted", "asked_for"),
    [
        ({}, {"get_amp_props": "true"}),
        ({"get_amp_props": False, "get_computations": True}, {"get_computations": "true"}),
        ({"get_amp_props": False, "get_cohort_ids": True}, {"get_cohort_ids": "true"}),
    ],
)
def test_given_one_kind_of_properties_then_one_request(
    command: Command, wanted: dict[str, Any], asked_for: dict[str, str]
) -> None:
    [record] = read_profiles(command, listed(["ada"]), profiles=wanted).records("user_profiles")
    [request] = command.simulator.profile_log
    assert request.params == {"user_id": "ada", **asked_for}
    filled = {name for name in ("amp_props", "computations", "cohort_ids") if record[name] is not None}
    assert filled == {name.removeprefix("get_") for name in asked_for}


def test_discover_follows_the_format(command: Command) -> None:
    for properties_format, bag in (("object", ["null", "object"]), ("json_string", ["null", "string"])):
        config = a_config(command.simulator, properties_format=properties_format)
        [message] = command.run("discover", "--config", command.file("config.json", config)).of_type("CATALOG")
        streams = {stream["name"]: stream for stream in message["catalog"]["streams"]}
        profiles = streams["user_profiles"]
        properties = profiles["json_schema"]["properties"]
        assert properties["amp_props"]["type"] == bag
        assert properties["cohort_ids"]["type"] == ["null", "array"]
        assert profiles["source_defined_primary_key"] == [["user_id"]]
        assert profiles["supported_sync_modes"] == ["full_refresh"]
        assert profiles["is_resumable"] is True


def test_given_odd_ids_then_they_are_sent_and_returned_exactly(command: Command) -> None:
    odd = [
        "ünïcödé 用户 🚀",
        "a b",
        "a&b=c",
        "a+b",
        "a/b?c#d",
        "100%",
        '"quoted"',
        "é" * 1000,
        "x" * 1000,
        "../a",
        "%41",
    ]
    outcome = read_profiles(command, listed(odd, ["device id & +/"]))
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == [*odd, "device id & +/"]
    assert sorted(asked(command.simulator)) == sorted([*odd, "device id & +/"])


@pytest.mark.parametrize("status", [400, 404])
def test_given_unknown_users_then_counted_and_at_debug_level_told_by_their_number(
    a_simulator: Callable[..., Simulator], tmp_path: Path, status: int
) -> None:
    simulator = a_simulator(unknown_users=("user-7", "user-31"), unknown_user_status=status, profiles_per_minute=10**6)
    command = Command(simulator, tmp_path)
    outcome = read_profiles(command, listed(USERS))
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == [user for user in USERS if user not in simulator.project.unknown_users]
    assert "58 profiles read, 2 users unknown to Amplitude" in outcome.log
    assert "User 8" not in outcome.log
    assert len(simulator.profile_log) == 60

    config = a_profiles_config(simulator, listed(USERS))
    arguments = command.read_arguments(config, catalog=a_catalog("user_profiles"))
    told = command.run("read", *arguments, "--debug")
    assert "User 8 is unknown to Amplitude" in told.everything


def test_given_all_users_are_unknown_then_states_and_success(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(unknown_users=USERS, profiles_per_minute=10**6)
    outcome = read_profiles(Command(simulator, tmp_path), listed(USERS))
    assert (outcome.exit_code, keys_of(outcome)) == (0, [])
    assert profile_states(outcome)[-1] == COMPLETE
    assert "60 users unknown" in outcome.log


def test_given_only_the_api_key_is_accepted_then_the_other_is_tried_once_a_sync(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(profile_key="api_key", profiles_per_minute=10**6)
    simulator.faults.append(Fault("latency", api="profile", seconds=0.02))
    outcome = read_profiles(Command(simulator, tmp_path), listed(USERS))
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == USERS
    assert [request.status for request in simulator.profile_log].count(401) == 1


def test_given_no_key_is_accepted_then_one_config_error(a_simulator: Callable[..., Simulator], tmp_path: Path) -> None:
    simulator = a_simulator(profile_key="none")
    command = Command(simulator, tmp_path)
    outcome = read_profiles(command, listed(USERS))
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "Authentication failed. Check your api_key and secret_key." in outcome.stream_error["message"]
    assert len(simulator.profile_log) == 2
    failed = check(command, a_profiles_config(simulator, listed(USERS)))
    assert verdict(failed)[0] == "FAILED"
    assert "Authentication failed." in verdict(failed)[1]
    assert_no_key(failed, a_config(simulator))


def test_given_no_users_then_check_and_discover_work_and_reading_says_where_to_set_them(command: Command) -> None:
    config = a_config(command.simulator)
    assert verdict(check(command, config))[0] == "SUCCEEDED"
    discovered = command.run("discover", "--config", command.file("config.json", config))
    assert '"user_profiles"' in discovered.everything
    outcome = read_profiles(command, None)
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "user_profiles.users" in outcome.stream_error["message"]
    assert command.simulator.profile_log == []


@pytest.mark.parametrize("streams", [("events", "user_profiles"), ("user_profiles", "events")])
def test_given_the_eu_then_events_complete_and_the_gate_is_told_for_user_profiles(
    a_simulator: Callable[..., Simulator], tmp_path: Path, streams: tuple[str, str]
) -> None:
    simulator = a_simulator(region="EU")
    command = Command(simulator, tmp_path)
    config = a_profiles_config(simulator, listed(USERS))
    path = command.file("config.json", config)
    [discovered] = command.run("discover", "--config", path).of_type("CATALOG")
    names = [stream["name"] for stream in discovered["catalog"]["streams"]]
    assert "events" in names
    assert "user_profiles" not in names
    checked = check(command, config)
    assert verdict(checked)[0] == "SUCCEEDED"
    assert GATE in checked.log

    outcome = command.read(config, catalog=a_catalog(*streams))
    assert outcome.exit_code == 1
    assert outcome.stream_error["stream_descriptor"]["name"] == "user_profiles"
    assert outcome.stream_error["failure_type"] == "config_error"
    assert GATE in outcome.stream_error["message"]
    assert ("events", "COMPLETE") in outcome.statuses
    assert ("user_profiles", "INCOMPLETE") in outcome.statuses
    assert set(outcome.uuids) == simulator.project.uuids(simulator.project.first_hour, LAST_HOUR)
    assert simulator.profile_log == []


@pytest.mark.parametrize("users", [listed(USERS), listed([], ["device-1"]), active(3)])
def test_check_asks_about_one_user_and_exports_nothing_for_it(command: Command, users: dict[str, Any]) -> None:
    outcome = check(command, a_profiles_config(command.simulator, users))
    assert verdict(outcome)[0] == "SUCCEEDED", outcome.everything
    assert len(command.simulator.profile_log) == 1
    assert len(command.simulator.log) == 1


def test_given_the_probed_user_is_unknown_then_check_succeeds(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(unknown_users=["user-0"])
    outcome = check(Command(simulator, tmp_path), a_profiles_config(simulator, listed(USERS)))
    assert verdict(outcome)[0] == "SUCCEEDED"


def test_given_the_probed_user_cannot_be_served_but_others_can_then_check_succeeds(command: Command) -> None:
    command.simulator.faults.append(Fault("status", api="profile", status=400, user=USERS[0]))
    assert verdict(check(command, a_profiles_config(command.simulator, listed(USERS))))[0] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("status", api="profile", status=403), "Access to user profiles is denied (403 "),
        (Fault("status", api="profile", status=503), "503"),
        (Fault("reset", api="profile"), "The User Profile API kept failing"),
        (Fault("status", api="profile", status=404, body=b""), "the last error was: 404"),
        (Fault("status", api="profile", status=429), "429"),
    ],
    ids=["403", "503", "reset", "wrong path", "429"],
)
def test_given_the_profile_api_does_not_answer_then_check_says_why(command: Command, fault: Fault, told: str) -> None:
    command.simulator.faults.append(fault)
    outcome = check(command, a_profiles_config(command.simulator, listed(USERS)))
    assert verdict(outcome)[0] == "FAILED", "and within seconds"
    assert told in verdict(outcome)[1]


@pytest.mark.parametrize(
    ("kind", "profile_key"),
    [
        (kind, profile_key)
        for kind in ("", "status", "reset", "html", "truncate")
        for profile_key in ("secret_key", "api_key", "none")
        if (kind, profile_key) != ("truncate", "none")  # without a right key no answer has a body to cut
    ],
)
def test_given_debug_and_a_fault_then_no_key_no_id_and_no_property_is_printed(
    a_simulator: Callable[..., Simulator], tmp_path: Path, profile_key: str, kind: str
) -> None:
    simulator = a_simulator(profile_key=profile_key, unknown_users=["user-7"], profiles_per_minute=10**6)
    if kind:
        simulator.faults.append(Fault(kind, api="profile", times=2))
    command = Command(simulator, tmp_path)
    # Keys are sent without the blanks around them: masked in that form too.
    config = {**a_profiles_config(simulator, listed(USERS)), "secret_key": f" {simulator.project.secret_key} "}
    arguments = command.read_arguments(config, catalog=a_catalog("user_profiles"))
    # The harness looks for keys, ids and properties in the output of each run.
    outcome = command.run("read", *arguments, "--debug")
    assert outcome.exit_code == (1 if profile_key == "none" else 0), outcome.everything
    assert outcome.of_type("DEBUG")
    command.run("check", "--config", command.file("config.json", config), "--debug")


def test_given_active_users_then_each_once_and_devices_only_without_a_user(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(users=400, events_per_hour=40, profiles_per_minute=10**6)
    simulator.faults.append(Fault("gzip_crc", times=1, hour=NOW.replace(hour=3, minute=0)))
    simulator.faults.append(Fault("members", transform=without_some_user_ids))
    outcome = read_profiles(
        Command(simulator, tmp_path), active(3), settings={"user_profiles.pacer.WINDOW_SECONDS": 0.2}
    )
    assert outcome.exit_code == 0, outcome.everything
    users, devices = users_seen(simulator, simulator.project.first_hour, LAST_HOUR)
    assert sorted(keys_of(outcome)) == sorted(users | devices), "each once"
    requests = [request.params for request in simulator.profile_log]
    assert {request["user_id"] for request in requests if "user_id" in request} == users
    assert {request["device_id"] for request in requests if "device_id" in request} == devices, "and no other device"
    assert f"Found {len(users | devices)} active users: {len(users)} by user_id, {len(devices)} by device_id" in (
        outcome.log
    )


def without_some_user_ids(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Every second event has lost its user id, as before a log-in: its device is known by other events."""
    changed = []
    for name, content in members:
        events = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        extra = [{**event, "user_id": None} for event in events[::2]]
        lines = [json.dumps(event).encode() for event in [*extra, *events]]
        changed.append((name, gzip.compress(b"\n".join(lines))))
    return changed


def test_given_odd_ids_in_events_then_each_user_once_with_its_very_digits(
    simulator: Simulator, command: Command
) -> None:
    lines = [
        b'{"user_id": 1234567890123456789012, "device_id": "d1"}',
        b'{"user_id": "1234567890123456789012", "device_id": null}',
        b'{"user_id": "caf\xff", "device_id": "d2"}',
        b'{"user_id": "ada", "load": NaN}',
        b'{"user_id": "", "device_id": "d3"}',
        b'{"user_id": null, "device_id": "d1"}',
        b'{"event_type": "of nobody"}',
    ]
    members = [("1/1_2024-03-15_10#0.json.gz", gzip.compress(b"\n".join(lines)))]
    simulator.faults.append(Fault("members", transform=lambda _: members))
    outcome = read_profiles(command, active(1))
    assert outcome.exit_code == 0, outcome.everything
    assert sorted(keys_of(outcome)) == sorted(["1234567890123456789012", "caf\ufffd", "ada", "d3"])


def test_given_no_events_then_no_active_users_and_success(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=0)
    outcome = read_profiles(Command(simulator, tmp_path), active(2))
    assert (outcome.exit_code, keys_of(outcome)) == (0, [])
    assert profile_states(outcome)[-1] == COMPLETE


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_given_three_days_of_50_000_events_of_4_000_users_then_each_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(users=4000, events_per_hour=725, profiles_per_minute=10**6)
    outcome = read_profiles(
        Command(simulator, tmp_path),
        active(3),
        settings={"user_profiles.pacer.WINDOW_SECONDS": 0.1},
        limit_seconds=250,
    )
    assert outcome.exit_code == 0, outcome.everything
    assert len(simulator.project.uuids(simulator.project.first_hour, LAST_HOUR)) > 50_000
    users, devices = users_seen(simulator, simulator.project.first_hour, LAST_HOUR)
    assert len(users | devices) == 4000
    assert sorted(keys_of(outcome)) == sorted(users | devices)
    assert outcome.peak_rss_bytes < 150 * 2**20


def test_given_nobody_in_the_days_asked_for_then_a_warning_says_so(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=lambda hour: 5 if hour.day == 13 else 0)
    command = Command(simulator, tmp_path)
    outcome = command.read(a_profiles_config(simulator, active(1)), catalog=a_catalog("user_profiles"))
    assert (outcome.exit_code, outcome.records("user_profiles")) == (0, [])
    [warning] = [line for line in outcome.log.splitlines() if line.startswith("No user was active in the 24 hours")]
    assert "user_profiles.users.lookback_days" in warning
