"""Keeps what was measured in docs/measured.json, the one source of every measured figure in the docs.

The file has two parts, `bench` for `make bench` and `spark` for `make bench-spark`. Each part is measured as a whole,
from one commit, and has:

    commit, date, python, processors   what was measured, when, and where
    SCENARIO: {...}                    what the scenario of this name measured

A scenario has whatever its table in benchmarks/tables.py needs. A command that ran several times is there as the list
of its runs, each {"wall": seconds, "cpu": seconds, "peak_mb": megabytes}; tables.py computes the medians.
To show something new: let the command return it, and add to TABLES in benchmarks/tables.py what makes Markdown of it.
"""

import json
import os
import platform
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
MEASURED = REPOSITORY / "docs" / "measured.json"
OUTPUT = Path("bench_output")
CONNECTOR = ("source_amplitude", "requirements", "pyproject.toml")  # what is measured

Figures = dict[str, Any]


def provenance() -> Figures:
    """The commit, the day, the Python and the machine of a measurement that begins now."""
    return {
        "commit": _commit(),
        "date": date.today().isoformat(),  # noqa: DTZ011 - a day, for people
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }


def _commit() -> str:
    """The last commit that changed the connector, with a note where its files differ from it."""
    git = ("git", "-C", str(REPOSITORY))
    commit = subprocess.run(
        [*git, "log", "-1", "--format=%h", "--abbrev=9", "--", *CONNECTOR], check=True, capture_output=True, text=True
    )
    changed = subprocess.run([*git, "status", "--porcelain", "--", *CONNECTOR], check=True, capture_output=True)
    return commit.stdout.strip() + (" with changes" if changed.stdout else "")


def load() -> Figures:
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def keep(part: str, figures: Figures) -> None:
    """Replaces one part of docs/measured.json."""
    write(MEASURED, {**load(), part: figures})


def write(path: Path, figures: Figures) -> None:
    path.write_text(json.dumps(_rounded(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """With four significant digits for each fraction, which is more than a repeated measurement agrees in."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
