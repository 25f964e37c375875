"""Runs the dbt package, in an environment of its own, on tables that are loaded."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
ENVIRONMENT = REPOSITORY / ".venv-dbt"
PROJECT = REPOSITORY / "dbt"
QUIET = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "0"}
# Prints the rows of a query on a DuckDB file as JSON.
FETCH = """
import duckdb, json, sys
found = duckdb.connect(sys.argv[1]).execute(sys.argv[2])
names = [column[0] for column in found.description or ()]
print(json.dumps([dict(zip(names, row)) for row in found.fetchall()], default=str))
"""


class _Server:
    """A process that has imported dbt (`harness/dbt_server.py`); it ends when this one does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [ENVIRONMENT / "bin" / "python", REPOSITORY / "harness" / "dbt_server.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **QUIET},
        )  # fmt: skip

    def run(self, arguments: list[str], environment: Mapping[str, str], output: Path) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"arguments": arguments, "environment": dict(environment), "output": str(output)}
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@cache
def _server() -> _Server:
    return _Server()


@dataclass(frozen=True)
class Ended:
    """How a run of dbt ended: the status of each node, by its name."""

    exit_code: int
    output: str
    statuses: Mapping[str, str]

    @property
    def failed(self) -> set[str]:
        """Tests that failed, and models that could not be built."""
        return {name for name, status in self.statuses.items() if status in ("fail", "error")}


@dataclass(frozen=True)
class Dbt:
    """The package in one database.

    :param environment: which database, for the package's `profiles.yml`
    :param folder: for what dbt writes
    """

    environment: Mapping[str, str]
    folder: Path
    variables: Mapping[str, Any] = field(default_factory=dict)

    def run(self, command: str, *arguments: str, **variables: Any) -> Ended:
        """Run a command of dbt, such as `build`; variables are those of the package."""
        results, output = self.folder / "target" / "run_results.json", self.folder / "output.txt"
        for left_over in (results, output):
            left_over.unlink(missing_ok=True)
        given = json.dumps({**self.variables, **variables})
        exit_code = _server().run([command, *self._options(given), *arguments], self.environment, output)
        return Ended(exit_code, output.read_text(), statuses(results))

    def _options(self, variables: str) -> list[str]:
        options = {"--vars": variables, "--profiles-dir": PROJECT, "--project-dir": PROJECT,
                   "--target-path": self.folder / "target", "--log-path": self.folder / "logs"}  # fmt: skip
        return ["--no-use-colors", *(str(part) for option in options.items() for part in option)]


def statuses(results: Path) -> dict[str, str]:
    """The status of each node by its name: `events_are_complete` of `test.source_amplitude.events_are_complete`."""
    found = json.loads(results.read_text())["results"] if results.exists() else []
    return {result["unique_id"].split(".")[2]: result["status"] for result in found}


def in_duckdb(database: Path, sql: str) -> list[dict[str, Any]]:
    """The rows of a query; what JSON has no type for comes as text."""
    ended = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-c", FETCH, database, sql], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    rows: list[dict[str, Any]] = json.loads(ended.stdout)
    return rows


def as_tables(records: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path, database: str, *options: str) -> None:
    """Load records into tables of DuckDB or PostgreSQL as a loader leaves them (`harness/load_tables.py`)."""
    for stream, rows in records.items():
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{stream}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = [str(folder / f"{stream}.jsonl") for stream in records]
    script = REPOSITORY / "harness" / "load_tables.py"
    ended = subprocess.run(
        [ENVIRONMENT / "bin" / "python", script, "--database", database, *options, *files],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
