"""The same models in PostgreSQL, on objects as Airbyte's destination has them; and what a build costs."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Simulator
from harness.dbt_package import Dbt
from integration_tests.dbt.conftest import QUERIES, VARIABLES, Loading, Two, a_project, simulated
from integration_tests.postgres import PostgreSQL

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("dbt"), pytest.mark.timeout(900)]


def package(server: PostgreSQL, database: str, folder: Path, **variables: Any) -> Dbt:
    folder.mkdir(exist_ok=True)
    environment = {
        "AMPLITUDE_TARGET": "postgres", "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user,
        "PGPASSWORD": "any", "PGDATABASE": database,
        "PGTZ": "America/New_York",  # nothing depends on the time zone of a session
    }  # fmt: skip
    return Dbt(environment, folder, {**VARIABLES, **variables})


def test_given_objects_in_postgresql_then_the_models_are_those_in_duckdb(
    postgres: PostgreSQL, two_syncs: Two, tmp_path: Path
) -> None:
    address = postgres.create_database("dbt")
    dbt = package(postgres, "dbt", tmp_path / "dbt", amplitude_loader="airbyte", amplitude_properties_format="object")
    with simulated(a_project()) as simulator:
        loading = Loading(simulator, tmp_path, ("--loader=airbyte", "--objects"), {"properties_format": "object"})
        for _ in range(2):
            loading.sync(address)
            built = dbt.run("build")
            assert built.exit_code == 0, built.output
            simulator.now += timedelta(days=1)
    for query in QUERIES:
        rows = postgres.query("dbt", query)
        assert rows
        assert rows == two_syncs.second.query(query)


ROWS_READ = """
    SELECT relname AS name, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows
    FROM pg_stat_user_tables WHERE relname IN ('events', 'stg_amplitude__events')
"""


def rows_read(server: PostgreSQL, database: str, dbt: Dbt) -> dict[str, int]:
    """How many rows of loaded and of staged events a build of the models reads, as PostgreSQL counts them."""
    server.query(database, "SELECT pg_stat_reset()")
    ended = dbt.run("run", amplitude_streams=["events"], amplitude_lookback_hours=3)
    assert ended.exit_code == 0, ended.output
    return {row["name"]: row["rows"] for row in server.query(database, ROWS_READ)}


def history(simulator: Simulator, postgres: PostgreSQL, folder: Path, days: int) -> dict[str, int]:
    """The rows read by a build of one new hour, on so many days of events that have been built."""
    name = f"history_{days}"
    address = postgres.create_database(name)
    dbt = package(postgres, name, folder / "dbt")
    start = simulator.now - timedelta(days=days)
    config = {"start_date": f"{start:%Y-%m-%dT%H:%M:%SZ}"}
    loading = Loading(simulator, folder, config=config, streams=("events",))
    loading.sync(address)
    postgres.execute(name, "CREATE INDEX ON events (server_upload_time)")
    rows_read(postgres, name, dbt)
    simulator.now += timedelta(hours=1)
    loading.sync(address)
    postgres.execute(name, "ANALYZE")
    found = rows_read(postgres, name, dbt)
    simulator.now -= timedelta(hours=1)
    return found


def test_what_a_build_reads_grows_with_what_is_new_and_not_with_history(postgres: PostgreSQL, tmp_path: Path) -> None:
    now = datetime(2024, 4, 13, 12, 10, tzinfo=timezone.utc)
    with simulated(a_project(first_hour=now - timedelta(days=31)), now) as simulator:
        found = {}
        for days in (1, 30):
            folder = tmp_path / f"{days}"
            folder.mkdir()
            found[days] = history(simulator, postgres, folder, days)
    print(found)
    for table in ("events", "stg_amplitude__events"):
        assert found[1][table] >= 15, "the new hour was read"
        assert found[30][table] <= 1.5 * found[1][table]
