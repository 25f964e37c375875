"""PyAirbyte into DuckDB, as `make example` shows it to users."""

import json
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.example import BETWEEN, FIRST_HOUR, NOW, a_project

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


def test_two_syncs_two_builds_and_the_queries_of_the_docs_answer(printed: str) -> None:
    assert len(re.findall(r"^read [\d,]+ records of ", printed, re.MULTILINE)) == 2
    built = re.findall(r"^dbt built (\d+) models, and (\d+) tests passed$", printed, re.MULTILINE)
    assert len(built) == 2
    assert all(int(models) == 27 and int(tests) > 80 for models, tests in built)
    page = (REPOSITORY / "docs" / "databases.md").read_text()
    queries = page.partition("\n## DuckDB\n")[2].partition("\n## ")[0].count("```sql\n")
    assert printed.count("SELECT ") == queries >= 3


@pytest.mark.usefixtures("printed")
def test_the_page_shows_a_week_and_where_the_difference_is() -> None:
    page = (REPOSITORY / "example_output" / "week.html").read_text()
    for heading in ("Active users", "Loaded and counted", "Funnel", "Retention"):
        assert f"<h2>{heading}</h2>" in page
    days = query(
        "SELECT CAST(date AS VARCHAR), events_difference FROM amplitude__daily WHERE is_loaded_whole ORDER BY date"
    )
    assert any(difference > 0 for _, difference in days), "a user was deleted at Amplitude after the load"
    assert page.count('class="differs"') == sum(difference != 0 for _, difference in days[-7:])


FETCH = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"


def query(sql: str) -> list[list[Any]]:
    python = REPOSITORY / ".venv-pyairbyte" / "bin" / "python"
    told = subprocess.run([str(python), "-c", FETCH, str(DATABASE), sql], check=True, capture_output=True, text=True)
    return json.loads(told.stdout)


@pytest.mark.usefixtures("printed")
def test_the_database_holds_every_event_once_with_exact_numbers() -> None:
    project = a_project()
    rows = query("SELECT uuid, amplitude_id, CAST(server_upload_time AS VARCHAR) FROM events")
    newest = (NOW + BETWEEN).replace(minute=0) - timedelta(hours=3)
    assert sorted(row[0] for row in rows) == sorted(project.uuids(FIRST_HOUR, newest))
    assert min(row[1] for row in rows) >= 9_007_199_254_740_993
    assert min(row[2] for row in rows).startswith("2024-03-08 00:")
