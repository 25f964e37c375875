"""PyAirbyte into DuckDB, as `make example` shows it to users."""

import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Project
from demo.example import BETWEEN, EVENTS_PER_HOUR, FIRST_HOUR, NOW, USERS

REPOSITORY = Path(__file__).parents[1]
DATABASE = REPOSITORY / "example_output" / "amplitude.duckdb"

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("databases"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def printed() -> str:
    """What `make example` prints."""
    made = subprocess.run(["make", "example"], cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-5000:] + made.stderr[-5000:]
    assert "Traceback" not in made.stderr, made.stderr[-5000:]
    return made.stdout


def test_two_syncs_are_incremental_and_the_queries_of_the_docs_answer(printed: str) -> None:
    first_hours, second_hours = 69, 3
    assert re.findall(r"^read ([\d,]+) records of events$", printed, re.MULTILINE) == [
        f"{first_hours * EVENTS_PER_HOUR:,}",
        f"{second_hours * EVENTS_PER_HOUR:,}",
    ]
    page = (REPOSITORY / "docs" / "databases.md").read_text()
    queries = page.partition("\n## DuckDB\n")[2].partition("\n## ")[0].count("```sql\n")
    assert printed.count("SELECT ") == queries >= 3


FETCH = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"


def query(sql: str) -> list[list[Any]]:
    python = REPOSITORY / ".venv-pyairbyte" / "bin" / "python"
    told = subprocess.run([str(python), "-c", FETCH, str(DATABASE), sql], check=True, capture_output=True, text=True)
    return json.loads(told.stdout)


@pytest.mark.usefixtures("printed")
def test_the_database_holds_every_event_once_with_exact_numbers() -> None:
    project = Project(first_hour=FIRST_HOUR, events_per_hour=EVENTS_PER_HOUR, users=USERS)
    rows = query("SELECT uuid, amplitude_id, CAST(server_upload_time AS VARCHAR) FROM events")
    newest = (NOW + BETWEEN).replace(minute=0) - timedelta(hours=3)
    assert sorted(row[0] for row in rows) == sorted(project.uuids(FIRST_HOUR, newest))
    assert {row[1] for row in rows} <= {9_007_199_254_740_993 + user for user in range(USERS)}
    assert min(row[2] for row in rows).startswith("2024-03-13 00:")
