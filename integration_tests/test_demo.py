"""`make demo`, with fewer events: the first thing that a newcomer runs."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_the_demo_runs_and_every_check_of_it_holds() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "demo", "--events-per-hour=5", "--users=8"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "FAIL" not in ran.stdout
    assert ran.stdout.count("\nok ") >= 9
