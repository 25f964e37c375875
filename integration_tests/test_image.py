"""The image, built and run through `docker`, reading from the simulator on the host."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Cohort, Fault, Project, RestData, Simulator
from amplitude_simulator.project import HOUR
from harness.limits import scaled
from harness.runs import Outcome, a_catalog, a_config

REPOSITORY = Path(__file__).parents[1]
IMAGE = "source-amplitude:dev"
PYTHON = "/opt/source-amplitude/bin/python"
MOST_ADDED_BYTES = 60_000_000
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "build", "*_output")
HARDENED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
# The lines of the docs and the CDK's image tests pass neither a network nor an environment to `docker run`.
DOCKER_TO_THE_SIMULATOR = """#!/bin/sh
if [ "$1" = run ]; then shift; exec {docker} run --network=host {variables} "$@"; fi
exec {docker} "$@"
"""

pytestmark = [pytest.mark.image, pytest.mark.timeout(900)]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the image, built by `make image`."""
    if shutil.which("docker") is None or docker("info").returncode != 0:
        pytest.skip("no container engine answers to `docker info`")
    # pytest-xdist gives each of its processes a session of its own.
    with (tmp_path_factory.getbasetemp().parent / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(["make", "image"], cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    return IMAGE


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A project of two days that is read in real time."""
    this_hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    tables = RestData(
        first_day=(this_hour - 14 * 24 * HOUR).date(), cohorts=(Cohort("k2m9xq7", polls=0),), cost_limit=100_000
    )
    with Simulator(Project(first_hour=this_hour - 48 * HOUR, events_per_hour=5, rest=tables)) as running:
        yield running


class Container:
    """The connector as Airbyte runs it: hardened, with its files mounted read-only."""

    def __init__(self, image: str, simulator: Simulator, folder: Path) -> None:
        self._image = image
        self._simulator = simulator
        self._files = folder / "files"
        self._files.mkdir(mode=0o755)

    def arguments(self, verb: str, **files: Any) -> list[str]:
        """What follows `docker`.

        :param files: the content of `config`, `catalog` and `state`
        """
        options = ["--rm", "--network=host", *HARDENED, f"--volume={self._files}:/files:ro"]
        options += [f"--env={name}={value}" for name, value in self._simulator.environment.items()]
        for name, content in files.items():
            (self._files / f"{name}.json").write_text(json.dumps(content))
        given = [argument for name in files for argument in (f"--{name}", f"/files/{name}.json")]
        return ["run", *options, self._image, verb, *given]

    def run(self, verb: str, **files: Any) -> Outcome:
        return an_outcome(docker(*self.arguments(verb, **files)))


@pytest.fixture
def container(image: str, simulator: Simulator, tmp_path: Path) -> Container:
    return Container(image, simulator, tmp_path)


def docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=scaled(300))


def an_outcome(ended: "subprocess.CompletedProcess[str]") -> Outcome:
    return Outcome(ended.returncode, ended.stdout.splitlines(), ended.stderr, peak_rss_bytes=0, seconds=0)


def complete_uuids(simulator: Simulator, now: datetime) -> set[str]:
    return simulator.project.uuids(simulator.project.first_hour, now.replace(minute=0, second=0) - 3 * HOUR)


def test_the_four_commands_and_a_second_sync(container: Container, simulator: Simulator) -> None:
    [spec] = container.run("spec").of_type("SPEC")
    assert "api_key" in spec["spec"]["connectionSpecification"]["properties"]
    config = a_config(simulator)
    [status] = container.run("check", config=config).of_type("CONNECTION_STATUS")
    assert status["connectionStatus"]["status"] == "SUCCEEDED"
    [catalog] = container.run("discover", config=config).of_type("CATALOG")
    assert "events" in [stream["name"] for stream in catalog["catalog"]["streams"]]

    before = datetime.now(timezone.utc)
    first = container.run("read", config=config, catalog=a_catalog())
    assert first.exit_code == 0, first.everything
    second = container.run("read", config=config, catalog=a_catalog(), state=first.last_state)
    assert second.exit_code == 0, second.everything
    both = first.uuids + second.uuids
    assert len(both) == len(set(both))
    # An hour may become complete between the two.
    assert complete_uuids(simulator, before) <= set(both) <= complete_uuids(simulator, datetime.now(timezone.utc))


def test_given_docker_stop_then_it_ends_by_sigterm_with_whole_lines_and_its_last_state(
    container: Container, simulator: Simulator
) -> None:
    simulator.faults.append(Fault("hang", hour=simulator.project.first_hour + 30 * HOUR))
    arguments = container.arguments("read", config=a_config(simulator), catalog=a_catalog())
    name = f"stopped-{time.monotonic_ns()}"
    process = subprocess.Popen(
        ["docker", arguments[0], f"--name={name}", *arguments[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if '"type":"STATE"' in line:
            break
    asked_to_stop = docker("stop", "--time=60", name)
    rest, errors = process.communicate(timeout=scaled(120))
    assert asked_to_stop.returncode == 0, asked_to_stop.stderr
    outcome = Outcome(process.returncode, [*lines, *rest.splitlines()], errors, 0, 0)
    assert outcome.exit_code == 128 + 15, "ended by SIGTERM, not killed"
    day = simulator.project.uuids(simulator.project.first_hour, simulator.project.first_hour + 23 * HOUR)
    assert set(outcome.uuids) == day
    [cursor] = outcome.cursors
    assert cursor == f"{simulator.project.first_hour + 24 * HOUR:%Y-%m-%dT%H:%M:%SZ}"


def test_the_lines_of_the_docs_work_as_written(image: str, simulator: Simulator, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "amplitude.md").read_text()
    lines = re.findall(r"^docker run .*$", page, re.MULTILINE)
    assert [re.search(f"{image} ([a-z]+)", line)[1] for line in lines] == ["spec", "check", "discover", "read"]  # type: ignore[index]
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "config.json").write_text(json.dumps(a_config(simulator)))
    shutil.copy(REPOSITORY / "sample_files" / "configured_catalog.json", secrets)
    environment = {**os.environ, "PATH": path_with_docker_to(simulator, tmp_path)}
    for line in lines:
        ended = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=scaled(300),
        )
        outcome = an_outcome(ended)
        assert outcome.exit_code == 0, outcome.everything
        if " check " in line:
            [status] = outcome.of_type("CONNECTION_STATUS")
            assert status["connectionStatus"]["status"] == "SUCCEEDED"
    assert len(outcome.records()) > 200


def path_with_docker_to(simulator: Simulator, folder: Path) -> str:
    """A PATH whose `docker run` reaches the simulator without being told."""
    variables = " ".join(f"--env={name}='{value}'" for name, value in simulator.environment.items())
    shim = folder / "bin" / "docker"
    shim.parent.mkdir()
    shim.write_text(DOCKER_TO_THE_SIMULATOR.format(docker=shutil.which("docker"), variables=variables))
    shim.chmod(0o755)
    return f"{shim.parent}:{os.environ['PATH']}"


def test_it_runs_as_nobody_special_with_the_labels_and_the_entrypoint_that_airbyte_looks_for(image: str) -> None:
    [config] = [one["Config"] for one in json.loads(docker("inspect", image).stdout)]
    assert config["Labels"]["io.airbyte.name"] == "source-amplitude"
    assert config["Labels"]["io.airbyte.version"]
    told = docker("run", "--rm", "--entrypoint=sh", image, "-c", "id -u && $AIRBYTE_ENTRYPOINT spec")
    uid, *messages = told.stdout.splitlines()
    assert int(uid) > 0
    assert any('"type":"SPEC"' in message for message in messages), told.stderr


def test_nothing_of_tests_or_build_tools_is_in_it(image: str) -> None:
    listing = docker("run", "--rm", "--entrypoint=find", image, "/opt", "/airbyte", "/build", "/root", "-maxdepth", "6")
    names = {Path(line).name for line in listing.stdout.splitlines()}
    assert {"source_amplitude", "airbyte_cdk", "msgspec"} <= names
    assert "unidecode" not in names, "docs/licences.md"
    unwanted = {"pip", "poetry", "pytest", "hypothesis", "ruff", "mypy", "unit_tests", "integration_tests", "Makefile"}
    assert names.isdisjoint(unwanted)


def test_the_bill_of_materials_names_each_of_its_packages_with_its_version(image: str) -> None:
    made = subprocess.run(["make", "sbom"], cwd=REPOSITORY, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    told = json.loads((REPOSITORY / "build" / "sbom.cdx.json").read_text())
    assert told["bomFormat"] == "CycloneDX"
    listing = "import importlib.metadata as m; [print(one.name, one.version) for one in m.distributions()]"
    ended = docker("run", "--rm", f"--entrypoint={PYTHON}", image, "-c", listing)
    components = [told["metadata"]["component"], *told["components"]]
    assert sorted(f"{one['name']} {one['version']}" for one in components) == sorted(ended.stdout.splitlines())


def test_it_adds_little_to_the_cdk(image: str) -> None:
    script = REPOSITORY / "integration_tests" / "image_size.py"
    told = docker("run", "--rm", f"--volume={script}:/size.py:ro", f"--entrypoint={PYTHON}", image, "/size.py")
    assert told.returncode == 0, told.stderr
    added = int(told.stdout)
    assert 0 < added < MOST_ADDED_BYTES, f"{added:,} bytes"


# All of acceptance-test-config.yml by name: the CDK takes "all" for the name of one.
READ_SCENARIOS = ("config", "config_objects", "config_user_profiles_listed", "config_user_profiles_active")


def test_airbytes_own_tool_builds_it_and_its_image_tests_pass_with_reads_of_all_streams(
    image: str, simulator: Simulator, tmp_path: Path
) -> None:
    # The CDK takes the connector's name from the folder's.
    connector = shutil.copytree(REPOSITORY, tmp_path / "source-amplitude", ignore=NOT_COPIED)
    airbyte_cdk = str(Path(sys.executable).with_name("airbyte-cdk"))
    base = ["--connector-base-image", os.environ["BASE_IMAGE"]] if os.environ.get("BASE_IMAGE") else []
    build = [airbyte_cdk, "image", "build", str(connector), "--tag=by-the-cdk", "--dockerfile=Dockerfile", *base]
    built = subprocess.run(build, cwd=connector, check=False, capture_output=True, text=True, timeout=scaled(600))
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]

    environment = {
        **os.environ,
        "PATH": path_with_docker_to(simulator, tmp_path),
        "PYTEST_ADDOPTS": f"--read-from-streams=all --read-scenarios={','.join(READ_SCENARIOS)}",
    }
    test = [airbyte_cdk, "image", "test", str(connector), "--image=source-amplitude:by-the-cdk"]
    tested = subprocess.run(test, env=environment, check=False, capture_output=True, text=True, timeout=scaled(600))
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-2000:]
    assert {request.status for request in simulator.log} >= {200, 401}, "right and wrong keys were tried"
    long_ago = f"{datetime.now(timezone.utc) - timedelta(days=29):%Y%m%dT%H}"
    reads = [request for request in simulator.log if "20200101T00" < request.params["start"] < long_ago]
    assert len(reads) == 2, "both configurations were read, the usual thirty days"
    assert {request.status for request in simulator.rest_log} == {200, 202}, "so were the tables"
