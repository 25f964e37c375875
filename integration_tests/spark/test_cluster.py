"""A standalone cluster of two workers that has the package from its job alone, and loses an executor and its driver."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Project, Simulator
from amplitude_simulator.project import HOUR
from harness.spark import REPOSITORY, local_conf, wait_for
from harness.spark_cluster import HOME, Cluster, standalone_cluster

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]

NOW = datetime.now(timezone.utc)  # no process of the cluster has another clock than this machine's
FIRST_HOUR = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - 96 * HOUR
HOURS = 48
PROJECT = Project(FIRST_HOUR, events_per_hour=20)
OPTIONS = {
    "api_key": PROJECT.api_key,
    "secret_key": PROJECT.secret_key,
    "start_date": f"{FIRST_HOUR:%Y-%m-%d}",
    "end_date": f"{FIRST_HOUR + 24 * HOUR:%Y-%m-%d}",
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
    [found] = wheels.glob("*.whl")
    return found


def pip(environment: Path, *arguments: str) -> None:
    command = [f"{environment}/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PROJECT, now=NOW) as simulator:
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
    arguments, place = (py_files if way == "py-files" else packed)(environment, wheel, tmp_path)
    conf = {**local_conf(tmp_path), "spark.executor.memory": "512m", "spark.executor.cores": "1"}
    for name, value in conf.items():
        arguments += ["--conf", f"{name}={value}"]
    result = tmp_path / "result.json"
    given = {"options": OPTIONS, "folder": str(tmp_path / "output"), "result": str(result)}
    (tmp_path / "given.json").write_text(json.dumps(given))

    def submit() -> subprocess.Popen[bytes]:
        command = [f"{HOME}/bin/spark-submit", "--master", cluster.master, *arguments, str(CLIENT), "given.json"]
        variables = {**os.environ, **simulator.environment, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(HOME)}
        variables |= {"PYSPARK_DRIVER_PYTHON": sys.executable, "PYTHONPATH": f"{tmp_path}/source_amplitude.zip"}
        with (tmp_path / "driver.txt").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=variables, cwd=tmp_path)

    driver = submit()
    wait_for(lambda: exports(simulator) >= 2, 300)
    cluster.kill_an_executor()
    wait_for(lambda: len(commits(tmp_path)) >= 2, 300)
    driver.kill()
    driver.wait()
    assert exports(simulator) < HOURS // 4, "there was more to read"

    assert submit().wait() == 0, (tmp_path / "driver.txt").read_text()[-5000:]
    found = json.loads(result.read_text())
    assert Counter(found["uuids"]) == Counter(PROJECT.uuids(FIRST_HOUR, FIRST_HOUR + (HOURS - 1) * HOUR))
    assert all(place in module for module in found["modules"]), found["modules"]


def py_files(environment: Path, wheel: Path, folder: Path) -> tuple[list[str], str]:
    """The package comes with the job; the packages that it needs are on the cluster's machines."""
    package = folder / "source_amplitude.zip"
    shutil.copy(wheel, package)
    return ["--py-files", str(package), "--conf", f"spark.pyspark.python={environment}/bin/python"], package.name


def packed(environment: Path, wheel: Path, folder: Path) -> tuple[list[str], str]:
    """Python's whole environment comes with the job, and is in the driver's folder too."""
    shutil.copytree(environment, folder / "environment", symlinks=True)
    pip(folder / "environment", "install", "--no-deps", str(wheel))
    archive = folder / "amplitude.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(folder / "environment", ".")
    python = "spark.pyspark.python=./environment/bin/python"
    return ["--archives", f"{archive}#environment", "--conf", python], "/environment/lib/"


def exports(simulator: Simulator) -> int:
    first = f"{FIRST_HOUR:%Y%m%dT%H}"
    return len({request.params["start"] for request in simulator.log if request.params["start"] >= first})


def commits(folder: Path) -> list[Path]:
    return list((folder / "output" / "checkpoint" / "commits").glob("[0-9]*"))
