from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Project, Simulator
from harness.runs import Command
from integration_tests.postgres import PostgreSQL, running_server

FIRST_HOUR = datetime(2024, 3, 13, 0, tzinfo=timezone.utc)
NOW = datetime(2024, 3, 15, 23, 10, tzinfo=timezone.utc)


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
