"""A project whose events PyAirbyte loads into DuckDB and PostgreSQL."""

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Project, Simulator
from harness import pyairbyte
from harness.limits import scaled
from harness.moments import FIRST_HOUR
from harness.runs import a_config

NOW = datetime(2024, 3, 14, 2, 10, tzinfo=timezone.utc)


FETCH = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    made = subprocess.run(
        ["make", ".venv-pyairbyte/.ready"], cwd=pyairbyte.REPOSITORY, check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(Project(FIRST_HOUR, events_per_hour=20, users=30), NOW) as running:
        yield running


def sync(
    simulator: Simulator, folder: Path, database: str, *arguments: str, **changes: Any
) -> "subprocess.CompletedProcess[str]":
    config = a_config(simulator, **changes)
    return pyairbyte.sync(simulator, folder, database, config, *arguments, capture_output=True, timeout=scaled(300))


def in_duckdb(database: Path, sql: str) -> list[list[Any]]:
    told = subprocess.run([pyairbyte.PYTHON, "-c", FETCH, database, sql], check=True, capture_output=True, text=True)
    rows: list[list[Any]] = json.loads(told.stdout)
    return rows
