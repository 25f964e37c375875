"""Tables of a simulated Amplitude, read by the real command and loaded as PyAirbyte does; models of dbt on them."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Cohort, Project, RestData, Simulator
from harness.dbt_package import REPOSITORY, Dbt, as_tables, in_duckdb
from harness.moments import FIRST_HOUR
from harness.rest import ALL_COHORTS, DAILY, SNAPSHOTS
from harness.runs import Command, State, a_catalog, a_config

FIRST_SYNC = datetime(2024, 3, 18, 14, 10, tzinfo=timezone.utc)
STEPS = ["page viewed", "add to cart", "order completed"]
VARIABLES = {
    "amplitude_streams": ["events", "user_profiles", *DAILY, *SNAPSHOTS],
    "amplitude_timezone": "Etc/GMT-2",  # two hours ahead of UTC
    "amplitude_event_properties": [{"name": "price", "type": "number"}, "order id"],
    "amplitude_user_properties": ["plan"],
    "amplitude_funnel_steps": STEPS,
}
# What must be the same whichever way the tables were loaded, on DuckDB and PostgreSQL.
QUERIES = [
    """SELECT uuid, cast(event_time AS varchar) AS event_time, cast(event_date AS varchar) AS event_date, order_id,
    user_plan, load_number FROM stg_amplitude__events ORDER BY uuid""",
    """SELECT session_key, events, cast(started_at AS varchar) AS started_at, first_event_type
    FROM amplitude__sessions ORDER BY session_key""",
    """SELECT amplitude_id, user_id, events, cast(first_date AS varchar) AS first_date, cohort_ids
    FROM amplitude__users ORDER BY amplitude_id""",
    """SELECT cast(date AS varchar) AS date, events, events_counted, active_users, new_users, sessions,
    cast(round(cast(average_session_length AS decimal(18, 6)), 3) AS varchar) AS length
    FROM amplitude__daily ORDER BY date""",
    """SELECT cast(first_date AS varchar) AS first_date, days_later, users, cohort_users
    FROM amplitude__retention ORDER BY 1, 2""",
    "SELECT cast(funnel_date AS varchar) AS funnel_date, step, users FROM amplitude__funnel ORDER BY 1, 2",
]


def a_project(**changes: Any) -> Project:
    """Users who come and go, sessions over the edges of windows, late events; days counted as Amplitude counts."""
    tables = RestData(numbers="counted", utc_offset_hours=2, cohorts=(Cohort("k2m9xq7"), Cohort("p8w3rt1", "Früh 🌅")))
    defaults: dict[str, Any] = {
        "first_hour": FIRST_HOUR, "events_per_hour": 15, "arrivals_per_day": 12, "rest": tables,
    }  # fmt: skip
    return Project(**{**defaults, **changes})


@dataclass
class Loading:
    """Syncs of all tables, each into tables as a loader leaves them."""

    simulator: Simulator
    folder: Path
    options: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    streams: tuple[str, ...] = ("events", "user_profiles", *DAILY, *SNAPSHOTS)
    state: list[State] | None = None

    def sync(self, database: str) -> None:
        config = a_config(
            self.simulator,
            cohort_members={"cohorts": ALL_COHORTS},
            user_profiles={"users": {"selection": "listed", "user_ids": ["user-1@example.com"]}},
            **self.config,
        )
        outcome = Command(self.simulator, self.folder).read(config, self.state, a_catalog(*self.streams))
        assert outcome.exit_code == 0, outcome.everything[-3000:]
        # As Airbyte does before the next job: a snapshot that is finished begins anew.
        self.state = [
            state
            for state in outcome.last_state or []
            if "__ab_full_refresh_sync_complete" not in state["stream"]["stream_state"]
        ]
        records = {stream: outcome.records(stream) for stream in self.streams}
        as_tables(records, self.folder, database, *self.options)


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    made = subprocess.run(["make", ".venv-dbt/.ready"], cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]


@contextmanager
def simulated(project: Project, now: datetime = FIRST_SYNC) -> Iterator[Simulator]:
    with Simulator(project, now) as simulator:
        yield simulator


@dataclass(frozen=True)
class DuckDB:
    """A database file, and the package on it."""

    file: Path
    dbt: Dbt

    def query(self, sql: str) -> list[dict[str, Any]]:
        return in_duckdb(self.file, sql)

    def values(self, sql: str) -> list[Any]:
        """Of a query with one column."""
        return [next(iter(row.values())) for row in self.query(sql)]

    def copy(self, folder: Path) -> "DuckDB":
        """The same tables and models, in another file, which may be changed."""
        folder.mkdir(exist_ok=True)
        for part in self.file.parent.glob(f"{self.file.name}*"):  # what DuckDB has not yet written into it is beside it
            shutil.copy(part, folder)
        shutil.copytree(self.dbt.folder, folder / "dbt", dirs_exist_ok=True)
        return in_file(folder / self.file.name, folder / "dbt", dict(self.dbt.variables))


def in_file(file: Path, folder: Path, variables: dict[str, Any]) -> DuckDB:
    folder.mkdir(exist_ok=True)
    return DuckDB(file, Dbt({"AMPLITUDE_TARGET": "duckdb", "AMPLITUDE_DUCKDB": str(file)}, folder, variables))


@dataclass(frozen=True)
class Two:
    """What two syncs left: after the first, and after the second, each built."""

    project: Project
    now: datetime
    first: DuckDB
    second: DuckDB


@pytest.fixture(scope="session")
def two_syncs(tmp_path_factory: pytest.TempPathFactory) -> Two:
    """Models built after a sync, and again after the sync of the next day."""
    folder = tmp_path_factory.mktemp("two_syncs")
    database = in_file(folder / "amplitude.duckdb", folder / "dbt", VARIABLES)
    with simulated(a_project()) as simulator:
        loading = Loading(simulator, folder)
        loading.sync(str(database.file))
        built = database.dbt.run("build")
        assert built.exit_code == 0, built.output
        first = database.copy(folder / "first")
        simulator.now += timedelta(days=1)
        loading.sync(str(database.file))
        built = database.dbt.run("build")
        assert built.exit_code == 0, built.output
        return Two(simulator.project, simulator.now, first, database)


@pytest.fixture
def first(two_syncs: Two, tmp_path: Path) -> DuckDB:
    """The database after the first sync, to be changed."""
    return two_syncs.first.copy(tmp_path / "copied")


@pytest.fixture
def second(two_syncs: Two, tmp_path: Path) -> DuckDB:
    """The database after the second sync, to be changed."""
    return two_syncs.second.copy(tmp_path / "copied")


@pytest.fixture
def with_variables() -> Callable[..., DuckDB]:
    """The same database with other variables of the package."""

    def changed(database: DuckDB, **variables: Any) -> DuckDB:
        return replace(database, dbt=replace(database.dbt, variables={**database.dbt.variables, **variables}))

    return changed
