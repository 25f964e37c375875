import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.spark import DAEMON, processes, python_workers

pytestmark = pytest.mark.spark

# A process with a child, as Spark's daemon has its workers. It says the child's number and its own.
FORKS = "import os, time; child = os.fork() or time.sleep(600); print(child, os.getpid(), flush=True); time.sleep(600)"


@contextmanager
def a_daemon(*, of_this_process: bool) -> Iterator[int]:
    """A process that looks like Spark's daemon: the number of its worker."""
    daemon = [sys.executable, "-c", FORKS, *DAEMON.split()]
    orphaned = ["sh", "-c", '"$@" &', "sh", *daemon]  # a child of somebody else as soon as the shell has ended
    command = daemon if of_this_process else orphaned
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker, pid = map(int, process.stdout.readline().split())
        try:
            if not of_this_process:
                process.wait()
            yield worker
        finally:
            for number in (worker, pid):
                os.kill(number, signal.SIGKILL)


def test_only_workers_of_this_process_are_found_since_a_test_kills_them() -> None:
    with a_daemon(of_this_process=True) as own, a_daemon(of_this_process=False) as of_another:
        assert {own, of_another} <= {pid for pid, _, _ in processes()}
        found = python_workers()
        assert own in found
        assert of_another not in found
