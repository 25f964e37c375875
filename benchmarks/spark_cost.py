"""What a Spark session costs from one moment to another: processor time of Python and JVM, and memory."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from harness.spark import line_of, python_workers

SAMPLE_SECONDS = 1.0  # the peak is what the system has kept of it
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Of one run.

    :param cpu: processor seconds of the JVM and of all Python processes together
    :param python: of the Python processes alone: those that plan, and the workers; the driver's own, which measures, is
        left out
    :param wall: seconds
    :param peak_mb: of the largest worker
    """

    events: int
    cpu: float
    python: float
    wall: float
    peak_mb: float


class Meter(threading.Thread):
    """Watches the processes of this session from its start to `stop`.

    A process that has ended counts with its parent, which has waited for it.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._peak_bytes = 0
        self._stopped = threading.Event()
        self._before = cpu_seconds()
        self._began = time.monotonic()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            for pid in python_workers():
                self._peak_bytes = max(self._peak_bytes, _peak_bytes(pid))

    def stop(self, events: int) -> Cost:
        wall, (jvm, python) = time.monotonic() - self._began, cpu_seconds()
        self._stopped.set()
        self.join()
        jvm, python = jvm - self._before[0], python - self._before[1]
        return Cost(events, jvm + python, python, wall, self._peak_bytes / 1e6)


def cpu_seconds() -> tuple[float, float]:
    """Processor seconds so far of the JVM below this process, and of all other processes below it."""
    jvm = python = 0.0
    found = _processes()
    parents = {pid: int(fields[1]) for pid, _, fields in found}
    for pid, name, fields in found:
        if os.getpid() in line_of(pid, parents)[1:]:
            own, of_ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
            jvm += own / _TICKS if name == "java" else 0.0
            python += (of_ended if name == "java" else own + of_ended) / _TICKS
    return jvm, python


def _processes() -> list[tuple[int, str, list[str]]]:
    """The number, the name and the other fields of `/proc/*/stat` of each process."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                before, _, after = (path / "stat").read_text().rpartition(")")
            except OSError:  # it has just ended
                continue
            found.append((int(path.name), before.partition("(")[2], after.split()))
    return found


def _peak_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    # A process that has ended and that nobody has waited for has no such line any more.
    return max((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), default=0) * 1024
