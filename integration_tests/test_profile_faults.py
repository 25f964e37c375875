"""`user_profiles` when the network, the API or the machine fails: every user once, bad ones counted, resumable."""

import random
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from harness.limits import FOR_EVER_SECONDS, STUCK_SECONDS, scaled
from harness.moments import FIRST_HOUR
from harness.profiles import (
    COMPLETE,
    REAL_PACE,
    a_profiles_config,
    active,
    keys_before_last_state,
    keys_of,
    listed,
    most_in_any,
    profile_states,
    read_profiles,
    users_seen,
)
from harness.rest import a_state
from harness.runs import Command, KillAfter, Outcome, a_catalog, assert_records_fit
from integration_tests.faults.expect import LAST_HOUR, assert_no_file_left, assert_nothing_left
from source_amplitude.airbyte.streams.user_profiles import USERS_A_STATE

USERS = [f"user-{number}" for number in range(60)]

TOO_MANY = b'{"error": "Number of requests per minute exceeds system limit. Contact Support."}'

PASSING = {
    "500": Fault("status", status=500, times=2),
    "503": Fault("status", status=503, times=4),
    "520 of an edge": Fault("status", status=520, times=1),
    "429": Fault("status", status=429, times=3),
    "429 with seconds": Fault("status", status=429, headers={"Retry-After": "1"}, times=1),
    "429 with the status 400": Fault("status", status=400, body=TOO_MANY, times=2),
    "429 with the status 200": Fault("status", status=200, body=TOO_MANY, times=2),
    "403 of a firewall": Fault("status", status=403, body=b"Blocked by your organization", times=2),
    "404 of a gateway": Fault("status", status=404, body=b"no such route", times=2),
    "reset before the answer": Fault("reset", times=2),
    "reset in the body": Fault("reset_body", at=20, times=2),
    "cut in the middle": Fault("truncate", at=0.5, times=2),
    "cut quietly in the middle": Fault("truncate_quietly", at=0.5, times=2),
    "html": Fault("html", times=2),
    "text": Fault("text", times=2),
}


@pytest.fixture
def simulator(a_simulator: Callable[..., Simulator]) -> Simulator:
    return a_simulator(profiles_per_minute=10**6)


@pytest.mark.parametrize("user", ["user-0", "user-30"], ids=["first", "middle"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_given_a_passing_fault_then_every_user_once_in_order(
    simulator: Simulator, command: Command, fault: Fault, user: str
) -> None:
    simulator.faults.append(replace(fault, api="profile", user=user))
    outcome = read_profiles(command, listed(USERS))
    assert [request for request in simulator.profile_log if request.fault], "the fault never struck"
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == USERS
    throttled = fault.status == 429 or fault.body == TOO_MANY
    counted = f"{fault.times} sent again after a 429" if throttled else f"{fault.times} requests retried"
    assert counted in outcome.log


@pytest.mark.parametrize("user", ["user-0", "user-30", "user-59"], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    "fault",
    [Fault("status", status=status) for status in (302, 400, 403, 404, 414, 500)] + [Fault("reset"), Fault("html")],
    ids=["302", "400", "403", "404", "414", "500", "reset", "html"],
)
def test_given_one_user_whom_the_api_cannot_serve_then_counted_and_the_others_are_read(
    simulator: Simulator, command: Command, fault: Fault, user: str
) -> None:
    echo = f'{{"error": "cannot serve {user}"}}'.encode()
    simulator.faults.append(replace(fault, api="profile", user=user, body=echo))
    outcome = read_profiles(command, listed(USERS))
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == [other for other in USERS if other != user]
    assert profile_states(outcome)[-1] == COMPLETE
    assert "1 users that could not be read" in outcome.log
    number = USERS.index(user) + 1
    [warning] = [line for line in outcome.log.split("\n") if line.startswith(f"User {number} could not be read")]
    assert user not in outcome.log
    assert warning.strip()


@pytest.mark.parametrize(
    ("fault", "failure_type", "told"),
    [
        (Fault("status", status=503), "transient_error", "503"),
        (Fault("reset"), "transient_error", "kept failing"),
        (Fault("html"), "transient_error", "200"),
        (Fault("status", status=403, body=b"Blocked by your organization"), "config_error", "(403 Blocked by your org"),
        (Fault("status", status=404, body=b""), "transient_error", "404"),
        (Fault("status", status=400), "system_error", "400"),
        (Fault("status", status=302), "transient_error", "302"),
    ],
    ids=["503", "reset", "html", "403", "wrong path", "400 for everybody", "redirect"],
)
def test_given_the_api_fails_for_everybody_then_an_error_and_nobody_is_passed_over(
    simulator: Simulator, command: Command, fault: Fault, failure_type: str, told: str
) -> None:
    fault = replace(fault, api="profile")
    simulator.faults.append(fault)
    outcome = read_profiles(command, listed(USERS))
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == failure_type
    assert told in outcome.stream_error["message"]
    assert keys_of(outcome) == []
    assert outcome.states == []


def test_given_the_api_fails_on_the_way_then_the_next_run_continues(simulator: Simulator, command: Command) -> None:
    simulator.faults += [Fault("status", api="profile", status=503, user=user) for user in (*USERS[40:], MADE_UP)]
    failed = read_profiles(command, listed(USERS))
    assert failed.stream_error["failure_type"] == "transient_error"
    assert all(error["failure_type"] == "transient_error" for error in failed.errors), "or Airbyte would not try again"
    assert keys_of(failed) == USERS[:40]
    assert profile_states(failed)[-1]["done"] == 25
    simulator.faults.clear()
    resumed = read_profiles(command, listed(USERS), failed.last_state)
    assert keys_of(resumed) == USERS[25:]
    assert profile_states(resumed)[-1] == COMPLETE


MADE_UP = "source-amplitude-connection-check"


def test_given_a_job_of_two_attempts_then_the_second_does_not_read_finished_profiles_again(
    simulator: Simulator, command: Command
) -> None:
    config, catalog = a_profiles_config(simulator, listed(USERS)), a_catalog("user_profiles", "events")
    simulator.faults.append(Fault("status", status=503, hour=FIRST_HOUR.replace(day=15)))
    first = command.read(config, None, catalog)
    assert first.stream_error["stream_descriptor"]["name"] == "events"
    assert keys_of(first) == USERS
    assert COMPLETE in profile_states(first)

    simulator.clear_log()
    simulator.faults.clear()
    second = command.read(config, first.last_state, catalog)
    assert second.exit_code == 0, second.everything
    assert (keys_of(second), simulator.profile_log) == ([], [])
    assert ("user_profiles", "COMPLETE") in second.statuses
    assert "an earlier attempt of this job has read user_profiles" in second.log
    complete = simulator.project.uuids(FIRST_HOUR, FIRST_HOUR.replace(day=15, hour=20))
    assert set(first.uuids) | set(second.uuids) == complete


def test_given_the_next_job_then_its_snapshot_begins_anew(command: Command) -> None:
    assert keys_of(read_profiles(command, listed(USERS))) == USERS
    assert keys_of(read_profiles(command, listed(USERS), [])) == USERS, "the platform has deleted the state"


def test_given_a_foreign_state_then_a_config_error(simulator: Simulator, command: Command) -> None:
    state = [
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": "user_profiles"}, "stream_state": {"cursor": "x"}}}
    ]
    outcome = read_profiles(command, listed(USERS), state)
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "Reset the stream's state" in outcome.stream_error["message"]
    assert simulator.profile_log == []


MANY = [f"user-{number}" for number in range(400)]
SLOW_ENOUGH_TO_STOP = {"user_profiles.pacer.WINDOW_SECONDS": 6.0}


def after_requests(simulator: Simulator, number: int, by: int = signal.SIGKILL) -> KillAfter:
    return KillAfter(0, by, lambda: len(simulator.profile_log) >= number)


def assert_each_once(interrupted: Outcome, resumed: Outcome, expected: set[str]) -> None:
    assert resumed.exit_code == 0, resumed.everything
    assert interrupted.exit_code < 0
    kept, later = keys_before_last_state(interrupted), keys_of(resumed)
    assert len(kept + later) == len(set(kept + later))
    assert set(kept + later) == expected
    assert len(keys_of(interrupted)) - len(kept) <= USERS_A_STATE, "only those since the last state come twice"


@pytest.mark.parametrize("seed", range(4))
def test_given_sigkill_at_a_random_place_then_every_listed_user_once(
    simulator: Simulator, command: Command, seed: int
) -> None:
    simulator.faults.append(Fault("latency", api="profile", seconds=0.03))
    place = after_requests(simulator, random.Random(seed).randrange(1, 380))
    killed = read_profiles(command, listed(MANY), settings=SLOW_ENOUGH_TO_STOP, kill_after=place)
    assert_each_once(killed, read_profiles(command, listed(MANY), killed.last_state), set(MANY))


@pytest.mark.parametrize("seed", range(2))
def test_given_sigkill_and_later_events_then_every_active_user_of_the_first_run_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path, seed: int
) -> None:
    simulator = a_simulator(users=400, events_per_hour=60, profiles_per_minute=10**6)
    command = Command(simulator, tmp_path)
    place = after_requests(simulator, random.Random(seed).randrange(150, 350))
    killed = read_profiles(command, active(2), settings=SLOW_ENOUGH_TO_STOP, kill_after=place)
    simulator.now = simulator.now.replace(day=16)
    resumed = read_profiles(command, active(2), killed.last_state)
    assert "continuing after user" in resumed.log
    last = FIRST_HOUR.replace(day=15, hour=20)
    users, devices = users_seen(simulator, last - timedelta(hours=47), last)
    assert_each_once(killed, resumed, users | devices)
    assert_no_file_left(command)


WEEK = FIRST_HOUR.replace(day=8)


def windows_asked_for(simulator: Simulator) -> list[str]:
    return [request.params["start"] for request in simulator.log]


def test_given_a_week_of_slow_exports_then_a_state_after_each_window_and_profiles_from_the_first_on(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(first_hour=WEEK, users=100, events_per_hour=3, profiles_per_minute=10**6)
    simulator.faults.append(Fault("latency", seconds=0.1))
    command = Command(simulator, tmp_path)
    config = {**a_profiles_config(simulator, active(7)), "batch_size_hours": 3, "num_workers": 1}
    outcome = command.read(config, catalog=a_catalog("user_profiles"))
    assert outcome.exit_code == 0, outcome.everything
    assert len(simulator.log) == 56
    searched = [state["part_last_hour"] for state in profile_states(outcome)[:-2] if state["kind"] == "user_id"]
    assert sorted(set(searched)) == sorted(request.params["end"] for request in simulator.log)
    kinds = [message["type"] for message in outcome.messages if message["type"] in ("STATE", "RECORD")]
    assert kinds[0] == "STATE", "when the first window is read"
    assert "RECORD" in kinds[: kinds.index("STATE", 1)], "and then the profiles of its users, before the next one"
    assert "Found 100 active users: 90 by user_id, 10 by device_id" in outcome.log
    assert len(set(keys_of(outcome))) == len(keys_of(outcome)) == 100


@pytest.mark.parametrize("seed", range(3))
def test_given_a_search_that_is_killed_again_and_again_then_it_gets_on_and_every_user_comes_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    simulator = a_simulator(first_hour=WEEK, users=300, events_per_hour=3, profiles_per_minute=10**6)
    simulator.faults += [Fault("latency", seconds=0.02), Fault("latency", api="profile", seconds=0.005)]
    command = Command(simulator, tmp_path)
    state: list[dict[str, Any]] | None = None
    kept: list[str] = []
    for _ in range(4):
        simulator.clear_log()
        requests = chance.randrange(4, 60)
        place = KillAfter(0, once=lambda: len(simulator.log) + len(simulator.profile_log) >= requests)  # noqa: B023
        killed = read_profiles(command, active(7), state, settings=SLOW_ENOUGH_TO_STOP, kill_after=place)
        assert killed.exit_code == -signal.SIGKILL
        kept += keys_before_last_state(killed)
        assert len(keys_of(killed)) - len(keys_before_last_state(killed)) <= USERS_A_STATE
        state = killed.last_state or state
    simulator.clear_log()
    simulator.now += timedelta(hours=9)
    last = read_profiles(command, active(7), state)
    assert last.exit_code == 0, last.everything
    assert profile_states(last)[-1] == COMPLETE
    newest = FIRST_HOUR.replace(day=15, hour=20)
    users, devices = users_seen(simulator, newest - timedelta(hours=7 * 24 - 1), newest)
    assert sorted(kept + keys_of(last)) == sorted(users | devices), "each once"
    # A request that the killed process had sent may be logged after the log was cleared.
    asked = {request.params.get("user_id") or request.params["device_id"] for request in simulator.profile_log}
    assert asked == (users | devices) - set(kept), "nobody is asked about again"
    assert len({request.params["start"] for request in simulator.log}) == 7, (
        "each window, also those that were read before"
    )
    assert_no_file_left(command)


def test_given_sigterm_then_a_clean_end_and_a_state_to_continue_from(simulator: Simulator, command: Command) -> None:
    config = a_profiles_config(simulator, listed(MANY))
    arguments = command.read_arguments(config, catalog=a_catalog("user_profiles"))
    process = command.start("read", *arguments, settings=SLOW_ENOUGH_TO_STOP)
    assert process.stdout is not None
    assert process.stderr is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if '"STATE"' in line:
            process.send_signal(signal.SIGTERM)
    stopped = Outcome(process.wait(scaled(STUCK_SECONDS)), lines, process.stderr.read(), peak_rss_bytes=0, seconds=0)
    command.assert_no_secret(stopped, MANY)
    assert_records_fit(stopped, arguments)
    assert stopped.exit_code == -signal.SIGTERM
    assert stopped.stderr == ""
    assert_nothing_left(command)
    assert profile_states(stopped)[-1]["done"] >= USERS_A_STATE
    assert_each_once(stopped, read_profiles(command, listed(MANY), stopped.last_state), set(MANY))


def test_given_sigterm_while_all_requests_wait_for_a_silent_server_then_it_ends_without_the_answers(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults += [Fault("hang", api="profile", user=user) for user in USERS[1:21]]
    stopped = read_profiles(
        command,
        listed(USERS),
        kill_after=KillAfter(
            0, signal.SIGTERM, lambda: sum(bool(request.fault) for request in simulator.profile_log) == 20
        ),
        settings={"user_profiles.fetch.READ_TIMEOUT_SECONDS": FOR_EVER_SECONDS},
    )
    assert stopped.exit_code == -signal.SIGTERM
    assert_nothing_left(command)


def test_given_the_reader_goes_away_then_it_ends_quietly(simulator: Simulator, command: Command) -> None:
    config = a_profiles_config(simulator, active(3))
    arguments = command.read_arguments(config, catalog=a_catalog("user_profiles"))
    ended = command.read_with_a_reader_that_goes_away(*arguments, settings=SLOW_ENOUGH_TO_STOP)
    assert ended == (-signal.SIGPIPE, "")
    assert_nothing_left(command)


def test_given_another_tool_uses_a_third_of_the_limit_then_nothing_fails_and_the_pace_adapts(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    minute_seconds = scaled(1.5)  # or a busy machine asks no faster than allowed
    simulator = a_simulator(minute_seconds=minute_seconds, used_by_another_tool=200)
    users = [f"user-{number}" for number in range(1000)]
    outcome = read_profiles(
        Command(simulator, tmp_path),
        listed(users),
        settings={"user_profiles.pacer.WINDOW_SECONDS": minute_seconds + 0.05},
    )
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == users
    statuses = [request.status for request in simulator.profile_log]
    assert set(statuses) == {200, 429}
    assert statuses.count(429) < 0.2 * len(users)
    assert "Pausing for" in outcome.log


def test_given_429_without_end_then_a_transient_error_after_the_patience(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", api="profile", status=429))
    outcome = read_profiles(command, listed(USERS), settings={"user_profiles.fetch.LONGEST_THROTTLED_SECONDS": 0.5})
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "429" in outcome.stream_error["message"]


def test_given_damaged_archives_while_looking_for_active_users_then_all_are_found(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(users=50, events_per_hour=20, profiles_per_minute=10**6)
    middle = FIRST_HOUR.replace(day=15, hour=3)
    kinds = ["gzip_crc", "truncate", "zip_crc", "html"]
    simulator.faults += [Fault(kind, times=1, hour=middle) for kind in kinds]
    outcome = read_profiles(Command(simulator, tmp_path), active(2))
    assert [request.fault.kind for request in simulator.log if request.fault] == kinds
    assert outcome.exit_code == 0, outcome.everything
    assert len(keys_of(outcome)) == len(set(keys_of(outcome))) == 50


def moments_of_2000_users_at_300_ms(simulator: Simulator, folder: Path, limit_seconds: float) -> list[float]:
    """When each request came in; every user was read, in order."""
    simulator.faults.append(Fault("latency", api="profile", seconds=0.3))
    users = [f"user-{number}" for number in range(2000)]
    outcome = read_profiles(Command(simulator, folder), listed(users), settings=REAL_PACE, limit_seconds=limit_seconds)
    assert outcome.exit_code == 0, outcome.everything
    assert keys_of(outcome) == users
    return [request.at for request in simulator.profile_log]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_given_300_ms_of_latency_then_never_above_the_limit_and_no_429(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator()
    moments = moments_of_2000_users_at_300_ms(simulator, tmp_path, limit_seconds=280)
    assert {request.status for request in simulator.profile_log} == {200}
    most, per_minute = most_in_any(60, moments), (len(moments) - 1) / (max(moments) - min(moments)) * 60
    print(f"{per_minute:.1f} requests a minute, at most {most} in any 60 s")
    assert most <= 600


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_given_another_tool_at_200_a_minute_then_nothing_is_lost_at_the_real_pace(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(used_by_another_tool=200)
    moments = moments_of_2000_users_at_300_ms(simulator, tmp_path, limit_seconds=580)
    per_minute = 2000 / (max(moments) - min(moments)) * 60
    print(f"{len(moments) - 2000} answers 429, {per_minute:.0f} profiles a minute")
    assert len(moments) - 2000 < 100


@pytest.mark.parametrize(("days", "is_continued"), [(1, True), (2, False)])
def test_given_another_lookback_than_that_of_the_interrupted_snapshot_then_it_begins_anew(
    simulator: Simulator, command: Command, days: int, is_continued: bool
) -> None:
    interrupted = {
        "selection": "active", "first_hour": "20240314T21", "last_hour": "20240315T20", "kind": "device_id",
        "part_first_hour": "20240314T21", "part_last_hour": "20240315T20", "after": "ff" * 16, "done": 7,
    }  # fmt: skip
    state = a_state("user_profiles", **interrupted)
    outcome = read_profiles(command, active(days), state=[state])
    assert outcome.exit_code == 0, outcome.everything
    users, devices = users_seen(simulator, LAST_HOUR - timedelta(hours=24 * days - 1), LAST_HOUR)
    assert len(keys_of(outcome)) == (0 if is_continued else len(users) + len(devices))
    assert ("it begins anew" in outcome.log) == (not is_continued)
