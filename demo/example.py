"""`make example`: PyAirbyte replicates from a simulated Amplitude into DuckDB, twice, and runs the SQL of the docs.

Time is simulated too: between the two syncs three hours pass, in which new events become complete.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from amplitude_simulator import Project, Simulator

REPOSITORY = Path(__file__).parents[1]
OUTPUT = REPOSITORY / "example_output"
DATABASE = OUTPUT / "amplitude.duckdb"
PYTHON = REPOSITORY / ".venv-pyairbyte" / "bin" / "python"
FIRST_HOUR = datetime(2024, 3, 13, tzinfo=timezone.utc)
NOW = datetime(2024, 3, 15, 23, 10, tzinfo=timezone.utc)
BETWEEN = timedelta(hours=3)
EVENTS_PER_HOUR = 100
USERS = 200
# The connector's own command but for its clock. Offline, since the registry has nothing to say about a local connector.
COMMAND = """#!/bin/sh
cd '{repository}' && exec '{python}' -m harness.command --at {now} -- "$@"
"""


def main() -> None:
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    with Simulator(Project(FIRST_HOUR, EVENTS_PER_HOUR, USERS), NOW) as simulator:
        config = OUTPUT / "config.json"
        keys = {"api_key": simulator.project.api_key, "secret_key": simulator.project.secret_key}
        config.write_text(json.dumps({**keys, "start_date": "2024-03-13"}))
        sync(simulator, config)
        simulator.now += BETWEEN
        sync(simulator, config, "--queries", str(REPOSITORY / "docs" / "amplitude.md"))
    print(f"\nThe database is {DATABASE.relative_to(REPOSITORY)}.")


def sync(simulator: Simulator, config: Path, *arguments: str) -> None:
    print(f"\nSync at {simulator.now:%Y-%m-%d %H:%M} UTC of the simulated Amplitude:", flush=True)
    executable = OUTPUT / "source-amplitude"
    now = f"{simulator.now:%Y-%m-%dT%H:%M:%SZ}"
    executable.write_text(COMMAND.format(repository=REPOSITORY, python=sys.executable, now=now))
    executable.chmod(0o755)
    environment = {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "AIRBYTE_PROJECT_DIR": str(OUTPUT)}
    ended = subprocess.run(
        [str(PYTHON), str(REPOSITORY / "examples" / "pyairbyte_duckdb.py"), f"--config={config}",
         f"--database={DATABASE}", f"--executable={executable}", *arguments],
        env={**os.environ, **simulator.environment, **environment},
        check=False,
    )  # fmt: skip
    if ended.returncode:
        sys.exit(f"The sync failed with exit code {ended.returncode}.")


if __name__ == "__main__":
    main()
