"""`make example`: PyAirbyte replicates from a simulated Amplitude into DuckDB, twice, and runs the SQL of the docs.

Time is simulated too: between the two syncs three hours pass, in which new events become complete.
"""

import shutil
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from amplitude_simulator import Project, Simulator
from harness import pyairbyte
from harness.runs import a_config

REPOSITORY = Path(__file__).parents[1]
OUTPUT = REPOSITORY / "example_output"
DATABASE = OUTPUT / "amplitude.duckdb"
FIRST_HOUR = datetime(2024, 3, 13, tzinfo=timezone.utc)
NOW = datetime(2024, 3, 15, 23, 10, tzinfo=timezone.utc)
BETWEEN = timedelta(hours=3)
EVENTS_PER_HOUR = 100
USERS = 200


def main() -> None:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    with Simulator(Project(FIRST_HOUR, EVENTS_PER_HOUR, USERS), NOW) as simulator:
        sync(simulator)
        simulator.now += BETWEEN
        sync(simulator, "--queries", str(REPOSITORY / "docs" / "databases.md"))
    print(f"\nThe database is {DATABASE.relative_to(REPOSITORY)}.")


def sync(simulator: Simulator, *arguments: str) -> None:
    print(f"\nSync at {simulator.now:%Y-%m-%d %H:%M} UTC of the simulated Amplitude:", flush=True)
    ended = pyairbyte.sync(simulator, OUTPUT, str(DATABASE), a_config(simulator), *arguments)
    if ended.returncode:
        sys.exit(f"The sync failed with exit code {ended.returncode}.")


if __name__ == "__main__":
    main()
