"""Runs the PyAirbyte example, in PyAirbyte's own environment, against the simulated Amplitude."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amplitude_simulator import Simulator

REPOSITORY = Path(__file__).parents[1]
PYTHON = REPOSITORY / ".venv-pyairbyte" / "bin" / "python"
# The connector's own command but for its clock.
COMMAND = """#!/bin/sh
cd '{repository}' && exec '{python}' -m harness.command --at {now} -- "$@"
"""
# Offline, since Airbyte's connector registry has nothing to say about a connector that is installed here.
OFFLINE = {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}
# Of Google's packages, which PyAirbyte imports.
UNHELPFUL = {"PYTHONWARNINGS": "ignore:You are using a Python version:FutureWarning"}


def sync(
    simulator: Simulator, folder: Path, database: str, config: Mapping[str, Any], *arguments: str, **run: Any
) -> "subprocess.CompletedProcess[str]":
    """Replicate `events` at the simulator's time of day.

    :param folder: for the files that the sync needs; PyAirbyte keeps its own there too
    :param database: a DuckDB file or the address of a PostgreSQL database
    :param run: options of `subprocess.run`
    """
    executable, settings = folder / "source-amplitude", folder / "config.json"
    now = f"{simulator.now:%Y-%m-%dT%H:%M:%SZ}"
    executable.write_text(COMMAND.format(repository=REPOSITORY, python=sys.executable, now=now))
    executable.chmod(0o755)
    settings.write_text(json.dumps(config))
    example = REPOSITORY / "examples" / "pyairbyte_sync.py"
    return subprocess.run(
        [PYTHON, example, f"--config={settings}", f"--database={database}", f"--executable={executable}", *arguments],
        env={**os.environ, **simulator.environment, **OFFLINE, **UNHELPFUL, "AIRBYTE_PROJECT_DIR": str(folder)},
        check=False,
        text=True,
        **run,
    )
