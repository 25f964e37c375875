"""Airbyte's own connector in an environment of its own, against the simulator; and what it discovers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Simulator
from harness.limits import scaled
from harness.runs import Outcome, a_catalog

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def official_python() -> Path:
    made = subprocess.run(
        ["make", ".venv-official/.ready"], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    return REPOSITORY / ".venv-official" / "bin" / "python"


class Official:
    """The official connector, 0.6.19, against the simulator."""

    def __init__(self, python: Path, simulator: Simulator, folder: Path) -> None:
        self._python = python
        self._simulator = simulator
        self._folder = folder
        self.config = {
            "api_key": simulator.project.api_key,
            "secret_key": simulator.project.secret_key,
            "data_region": "Standard Server",
            "start_date": f"{simulator.project.first_hour:%Y-%m-%dT%H:%M:%SZ}",
            "request_time_range": 12,
            "active_users_group_by_country": False,
        }

    def read(self, *streams: str, **changes: Any) -> Outcome:
        return self._run("read", config={**self.config, **changes}, catalog=a_catalog(*streams))

    def schema(self, stream: str = "events") -> dict[str, Any]:
        return fields_of(self._run("discover", config=self.config), stream)

    def _run(self, verb: str, **files: Any) -> Outcome:
        arguments = []
        for name, content in files.items():
            path = self._folder / f"official_{name}.json"
            path.write_text(json.dumps(content))
            arguments += [f"--{name}", str(path)]
        script = REPOSITORY / "integration_tests" / "official.py"
        ended = subprocess.run(
            [str(self._python), str(script), f"{self._simulator.url}/us/api/", verb, *arguments],
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=scaled(300),
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        return Outcome(ended.returncode, ended.stdout.splitlines(), ended.stderr, peak_rss_bytes=0, seconds=0)


@pytest.fixture
def official(official_python: Path, simulator: Simulator, tmp_path: Path) -> Official:
    return Official(official_python, simulator, tmp_path)


def fields_of(discovered: Outcome, name: str = "events") -> dict[str, Any]:
    [catalog] = discovered.of_type("CATALOG")
    [found] = [stream for stream in catalog["catalog"]["streams"] if stream["name"] == name]
    return found["json_schema"]["properties"]


def type_of(field: dict[str, Any] | None) -> str:
    if field is None:
        return "-"
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    return " or ".join(sorted(types, key=lambda kind: (kind == "null", kind)))


def cells(row: str) -> list[str]:
    return [cell.strip().strip("`") for cell in row.strip("|").split("|")]
