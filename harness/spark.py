"""A Spark session on this machine that reads from a simulated Amplitude, at its time of day."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamWriter, StreamingQuery

from amplitude_simulator import Project, Simulator
from harness.runs import IMPATIENT
from source_amplitude.lakeflow import AmplitudeDataSource, CommunityDataSource

REPOSITORY = Path(__file__).parents[1]
# Workers are used again, and the limits of their requests with them, although the project has become another one.
SHORT_WINDOWS = {"endpoints.limits.WINDOW_SECONDS": 1.0, "endpoints.limits.JOBS_WINDOW_SECONDS": 1.0}
DAEMON = "pyspark.daemon pyspark.worker"  # of tasks; others plan and look up data sources


class SimulatedSpark:
    """Spark and Amplitude together. A session cannot learn a new address, so the simulator becomes other projects.

    :param session: from `spark_session`
    :param settings: the file by which the session's processes know the time
    """

    def __init__(self, session: SparkSession, simulator: Simulator, settings: Path) -> None:
        self.session = session
        self.simulator = simulator
        self._settings = settings

    def become(self, project: Project, now: datetime) -> None:
        self.simulator.serve(project, now)
        self.set_time(now)

    def set_time(self, now: datetime) -> None:
        self.simulator.now = now
        write_settings(self._settings, now)

    @property
    def options(self) -> dict[str, str]:
        project = self.simulator.project
        return {
            "api_key": project.api_key,
            "secret_key": project.secret_key,
            "region": project.region,
            "start_date": f"{project.first_hour:%Y-%m-%dT%H:%M:%SZ}",
        }

    def read(self, **options: str) -> DataFrame:
        return self.session.read.format("amplitude").options(**{**self.options, **options}).load()

    def stream(self, **options: str) -> DataFrame:
        return self.session.readStream.format("amplitude").options(**{**self.options, **options}).load()

    def run_available(self, folder: Path, **options: str) -> StreamingQuery:
        """Append all that is available to Parquet files in `folder`/events, and wait for the end.

        :raises StreamingQueryException: the query failed
        """
        return self.run(self.stream(**options).writeStream.format("parquet").option("path", f"{folder}/events"), folder)

    def run(self, writer: DataStreamWriter, folder: Path) -> StreamingQuery:
        """Run a query with the trigger `availableNow` to its end; its checkpoint is in `folder`/checkpoint."""
        query = writer.option("checkpointLocation", f"{folder}/checkpoint").trigger(availableNow=True).start()
        query.awaitTermination()
        return query

    def written(self, folder: Path) -> DataFrame:
        return self.session.read.parquet(f"{folder}/events")


def write_settings(path: Path, now: datetime) -> None:
    """Tell the session's processes the time of day (see `spark_workers`)."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"now": now.isoformat(), "constants": {**IMPATIENT, **SHORT_WINDOWS}}))
    temporary.replace(path)  # in one step, since others are reading it


def uuids(frame: DataFrame) -> Counter[str]:
    """How often each uuid is in a table."""
    return Counter(row[0] for row in frame.select("uuid").collect())


@contextmanager
def spark_session(
    addresses: Mapping[str, str], folder: Path, master: str, settings: Path | None = None, **conf: str
) -> Iterator[SparkSession]:
    """A session whose processes find a simulated Amplitude.

    :param addresses: the environment that a simulator gives
    :param folder: for what Spark leaves
    :param settings: where these processes learn the time (see `spark_workers`); None: the real one
    """
    builder = SparkSession.builder.master(master).appName("source-amplitude")
    for name, value in {**local_conf(folder), **conf}.items():
        builder = builder.config(name, value)
    with _environment(spark_environment(addresses, settings)):
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for source in (AmplitudeDataSource, CommunityDataSource):
        session.dataSource.register(source)
    try:
        yield session
    finally:
        session.stop()


def spark_environment(addresses: Mapping[str, str], settings: Path | None) -> dict[str, str]:
    """What Spark and its Python processes must have in their environment here."""
    return {
        **addresses,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "harness" / "spark_site"), str(REPOSITORY)]),
        **({"SIMULATED_SPARK": str(settings)} if settings else {}),
    }


def local_conf(folder: Path) -> dict[str, str]:
    """For a driver on this machine.

    :param folder: for what Spark leaves
    """
    return {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.local.dir": f"{folder}/local",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
    }


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Some variables while Spark starts, which hands them on to all of its processes."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def python_workers() -> list[int]:
    """The processes that run now of those Python workers that run tasks for a Spark session of this process.

    Not those of another session on this machine, which may be a benchmark or another run of the tests.
    """
    found = processes()
    parents = {pid: parent for pid, _, parent in found}
    daemons = [pid for pid, command, _ in found if DAEMON in command and os.getpid() in line_of(pid, parents)]
    return [pid for pid, _, parent in found if parent in daemons]


def line_of(pid: int, parents: Mapping[int, int]) -> list[int]:
    """A process, its parent, and so on."""
    line = [pid]
    while (parent := parents.get(line[-1])) and parent not in line:
        line.append(parent)
    return line


def processes() -> list[tuple[int, str, int]]:
    """The number, the command line and the parent of each process of this machine."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                command = (path / "cmdline").read_text().replace("\0", " ")
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has just ended
                continue
            found.append((int(path.name), command, parent))
    return found


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    """Wait until a condition holds.

    :raises TimeoutError: it did not within `seconds`
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {seconds} s")
        time.sleep(0.05)
