"""docs/spark.md runs as printed: its blocks one after the other, by a Python whose environment is not activated."""

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from deltalake import DeltaTable

from amplitude_simulator import Project, RestData, Simulator
from harness.spark import REPOSITORY, spark_environment, write_settings
from source_amplitude.spark.spark_versions import TELLS_LIMITS

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]  # of a busy machine

FIRST_HOUR = datetime(2024, 1, 1, tzinfo=timezone.utc)
NOW = datetime(2024, 1, 15, 17, 10, tzinfo=timezone.utc)
NEWEST = datetime(2024, 1, 15, 14, tzinfo=timezone.utc)
RAN = re.compile(r"^```(python|sql)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def script() -> str:
    """All blocks before those for Databricks, in their order; statements of SQL by the session."""
    page = (REPOSITORY / "docs" / "spark.md").read_text().partition("\n## Databricks\n")[0]
    return "\n".join(python_of(language, text) for language, text in RAN.findall(page))


def python_of(language: str, text: str) -> str:
    if language == "python":
        return text
    if not TELLS_LIMITS:  # before 4.1 a session knows the format only where it was registered, which it is here
        return ""
    statements = [statement.strip() for statement in text.split(";") if statement.strip()]
    return "\n".join(f"spark.sql({statement!r}).show()" for statement in statements)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the blocks print, and the folder in which they ran."""
    folder = tmp_path_factory.mktemp("document")
    settings = folder / "settings.json"
    write_settings(settings, NOW)
    (folder / "script.py").write_text(script())
    project = Project(
        FIRST_HOUR, 1, api_key="abc123...", secret_key="xyz789...", rest=RestData(first_day=FIRST_HOUR.date())
    )
    with Simulator(project, now=NOW) as simulator:
        environment = {**os.environ, **spark_environment(simulator.environment, settings)}
        environment |= {"AMPLITUDE_API_KEY": project.api_key, "AMPLITUDE_SECRET_KEY": project.secret_key}
        del environment["PYSPARK_PYTHON"], environment["PYSPARK_DRIVER_PYTHON"]
        command = [sys.executable, "script.py"]
        ran = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-5000:]
    return ran.stdout, folder


def test_the_blocks_run_as_they_are_printed(printed: tuple[str, Path]) -> None:
    text, folder = printed
    hours = (NEWEST - FIRST_HOUR) // timedelta(hours=1) + 1
    assert f"{hours} events so far" in text, "the whole script, after the block that did the same"
    assert "user_456" in text
    assert "cohort" in text
    tables = {path.name for path in (folder / "amplitude").iterdir()}
    assert {"first_week", "events", "active_users", "all_events"} <= tables


def test_the_delta_tables_of_the_blocks_have_each_row_once(printed: tuple[str, Path]) -> None:
    _, folder = printed
    days = DeltaTable(f"{folder}/amplitude/active_users").to_pyarrow_table().column("date").to_pylist()
    assert sorted(days) == [f"2024-01-{day:02}" for day in range(1, 15)]
    uuids = DeltaTable(f"{folder}/amplitude/all_events").to_pyarrow_table().column("uuid").to_pylist()
    assert Counter(uuids) == Counter(Project(FIRST_HOUR, 1).uuids(FIRST_HOUR, NEWEST))
