"""What the Python workers of a Spark session cost: processor seconds above their start, and memory at most."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from harness.spark import python_workers

SAMPLE_SECONDS = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class WorkersCost:
    """Of one run: wall seconds, processor seconds of all workers, and the peak of the largest one."""

    events: int
    wall: float
    cpu: float
    peak_mb: float


class Workers(threading.Thread):
    """Watches the workers from its start to `stop`; what they used up before does not count, memory apart.

    A worker that ends in between is seen until a tenth of a second before.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._before = {pid: _cpu_seconds(pid) for pid in python_workers()}
        self._cpu: dict[int, float] = {}
        self._peak_bytes = 0
        self._stopped = threading.Event()
        self._began = time.monotonic()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            self._sample()

    def stop(self) -> tuple[float, float, float]:
        """Wall seconds, processor seconds of all workers together, and megabytes of the largest one."""
        wall = time.monotonic() - self._began
        self._stopped.set()
        self.join()
        self._sample()
        cpu = sum(seconds - self._before.get(pid, 0.0) for pid, seconds in self._cpu.items())
        return wall, cpu, self._peak_bytes / 1e6

    def _sample(self) -> None:
        for pid in python_workers():
            try:
                self._cpu[pid] = _cpu_seconds(pid)
                self._peak_bytes = max(self._peak_bytes, _peak_bytes(pid))
            except OSError:  # it has just ended
                continue


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    # A process that has ended and that nobody has waited for has no such line any more.
    return max((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), default=0) * 1024
