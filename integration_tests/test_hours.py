"""The range of hours that a configuration asks for: where it ends, and hours that are left out."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Request, RestData, Simulator
from harness.moments import FIRST_HOUR, NOW
from harness.profiles import active, keys_of
from harness.rest import days_of, read_streams
from harness.runs import Command, a_catalog, a_config
from integration_tests.faults.expect import HOUR, LAST_HOUR

REFUSED = FIRST_HOUR + 30 * HOUR
SKIP = f"{REFUSED:%Y%m%dT%H}"


def refuse(command: Command, hour: datetime, body: bytes) -> None:
    command.simulator.faults.append(Fault("status", status=400, hour=hour, body=body))


@pytest.mark.parametrize("body", [b"The export exceeds 4 GB", b"Something is wrong with this hour"])
def test_given_an_hour_that_is_refused_then_skip_hours_leaves_it_out_and_nothing_else(
    command: Command, body: bytes
) -> None:
    refuse(command, REFUSED, body)
    blocked = command.read()
    assert blocked.stream_error["failure_type"] == "config_error"
    assert f"name it in skip_hours ({SKIP})" in blocked.stream_error["message"]
    config = a_config(command.simulator, skip_hours=[SKIP])
    outcome = command.read(config, state=blocked.last_state)
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    every = command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    left_out = command.simulator.project.uuids(REFUSED, REFUSED)
    assert {*blocked.uuids, *outcome.uuids} == every - left_out
    assert outcome.cursors[-1] == "2024-03-15T21:00:00Z"
    [warning] = [each["log"] for each in outcome.of_type("LOG") if "skip_hours" in each["log"]["message"]]
    assert warning == {
        "level": "WARN", "message": f"Left out, as skip_hours says, so that their events are not read: {SKIP}",
    }  # fmt: skip
    command.simulator.clear_log()
    again = command.read(config, state=outcome.last_state)
    assert again.exit_code == 0
    assert "skip_hours" not in again.log


@pytest.mark.parametrize(
    "skipped",
    [[FIRST_HOUR], [LAST_HOUR], [REFUSED, REFUSED + HOUR], [FIRST_HOUR, LAST_HOUR - HOUR, LAST_HOUR]],
    ids=["the first", "the last", "two", "three"],
)
def test_given_hours_to_leave_out_anywhere_then_every_other_hour_once(
    command: Command, skipped: list[datetime]
) -> None:
    names = [f"{hour:%Y-%m-%dT%H:00}" for hour in skipped]
    outcome = command.read(a_config(command.simulator, skip_hours=[",".join(names)]))
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    left_out = {uuid for hour in skipped for uuid in command.simulator.project.uuids(hour, hour)}
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR) - left_out
    assert len(outcome.uuids) == len(set(outcome.uuids))
    assert not any(asks_for(request, hour) for request in command.simulator.log for hour in skipped)


def asks_for(request: Request, hour: datetime) -> bool:
    return request.params["start"] <= f"{hour:%Y%m%dT%H}" <= request.params["end"]


def test_given_active_users_then_hours_to_leave_out_do_not_stop_them(command: Command) -> None:
    skipped = LAST_HOUR - 5 * HOUR
    config = a_config(command.simulator, skip_hours=[f"{skipped:%Y%m%dT%H}"], user_profiles={"users": active(1)})
    outcome = command.read(config, catalog=a_catalog("user_profiles"))
    assert outcome.exit_code == 0, outcome.everything[-3000:]
    assert keys_of(outcome)
    assert not any(asks_for(request, skipped) for request in command.simulator.log)


def test_given_an_end_date_before_the_beginning_then_a_warning_instead_of_the_word_that_all_has_been_read(
    simulator: Simulator, command: Command
) -> None:
    config = a_config(simulator, start_date="", end_date="2024-01-31")
    outcome = command.read(config, None, a_catalog("events", "event_totals"))
    assert outcome.exit_code == 0
    assert outcome.uuids == []
    warnings = [each["log"]["message"] for each in outcome.of_type("LOG") if each["log"]["level"] == "WARN"]
    why = "2024-02-14, 30 days back, since no start_date is set"
    assert f"events has nothing to read: end_date is 2024-01-31, and it begins with {why}" in warnings
    assert f"event_totals has nothing to read: end_date is 2024-01-31, and it begins with {why}" in warnings
    assert "has been read" not in outcome.log


@pytest.mark.parametrize(("end_date", "last"), [("2024-03-13", 23), ("2024-03-13T05:00:00Z", 5)])
def test_given_an_end_date_then_the_state_stays_where_the_range_ends_and_continues_there_without_it(
    command: Command, end_date: str, last: int
) -> None:
    config = a_config(command.simulator, end_date=end_date)
    first = command.read(config)
    assert first.exit_code == 0, first.everything[-3000:]
    end = FIRST_HOUR + last * HOUR
    assert set(first.uuids) == command.simulator.project.uuids(FIRST_HOUR, end)
    assert first.cursors[-1] == f"{end + HOUR:%Y-%m-%dT%H:00:00Z}"
    command.simulator.clear_log()
    second = command.read(config, state=first.last_state)
    assert second.exit_code == 0
    assert (second.uuids, command.simulator.log) == ([], [])
    assert second.last_state == first.last_state
    assert "Everything up to end_date" in second.log
    third = command.read(state=second.last_state)
    assert {*first.uuids, *third.uuids} == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert set(first.uuids).isdisjoint(third.uuids)


def test_given_an_end_date_then_hours_of_the_range_that_are_late_are_still_found(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    late = LAST_HOUR - HOUR
    command = Command(a_simulator(late={late: timedelta(hours=9)}), tmp_path)
    config = a_config(command.simulator, end_date=f"{late:%Y-%m-%dT%H:00:00Z}")
    first = command.read(config)
    assert not set(first.uuids) & command.simulator.project.uuids(late, late)
    command.simulator.now = NOW + timedelta(hours=12)
    second = command.read(config, state=first.last_state)
    assert command.simulator.project.uuids(late, late) <= set(second.uuids)


def test_given_an_end_date_then_days_end_there_too(a_simulator: Callable[..., Simulator], tmp_path: Path) -> None:
    command = Command(a_simulator(rest=RestData(first_day=date(2024, 3, 1))), tmp_path)
    outcome = read_streams(command, "active_users", start_date="2024-03-01", end_date="2024-03-05")
    assert days_of(outcome, "active_users") == [f"2024-03-0{day}" for day in range(1, 6)]
    later = read_streams(
        command, "active_users", state=outcome.last_state, start_date="2024-03-01", end_date="2024-03-05"
    )
    assert later.last_state == outcome.last_state


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"end_date": "2024-02-31"}, "end_date must be a date such as 2024-01-31 that exists."),
        ({"end_date": "2024-03-12"}, "end_date must not be before start_date."),
        ({"end_date": "tomorrow"}, "end_date must have the form YYYY-MM-DD"),
        ({"skip_hours": ["2024-03-13"]}, "skip_hours must hold hours in UTC, such as 20240115T14."),
        ({"skip_hours": ["20240231T14"]}, "skip_hours must hold hours in UTC, such as 20240115T14."),
        ({"skip_hours": "20240313T14"}, "skip_hours must be a list."),
    ],
)
def test_given_a_range_that_is_none_then_a_sentence(command: Command, changes: dict[str, Any], sentence: str) -> None:
    outcome = command.read(a_config(command.simulator, **changes))
    assert outcome.exit_code == 1
    assert sentence in outcome.errors[0]["message"]
