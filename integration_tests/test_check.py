"""`check`, and every way to get the set-up wrong: one clear sentence each, the right failure type, no key anywhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from harness.moments import FIRST_HOUR
from harness.runs import Command, Outcome, a_catalog, a_config
from integration_tests.checking import an_events_state, assert_no_key, check, verdict
from integration_tests.faults.expect import LAST_HOUR
from integration_tests.faults.tables import INVALID_KEY


def test_given_right_keys_then_success_without_pulling_an_archive(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=30_000, payload_characters=4_000)
    outcome = check(Command(simulator, tmp_path), a_config(simulator))
    assert (outcome.exit_code, verdict(outcome)[0]) == (0, "SUCCEEDED"), outcome.everything
    [request] = simulator.log
    # Of some 50 MB; the buffers of the two sockets may take 10 before the server notices.
    assert request.bytes_sent < 12_000_000, "hung up after the headers"


@pytest.mark.parametrize(
    "project",
    [{"events_per_hour": 0}, {"max_response_bytes": 1}, {"max_hours_served": 0}],
    ids=["empty", "too large for one answer", "too slow for one hour"],
)
def test_given_an_empty_new_or_huge_project_then_success(
    a_simulator: Callable[..., Simulator], tmp_path: Path, project: dict[str, Any]
) -> None:
    simulator = a_simulator(**project)
    if "max_hours_served" in project:
        simulator.faults.append(Fault("status", status=504, hour=simulator.now.replace(hour=20, minute=0)))
    outcome = check(Command(simulator, tmp_path), a_config(simulator))
    assert verdict(outcome)[0] == "SUCCEEDED", outcome.everything


@pytest.mark.parametrize("name", ["api_key", "secret_key"])
def test_given_a_wrong_key_then_told_so(simulator: Simulator, command: Command, name: str) -> None:
    config = a_config(simulator, **{name: "wrong-key-0123456789"})
    outcome = check(command, config)
    assert outcome.exit_code == 0
    assert verdict(outcome)[0] == "FAILED"
    assert "Authentication failed. Check your api_key and secret_key." in verdict(outcome)[1]
    assert_no_key(outcome, config)


@pytest.mark.parametrize(("project", "configured"), [("EU", "US"), ("US", "EU")])
def test_given_keys_of_the_other_region_then_told_which_one(
    a_simulator: Callable[..., Simulator], tmp_path: Path, project: str, configured: str
) -> None:
    simulator = a_simulator(region=project)
    config = a_config(simulator, region=configured)
    outcome = check(Command(simulator, tmp_path), config)
    assert verdict(outcome)[0] == "FAILED"
    assert f"set region to {project}" in verdict(outcome)[1]
    assert_no_key(outcome, config)


def test_given_nobody_listens_then_a_network_fault(simulator: Simulator, command: Command) -> None:
    command.environment["AMPLITUDE_API_URL"] = "http://127.0.0.1:9"
    outcome = check(command, a_config(simulator))
    assert verdict(outcome)[0] == "FAILED"
    assert "No connection to http://127.0.0.1:9/" in verdict(outcome)[1]
    assert "refused" in verdict(outcome)[1]


def test_given_an_unknown_host_then_a_network_fault(simulator: Simulator, command: Command) -> None:
    command.environment["AMPLITUDE_API_URL"] = "http://amplitude.invalid"
    assert "No connection to http://amplitude.invalid/" in verdict(check(command, a_config(simulator)))[1]


def test_given_a_silent_server_then_a_network_fault(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("hang"))
    outcome = check(command, a_config(simulator), settings={"export.probe.PROBE_READ_TIMEOUT_SECONDS": 0.3})
    assert "No connection to" in verdict(outcome)[1]


@pytest.mark.parametrize("status", [503, 403])
def test_given_a_passing_fault_then_check_tries_again(simulator: Simulator, command: Command, status: int) -> None:
    simulator.faults.append(Fault("status", status=status, times=2))
    assert verdict(check(command, a_config(simulator)))[0] == "SUCCEEDED"
    assert [request.status for request in simulator.log] == [status, status, 200]


def test_given_wrong_keys_while_the_other_region_is_away_then_told_of_the_keys(
    simulator: Simulator, command: Command
) -> None:
    simulator.regions_away.add("EU")
    outcome = check(command, a_config(simulator, secret_key="wrong-key-0123456789"))
    assert verdict(outcome)[0] == "FAILED"
    assert "Authentication failed. Check your api_key and secret_key." in verdict(outcome)[1]
    assert [request.path for request in simulator.log][-1].startswith("/eu/"), "the other region was tried"


@pytest.mark.parametrize("key", ["schl\u00fcssel-0123456789", "key-\u2603-0123456789", "key\u00a00123456789"])
@pytest.mark.parametrize("name", ["api_key", "secret_key"])
def test_given_a_key_that_is_not_ascii_then_told_which_and_nothing_is_sent(
    simulator: Simulator, command: Command, name: str, key: str
) -> None:
    config = a_config(simulator, **{name: key})
    outcome = check(command, config)
    assert verdict(outcome) == (
        "FAILED", f"Config validation error: {name} holds characters that no Amplitude key has."
    )  # fmt: skip
    assert simulator.log == []
    assert_no_key(outcome, config)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Fault("status", status=404, body=b""), "not available at the moment (404"),
        (Fault("status", status=404, body=b"no such route"), "not available at the moment (404 no such route)"),
        (Fault("html"), "not available at the moment (200, but no archive: text/html"),
        (Fault("status", status=204, body=b""), "not available at the moment (204"),
        (Fault("status", status=403, body=b"Blocked by your organization"), "(403 Blocked by your organization)"),
        (Fault("status", status=403, body=INVALID_KEY), "Authentication failed. Check your api_key and secret_key."),
        (Fault("status", status=403, body=INVALID_KEY), "(Invalid API Key)"),
        (Fault("status", status=407), "proxy"),
        (Fault("status", status=400, body=b"Export is not supported for cross-project views"), "cross-project views"),
        (Fault("status", status=418, body=b"tea"), "Unexpected response from http://127.0.0.1"),
        (Fault("status", status=418, body=b"tea"), "(418 tea)"),
    ],
    ids=[
        "404 empty",
        "404 of a gateway",
        "portal",
        "204",
        "firewall",
        "keys",
        "keys, in its words",
        "proxy",
        "views",
        "418",
        "418, in its words",
    ],
)
def test_given_an_answer_that_is_not_amplitudes_or_a_permanent_one_then_check_fails_and_quotes_it(
    simulator: Simulator, command: Command, answer: Fault, told: str
) -> None:
    simulator.faults.append(answer)
    outcome = check(command, a_config(simulator))
    assert verdict(outcome)[0] == "FAILED"
    assert told in verdict(outcome)[1]


def test_given_certificates_that_do_not_exist_then_told_so(simulator: Simulator, command: Command) -> None:
    command.environment["REQUESTS_CA_BUNDLE"] = "/no/such/authorities.pem"
    command.environment["AMPLITUDE_API_URL"] = "https://127.0.0.1:9"
    outcome = check(command, a_config(simulator))
    assert verdict(outcome)[0] == "FAILED"
    for told in ("/no/such/authorities.pem", "REQUESTS_CA_BUNDLE"):
        assert told in verdict(outcome)[1]
    read = command.read()
    assert read.stream_error["failure_type"] == "config_error"
    assert "REQUESTS_CA_BUNDLE" in read.stream_error["message"]


@pytest.mark.parametrize("body", [{"status": 401}, {"status": 403, "body": INVALID_KEY}], ids=["401", "403"])
def test_given_refused_keys_while_reading_then_a_config_error(
    simulator: Simulator, command: Command, body: dict[str, Any]
) -> None:
    simulator.faults.append(Fault("status", **body))
    outcome = command.read()
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "Authentication failed. Check your api_key and secret_key." in outcome.stream_error["message"]
    assert outcome.statuses[-1] == ("events", "INCOMPLETE")
    assert_no_key(outcome, a_config(simulator))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"batch_size_hours": 0}, "batch_size_hours must be a whole number from 1 to 8760."),
        ({"batch_size_hours": "24"}, "batch_size_hours must be a whole number from 1 to 8760."),
        ({"num_workers": 6}, "num_workers must be a whole number from 1 to 5."),
        ({"export_delay_hours": -1}, "export_delay_hours must be a whole number from 0 to 168."),
        ({"region": "MARS"}, "region must be one of US, EU."),
        ({"start_date": "15/03/2024"}, "start_date must have the form"),
        ({"start_date": "2024-02-31"}, "start_date must be a date such as"),
        ({"properties_format": "xml"}, "properties_format must be one of json_string, object."),
        ({"secret_key": None}, "error: secret_key is required."),
        ({"secret_key": None, "api_key": None}, "error: api_key and secret_key are required."),
        (
            {"secret_key": None, "api_key": None, "SecretKey": "x", "apikey": "x", "z": 1},
            "error: api_key and secret_key are required. Did you mean api_key by apikey and secret_key by SecretKey?",
        ),
        ({"api_key": ""}, "api_key must not be empty."),
        ({"user_profiles": {"users": {"selection": "some"}}}, "users.selection must be one of listed, active."),
        (
            {"user_profiles": {"users": {"selection": "listed", "user_ids": "a"}}},
            "user_ids must be a list.",
        ),
        (
            {"user_profiles": {"users": {"selection": "active", "lookback_days": 0}}},
            "must be a whole number from 1",
        ),
        ({"user_profiles": {"users": {}}}, "user_profiles.users.selection is required."),
        ({"user_profiles": {"requests_per_minute": 601}}, "requests_per_minute must be a whole number from 1 to 600."),
    ],
)
def test_given_a_wrong_value_then_one_sentence_names_field_and_range(
    simulator: Simulator, command: Command, change: dict[str, Any], told: str
) -> None:
    outcome = check(command, a_config(simulator, **change))
    assert outcome.exit_code == 0
    assert verdict(outcome)[0] == "FAILED"
    assert told in verdict(outcome)[1]
    assert simulator.project.secret_key not in outcome.everything

    read = command.read(a_config(simulator, **change))
    assert read.exit_code == 1
    assert [error["failure_type"] for error in read.errors] == ["config_error"]
    assert told in read.errors[0]["message"]
    assert simulator.project.secret_key not in read.everything


@pytest.mark.parametrize("content", ['{"api_key": "k3y-in-the-file"', "[]", '"k3y-in-the-file"'])
@pytest.mark.parametrize("verb", ["check", "discover"])
def test_given_a_config_that_is_no_json_object_then_a_config_error(command: Command, content: str, verb: str) -> None:
    outcome = command.run(verb, "--config", command.file("config.json", content))
    assert outcome.exit_code == 1
    assert [error["failure_type"] for error in outcome.errors] == ["config_error"]
    assert "does not hold a JSON object" in outcome.errors[0]["message"]
    assert "k3y-in-the-file" not in outcome.everything


def test_given_no_config_file_then_a_config_error(command: Command) -> None:
    outcome = command.run("check", "--config", str(command.folder / "absent.json"))
    assert outcome.exit_code == 1
    assert "cannot be read" in outcome.errors[0]["message"]


def warnings(outcome: Outcome) -> list[str]:
    logs = [message["log"] for message in outcome.of_type("LOG")]
    return [log["message"] for log in logs if log["level"] == "WARN" and "_URL is set" not in log["message"]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"start_date": "2024-03-17"}, "start_date is in the future, 2024-03-17: no events"),
        (
            {"start_date": "", "end_date": "2024-01-31"},
            "A first sync has nothing to read: end_date is 2024-01-31, and it begins with 2024-02-14, 30 days back",
        ),
        (
            {"user_profiles": {"users": {"selection": "listed", "user_ids": [" , "]}}},
            "user_profiles.users lists no users: the stream user_profiles will be refused.",
        ),
        (
            {"cohort_members": {"cohorts": {"selection": "listed"}}},
            "cohort_members.cohorts lists no cohorts: the stream cohort_members will be refused.",
        ),
        ({"cohort_members": {"cohorts": {"selection": "all"}}, "user_profiles": {}, "start_date": "2024-03-15"}, None),
    ],
    ids=["the future", "before the beginning", "no users", "no cohorts", "no doubt"],
)
def test_given_a_choice_of_which_nothing_will_come_then_check_warns(
    simulator: Simulator, command: Command, change: dict[str, Any], told: str | None
) -> None:
    outcome = check(command, a_config(simulator, **change))
    assert verdict(outcome)[0] == "SUCCEEDED"
    assert [warning.startswith(told or "-") for warning in warnings(outcome)] == ([True] if told else [])


@pytest.mark.parametrize(
    ("stream", "change", "told"),
    [
        ("events", {"cursor_field": ["server_upload_time"]}, None),
        (
            "events",
            {"cursor_field": ["event_time"]},
            (
                "The catalog names event_time as the cursor of the stream events, which is ignored: "
                "its cursor is server_upload_time."
            ),
        ),
        (
            "cohorts",
            {"cursor_field": ["id"]},
            "The catalog names id as the cursor of the stream cohorts, which is ignored: it has none.",
        ),
        (
            "cohorts",
            {"sync_mode": "incremental"},
            (
                "The catalog asks for the stream cohorts in the sync mode incremental, which it does not have: "
                "it is read in full."
            ),
        ),
    ],
)
def test_given_a_catalog_that_asks_for_what_a_stream_has_not_then_told(
    command: Command, stream: str, change: dict[str, Any], told: str | None
) -> None:
    catalog = a_catalog(stream)
    catalog["streams"][0].update(change)
    outcome = command.read(catalog=catalog)
    assert outcome.exit_code == 0
    assert outcome.records(stream)
    assert [line for line in warnings(outcome) if line.startswith("The catalog")] == ([told] if told else [])


@pytest.mark.parametrize("address", ["amplitude", "ftp://host", "https://", "http://host:port", "//host"])
@pytest.mark.parametrize("variable", ["AMPLITUDE_API_URL", "AMPLITUDE_PROFILE_API_URL"])
def test_given_an_address_that_is_none_in_the_environment_then_told_so(
    simulator: Simulator, command: Command, variable: str, address: str
) -> None:
    command.environment[variable] = address
    users = {"users": {"selection": "listed", "user_ids": ["ada"]}}
    outcome = check(command, a_config(simulator, user_profiles=users))
    assert verdict(outcome)[0] == "FAILED"
    assert verdict(outcome)[1].startswith(f"The environment variable {variable} holds no address such as")


def test_given_an_address_that_is_not_amplitudes_then_check_says_who_may_have_answered(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("html"))
    sentence = verdict(check(command, a_config(simulator)))[1]
    assert sentence.endswith("AMPLITUDE_API_URL is set: what answers may not be Amplitude.")


def test_given_a_name_that_does_not_exist_then_dns_is_named(simulator: Simulator, command: Command) -> None:
    command.environment["AMPLITUDE_API_URL"] = "https://no-such-host.invalid"
    told = "the name no-such-host.invalid has no address: DNS does not know it"
    assert told in verdict(check(command, a_config(simulator)))[1]
    assert told in command.read().stream_error["message"]


def test_given_a_proxy_that_refuses_then_the_proxy_is_named(simulator: Simulator, command: Command) -> None:
    command.environment |= {"AMPLITUDE_API_URL": "https://amplitude.example", "HTTPS_PROXY": "http://127.0.0.1:9"}
    told = (
        "the proxy of HTTPS_PROXY or HTTP_PROXY gives no connection: 127.0.0.1:9: Failed to establish a new connection"
    )
    assert told in verdict(check(command, a_config(simulator)))[1]
    assert told in command.read().stream_error["message"]


def test_given_a_start_date_in_the_future_then_success_and_a_log_line(simulator: Simulator, command: Command) -> None:
    outcome = command.read(a_config(simulator, start_date="2099-01-01"))
    assert outcome.exit_code == 0
    assert outcome.records() == []
    assert "No complete hour to read yet" in outcome.log
    assert verdict(check(command, a_config(simulator, start_date="2099-01-01")))[0] == "SUCCEEDED"


@pytest.mark.parametrize(
    "state",
    [{"updated_at": 17}, {"server_upload_time": "soon"}, {"server_upload_time": 5}, {"last_hour": "2024-01-15"}],
    ids=["another connector's", "no moment", "a number", "no export hour"],
)
def test_given_a_state_of_another_connector_then_a_config_error(
    simulator: Simulator, command: Command, state: dict[str, Any]
) -> None:
    outcome = command.read(state=an_events_state(state))
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "Reset the stream's state" in outcome.stream_error["message"]
    assert simulator.log == []


@pytest.mark.parametrize("content", ["{}x", '{"cursor": 1}', "[1]", '[{"type": "STREAM"}]'])
def test_given_a_state_file_that_is_none_then_a_config_error(
    simulator: Simulator, command: Command, content: str
) -> None:
    arguments = command.read_arguments()
    outcome = command.run("read", *arguments, "--state", command.file("state.json", content))
    assert outcome.exit_code == 1
    assert [error["failure_type"] for error in outcome.errors] == ["config_error"]
    assert simulator.log == []


def test_given_states_of_other_streams_only_then_a_config_error_instead_of_a_silent_restart(
    simulator: Simulator, command: Command
) -> None:
    outcome = command.read(state=an_events_state({"cursor": 1}, stream="invoices"))
    assert outcome.exit_code == 1
    assert "invoices" in outcome.errors[0]["message"]
    assert [error["failure_type"] for error in outcome.errors] == ["config_error"]
    assert simulator.log == []


def test_given_an_unknown_stream_in_the_catalog_then_a_config_error(command: Command) -> None:
    outcome = command.read(catalog=a_catalog("cohort_members"))
    assert outcome.exit_code == 1
    assert "cohort_members" in json.dumps(outcome.errors)


@pytest.mark.parametrize("verb", ["check", "discover", "read"])
def test_given_debug_then_no_key_and_no_authorization_is_printed(
    simulator: Simulator, command: Command, verb: str
) -> None:
    arguments = (
        command.read_arguments() if verb == "read" else ["--config", command.file("config.json", a_config(simulator))]
    )
    outcome = command.run(verb, *arguments, "--debug")
    assert outcome.exit_code == 0, outcome.everything
    assert_no_key(outcome, a_config(simulator))
    for request_auth in ("Basic MDEy", "Basic ey"):
        assert request_auth not in outcome.everything


CURSOR = {"server_upload_time": "2024-03-15T00:00:00Z"}
EVENTS = {"name": "events"}
DESCRIPTOR = {"name": "events", "namespace": "warehouse"}
COMPLETE = {"__ab_full_refresh_sync_complete": True}


@pytest.mark.parametrize(
    "entry",
    [
        {"stream": {"stream_descriptor": EVENTS, "stream_state": CURSOR}},
        {"type": "LEGACY", "stream": {"stream_descriptor": EVENTS, "stream_state": CURSOR}},
        {"type": "STREAM", "stream": {"stream_descriptor": {**EVENTS, "namespace": ""}, "stream_state": CURSOR}},
    ],
    ids=["without a type", "of another type", "with an empty namespace"],
)
def test_given_a_state_that_the_cdk_would_pass_over_then_it_is_taken(command: Command, entry: dict[str, Any]) -> None:
    outcome = command.read(state=[entry])
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert len(outcome.uuids) == 21 * 5


@pytest.mark.parametrize("stream", [{"stream_descriptor": EVENTS}, {"stream_descriptor": EVENTS, "stream_state": None}])
def test_given_a_null_state_as_a_reset_leaves_it_then_that_stream_begins_anew_with_a_warning(
    simulator: Simulator, command: Command, stream: dict[str, Any]
) -> None:
    other = {"stream_descriptor": {"name": "active_users"}, "stream_state": {"date": "2024-03-14"}}
    state = [{"type": "STREAM", "stream": stream}, {"type": "STREAM", "stream": other}]
    outcome = command.read(state=state, catalog=a_catalog("events", "active_users"))
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert "The state of the stream events is null, as after a reset: the stream is read anew" in outcome.log
    assert "2024-03-15T21:00:00Z" in outcome.cursors


def test_given_an_entry_of_a_stream_that_this_version_lacks_then_a_warning_and_the_others_continue(
    command: Command,
) -> None:
    newer = {"type": "STREAM", "stream": {"stream_descriptor": {"name": "experiments"}, "stream_state": {"a": 1}}}
    outcome = command.read(state=[newer, *an_events_state(CURSOR)])
    assert outcome.exit_code == 0, outcome.everything[-2000:]
    assert len(outcome.uuids) == 21 * 5
    assert "a stream experiments, which this version does not have: it is ignored" in outcome.log


@pytest.mark.parametrize(
    "state",
    [
        [{"type": "STREAM", "stream": {"stream_descriptor": DESCRIPTOR, "stream_state": CURSOR}}],
        [{"type": "GLOBAL", "global": {"stream_states": [{"stream_descriptor": DESCRIPTOR, "stream_state": CURSOR}]}}],
        [{"type": "LEGACY", "data": {"events": CURSOR}}],
        [
            {"type": "STREAM", "stream": {"stream_descriptor": {"name": "user_profiles"}, "stream_state": COMPLETE}},
            {"type": "STREAM", "stream": {"stream_descriptor": DESCRIPTOR, "stream_state": CURSOR}},
        ],
    ],
    ids=["of a namespace", "global", "legacy", "of a namespace, beside another"],
)
def test_given_a_state_that_would_not_be_found_then_a_config_error_instead_of_a_silent_restart(
    command: Command, state: list[dict[str, Any]]
) -> None:
    outcome = command.read(state=state)
    assert outcome.exit_code == 1
    [error] = outcome.errors
    assert error["failure_type"] == "config_error"
    assert error["message"].startswith("The state is ")
    assert outcome.records() == []
