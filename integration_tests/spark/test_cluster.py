"""A standalone cluster of two workers that has the package from its job alone, and loses an executor and its driver."""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Project, Simulator
from harness.spark import REPOSITORY, local_conf, wait_for
from harness.spark_cluster import Cluster, standalone_cluster

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]

FIRST_HOUR = datetime(2024, 3, 13, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
HOURS = 48
PROJECT = Project(FIRST_HOUR, events_per_hour=20)
OPTIONS = {
    "api_key": PROJECT.api_key,
    "secret_key": PROJECT.secret_key,
    "start_date": "2024-03-13",
    "end_date": "2024-03-14",
    "batch_size_hours": "4",
    "num_workers": "2",
}
CLIENT = REPOSITORY / "integration_tests" / "spark" / "cluster_client.py"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with what docs/spark.md says that a cluster needs, PyArrow too, and without the package."""
    folder = tmp_path_factory.mktemp("cluster") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    requirements = REPOSITORY / "requirements"
    [pyarrow] = re.findall(
        r"^pyarrow==(\S+) ; python_full_version >=", (requirements / "spark.txt").read_text(), re.MULTILINE
    )
    pip(folder, "install", "--require-hashes", "-r", str(requirements / "cluster.txt"))
    pip(folder, "install", f"pyarrow=={pyarrow}")
    return folder


@pytest.fixture(scope="module")
def wheel(environment: Path) -> Path:
    wheels = environment.parent / "wheels"
    pip(environment, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(REPOSITORY))
    [found] = wheels.glob("source_amplitude-*.whl")
    return found


def pip(environment: Path, *arguments: str) -> None:
    command = [f"{environment}/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PROJECT, now=FIRST_HOUR + (HOURS + 4) * HOUR) as simulator:
        simulator.faults.append(Fault("latency", seconds=0.5))
        yield simulator


@pytest.fixture
def cluster(simulator: Simulator, tmp_path: Path) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path, simulator.environment) as cluster:
        yield cluster


@pytest.mark.parametrize("way", ["py-files", "packed environment"])
def test_given_a_cluster_that_loses_an_executor_and_its_driver_then_each_event_comes_once(
    way: str, cluster: Cluster, simulator: Simulator, environment: Path, wheel: Path, tmp_path: Path
) -> None:
    conf, place = (by_py_files if way == "py-files" else by_archive)(environment, wheel, tmp_path)
    given = {
        "master": cluster.master,
        "conf": {**local_conf(tmp_path), "spark.executor.memory": "512m", "spark.executor.cores": "1", **conf},
        "options": OPTIONS,
        "folder": str(tmp_path / "output"),
        "result": str(tmp_path / "result.json"),
    }
    driver = start(given, simulator, tmp_path)
    wait_for(lambda: exports(simulator) >= 2, 300)
    cluster.kill_an_executor()
    wait_for(lambda: len(commits(tmp_path)) >= 2, 300)
    driver.kill()
    driver.wait()
    assert exports(simulator) < HOURS // 4, "there was more to read"

    assert start(given, simulator, tmp_path).wait() == 0, (tmp_path / "driver.txt").read_text()[-5000:]
    found = json.loads(Path(given["result"]).read_text())
    assert Counter(found["uuids"]) == Counter(PROJECT.uuids(FIRST_HOUR, FIRST_HOUR + (HOURS - 1) * HOUR))
    assert all(place in module for module in found["modules"]), found["modules"]


def by_py_files(environment: Path, wheel: Path, folder: Path) -> tuple[dict[str, str], str]:
    """As `spark-submit --py-files` does; the packages that the source needs are on the cluster's machines."""
    return {"spark.submit.pyFiles": str(wheel), "spark.pyspark.python": f"{environment}/bin/python"}, wheel.name


def by_archive(environment: Path, wheel: Path, folder: Path) -> tuple[dict[str, str], str]:
    """As `spark-submit --archives` does: Python's environment comes with the job."""
    subprocess.run(["cp", "-r", environment, folder / "packed"], check=True)
    pip(folder / "packed", "install", "--no-deps", str(wheel))
    archive = folder / "environment.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        packed.add(folder / "packed", ".")
    conf = {"spark.archives": f"{archive}#environment", "spark.pyspark.python": "./environment/bin/python"}
    return conf, "/environment/lib/"


def start(given: dict[str, object], simulator: Simulator, folder: Path) -> subprocess.Popen[str]:
    """A driver, whose own Python is that of this process."""
    environment = {**os.environ, **simulator.environment, "SPARK_LOCAL_IP": "127.0.0.1"}
    environment["PYSPARK_DRIVER_PYTHON"] = sys.executable
    with (folder / "driver.txt").open("ab") as log:
        driver = subprocess.Popen(
            [sys.executable, CLIENT], stdin=subprocess.PIPE, stdout=log, stderr=log, text=True, env=environment,
            cwd=folder,
        )  # fmt: skip
    assert driver.stdin is not None
    with driver.stdin:
        json.dump(given, driver.stdin)
    return driver


def exports(simulator: Simulator) -> int:
    return len({request.params["start"] for request in simulator.log if request.params["start"] >= "2024"})


def commits(folder: Path) -> list[Path]:
    return list((folder / "output" / "checkpoint" / "commits").glob("[0-9]*"))
