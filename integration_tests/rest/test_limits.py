"""Amplitude's limits: what requests cost in any five minutes, how many there are at once, and what a 429 does."""

import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from amplitude_simulator import Cohort, Fault, RestData, Simulator
from harness.limits import wait_until
from harness.rest import ALL_COHORTS, DAILY, days, days_asked_for, most_cost_in_any, read_streams
from harness.runs import Command, KillAfter

NOW = datetime(2025, 3, 1, 13, tzinfo=timezone.utc)
YEAR_AGO = date(2024, 3, 1)
# What takes five minutes at Amplitude takes a second here. The connector's window is longer, since on a busy machine a
# request may arrive half a second after it was sent; unit_tests/endpoints/test_limits.py has the exact waits.
WINDOW_SECONDS = 1.0
SHORT_WINDOWS = {"endpoints.limits.WINDOW_SECONDS": WINDOW_SECONDS * 1.5, "endpoints.limits.JOBS_WINDOW_SECONDS": 3.1}

# By the end of the endpoint's path; users are asked for by country.
COST_A_DAY = {"segmentation": 1, "users": 4, "average": 4, "peruser": 4, "length": 4}


@pytest.fixture
def project(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Callable[..., Command]:
    def start(**data: Any) -> Command:
        command = Command(a_simulator(now=NOW, rest=RestData(first_day=YEAR_AGO, **data)), tmp_path)
        command.warm = True
        return command

    return start


def test_given_a_year_of_users_by_country_and_of_sessions_then_never_more_than_amplitude_allows(
    project: Callable[..., Command],
) -> None:
    command = project(window_seconds=WINDOW_SECONDS)
    outcome = read_streams(command, *DAILY, start_date=f"{YEAR_AGO}", options={"settings": SHORT_WINDOWS})
    assert outcome.exit_code == 0, outcome.everything
    log = command.simulator.rest_log
    assert max(request.cost for request in log) <= 900
    asked_for = {(request.path, request.params.get("m")) for request in log}
    assert len(asked_for) == len(DAILY), "each table by an endpoint or a metric of its own"
    assert 500 < most_cost_in_any(WINDOW_SECONDS, log) <= 900
    assert {request.status for request in log} == {200}, "nothing was refused"
    assert command.simulator.most_concurrent == 1
    for path in {request.path for request in log}:
        asked = [request for request in log if request.path == path]
        params = {request.params.get("m") for request in asked}
        assert len({(request.params["start"], request.params.get("m")) for request in asked}) == len(asked)
        cost_of_a_day = COST_A_DAY[path.rpartition("/")[2]]
        assert sum(request.cost for request in asked) == len(params) * cost_of_a_day * 365, "each day once"


def test_given_a_second_year_later_then_only_the_last_week_is_asked_for_again(project: Callable[..., Command]) -> None:
    command = project(window_seconds=WINDOW_SECONDS)
    options = {"settings": SHORT_WINDOWS}
    first = read_streams(command, "average_session_length", start_date=f"{YEAR_AGO}", options=options)
    command.simulator.clear_log()
    command.simulator.now = NOW.replace(month=4)
    second = read_streams(
        command, "average_session_length", start_date=f"{YEAR_AGO}", state=first.last_state, options=options
    )
    assert second.exit_code == 0
    assert days_asked_for(command.simulator) == days(date(2025, 2, 21), date(2025, 3, 31))


def test_given_another_tool_that_uses_up_the_limit_then_it_waits_and_nothing_is_lost(
    project: Callable[..., Command],
) -> None:
    command = project(cost_limit=250, window_seconds=WINDOW_SECONDS)
    outcome = read_streams(command, "active_users", start_date="2024-12-01", options={"settings": SHORT_WINDOWS})
    assert outcome.exit_code == 0, outcome.everything
    statuses = [request.status for request in command.simulator.rest_log]
    assert statuses.count(200) == 3
    assert 429 in statuses
    assert [record["date"] for record in outcome.records("active_users")] == days(date(2024, 12, 1), date(2025, 2, 28))
    assert "429 Too Many Requests (Too Many Requests: Exceeded rate limit with query of cost 120)" in outcome.log


def test_given_a_retry_after_then_it_is_waited_for(project: Callable[..., Command]) -> None:
    command = project()
    command.simulator.faults.append(Fault("status", api="rest", status=429, headers={"Retry-After": "2"}, times=1))
    outcome = read_streams(command, "events_list")
    assert outcome.exit_code == 0
    first, second = command.simulator.rest_log
    assert second.at - first.at >= 2.0


def test_given_sigterm_while_it_waits_for_the_limit_then_it_ends_by_it(project: Callable[..., Command]) -> None:
    command = project()
    kill = KillAfter(0.2, signal.SIGTERM, once=lambda: len(command.simulator.rest_log) == 7)
    outcome = read_streams(command, "average_session_length", start_date=f"{YEAR_AGO}", options={"kill_after": kill})
    assert outcome.exit_code == -signal.SIGTERM
    assert "Waiting for Amplitude's limit on the cost of requests in five minutes: " in outcome.log
    assert len(command.simulator.rest_log) == 7
    assert outcome.states[-1]["stream"]["stream_state"] == {"date": "2024-09-26"}


def test_given_a_wait_for_the_limit_then_the_log_says_again_and_again_how_long_still(
    project: Callable[..., Command],
) -> None:
    command = project(window_seconds=WINDOW_SECONDS)
    settings = {**SHORT_WINDOWS, "endpoints.limits.LONG_WAIT_SECONDS": 0.0, "progress.PROGRESS_SECONDS": 0.1}
    outcome = read_streams(command, "average_session_length", start_date=f"{YEAR_AGO}", options={"settings": settings})
    assert outcome.exit_code == 0, outcome.everything
    assert "average_session_length: reading 365 days, 2024-03-01 to 2025-02-28, with 13 requests" in outcome.log
    assert len([line for line in outcome.log.splitlines() if "Waiting for Amplitude's limit on" in line]) >= 3


def test_given_429_for_good_then_a_transient_error(project: Callable[..., Command]) -> None:
    command = project(cost_limit=100)
    settings = {"endpoints.endpoint.LONGEST_THROTTLED_SECONDS": 0.5}
    outcome = read_streams(command, "average_session_length", start_date="2025-01-01", options={"settings": settings})
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert outcome.stream_error["message"].startswith(
        "Amplitude kept failing to answer for the stream average_session_length; "
        "the last error was: 429 Too Many Requests"
    )


def test_given_five_requests_of_other_tools_then_it_waits_its_turn(project: Callable[..., Command]) -> None:
    command = project()
    command.simulator.faults.append(Fault("hang", api="rest", path="/api/3/cohorts"))
    address = urlsplit(command.simulator.url)
    others = [socket.create_connection((address.hostname, address.port)) for _ in range(5)]
    for other in others:
        other.sendall(b"GET /us/api/3/cohorts HTTP/1.1\r\nHost: amplitude\r\n\r\n")
    wait_until(lambda: command.simulator.most_concurrent == 5, "the requests of other tools")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_streams, command, "events_list")
        wait_until(lambda: 429 in statuses_of(command, "/events/list"), "a 429")
        for other in others:
            other.close()
        outcome = reading.result()
    assert outcome.exit_code == 0
    assert statuses_of(command, "/events/list")[-1] == 200
    assert len(outcome.records("events_list")) == 4


def test_given_many_cohorts_then_their_downloads_are_started_no_faster_than_amplitude_allows(
    project: Callable[..., Command],
) -> None:
    command = project(job_starts_limit=4, window_seconds=WINDOW_SECONDS, cohorts=some_cohorts(9))
    settings = {**SHORT_WINDOWS, "endpoints.limits.JOBS_PER_WINDOW": 4}
    outcome = read_streams(
        command, "cohort_members", cohort_members={"cohorts": ALL_COHORTS}, options={"settings": settings}
    )
    assert outcome.exit_code == 0, outcome.everything
    assert len({record["cohort_id"] for record in outcome.records("cohort_members")}) == 9
    assert 429 not in {request.status for request in command.simulator.rest_log}


def statuses_of(command: Command, path: str) -> list[int | None]:
    return [request.status for request in command.simulator.rest_log if request.path.endswith(path)]


def some_cohorts(number: int) -> list[Cohort]:
    return [Cohort(f"c{place}", size=1, polls=0) for place in range(number)]
