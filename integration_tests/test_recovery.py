"""Broken networks, damaged archives, full disks and killed processes: nothing lost, nothing doubled, nothing left."""

import gzip
import random
import signal
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from integration_tests.amplitude_simulator import Fault, Simulator
from integration_tests.conftest import FIRST_HOUR
from integration_tests.harness import Command, KillAfter, Outcome, a_config, uuids_before_each_state

UTC = timezone.utc
HOUR = timedelta(hours=1)
LAST_HOUR = datetime(2024, 3, 15, 20, tzinfo=UTC)
NIGHT = datetime(2024, 3, 15, 10, tzinfo=UTC)

PASSING = {
    "500": Fault("status", status=500, times=2),
    "502": Fault("status", status=502, times=2),
    "503": Fault("status", status=503, times=4),
    "520 of an edge": Fault("status", status=520, times=1),
    "429": Fault("status", status=429, times=3),
    "429 with seconds": Fault("status", status=429, headers={"Retry-After": "1"}, times=1),
    "429 with a date": Fault("status", status=429, headers={"Retry-After": "Fri, 15 Mar 2024 23:10:01 GMT"}, times=1),
    "reset before the answer": Fault("reset", times=2),
    "reset in the body": Fault("reset_body", at=2000, times=2),
    "cut at the first byte": Fault("truncate", at=1, times=1),
    "cut in the middle": Fault("truncate", at=0.5, times=2),
    "cut at the last byte": Fault("truncate", at=-1, times=1),
    "cut quietly in the middle": Fault("truncate_quietly", at=0.5, times=2),
    "cut quietly at the last byte": Fault("truncate_quietly", at=-1, times=1),
    "wrong zip crc": Fault("zip_crc", times=2),
    "wrong gzip crc": Fault("gzip_crc", times=2),
    "cut gzip": Fault("gzip_cut", times=2),
    "html": Fault("html", times=2),
    "rate-limit text": Fault("text", times=2),
}


def assert_whole(outcome: Outcome, simulator: Simulator) -> None:
    assert outcome.exit_code == 0, outcome.everything
    assert len(outcome.uuids) == len(set(outcome.uuids)), "an event came twice"
    assert set(outcome.uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert outcome.cursors[-1] == "2024-03-15T21:00:00Z"


def assert_nothing_left(command: Command) -> None:
    assert list(command.temporary_files.iterdir()) == []


def assert_no_file_left(command: Command) -> None:
    """After SIGKILL an empty folder of the CDK may be left, since nobody lives to remove it."""
    assert [path for path in command.temporary_files.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("hour", [FIRST_HOUR, NIGHT, LAST_HOUR], ids=["first", "middle", "last"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_given_a_passing_fault_then_every_event_once(
    simulator: Simulator, command: Command, fault: Fault, hour: datetime
) -> None:
    simulator.faults.append(a_copy(fault, hour=hour))
    outcome = command.read(a_config(simulator, num_workers=2))
    assert [request for request in simulator.log if request.fault], "the fault never struck"
    assert_whole(outcome, simulator)
    assert_nothing_left(command)


def a_copy(fault: Fault, **changes: Any) -> Fault:
    fields = {name: getattr(fault, name) for name in ("kind", "status", "headers", "at", "times", "transform")}
    return Fault(**{**fields, **changes})


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=503),
        Fault("reset"),
        Fault("truncate", at=0.5),
        Fault("html"),
        Fault("gzip_crc"),
        Fault("zip_crc"),
    ],
    ids=["503", "reset", "cut", "html", "gzip crc", "zip crc"],
)
def test_given_a_fault_that_stays_then_a_transient_error_and_the_state_before_it(
    simulator: Simulator, command: Command, fault: Fault
) -> None:
    simulator.faults.append(a_copy(fault, hour=NIGHT))
    outcome = command.read()
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "20240315T00-20240315T20" in outcome.stream_error["message"]
    assert outcome.cursors[-1] == "2024-03-15T00:00:00Z"
    assert all(error["failure_type"] == "transient_error" for error in outcome.errors), "or Airbyte would not try again"
    before_state = dict(uuids_before_each_state(outcome))["2024-03-15T00:00:00Z"]
    assert before_state == simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 47 * HOUR)

    simulator.faults.clear()
    assert_whole_after(simulator, outcome, command.read(state=outcome.last_state))


def assert_whole_after(simulator: Simulator, failed: Outcome, resumed: Outcome) -> None:
    assert resumed.exit_code == 0, resumed.everything
    kept = uuids_before_each_state(failed)[-1][1] if failed.states else set()
    assert kept | set(resumed.uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert kept.isdisjoint(resumed.uuids)


def test_given_an_hour_too_large_then_a_config_error_names_it_and_the_s3_export(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=lambda hour: 400 if hour == NIGHT else 5, max_response_bytes=100_000)
    outcome = Command(simulator, tmp_path).read()
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "20240315T10" in outcome.stream_error["message"]
    assert "S3 export" in outcome.stream_error["message"]
    assert outcome.cursors[-1] == "2024-03-15T10:00:00Z"


def test_given_no_answer_in_time_then_the_window_is_halved(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("hang", hour=NIGHT, times=2))
    outcome = command.read(settings={"events.download.READ_TIMEOUT_SECONDS": 0.5})
    assert_whole(outcome, simulator)
    assert len([request for request in simulator.log if request.params["start"] >= "20240315T00"]) > 2


def test_given_a_body_that_trickles_then_it_is_fetched_again(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("slow_body", bytes_per_second=20, hour=NIGHT, times=1))
    outcome = command.read(settings={"events.download.STALL_SECONDS": 0.5})
    assert_whole(outcome, simulator)
    assert "stalled" in outcome.log


def test_given_429_without_end_then_a_transient_error_after_the_patience(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", status=429))
    outcome = command.read(settings={"events.download.LONGEST_THROTTLED_SECONDS": 1})
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "transient_error"
    assert "429" in outcome.stream_error["message"]


@pytest.mark.parametrize("status", [302, 418])
def test_given_an_answer_nobody_has_seen_then_a_system_error(
    simulator: Simulator, command: Command, status: int
) -> None:
    simulator.faults.append(Fault("status", status=status))
    outcome = command.read()
    assert (outcome.exit_code, outcome.stream_error["failure_type"]) == (1, "system_error")
    assert str(status) in outcome.stream_error["message"]


def test_given_a_line_that_is_no_event_once_then_every_event_once(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(events_per_hour=400)
    simulator.faults.append(Fault("members", transform=with_bad_line, hour=NIGHT, times=1))
    outcome = Command(simulator, tmp_path).read(a_config(simulator, start_date="2024-03-15"))
    assert outcome.exit_code == 0, outcome.everything
    assert len(outcome.uuids) == len(set(outcome.uuids))
    assert set(outcome.uuids) == simulator.project.uuids(datetime(2024, 3, 15, tzinfo=UTC), LAST_HOUR)
    assert "fetching it again" in outcome.log


def with_bad_line(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The members with the last line of the last one cut in half."""
    name, content = members[-1]
    lines = gzip.decompress(content).split(b"\n")
    lines[-2] = lines[-2][: len(lines[-2]) // 2]
    return [*members[:-1], (name, gzip.compress(b"\n".join(lines)))]


def test_given_a_line_that_stays_no_event_then_an_error_names_the_place_not_the_content(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("members", transform=with_bad_line, hour=NIGHT))
    outcome = command.read()
    assert outcome.exit_code == 1
    message = outcome.stream_error["message"]
    assert outcome.stream_error["failure_type"] == "system_error"
    assert "20240315T00-20240315T20" in message
    assert "json.gz, line 5" in message
    assert "server_received_time" not in outcome.stream_error["stack_trace"] + message
    assert outcome.cursors[-1] == "2024-03-15T00:00:00Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_given_a_signal_then_whole_lines_no_files_and_a_state_to_continue_from(
    a_simulator: Callable[..., Simulator], tmp_path: Path, number: int
) -> None:
    simulator = a_simulator(events_per_hour=300)
    simulator.faults.append(Fault("latency", seconds=0.3))
    command = Command(simulator, tmp_path)
    config = a_config(simulator, batch_size_hours=4)
    stopped = command.read(config, kill_after=KillAfter(3.5, number))
    assert stopped.exit_code == -number
    assert stopped.stderr == ""
    assert_nothing_left(command)
    assert_whole_after(simulator, stopped, command.read(config, stopped.last_state))


@pytest.mark.parametrize("seed", range(10))
def test_given_sigkill_at_a_random_moment_then_no_event_is_missing(
    a_simulator: Callable[..., Simulator], tmp_path: Path, seed: int
) -> None:
    simulator = a_simulator(events_per_hour=60)
    simulator.faults.append(Fault("latency", seconds=0.1))
    command = Command(simulator, tmp_path)
    config = a_config(simulator, batch_size_hours=4, num_workers=2)
    killed = command.read(config, kill_after=KillAfter(random.Random(seed).uniform(1.5, 4)))
    assert_no_file_left(command)
    assert_whole_after(simulator, killed, command.read(config, killed.last_state))


def test_given_the_reader_goes_away_then_it_ends_quietly(a_simulator: Callable[..., Simulator], tmp_path: Path) -> None:
    simulator = a_simulator(events_per_hour=2000)
    command = Command(simulator, tmp_path)
    process = command.start("read", *command.read_arguments())
    assert process.stdout is not None
    assert process.stderr is not None
    while '"RECORD"' not in process.stdout.readline():
        pass
    process.stdout.close()
    assert process.wait(timeout=20) == -signal.SIGPIPE
    assert process.stderr.read() == ""
    assert_nothing_left(command)
