from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amplitude_simulator import Project, Simulator
from harness.moments import FIRST_HOUR

if TYPE_CHECKING:
    from harness.spark import SimulatedSpark

# These need Spark's environment; `make test-spark` runs them there.
collect_ignore_glob = [] if find_spec("pyspark") else ["test_*.py"]

NUMBERS = count(1)
NOW = datetime(2024, 3, 16, 2, 10, tzinfo=timezone.utc)  # 72 hours are complete


@pytest.fixture(scope="session")
def spark_and_amplitude(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[SimulatedSpark]":
    """One session for all tests: two cores, and tasks that are tried again as on a cluster."""
    from harness.spark import SimulatedSpark, spark_session, write_settings
    from harness.spark_shown import shown_conf

    folder = tmp_path_factory.mktemp("spark")
    conf = shown_conf(folder)
    with Simulator(Project(FIRST_HOUR), now=NOW) as simulator:
        settings = folder / "settings.json"
        write_settings(settings, NOW)
        with spark_session(simulator.environment, folder, "local[2,4]", settings, **conf) as session:
            yield SimulatedSpark(session, simulator, settings)


@pytest.fixture
def a_spark(spark_and_amplitude: "SimulatedSpark") -> "Iterator[Callable[..., SimulatedSpark]]":
    """Spark with Amplitude as a small project whose first 72 hours are complete.

    Each has another key, since workers are used again and keep what they have learnt of a project.
    """

    def become(now: datetime = NOW, **project: Any) -> "SimulatedSpark":
        defaults = {"first_hour": FIRST_HOUR, "events_per_hour": 5, "api_key": f"{next(NUMBERS):032x}"}
        spark_and_amplitude.become(Project(**{**defaults, **project}), now)
        return spark_and_amplitude

    yield become
    simulator = spark_and_amplitude.simulator
    try:
        simulator.require_applied_faults()
    finally:
        simulator.errors.clear()
        simulator.faults.clear()


@pytest.fixture
def spark(a_spark: "Callable[..., SimulatedSpark]") -> "SimulatedSpark":
    return a_spark()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For what a query writes, and for its checkpoint."""
    return tmp_path
