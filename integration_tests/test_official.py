"""Coming from the official connector: its configuration, its state, its records."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from amplitude_simulator import Project, Simulator
from amplitude_simulator.project import HOUR
from harness.runs import Command, a_config
from integration_tests.official_connector import (
    REPOSITORY,
    Official,
    cells,
    fields_of,
    official,
    official_python,
    type_of,
)
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType, declared_types

TIMESTAMP_FIELDS = [name for name, declared in declared_types("events").items() if declared is FieldType.TIMESTAMP]

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("official"), pytest.mark.timeout(600)]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A project of two days; it is ten past the present hour, so the two hours before it are published in part."""
    this_hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    project = Project(first_hour=this_hour - 48 * HOUR, events_per_hour=200)
    with Simulator(project, this_hour + timedelta(minutes=10)) as running:
        yield running


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
