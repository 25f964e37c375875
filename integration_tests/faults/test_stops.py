"""Processes that are told to stop, killed, or left without a reader; clocks that go back."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from harness.limits import FOR_EVER_SECONDS, STUCK_SECONDS, scaled
from harness.runs import Command, KillAfter, a_config
from integration_tests.conftest import FIRST_HOUR
from integration_tests.faults.expect import (
    LAST_HOUR,
    assert_no_file_left,
    assert_nothing_left,
    assert_states_keep_their_promise,
    assert_whole,
    assert_whole_after,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_given_a_signal_then_whole_lines_no_files_and_a_state_to_continue_from(
    a_simulator: Callable[..., Simulator], tmp_path: Path, number: int
) -> None:
    simulator = a_simulator(events_per_hour=300)
    simulator.faults.append(Fault("latency", seconds=0.3))
    command = Command(simulator, tmp_path)
    config = a_config(simulator, batch_size_hours=4)
    stopped = command.read(config, kill_after=KillAfter(1, number, lambda: simulator.log))
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
    killed = command.read(config, kill_after=KillAfter(random.Random(seed).uniform(0, 1.5), once=lambda: simulator.log))
    assert_no_file_left(command)
    assert_whole_after(simulator, killed, command.read(config, killed.last_state))


def test_given_the_reader_goes_away_then_it_ends_quietly(a_simulator: Callable[..., Simulator], tmp_path: Path) -> None:
    simulator = a_simulator(events_per_hour=2000)
    command = Command(simulator, tmp_path)
    assert command.read_with_a_reader_that_goes_away(*command.read_arguments()) == (-signal.SIGPIPE, "")
    assert_nothing_left(command)


@pytest.mark.parametrize("blocking", [True, False])
def test_given_an_unbuffered_output_that_takes_little_at_once_then_every_line_is_whole(
    a_simulator: Callable[..., Simulator], tmp_path: Path, blocking: bool
) -> None:
    simulator = a_simulator(events_per_hour=100)
    command = Command(simulator, tmp_path)
    command.environment["PYTHONUNBUFFERED"] = "1"
    ours, theirs = os.pipe()
    os.set_blocking(theirs, blocking)
    process = command.start("read", *command.read_arguments(), stdout=theirs)
    os.close(theirs)
    output = bytearray()
    while part := os.read(ours, 100_000):
        output += part
        time.sleep(0.005)
    os.close(ours)
    assert process.wait(scaled(STUCK_SECONDS)) == 0
    messages = [json.loads(line) for line in output.decode().splitlines()]
    uuids = [message["record"]["data"]["uuid"] for message in messages if message["type"] == "RECORD"]
    assert len(uuids) == len(set(uuids))
    assert set(uuids) == simulator.project.uuids(FIRST_HOUR, LAST_HOUR)


@pytest.mark.parametrize("arguments", [["spec"], ["read"]])
def test_given_a_full_output_then_a_sentence_and_no_traceback(
    simulator: Simulator, command: Command, arguments: list[str]
) -> None:
    more = command.read_arguments() if arguments == ["read"] else []
    with Path("/dev/full").open("w") as full:
        process = command.start(*arguments, *more, stdout=full)
        assert process.wait(scaled(STUCK_SECONDS)) == 1
    assert process.stderr is not None
    assert process.stderr.read() == "Standard output cannot be written to: No space left on device.\n"
    assert_nothing_left(command)


def test_given_sigterm_while_waiting_for_a_silent_server_then_it_ends_without_the_answer(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("hang"))
    stopped = command.read(
        kill_after=KillAfter(0.2, signal.SIGTERM, lambda: simulator.log),
        settings={"export.download.READ_TIMEOUT_SECONDS": FOR_EVER_SECONDS},
    )
    assert stopped.exit_code == -signal.SIGTERM
    assert_nothing_left(command)


def test_given_a_clock_that_moved_back_then_nothing_is_read_twice(simulator: Simulator, warm_command: Command) -> None:
    first = warm_command.read()
    assert_whole(first, simulator)
    simulator.now -= timedelta(hours=5)
    second = warm_command.read(state=first.last_state)
    assert (second.exit_code, second.records()) == (0, [])
    assert second.last_state == first.last_state


def test_given_an_hour_too_large_then_everything_before_it_is_kept(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(
        events_per_hour=lambda hour: 400 if (hour.day, hour.hour) == (15, 10) else 5, max_response_bytes=100_000
    )
    outcome = Command(simulator, tmp_path).read()
    assert outcome.exit_code == 1
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "20240315T10" in outcome.stream_error["message"]
    assert "S3 export" in outcome.stream_error["message"]
    assert outcome.cursors[-1] == "2024-03-15T10:00:00Z"
    assert_states_keep_their_promise(outcome, simulator)
