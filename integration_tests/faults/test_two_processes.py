"""Syncs whose archives are large enough for a second process, and what becomes of it."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from harness.limits import wait_until
from harness.runs import Command, KillAfter, Outcome, a_config
from integration_tests.faults.expect import HOUR, assert_failed, assert_nothing_left, assert_whole, assert_whole_after
from integration_tests.faults.test_contents import with_lines
from source_amplitude.events.second_process import processors

pytestmark = pytest.mark.skipif(processors() <= 1, reason="one processor: there is no second process")

SHARED = {
    "events.blocks.LARGE_ARCHIVE_BYTES": 0,
    "events.lines.BLOCK_BYTES": 16_384,
    "events.second_process.ANSWER_SECONDS": 1,
}
GONE = "The second process has ended"


@dataclass
class SecondProcesses:
    """Those that a test's commands have started: their environment names the test's folder for temporary files."""

    temporary_files: Path
    struck: bool = False
    seen: set[int] = field(default_factory=set)

    def running(self) -> set[int]:
        found = {int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit() and self._has(folder)}
        self.seen |= found
        return found

    def strike(self, number: int) -> bool:
        for pid in self.running():
            os.kill(pid, number)
            self.struck = True
        return self.struck

    def ended(self) -> bool:
        wait_until(lambda: not self.running(), "the second process to end")
        return bool(self.seen)

    def _has(self, process: Path) -> bool:
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:  # it has just ended
            return False
        return b"source_amplitude.events.second_process" in command and bytes(self.temporary_files) in environment


@pytest.fixture
def second_processes(tmp_path: Path) -> SecondProcesses:
    return SecondProcesses(tmp_path / "tmp")


@pytest.fixture
def busy(a_simulator: Callable[..., Simulator]) -> Simulator:
    simulator = a_simulator(events_per_hour=200)
    simulator.faults.append(Fault("latency", seconds=0.15))
    return simulator


def read(simulator: Simulator, command: Command, kill_after: KillAfter | None = None, **changes: object) -> Outcome:
    config = a_config(simulator, batch_size_hours=6, num_workers=1, **changes)
    return command.read(config, settings=SHARED, kill_after=kill_after)


@pytest.mark.parametrize("properties_format", ["json_string", "object"])
def test_two_processes_write_the_records_of_one(
    busy: Simulator, tmp_path: Path, second_processes: SecondProcesses, properties_format: str
) -> None:
    command = Command(busy, tmp_path)
    see = KillAfter(0, 0, second_processes.running)
    shared = read(busy, command, see, properties_format=properties_format)
    assert_whole(shared, busy)
    alone = command.read(a_config(busy, properties_format=properties_format))
    assert [record["uuid"] for record in shared.records()] == [record["uuid"] for record in alone.records()]
    assert shared.records() == alone.records()
    assert second_processes.ended()
    assert GONE not in shared.everything


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_given_the_second_process_is_killed_then_nothing_is_lost_and_a_warning_tells_it(
    busy: Simulator, tmp_path: Path, second_processes: SecondProcesses, number: int
) -> None:
    outcome = read(busy, Command(busy, tmp_path), KillAfter(0, 0, lambda: second_processes.strike(number)))
    assert_whole(outcome, busy)
    assert outcome.everything.count(GONE) <= 1
    assert second_processes.ended()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_given_the_first_process_is_stopped_then_the_second_ends_too(
    busy: Simulator, tmp_path: Path, second_processes: SecondProcesses, number: int
) -> None:
    command = Command(busy, tmp_path)
    stopped = read(busy, command, KillAfter(0.3, number, second_processes.running))
    assert stopped.exit_code == -number
    assert stopped.stderr == ""
    assert second_processes.ended()
    if number != signal.SIGKILL:
        assert_nothing_left(command)
    assert_whole_after(busy, stopped, command.read(a_config(busy), stopped.last_state))


def test_given_a_line_that_is_no_event_then_the_error_names_it(
    busy: Simulator, tmp_path: Path, second_processes: SecondProcesses
) -> None:
    change = with_lines(lambda lines: [*lines[:150], b"[1]", *lines[150:]])
    busy.faults.append(Fault("members", hour=busy.project.first_hour + 40 * HOUR, transform=change))
    outcome = read(busy, Command(busy, tmp_path), KillAfter(0, 0, second_processes.running))
    assert_failed(outcome, busy, "system_error", "line 151: not a JSON object")
    assert second_processes.ended()
