"""What the models say is what happened: worked out anew from the published events, and as Amplitude counts it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from amplitude_simulator.project import HOUR
from integration_tests.dbt.conftest import FIRST_HOUR, STEPS, DuckDB, Two

pytestmark = [pytest.mark.extra, pytest.mark.xdist_group("dbt"), pytest.mark.timeout(900)]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def day_of(text: str) -> str:
    """The day of a timestamp in the time zone of the project, two hours ahead of UTC."""
    return f"{moment(text) + 2 * HOUR:%Y-%m-%d}"


@pytest.fixture(scope="module")
def events(two_syncs: Two) -> list[dict[str, Any]]:
    """All events of the hours that the second sync counted as complete, in the order in which they happened."""
    project, hour, found = two_syncs.project, FIRST_HOUR, []
    while hour + 3 * HOUR <= two_syncs.now:
        found += [json.loads(line) for line in project.published(hour, two_syncs.now)]
        hour += HOUR
    return sorted(found, key=lambda event: (event["event_time"], event["event_id"]))


def test_each_event_is_there_once_with_its_types_and_properties(two_syncs: Two, events: list[dict[str, Any]]) -> None:
    rows = two_syncs.second.query("SELECT * FROM stg_amplitude__events")
    assert Counter(row["uuid"] for row in rows) == Counter(event["uuid"] for event in events)
    by_uuid = {event["uuid"]: event for event in events}
    for row in rows:
        event = by_uuid[row["uuid"]]
        assert moment(row["event_time"]) == moment(event["event_time"])
        assert row["event_date"] == day_of(event["event_time"])
        assert (row["amplitude_id"], row["insert_id"]) == (event["amplitude_id"], event["$insert_id"])
        assert row["price"] == event["event_properties"]["price"]
        assert row["order_id"] == str(event["event_properties"]["order id"])
        assert row["user_plan"] == event["user_properties"]["plan"]
    assert {row["load_number"] for row in rows} == {1, 2}


def test_each_session_is_whole(two_syncs: Two, events: list[dict[str, Any]]) -> None:
    expected: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event["session_id"] != -1:
            expected[event["amplitude_id"], event["session_id"]].append(event)
    rows = two_syncs.second.query("SELECT * FROM amplitude__sessions")
    found = {(row["amplitude_id"], row["session_id"]): row for row in rows}
    assert len(rows) == len(found)
    assert found.keys() == expected.keys()
    assert sum(len(of) > 1 for of in expected.values()) > 100, "few sessions have several events"
    for key, of in expected.items():
        row = found[key]
        assert row["events"] == len(of)
        assert moment(row["started_at"]) == moment(of[0]["event_time"])
        assert moment(row["ended_at"]) == moment(of[-1]["event_time"])
        length = moment(of[-1]["client_event_time"]) - moment(of[0]["client_event_time"])
        assert row["length_seconds"] == pytest.approx(length.total_seconds())
        assert row["session_date"] == day_of(of[0]["event_time"])
        assert row["first_event_type"] == of[0]["event_type"]


def test_each_user_is_as_of_the_last_event(two_syncs: Two, events: list[dict[str, Any]]) -> None:
    expected: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        expected[event["amplitude_id"]].append(event)
    rows = {row["amplitude_id"]: row for row in two_syncs.second.query("SELECT * FROM amplitude__users")}
    assert rows.keys() == expected.keys()
    members = {9_007_199_254_740_993 + number for number in range(20)}
    for key, of in expected.items():
        row = rows[key]
        assert (row["events"], row["user_id"]) == (len(of), of[-1]["user_id"])
        assert moment(row["first_seen_at"]) == moment(of[0]["event_time"])
        assert moment(row["last_seen_at"]) == moment(of[-1]["event_time"])
        assert row["last_event_type"] == of[-1]["event_type"]
        assert json.loads(row["user_properties"]) == of[-1]["user_properties"]
        assert row["cohort_ids"] == ("k2m9xq7, p8w3rt1" if key in members else None)
    assert sum(row["user_id"] is None for row in rows.values()) > 0


def test_given_whole_days_then_each_number_is_amplitudes(two_syncs: Two) -> None:
    rows = two_syncs.second.query("SELECT * FROM amplitude__daily WHERE is_loaded_whole ORDER BY date")
    assert [row["date"] for row in rows] == ["2024-03-14", "2024-03-15", "2024-03-16", "2024-03-17", "2024-03-18"]
    for row in rows:
        assert row["events"] > 300
        assert row["sessions"] > 50
        # Amplitude has also counted what it had published of the hours that were not complete.
        assert -1 <= row["events_difference"] <= 0
        assert -1 <= row["active_users_difference"] <= 0
        assert row["new_users_difference"] == 0
        assert row["average_session_length_difference"] == pytest.approx(0, abs=5)
        assert row["sessions_per_user_difference"] == pytest.approx(0, abs=0.1)
    assert [row["events_difference"] for row in rows].count(0) >= 3
    assert [row["active_users_difference"] for row in rows].count(0) >= 3
    assert sum(abs(row["average_session_length_difference"]) < 0.001 for row in rows) >= 3
    for row in rows:
        assert 1 <= row["sessions_per_user"] < 20


def test_retention_is_who_came_back(two_syncs: Two, events: list[dict[str, Any]]) -> None:
    days: dict[int, set[str]] = defaultdict(set)
    for event in events:
        days[event["amplitude_id"]].add(day_of(event["event_time"]))
    sizes = Counter(min(of) for of in days.values())
    expected = Counter(
        (min(of), (datetime.fromisoformat(day) - datetime.fromisoformat(min(of))).days)
        for of in days.values()
        for day in of
    )
    rows = two_syncs.second.query("SELECT * FROM amplitude__retention")
    assert {(row["first_date"], row["days_later"]): (row["users"], row["cohort_users"]) for row in rows} == {
        key: (count, sizes[key[0]]) for key, count in expected.items() if key[1] <= 30
    }
    assert any(0 < row["retention"] < 1 for row in rows)


def reached(events: list[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    """The day of each funnel of a user that begins, and how many steps were reached."""
    by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        by_day[day_of(event["event_time"])].append(event)
    for day, of_day in by_day.items():
        times = [event["event_time"] for event in of_day if event["event_type"] == STEPS[0]]
        if not times:
            continue
        end, last, steps = moment(times[0]) + 24 * HOUR, times[0], 1
        for step in STEPS[1:]:
            later = [
                event["event_time"]
                for event in events
                if event["event_type"] == step and event["event_time"] > last and moment(event["event_time"]) <= end
            ]
            if not later:
                break
            last, steps = later[0], steps + 1
        yield day, steps


def test_the_funnel_is_who_took_the_steps_in_order(two_syncs: Two, events: list[dict[str, Any]]) -> None:
    of_users: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        of_users[event["amplitude_id"]].append(event)
    expected: Counter[tuple[str, int]] = Counter()
    for of in of_users.values():
        for day, steps in reached(of):
            expected.update((day, step) for step in range(1, steps + 1))
    rows = two_syncs.second.query("SELECT * FROM amplitude__funnel")
    assert {(row["funnel_date"], row["step"]): row["users"] for row in rows if row["users"]} == expected
    by_step = [sum(row["users"] for row in rows if row["step"] == step) for step in (1, 2, 3)]
    assert all(more > less > 0 for more, less in pairwise(by_step))
    assert all(row["event_type"] == STEPS[row["step"] - 1] for row in rows)


MODELS = (
    "stg_amplitude__events", "amplitude__sessions", "int_amplitude__user_days", "int_amplitude__users",
    "int_amplitude__days", "amplitude__retention", "int_amplitude__user_funnels", "amplitude__funnel",
)  # fmt: skip


def contents(database: DuckDB) -> dict[str, list[dict[str, Any]]]:
    """All rows of the models, but for the numbers of the loads; sums of seconds are of no certain order."""
    select = "SELECT COLUMNS(name -> name NOT IN ('load_number', 'first_seen_load')) FROM {} ORDER BY ALL"
    return {model: [rounded(row) for row in database.query(select.format(model))] for model in MODELS}


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}


def test_given_two_builds_then_the_models_are_those_of_one_build_of_it_all(two_syncs: Two, second: DuckDB) -> None:
    before = contents(second)
    ended = second.dbt.run("run", "--full-refresh")
    assert ended.exit_code == 0, ended.output
    assert contents(second) == before


def test_given_a_build_without_anything_new_then_nothing_changes(second: DuckDB) -> None:
    before = contents(second)
    ended = second.dbt.run("run")
    assert ended.exit_code == 0, ended.output
    assert contents(second) == before


def test_given_an_hour_that_comes_late_then_its_sessions_days_and_users_change(second: DuckDB) -> None:
    """An hour that the load lacked at first, in the middle of what is there, comes with the next load."""
    hour = "server_upload_time >= '2024-03-16 10:00' AND server_upload_time < '2024-03-16 11:00'"
    whole = contents(second)
    second.query(f"CREATE TABLE late AS SELECT * FROM events WHERE {hour}")
    second.query(f"DELETE FROM events WHERE {hour}")
    assert second.dbt.run("run", "--full-refresh").exit_code == 0
    assert contents(second)["amplitude__sessions"] != whole["amplitude__sessions"]
    second.query("INSERT INTO events SELECT * FROM late")
    ended = second.dbt.run("run")
    assert ended.exit_code == 0, ended.output
    assert contents(second) == whole
