"""What a project's plan lacks, and keys that are not accepted: the one is no failure, the other always is."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS, a_state, listed_cohorts, read_streams, stream_states
from harness.runs import Command, Outcome, a_config
from source_amplitude.endpoints.registry import ENDPOINTS

TAXONOMY = tuple(stream for stream in SNAPSHOTS if stream.startswith("taxonomy"))
MEMBERS = {"cohort_members": {"cohorts": ALL_COHORTS}}
FOREIGN_PAGES = {
    "nginx": b"<html><head></head><body><h1>404 Not Found</h1><hr>nginx</body></html>",
    "empty": b"",
    "a gateway's JSON": b'{"message": "no Route matched with those values"}',
    "another gateway's JSON": b'{"error": {"code": 404, "message": "Not Found", "status": "NOT_FOUND"}}',
}


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
        ({"/api/3/annotation": 404}, ("annotations", "annotation_categories")),
        (dict.fromkeys((f"/{endpoint.api_path}" for endpoint in ENDPOINTS if endpoint.name in DAILY), 403), DAILY),
    ],
    ids=["taxonomy 404", "taxonomy 403", "cohorts", "annotations 403", "annotations 404", "dashboard"],
)
def test_given_endpoints_that_the_plan_lacks_then_a_warning_and_no_record_and_the_others_are_read(
    project: Callable[..., Command], missing: dict[str, int], lacking: tuple[str, ...]
) -> None:
    command = project(missing=missing)
    outcome = read_streams(command, *SNAPSHOTS, *DAILY, **MEMBERS)
    assert outcome.exit_code == 0, outcome.everything
    for stream in (*SNAPSHOTS, *DAILY):
        told = [
            text for text in warnings_in(outcome) if text.startswith(f"{stream}: this project's plan does not include")
        ]
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


@pytest.mark.parametrize("body", FOREIGN_PAGES.values(), ids=FOREIGN_PAGES.keys())
@pytest.mark.parametrize(
    "stream", ["cohorts", "annotations", "annotation_categories", "taxonomy_events", "cohort_members", "active_users"]
)
def test_given_a_404_that_is_not_amplitudes_then_tried_again_and_no_word_on_the_plan_or_the_configuration(
    project: Callable[..., Command], stream: str, body: bytes
) -> None:
    command = project()
    command.simulator.faults.append(Fault("status", api="rest", status=404, body=body))
    choice = {"cohort_members": {"cohorts": listed_cohorts("k2m9xq7")}}
    outcome = read_streams(command, stream, **choice)
    assert outcome.stream_error["failure_type"] == "transient_error"
    message = outcome.stream_error["message"]
    assert message.startswith(f"Amplitude kept failing to answer for the stream {stream}; the last error was: 404 ")
    assert "404 404" not in message
    assert (stream, "COMPLETE") not in outcome.statuses
    assert "plan does not include" not in outcome.log
    retries = [text for text in warnings_in(outcome) if re.search(r"; try \d of 5 in", text)]
    assert [text.partition("404 ")[0] for text in retries] == [f"{stream}: "] * 4
    asked = [request for request in command.simulator.rest_log if not request.path.endswith("/usage")]
    assert len(asked) == 5


def test_given_a_404_that_is_not_amplitudes_and_passes_then_every_record(project: Callable[..., Command]) -> None:
    command = project()
    command.simulator.faults.append(Fault("status", api="rest", status=404, body=b"Not Found", times=4))
    outcome = read_streams(command, "cohorts")
    assert outcome.exit_code == 0
    assert len(outcome.records("cohorts")) == 3


@pytest.mark.parametrize("status", [403, 407])
@pytest.mark.parametrize("stream", ["cohorts", "active_users", "taxonomy_events"])
def test_given_a_denial_of_a_proxy_then_tried_again_and_it_is_quoted_and_no_word_on_the_plan(
    project: Callable[..., Command], stream: str, status: int
) -> None:
    command = project()
    page = f"<h1>{status} Blocked by Zscaler</h1>".encode()
    command.simulator.faults.append(Fault("status", api="rest", status=status, body=page))
    outcome = read_streams(command, stream)
    assert outcome.stream_error["failure_type"] == "config_error"
    assert outcome.stream_error["message"] == (
        f"Access to the data of the stream {stream} is denied ({status} Blocked by Zscaler). Check api_key, secret_key "
        "and the region (US); if they are right, the project's plan does not include this data, or a proxy or "
        "firewall on the way denies it."
    )
    assert len(command.simulator.rest_log) == 5


def test_given_keys_that_a_gateway_refuses_then_an_error_at_once_that_does_not_call_it_amplitude(
    project: Callable[..., Command],
) -> None:
    command = project()
    command.simulator.faults.append(Fault("status", api="rest", status=403, body=b'{"message": "Invalid API key"}'))
    outcome = read_streams(command, "cohorts")
    assert outcome.stream_error["failure_type"] == "config_error"
    assert outcome.stream_error["message"].startswith("Authentication failed.")
    assert "Amplitude says" not in outcome.stream_error["message"]
    assert len(command.simulator.rest_log) == 1


@pytest.mark.parametrize(
    ("stream", "path"), [("cohort_members", "/api/5/cohorts/request/*"), ("active_users", "/api/2/users")]
)
def test_given_a_rejection_that_is_not_amplitudes_then_no_word_on_the_configuration(
    project: Callable[..., Command], stream: str, path: str
) -> None:
    command = project()
    command.simulator.faults.append(Fault("status", api="rest", path=path, status=400, body=b"Bad Request"))
    choice = {"cohort_members": {"cohorts": listed_cohorts("k2m9xq7")}}
    outcome = read_streams(command, stream, **choice)
    assert outcome.stream_error["failure_type"] == "system_error"
    assert outcome.stream_error["message"].startswith(
        f"Amplitude gave an unexpected answer for the stream {stream}: 400"
    )


def test_given_a_check_then_none_of_these_endpoints_is_asked(project: Callable[..., Command]) -> None:
    command = project()
    config = command.file("config.json", a_config(command.simulator, **MEMBERS))
    outcome = command.run("check", "--config", config)
    assert outcome.of_type("CONNECTION_STATUS")[0]["connectionStatus"]["status"] == "SUCCEEDED"
    assert command.simulator.rest_log == []


def warnings_in(outcome: Outcome) -> list[str]:
    return [line["log"]["message"] for line in outcome.of_type("LOG") if line["log"]["level"] == "WARN"]
