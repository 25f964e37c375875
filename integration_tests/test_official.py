"""Coming from the official connector: its configuration, its state, its records."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Project, Simulator
from harness.limits import scaled
from harness.runs import Command, Outcome, a_catalog, a_config
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType, declared_types

REPOSITORY = Path(__file__).parents[1]
HOUR = timedelta(hours=1)
TIMESTAMP_FIELDS = [name for name, declared in declared_types("events").items() if declared is FieldType.TIMESTAMP]

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("official"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def official_python() -> Path:
    made = subprocess.run(
        ["make", ".venv-official/.ready"], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    return REPOSITORY / ".venv-official" / "bin" / "python"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A project of two days; it is ten past the present hour, so the two hours before it are published in part."""
    this_hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    project = Project(first_hour=this_hour - 48 * HOUR, events_per_hour=200)
    with Simulator(project, this_hour + timedelta(minutes=10)) as running:
        yield running


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


def test_given_its_configuration_and_state_then_ours_continues_without_a_gap(
    official: Official, simulator: Simulator, command: Command
) -> None:
    before = official.read()
    [state] = before.last_state or []
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", state["stream"]["stream_state"]["server_upload_time"])
    published_in_part = simulator.now.replace(minute=0) - 2 * HOUR
    lost_by_its_state = simulator.project.uuids(published_in_part, published_in_part) - set(before.uuids)
    assert lost_by_its_state, "the official connector reads an hour before all of it is published"

    simulator.now += 3 * HOUR
    simulator.clear_log()
    after = command.read(official.config, before.last_state)
    assert after.exit_code == 0, after.everything
    newest = simulator.now.replace(minute=0) - 3 * HOUR
    complete = simulator.project.uuids(simulator.project.first_hour, newest)
    assert set(before.uuids) | set(after.uuids) == complete
    assert lost_by_its_state <= set(after.uuids)
    assert len(after.uuids) == 4 * 200, "no re-sync: the hours that may have been incomplete, and the new one"


def test_its_records_and_ours_differ_as_the_docs_say(
    official: Official, simulator: Simulator, command: Command
) -> None:
    theirs = {record["uuid"]: record for record in official.read().records()}
    as_objects = command.read(a_config(simulator, properties_format="object")).records()
    as_text = command.read(a_config(simulator)).records()
    assert len(as_objects) == len(as_text) > 1000
    for ours, text in zip(as_objects, as_text, strict=True):
        other = theirs[ours["uuid"]]
        assert ours.pop(ADDITIONAL_FIELDS) is text.pop(ADDITIONAL_FIELDS) is None
        assert {name: value for name, value in ours.items() if name not in TIMESTAMP_FIELDS} == {
            name: value for name, value in other.items() if name not in TIMESTAMP_FIELDS
        }
        for name in TIMESTAMP_FIELDS:
            assert ours[name] == other[name].replace("+00:00", "Z")
        assert ours == {
            name: json.loads(value) if isinstance(ours[name], (dict, list)) else value for name, value in text.items()
        }


def test_the_docs_name_every_field_whose_type_changes(
    official: Official, simulator: Simulator, command: Command
) -> None:
    theirs = official.schema()
    changes = {}
    for properties_format in ("object", "json_string"):
        path = command.file("config.json", a_config(simulator, properties_format=properties_format))
        ours = fields_of(command.run("discover", "--config", path))
        changes[properties_format] = {
            name: (type_of(theirs.get(name)), type_of(ours.get(name)))
            for name in theirs.keys() | ours.keys()
            if type_of(theirs.get(name)) != type_of(ours.get(name))
        }
    page = (REPOSITORY / "docs" / "migration.md").read_text()
    for properties_format, changed in changes.items():
        table = page.partition(f"<!-- types with {properties_format} -->\n")[2].partition("\n\n")[0]
        told = {row[0]: (row[1], row[2]) for row in map(cells, table.splitlines()[2:])}
        assert told == changed, properties_format


def type_of(field: dict[str, Any] | None) -> str:
    if field is None:
        return "-"
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    return " or ".join(sorted(types, key=lambda kind: (kind == "null", kind)))


def cells(row: str) -> list[str]:
    return [cell.strip().strip("`") for cell in row.strip("|").split("|")]
