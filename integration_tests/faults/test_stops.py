"""Processes that are told to stop, killed, or left without a reader; clocks that go back."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from harness.limits import FOR_EVER_SECONDS, STUCK_SECONDS, scaled
from harness.moments import FIRST_HOUR
from harness.runs import Command, KillAfter, a_config
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
    simulator = a_simulator(events_per_hour=100)  # 6 MB of records a day, of which a pipe holds 1 MB
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
    command.warm = False  # Python reads it when it starts
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


ENDLESS_TRIES = {"http.retry.MAX_TRIES": 10**9, "http.retry.LONGEST_WAIT_SECONDS": 0}


def test_given_sigterm_while_a_download_waits_to_log_then_it_ends_after_that_line(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", status=503))
    ours, theirs = socket.socketpair()  # it holds a few lines
    process = command.start("read", *command.read_arguments(), stdout=theirs, settings=ENDLESS_TRIES)
    theirs.close()
    wait_until_it_asks_no_more(simulator)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    output = everything_from(ours)
    assert process.wait(scaled(STUCK_SECONDS)) == -signal.SIGTERM
    assert output.endswith(b"\n")
    assert json.loads(output.splitlines()[-1])["log"]["message"].startswith("Export of ")
    assert_nothing_left(command)


def test_given_the_reader_goes_away_while_only_a_download_logs_then_it_ends_quietly(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", status=503))
    process = command.start("read", *command.read_arguments(), settings=ENDLESS_TRIES)
    assert process.stdout is not None
    assert process.stderr is not None
    while "Export of " not in process.stdout.readline():
        pass
    process.stdout.close()
    assert (process.wait(scaled(STUCK_SECONDS)), process.stderr.read()) == (-signal.SIGPIPE, "")
    assert_nothing_left(command)


def wait_until_it_asks_no_more(simulator: Simulator) -> None:
    asked = -1
    while not simulator.log or len(simulator.log) > asked:
        asked = len(simulator.log)
        time.sleep(0.5)


def everything_from(channel: socket.socket) -> bytes:
    with channel, channel.makefile("rb") as file:
        return file.read()


A_PROGRAM = """
import os, signal, threading, time
from source_amplitude.airbyte.command import open_output
writer = open_output()
"""


def a_program(text: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", A_PROGRAM + text], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_given_a_signal_between_a_printed_line_and_its_break_then_nothing_of_the_line_is_out() -> None:
    out, err = (process := a_program("print('a line', end='')\nos.kill(os.getpid(), signal.SIGTERM)")).communicate()
    assert (process.returncode, out, err) == (-signal.SIGTERM, b"", b"")


def test_given_a_thread_is_writing_at_the_end_then_its_line_is_whole() -> None:
    process = a_program(
        "threading.Thread(target=writer.write, args=('x' * 5_000_000 + '\\n',), daemon=True).start()\ntime.sleep(0.5)"
    )
    time.sleep(1)  # its end, which waits for us
    assert process.communicate() == (b"x" * 5_000_000 + b"\n", b"")
    assert process.returncode == 0


def test_given_a_signal_in_a_batch_then_it_ends_after_the_line_under_way() -> None:
    process = a_program("writer.write(100_000 * (80 * 'x' + '\\n'))")
    assert process.stdout is not None
    first = os.read(process.stdout.fileno(), 1000)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    out, err = process.communicate()
    assert (process.returncode, err) == (-signal.SIGTERM, b"")
    lines = (first + out).split(b"\n")
    assert lines.pop() == b""
    assert set(lines) == {80 * b"x"}
    assert len(lines) < 100_000, "the rest of the batch is not waited for"


def test_given_an_interrupt_while_it_imports_then_it_ends_quietly(tmp_path: Path) -> None:
    slow = tmp_path / "airbyte_cdk" / "__init__.py"
    slow.parent.mkdir()
    slow.write_text("import os, time\nos.write(1, b'importing')\ntime.sleep(100)")
    process = subprocess.Popen(
        [sys.executable, "-m", "source_amplitude", "spec"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.read(len("importing")) == b"importing"
    process.send_signal(signal.SIGINT)
    assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGINT


NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]


@pytest.fixture
def first_process(command: Command) -> Command:
    """The command as the first process of a container, which the system keeps from being ended by its own signals."""
    if not shutil.which("unshare") or subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no process namespace may be made here")
    command.prefix = NAMESPACE
    return command


def test_given_the_first_process_of_a_container_then_a_signal_ends_it(
    simulator: Simulator, first_process: Command
) -> None:
    simulator.faults.append(Fault("hang"))
    process = first_process.start("read", *first_process.read_arguments())
    while not simulator.log:
        time.sleep(0.01)
    [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)
    out, err = process.communicate(timeout=scaled(STUCK_SECONDS))
    assert (process.returncode, err) == (128 + signal.SIGTERM, "")
    assert out.endswith("\n")
    assert_nothing_left(first_process)


def test_given_the_first_process_of_a_container_then_a_closed_output_ends_it(
    simulator: Simulator, first_process: Command
) -> None:
    simulator.project = replace(simulator.project, events_per_hour=100)  # more than a pipe holds
    ended = first_process.read_with_a_reader_that_goes_away(*first_process.read_arguments())
    assert ended == (128 + signal.SIGPIPE, "")
    assert_nothing_left(first_process)


def test_given_a_clock_that_moved_back_then_nothing_is_read_twice(simulator: Simulator, command: Command) -> None:
    first = command.read()
    assert_whole(first, simulator)
    simulator.now -= timedelta(hours=5)
    second = command.read(state=first.last_state)
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
