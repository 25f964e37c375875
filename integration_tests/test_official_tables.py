"""The official connector's other streams: the same simulator, the same records but for what the docs name."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Project, RestData, Simulator
from harness.moments import DAY
from harness.rest import as_they_came, days, days_of, read_streams
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

TABLES = ("events_list", "cohorts", "annotations", "active_users", "average_session_length")
DAILY = ("active_users", "average_session_length")
KEYS = {"events_list": "value", "active_users": "date", "average_session_length": "date"}
# Of these streams ours have fields that the official connector's do not have.
FIELDS_OF_OURS = {"cohorts": {"syncMetadata"}, "annotations": {"start", "end", "category", "chart_id"}}
ADDITIONAL = "additional_fields"

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("official"), pytest.mark.timeout(600)]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A project of 75 days; today is not over yet, and yesterday may not be over somewhere."""
    now = datetime.now(timezone.utc)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - 75 * DAY
    with Simulator(
        Project(first_hour=first, events_per_hour=0, rest=RestData(first_day=first.date(), cost_limit=10**6)), now
    ) as running:
        yield running


def newest_over(simulator: Simulator) -> date:
    return (simulator.now - timedelta(hours=12)).date() - DAY


def by_key(records: list[dict[str, Any]], stream: str) -> dict[Any, dict[str, Any]]:
    keyed = {record.get(KEYS.get(stream, "id")): record for record in records}
    assert len(keyed) == len(records)
    return keyed


@pytest.mark.parametrize("by_country", [False, True])
def test_given_the_same_simulator_then_the_same_records_by_key(
    official: Official,
    simulator: Simulator,
    command: Command,
    by_country: bool,
) -> None:
    theirs = official.read(*TABLES, active_users_group_by_country=by_country)
    ours = command.read(
        {**official.config, "active_users_group_by_country": by_country, "properties_format": "object"},
        catalog=json.loads(Path(command.folder / "official_catalog.json").read_text()),
    )
    assert ours.exit_code == 0, ours.everything
    for stream in TABLES:
        expected = by_key(theirs.records(stream), stream)
        found = by_key(ours.records(stream), stream)
        assert found, stream
        if stream in DAILY:
            not_over = {day for day in expected if date.fromisoformat(day) > newest_over(simulator)}
            assert 1 <= len(not_over) <= 2, "today at least"
            expected = {day: record for day, record in expected.items() if day not in not_over}
        if stream == "cohorts":
            assert {type(record["appId"]) for record in expected.values()} == {int, str}
            expected = {key: {**record, "appId": int(record["appId"])} for key, record in expected.items()}
        if stream == "events_list":
            assert {type(record["timeline_hidden"]) for record in expected.values()} == {int, bool}
            expected = {key: {**one, "timeline_hidden": bool(one["timeline_hidden"])} for key, one in expected.items()}
        more = FIELDS_OF_OURS.get(stream, set()) | {ADDITIONAL}
        found = {
            key: {name: value for name, value in record.items() if name not in more} for key, record in found.items()
        }
        assert found == expected, stream
        assert all(more <= record.keys() for record in ours.records(stream))


def test_given_its_state_then_ours_continues_and_the_table_is_as_if_it_had_read_all(
    official: Official,
    simulator: Simulator,
    command: Command,
) -> None:
    before = official.read(*DAILY)
    states = {
        state["stream"]["stream_descriptor"]["name"]: state["stream"]["stream_state"]
        for state in before.last_state or []
    }
    assert all(date.fromisoformat(states[stream]["date"]) for stream in DAILY), states
    simulator.now += 3 * DAY
    config = {**official.config, "properties_format": "object"}
    after = command.read(config, before.last_state, json.loads((command.folder / "official_catalog.json").read_text()))
    whole = read_streams(command, *DAILY, **config)
    for stream in DAILY:
        state = date.fromisoformat(states[stream]["date"])
        assert days_of(after, stream) == days(state - 7 * DAY, newest_over(simulator)), "no re-sync"
        table = {**by_key(before.records(stream), stream), **by_key(as_they_came(after, stream), stream)}
        assert table == by_key(as_they_came(whole, stream), stream)


def test_the_docs_name_every_field_of_these_streams_whose_type_changes(
    official: Official,
    simulator: Simulator,
    command: Command,
) -> None:
    page = (REPOSITORY / "docs" / "migration.md").read_text()
    for properties_format in ("object", "json_string"):
        path = command.file("config.json", a_config(simulator, properties_format=properties_format))
        discovered = command.run("discover", "--config", path)
        changed = set()
        for stream in TABLES:
            theirs, ours = official.schema(stream), fields_of(discovered, stream)
            for name in theirs.keys() | ours.keys():
                types = (type_and_format(theirs.get(name)), type_and_format(ours.get(name)))
                if types[0] != types[1]:
                    changed.add((stream, name, *types))
        table = page.partition(f"<!-- types of other streams with {properties_format} -->\n")[2].partition("\n\n")[0]
        assert {tuple(cells(row)) for row in table.splitlines()[2:]} == changed, properties_format


def type_and_format(field: dict[str, Any] | None) -> str:
    kind = f" ({field['format']})" if field and "format" in field else ""
    return f"{type_of(field)}{kind}"
