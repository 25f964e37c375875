"""Runs dbt in processes forked from a warm one: importing it takes longer than most of its runs.

Runs in the environment of dbt. Reads a line of JSON for each run (`arguments`, `environment`, and `output`, a file),
and answers with a line: the exit code.
"""

import json
import os
import sys

import dbt.adapters.duckdb
import dbt.adapters.postgres  # noqa: F401 - imported once for all runs
from dbt.cli.main import dbtRunner


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            run(**request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(arguments: list[str], environment: dict[str, str], output: str) -> None:
    """One run, which ends the process."""
    code = 2
    try:
        os.environ.update(environment)
        for number in (1, 2):
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
        code = 0 if dbtRunner().invoke(arguments).success else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
