"""Trouble on the way: what passes is tried again, nothing is lost, and no log tells too much."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS, days, days_of, read_streams
from harness.runs import Command, Outcome, a_catalog, a_config

PASSING = {
    "500": Fault("status", status=500),
    "502": Fault("status", status=502, body=b"<html><h1>Bad Gateway</h1></html>"),
    "503": Fault("status", status=503),
    "504": Fault("status", status=504),
    "408": Fault("status", status=408),
    "429": Fault("status", status=429),
    "a reset": Fault("reset"),
    "a reset in the body": Fault("reset_body"),
    "a body that is cut": Fault("truncate"),
    "half a body": Fault("truncate_quietly"),
    "a web page": Fault("html"),
    "a text": Fault("text"),
    "another object": Fault("status", status=200, body=b'{"data": {"unexpected": 1}, "cohorts": 3}'),
}
STREAMS = ("events_list", "cohorts", "annotations", "taxonomy_events", "active_users", "session_length_distribution")


@pytest.fixture
def command(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Command:
    command = Command(a_simulator(rest=RestData(first_day=date(2024, 3, 1))), tmp_path)
    command.warm = True
    return command


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_given_a_passing_fault_then_every_record_once(command: Command, fault: Fault) -> None:
    expected = read_streams(command, *STREAMS)
    for stream_path in ("/api/2/events/list", "/api/3/cohorts", "/api/3/annotations", "/api/2/taxonomy/event",
                        "/api/2/users", "/api/2/sessions/length"):  # fmt: skip
        command.simulator.faults.append(a_fault(fault, path=stream_path, times=2))
    outcome = read_streams(command, *STREAMS)
    assert outcome.exit_code == 0, outcome.everything
    for stream in STREAMS:
        assert outcome.records(stream) == expected.records(stream)
    assert_no_query_string(outcome)


@pytest.mark.parametrize("status", [500, 503])
def test_given_a_fault_that_stays_then_a_transient_error_after_five_tries(command: Command, status: int) -> None:
    command.simulator.faults.append(Fault("status", api="rest", status=status, body=b"oops"))
    outcome = read_streams(command, "active_users")
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert outcome.stream_error["message"] == (
        f"Amplitude kept failing to answer for the stream active_users; the last error was: {status} oops. "
        "The next sync tries again."
    )
    assert len(command.simulator.rest_log) == 5
    assert_no_query_string(outcome)


@pytest.mark.parametrize("stream", ["events_list", "active_users"])
def test_given_an_answer_that_nobody_has_seen_then_an_error_with_its_words(command: Command, stream: str) -> None:
    command.simulator.faults.append(Fault("status", api="rest", status=418, body=b"I'm a teapot"))
    outcome = read_streams(command, stream, active_users_group_by_country=False)
    assert outcome.stream_error["failure_type"] == "system_error"
    assert "unexpected answer for the stream" in outcome.stream_error["message"]
    assert "418 I'm a teapot" in outcome.stream_error["message"]
    assert_no_query_string(outcome)


def test_given_a_web_page_that_stays_then_the_error_says_so(command: Command) -> None:
    command.simulator.faults.append(Fault("html", api="rest"))
    outcome = read_streams(command, "events_list")
    assert "the last error was: 200, but not JSON (text/html)." in outcome.stream_error["message"]


def test_given_success_false_with_200_then_an_error_with_its_words(command: Command) -> None:
    body = b'{"success": false, "errors": [{"message": "Something else"}]}'
    command.simulator.faults.append(Fault("status", api="rest", status=200, body=body))
    outcome = read_streams(command, "taxonomy_events")
    assert "Something else" in outcome.stream_error["message"]


def test_given_debug_then_no_key_and_no_signed_address(command: Command) -> None:
    config = a_config(command.simulator, cohort_members={"cohorts": ALL_COHORTS})
    arguments = command.read_arguments(config, None, a_catalog(*SNAPSHOTS, *DAILY))
    outcome = command.run("read", *arguments, "--debug")
    assert outcome.exit_code == 0
    assert "X-Amz-Signature" not in outcome.everything
    assert_no_query_string(outcome)


def test_given_a_fault_in_one_stream_then_the_others_are_read(command: Command) -> None:
    command.simulator.faults.append(Fault("status", api="rest", path="/api/2/users", status=500))
    outcome = read_streams(command, *DAILY, "events_list")
    assert outcome.exit_code == 1
    assert days_of(outcome, "sessions_per_user") == days(date(2024, 3, 13), date(2024, 3, 14))
    assert len(outcome.records("events_list")) == 4
    assert ("active_users", "INCOMPLETE") in outcome.statuses


def a_fault(fault: Fault, **changes: Any) -> Fault:
    return Fault(**{**fault.__dict__, "api": "rest", **changes})


def assert_no_query_string(outcome: Outcome) -> None:
    for line in [*outcome.lines, *outcome.stderr.splitlines()]:
        if not line.startswith('{"type":"RECORD"'):
            assert "start=20" not in line
            assert "g=country" not in line
            assert "includeSyncInfo" not in line


def test_given_debug_then_each_request_is_logged_with_its_outcome_and_no_query(command: Command) -> None:
    simulator = command.simulator
    simulator.faults.append(Fault("status", api="rest", path="/api/2/events/list", status=503, times=1))
    config = a_config(simulator, cohort_members={"cohorts": ALL_COHORTS}, start_date="2024-03-14T00:00:00Z")
    catalog = a_catalog("events", "events_list", "active_users", "cohort_members")
    outcome = command.run("read", *command.read_arguments(config, catalog=catalog), "--debug")
    assert outcome.exit_code == 0, outcome.everything
    debugged = [message["message"] for message in outcome.of_type("DEBUG")]
    requests = [text for text in debugged if text.startswith("GET ")]
    assert all(re.fullmatch(r"GET /\S+: \d{3}, [\d,]+ bytes, \d+\.\d{3} s, try \d", line) for line in requests)
    assert not [line for line in requests if "?" in line]
    assert len(requests) == len(simulator.log) + len(simulator.rest_log) + len(simulator.rest.storage.log)
    told = "\n".join(requests)
    assert re.search(r"^GET /us/api/2/events/list: 503, 25 bytes, .* try 1$", told, re.MULTILINE)
    assert re.search(r"^GET /us/api/2/events/list: 200, .* try 2$", told, re.MULTILINE)
    for path in ("/us/api/2/export", "/us/api/2/users", "/us/api/5/cohorts/request/"):
        assert f"GET {path}" in told
