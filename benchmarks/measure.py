"""Runs one process to its end, or several in turn, and says what each run cost."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figures import Figures
from harness.runs import peak_rss_bytes

COMMAND = str(Path(sys.executable).with_name("source-amplitude"))
READ_BYTES = 1024 * 1024
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """What one run cost: seconds of wall and of processor, and the most memory it had."""

    wall: float
    cpu: float
    peak_mb: float


class _Peak(threading.Thread):
    """Watches how much memory a process has had at most."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.bytes = 0

    def run(self) -> None:
        while now := peak_rss_bytes(self._pid):
            self.bytes = max(self.bytes, now)
            time.sleep(SAMPLE_SECONDS)


class CommandFailedError(Exception):
    """A contender ended with an error, so that its figures mean nothing."""


def run(command: Sequence[str], environment: Mapping[str, str], output: Path | None = None) -> Cost:
    """Run a command whose standard output is a pipe that is read to the end, into a file or into nothing."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment})
    assert process.stdout is not None
    kept = output.open("wb") if output else None
    buffer = bytearray(READ_BYTES)
    peak = _Peak(process.pid)
    peak.start()
    while size := os.readv(process.stdout.fileno(), [buffer]):
        if kept:
            kept.write(memoryview(buffer)[:size])
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    peak.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if kept:
        kept.close()
    if process.returncode != 0:
        raise CommandFailedError(f"exit code {process.returncode}: {' '.join(command)}")
    return Cost(wall, used.ru_utime + used.ru_stime, peak.bytes / 1e6)


def interleaved(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], runs: int
) -> dict[str, list[Figures]]:
    """Run every command in turn, `runs` times over, so that a change of the machine's mood strikes all of them."""
    costs: dict[str, list[Figures]] = {name: [] for name in commands}
    for number in range(runs):
        for name, command in commands.items():
            cost = run(command, environment)
            costs[name].append(asdict(cost))
            print(
                f"  {number + 1}/{runs} {name}: {cost.wall:.2f} s, {cost.cpu:.2f} CPU s, {cost.peak_mb:.0f} MB",
                flush=True,
            )
    return costs
