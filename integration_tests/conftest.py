import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Project, Simulator
from harness.moments import FIRST_HOUR, NOW
from harness.runs import Command
from integration_tests.postgres import PostgreSQL, running_server


@pytest.fixture
def a_simulator() -> Iterator[Callable[..., Simulator]]:
    """Starts simulators of a small project; by default it is 23:10 on its third day."""
    with ExitStack() as running:

        def start(now: datetime = NOW, **project: Any) -> Simulator:
            defaults = {"first_hour": FIRST_HOUR, "events_per_hour": 5}
            return running.enter_context(Simulator(Project(**{**defaults, **project}), now=now))

        yield start


@pytest.fixture
def simulator(a_simulator: Callable[..., Simulator]) -> Simulator:
    return a_simulator()


@pytest.fixture
def command(simulator: Simulator, tmp_path: Path) -> Command:
    return Command(simulator, tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for all tests that need one; each of them makes a database of its own."""
    with running_server() as server:
        yield server


# Mounts in a mount namespace of its own, says so, and stays until its input ends.
MOUNT = 'mount -t tmpfs -o "size=$2k" tmpfs "$1" && echo mounted && read -r _'


@pytest.fixture
def a_small_disk() -> Iterator[Callable[[Command, int], None]]:
    """Gives a command a temporary folder of some kilobytes.

    The disk is mounted for nobody but a process that ends with the test. What keeps it is a file descriptor of this
    process, so it is gone when this process is, however that ends.
    """
    kept: list[int] = []

    def mount(command: Command, kilobytes: int) -> None:
        folder = command.temporary_files
        if shutil.which("unshare") is None or os.geteuid() != 0:
            pytest.skip("a small disk is made with unshare and mount, which need root")
        with subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", MOUNT, "sh", str(folder), str(kilobytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as mounted:  # fmt: skip
            assert mounted.stdout is not None
            if mounted.stdout.readline() != "mounted\n":
                pytest.skip("no tmpfs can be mounted here")
            kept.append(os.open(f"/proc/{mounted.pid}/root{folder}", os.O_PATH | os.O_DIRECTORY))
        command.temporary_files = Path(f"/proc/{os.getpid()}/fd/{kept[-1]}")

    yield mount
    for descriptor in kept:
        os.close(descriptor)
