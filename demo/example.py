"""`make example`: from a simulated Amplitude to a page with a week, by PyAirbyte, DuckDB and dbt.

PyAirbyte replicates all tables, twice; time is simulated too, and between the two syncs three hours pass, in which new
events become complete. After each, dbt builds its models of what is new and tests them. Then a user is deleted at
Amplitude, whose counts differ from what is loaded from then on, and the page shows where.
"""

import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from amplitude_simulator import Project, RestData, Simulator
from harness import pyairbyte
from harness.dbt_package import ENVIRONMENT, Dbt
from harness.moments import NOW
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS
from harness.runs import a_config

REPOSITORY = Path(__file__).parents[1]
OUTPUT = REPOSITORY / "example_output"
DATABASE = OUTPUT / "amplitude.duckdb"
PAGE = OUTPUT / "week.html"
FIRST_HOUR = datetime(2024, 3, 7, tzinfo=timezone.utc)
BETWEEN = timedelta(hours=3)
EVENTS_PER_HOUR = 40
DELETED_USER = 250
STREAMS = ["events", "user_profiles", *DAILY, *SNAPSHOTS]
STEPS = ["page viewed", "add to cart", "order completed"]


def a_project() -> Project:
    """New users each day, of whom one is deleted between the syncs; days counted from the events."""
    return Project(
        FIRST_HOUR,
        EVENTS_PER_HOUR,
        arrivals_per_day=80,
        deletions={DELETED_USER: NOW + timedelta(hours=1)},
        rest=RestData(numbers="counted"),
    )


def main() -> None:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    environment = {"AMPLITUDE_TARGET": "duckdb", "AMPLITUDE_DUCKDB": str(DATABASE)}
    dbt = Dbt(environment, OUTPUT / "dbt", {"amplitude_streams": STREAMS, "amplitude_funnel_steps": STEPS})
    dbt.folder.mkdir()
    with Simulator(a_project(), NOW) as simulator:
        sync(simulator)
        build(dbt)
        simulator.now += BETWEEN
        sync(simulator, "--queries", str(REPOSITORY / "docs" / "databases.md"))
        build(dbt)
    subprocess.run([ENVIRONMENT / "bin" / "python", REPOSITORY / "demo" / "week.py", DATABASE, PAGE], check=True)
    print("On the marked days Amplitude counts less than is loaded: a user was deleted there after the first sync.")
    print(f"\nThe database is {DATABASE.relative_to(REPOSITORY)}, and the page {PAGE.relative_to(REPOSITORY)}.")


def sync(simulator: Simulator, *arguments: str) -> None:
    print(f"\nSync at {simulator.now:%Y-%m-%d %H:%M} UTC of the simulated Amplitude:", flush=True)
    users = {"selection": "listed", "user_ids": ["user-1@example.com", "user-2@example.com"]}
    config = a_config(simulator, user_profiles={"users": users}, cohort_members={"cohorts": ALL_COHORTS})
    ended = pyairbyte.sync(simulator, OUTPUT, str(DATABASE), config, "--streams", "*", *arguments)
    if ended.returncode:
        sys.exit(f"The sync failed with exit code {ended.returncode}.")


def build(dbt: Dbt) -> None:
    """Build the models and test them, and say how many of each there were."""
    ended = dbt.run("build")
    if ended.exit_code:
        sys.exit(f"{ended.output}\ndbt failed: {', '.join(sorted(ended.failed))}")
    tests = sum(status == "pass" for status in ended.statuses.values())
    print(f"dbt built {len(ended.statuses) - tests} models, and {tests} tests passed", flush=True)


if __name__ == "__main__":
    main()
