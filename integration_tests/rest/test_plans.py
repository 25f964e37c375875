"""What a project's plan lacks, and keys that are not accepted: the one is no failure, the other always is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS, a_state, read_streams, stream_states
from harness.runs import Command, a_config

TAXONOMY = tuple(stream for stream in SNAPSHOTS if stream.startswith("taxonomy"))
MEMBERS = {"cohort_members": {"cohorts": ALL_COHORTS}}


@pytest.fixture
def project(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Callable[..., Command]:
    def start(**data: Any) -> Command:
        command = Command(a_simulator(rest=RestData(**data)), tmp_path)
        command.warm = True
        return command

    return start


@pytest.mark.parametrize(
    ("missing", "lacking"),
    [
        ({"/api/2/taxonomy/": 404}, TAXONOMY),
        ({"/api/2/taxonomy/": 403}, TAXONOMY),
        ({"/api/3/cohorts": 403, "/api/5/cohorts": 403}, ("cohorts", "cohort_members")),
        ({"/api/3/annotation": 403}, ("annotations", "annotation_categories")),
        ({"/api/2/users": 403, "/api/2/sessions": 403}, DAILY),
    ],
    ids=["taxonomy 404", "taxonomy 403", "cohorts", "annotations", "dashboard"],
)
def test_given_endpoints_that_the_plan_lacks_then_a_warning_and_no_record_and_the_others_are_read(
    project: Callable[..., Command], missing: dict[str, int], lacking: tuple[str, ...]
) -> None:
    command = project(missing=missing)
    outcome = read_streams(command, *SNAPSHOTS, *DAILY, **MEMBERS)
    assert outcome.exit_code == 0, outcome.everything
    warnings = [line["log"]["message"] for line in outcome.of_type("LOG") if line["log"]["level"] == "WARN"]
    for stream in (*SNAPSHOTS, *DAILY):
        told = [text for text in warnings if text.startswith(f"{stream}: this project's plan does not include")]
        assert len(told) == (stream in lacking)
        assert bool(outcome.records(stream)) == (stream not in lacking)
        assert (stream, "COMPLETE") in outcome.statuses


def test_given_numbers_that_the_plan_lacks_then_the_state_stays_and_one_request_is_enough(
    project: Callable[..., Command],
) -> None:
    command = project(missing={"/api/2/users": 403})
    outcome = read_streams(
        command, "active_users", state=[a_state("active_users", date="2023-01-31")], start_date="2022-01-01"
    )
    assert outcome.exit_code == 0
    assert stream_states(outcome)[-1] == {"date": "2023-01-31"}
    assert len(command.simulator.rest_log) == 1


def test_given_a_starter_plan_then_its_empty_lists_are_explained(project: Callable[..., Command]) -> None:
    outcome = read_streams(project(starter=True), "cohorts", "cohort_members", "annotations", **MEMBERS)
    assert outcome.exit_code == 0
    assert "cohort_members: Amplitude's list of cohorts is empty. The project has no published cohorts" in outcome.log
    assert "cohorts: Amplitude's list is empty. The project has no published cohorts, or its plan" in outcome.log
    assert "annotations: Amplitude's list is empty. The project has no annotations, or its plan" in outcome.log


@pytest.mark.parametrize("stream", [*SNAPSHOTS, *DAILY])
def test_given_wrong_keys_then_a_config_error_with_amplitudes_own_words(
    project: Callable[..., Command], stream: str
) -> None:
    outcome = read_streams(project(), stream, secret_key="nobodys-key", **MEMBERS)
    assert outcome.stream_error["failure_type"] == "config_error"
    message = outcome.stream_error["message"]
    assert message.startswith("Authentication failed. Check your api_key and secret_key. Amplitude says: 403 Forbidden")
    assert "(Invalid API Key)" in message
    assert "The region is set to US" in message


def test_given_a_403_of_a_proxy_then_it_is_no_word_on_the_plan(project: Callable[..., Command]) -> None:
    command = project()
    command.simulator.faults.append(Fault("status", api="rest", status=403, body=b"<h1>Blocked by Zscaler</h1>"))
    outcome = read_streams(command, "cohorts")
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "403 Blocked by Zscaler" in outcome.stream_error["message"]


def test_given_a_check_then_none_of_these_endpoints_is_asked(project: Callable[..., Command]) -> None:
    command = project()
    config = command.file("config.json", a_config(command.simulator, **MEMBERS))
    outcome = command.run("check", "--config", config)
    assert outcome.of_type("CONNECTION_STATUS")[0]["connectionStatus"]["status"] == "SUCCEEDED"
    assert command.simulator.rest_log == []
