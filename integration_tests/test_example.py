"""PyAirbyte into DuckDB, as `make example` shows it to users."""

import json
import re
import shutil
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
    assert len(days) == 7
    assert f"<h1>Amplitude, {days[0][0]} to {days[-1][0]}</h1>" in page
    assert any(difference > 0 for _, difference in days), "a user was deleted at Amplitude after the load"
    assert page.count("%</td>") == sum(range(1, 8)), "retention on the days of the week that are over"
    assert page.count('class="differs"') == sum(difference != 0 for _, difference in days)


SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# The tables that the page loads, in a file of their own.
COPY = """
import duckdb, sys
connection = duckdb.connect(sys.argv[2])
connection.execute(f"ATTACH '{sys.argv[1]}' AS example (READ_ONLY)")
for table in sys.argv[3].split(","):
    connection.execute(f"CREATE TABLE {table} AS FROM example.{table}")
"""


@pytest.mark.usefixtures("printed")
def test_the_commands_of_the_dbt_page_lead_from_loaded_tables_to_a_chart(tmp_path: Path) -> None:
    load, build = SHELL_BLOCK.findall((REPOSITORY / "docs" / "dbt.md").read_text())[:2]
    [streams] = re.findall(r"--streams (\S+)$", load.strip())
    dbt = REPOSITORY / ".venv-dbt"
    for folder in ("dbt", "demo"):
        ignored = shutil.ignore_patterns("target", "logs")
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=ignored)
    (tmp_path / ".venv-dbt").symlink_to(dbt)
    copied = [dbt / "bin" / "python", "-c", COPY, DATABASE, tmp_path / "amplitude.duckdb", streams]
    subprocess.run(copied, check=True)
    venv, install, *commands = build.splitlines()
    assert "-m venv" in venv
    assert "pip install" in install
    ended = subprocess.run(
        ["sh", "-e", "-c", "\n".join(commands)], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    page = (tmp_path / "week.html").read_text()
    assert page.count('class="theirs"') == 6, "seven days, of which the newest is not counted yet"
    assert page.count('class="ours"') == 7 + 2, "and two steps of the funnel"
    assert page.count("%</td>") == sum(range(1, 8))


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
    assert min(row[2] for row in rows).startswith("2024-03-07 00:")
