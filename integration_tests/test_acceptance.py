"""The CDK's standard tests, as `airbyte-cdk connector test` runs them, against the simulator."""

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Cohort, Project, RestData, Simulator
from harness.limits import scaled

REPOSITORY = Path(__file__).parents[1]
PARTS = ("source_amplitude", "sample_files", "integration_tests", "acceptance-test-config.yml", "metadata.yaml")
WARNINGS_ARE_ERRORS = "-Werror::airbyte_cdk.test.standard_tests.DiscoveredCatalogWarning"


@pytest.fixture
def connector_folder(tmp_path: Path) -> Path:
    """The repository under the name that the CDK takes the connector's name from."""
    folder = tmp_path / "source-amplitude"
    folder.mkdir()
    for part in PARTS:
        (folder / part).symlink_to(REPOSITORY / part)
    return folder


def test_the_standard_tests_of_the_cdk(connector_folder: Path) -> None:
    yesterday = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    # As for a project that is read once a day: the reads of one test are not one sync.
    two_weeks_ago = (yesterday - timedelta(days=14)).date()
    tables = RestData(first_day=two_weeks_ago, cohorts=(Cohort("k2m9xq7", polls=0),), cost_limit=100_000)
    with Simulator(Project(first_hour=yesterday, events_per_hour=20, users=20, rest=tables)) as simulator:
        command = [str(Path(sys.executable).with_name("airbyte-cdk")), "connector", "test", str(connector_folder)]
        outcome = subprocess.run(
            [*command, f"--pytest-arg={WARNINGS_ARE_ERRORS}", "--pytest-arg=-mnot image_tests"],
            env={**os.environ, **simulator.environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=scaled(300),
        )
        asked = {request.status for request in simulator.log}
        endpoints = {request.path.partition("/api/")[2] for request in simulator.rest_log if request.status == 200}
        profiles_of = {id_ for request in simulator.profile_log for id_ in request.params.values()}
    assert outcome.returncode == 0, outcome.stdout[-6000:] + outcome.stderr[-2000:]
    assert asked >= {200, 401}, "right and wrong keys were tried over real sockets"
    assert len(endpoints) == 18, "every endpoint was read from"
    assert profiles_of >= {"user-3@example.com", "user-18@example.com"}, "listed and active users were asked for"
