"""Thousands of processes that are told to stop at random moments: each one ends by the signal, with whole lines."""

import json
import os
import random
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from amplitude_simulator.archives import gzip_chunks, zip_chunks
from amplitude_simulator.events import Population, event_lines
from harness.moments import FIRST_HOUR
from harness.runs import Command, a_config
from harness.warm import WarmProcess

Process = subprocess.Popen[str] | WarmProcess
# A fast reader, a slow one, and one that stands still, all until the signal is sent; afterwards it reads all there is.
BYTES_A_MILLISECOND = (1_000_000, 2_000, 0)
EVENTS = 40  # so few that most of the time goes into starting and ending the threads that read an archive


class Output:
    """A pipe for a process's output, and a file for what it says on standard error."""

    def __init__(self) -> None:
        self._ours, theirs = os.pipe()
        os.set_blocking(self._ours, False)
        self.out = os.fdopen(theirs, "w")
        self.err = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed below
        self._text = bytearray()

    def wait_for_some(self, process: Process) -> None:
        while process.poll() is None and not select.select([self._ours], [], [], 0.01)[0]:
            pass

    def read_for(self, seconds: float, bytes_a_millisecond: int) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._read(bytes_a_millisecond)
            time.sleep(0.001)

    def read_until_it_has_ended(self, process: Process) -> None:
        ended = False
        while self._read(1_000_000) or not ended:
            ended = process.poll() is not None
            time.sleep(0.001)

    def lines(self) -> list[str]:
        return self._text.decode().split("\n")

    def said(self) -> str:
        self.err.seek(0)
        return self.err.read()

    def close(self) -> None:
        os.close(self._ours)
        self.out.close()
        self.err.close()

    def _read(self, size: int) -> int:
        try:
            part = os.read(self._ours, size)
        except BlockingIOError:
            return 0
        self._text += part
        return len(part)


def stop_and_check(
    start: Callable[[Output], Process], folder: Path, chance: random.Random, longest_seconds: float
) -> None:
    """Start a process, stop it at a random moment (mostly after its first line), and look at what it leaves."""
    output = Output()
    process = start(output)
    number = signal.SIGTERM
    try:
        if chance.random() < 0.8:
            output.wait_for_some(process)
            number = chance.choice([signal.SIGTERM, signal.SIGINT])
        output.read_for(chance.uniform(0, longest_seconds), chance.choice(BYTES_A_MILLISECOND))
        process.send_signal(number)
        output.read_until_it_has_ended(process)
        assert (process.returncode, output.said()) == (-number, "")
        *lines, rest = output.lines()
        assert rest == "", "the last line was cut"
        for line in lines:
            json.loads(line)
        assert list(folder.iterdir()) == []
    finally:
        process.kill()
        output.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "archive.zip"
    lines = event_lines(1, FIRST_HOUR, EVENTS, Population(100, FIRST_HOUR), 0)
    path.write_bytes(b"".join(zip_chunks([("1/1_2024-03-13_0#0.json.gz", gzip_chunks(lines))])))
    return path


def stop_chains(archive: Path, folder: Path, seed: int, processes: int) -> None:
    chance = random.Random(seed)
    environment = {**os.environ, "TMPDIR": str(folder)}
    for _ in range(processes):
        stop_and_check(
            lambda output: WarmProcess([str(archive)], environment, output.out, output.err, "harness.chain"),
            folder,
            chance,
            longest_seconds=0.3,
        )


@pytest.mark.parametrize("seed", range(3))
def test_given_a_signal_at_a_random_moment_then_the_chain_ends_by_it(archive: Path, tmp_path: Path, seed: int) -> None:
    stop_chains(archive, tmp_path, seed, 10)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(100, 120))
def test_given_2000_signals_at_random_moments_then_every_chain_ends_by_its_signal(
    archive: Path, tmp_path: Path, seed: int
) -> None:
    stop_chains(archive, tmp_path, seed, 100)


def a_busy_command(a_simulator: Callable[..., Simulator], folder: Path, kind: str) -> tuple[Command, list[str]]:
    """A sync of two months in small windows, which no test waits for, or one whose server falls silent."""
    first_hour = FIRST_HOUR - timedelta(days=60)
    simulator = a_simulator(events_per_hour=200, first_hour=first_hour)
    if kind == "silent server":
        simulator.faults.append(Fault("hang", hour=first_hour + timedelta(hours=4)))
        simulator.allow_missed_faults()  # chance may stop every process before it asks for that hour
    command = Command(simulator, folder)
    return command, command.read_arguments(a_config(simulator, batch_size_hours=4))


def stop_commands(command: Command, arguments: list[str], seed: int, processes: int) -> None:
    chance = random.Random(seed)
    for _ in range(processes):
        stop_and_check(
            lambda output: command.start("read", *arguments, stdout=output.out, stderr=output.err),
            command.temporary_files,
            chance,
            longest_seconds=1.0,
        )


@pytest.mark.parametrize("kind", ["busy server", "silent server"])
def test_given_a_signal_at_a_random_moment_then_the_command_ends_by_it(
    a_simulator: Callable[..., Simulator], tmp_path: Path, kind: str
) -> None:
    command, arguments = a_busy_command(a_simulator, tmp_path, kind)
    stop_commands(command, arguments, 1, 4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("kind", ["busy server", "silent server"])
@pytest.mark.parametrize("seed", range(5))
def test_given_hundreds_of_signals_at_random_moments_then_every_command_ends_by_its_signal(
    a_simulator: Callable[..., Simulator], tmp_path: Path, kind: str, warm: bool, seed: int
) -> None:
    command, arguments = a_busy_command(a_simulator, tmp_path, kind)
    command.warm = warm
    stop_commands(command, arguments, seed, 24 if warm else 6)
