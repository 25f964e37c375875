"""This machine's clock beside Amplitude's: hours and days are complete by the earlier one."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import RestData, Simulator
from harness.moments import DAY, FIRST_HOUR, NOW
from harness.rest import days_of, read_streams
from harness.runs import Command, State, a_config
from integration_tests.faults.expect import HOUR, LAST_HOUR


@pytest.fixture
def command(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Command:
    return Command(a_simulator(rest=RestData(first_day=FIRST_HOUR.date())), tmp_path)


def check(command: Command, ahead: timedelta) -> tuple[str, str | None]:
    config = command.file("config.json", a_config(command.simulator))
    outcome = command.run("check", "--config", config, at=command.simulator.now + ahead)
    [message] = outcome.of_type("CONNECTION_STATUS")
    status = message["connectionStatus"]
    return status["status"], status.get("message")


@pytest.mark.parametrize("ahead", [30, 72])
def test_given_a_clock_that_runs_ahead_then_seventeen_syncs_bring_every_event(
    a_simulator: Callable[..., Simulator], tmp_path: Path, ahead: int
) -> None:
    simulator = a_simulator(now=FIRST_HOUR + 5 * HOUR, events_per_hour=10)
    command = Command(simulator, tmp_path)
    state: list[State] | None = None
    found: list[str] = []
    for _ in range(17):
        outcome = command.read(state=state, at=simulator.now + ahead * HOUR)
        assert outcome.exit_code == 0, outcome.everything[-3000:]
        assert f"The clock of this machine is {ahead} hours ahead of Amplitude's" in outcome.log
        found += outcome.uuids
        state = outcome.last_state or state
        simulator.now += 6 * HOUR
    last = simulator.now - 6 * HOUR - 3 * HOUR
    assert set(found) == simulator.project.uuids(FIRST_HOUR, last.replace(minute=0))
    assert len(found) == len(set(found))


def test_given_a_clock_that_runs_ahead_then_late_hours_are_asked_for_in_their_time(command: Command) -> None:
    first = command.read(None, at=NOW + 30 * HOUR)
    recent = first.states[-1]["stream"]["stream_state"]["recent"]
    again = command.read(None, state=first.last_state, at=NOW + 30 * HOUR)
    assert again.uuids == []
    assert again.states[-1]["stream"]["stream_state"]["recent"] == recent
    assert recent == command.read(None).states[-1]["stream"]["stream_state"]["recent"]


def test_given_a_clock_that_runs_ahead_then_no_day_is_read_before_it_is_over(command: Command) -> None:
    expected = read_streams(command, "active_users")
    outcome = read_streams(command, "active_users", options={"at": NOW + 72 * HOUR})
    assert days_of(outcome, "active_users") == days_of(expected, "active_users") == ["2024-03-13", "2024-03-14"]
    assert outcome.last_state == expected.last_state
    assert "The clock of this machine is 72 hours ahead of Amplitude's" in outcome.log


def test_given_a_clock_behind_then_less_is_read_and_the_log_says_so(command: Command) -> None:
    outcome = command.read(None, at=NOW - 5 * HOUR)
    assert outcome.exit_code == 0
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR - 5 * HOUR)
    assert "The clock of this machine is 5 hours behind Amplitude's" in outcome.log
    assert "Hours and days are read that much later." in outcome.log


@pytest.mark.parametrize("off", [timedelta(), timedelta(seconds=45), timedelta(seconds=-45)])
def test_given_clocks_that_agree_then_no_word_of_it_and_check_succeeds(command: Command, off: timedelta) -> None:
    outcome = command.read(None, at=NOW + off)
    assert "clock" not in outcome.log.lower()
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert check(command, off) == ("SUCCEEDED", None)


@pytest.mark.parametrize(
    ("ahead", "sentence"),
    [
        (timedelta(minutes=20), None),
        (timedelta(minutes=-20), None),
        (timedelta(minutes=90), "The clock of this machine is 90 minutes ahead of Amplitude's"),
        (timedelta(hours=-30), "The clock of this machine is 30 hours behind Amplitude's"),
        (datetime(2035, 1, 1, tzinfo=timezone.utc) - NOW, "ahead of Amplitude's"),
        (datetime(1970, 1, 2, tzinfo=timezone.utc) - NOW, "behind Amplitude's"),
    ],
)
def test_given_another_time_of_day_then_check_says_so_from_an_hour_on(
    command: Command, ahead: timedelta, sentence: str | None
) -> None:
    status, message = check(command, ahead)
    assert status == ("SUCCEEDED" if sentence is None else "FAILED")
    assert sentence is None or sentence in (message or "")
    assert sentence is None or "Set the clock of the machine" in (message or "")


def test_given_minutes_of_difference_then_a_warning(command: Command) -> None:
    outcome = command.read(None, at=NOW + timedelta(minutes=20))
    [warning] = [each["log"] for each in outcome.of_type("LOG") if "The clock of" in each["log"]["message"]]
    assert warning["level"] == "WARN"
    assert "20 minutes ahead" in warning["message"]


@pytest.mark.parametrize("date", [None, NOW + 72 * HOUR, datetime(2035, 1, 1, tzinfo=timezone.utc)])
def test_given_a_proxy_without_a_date_or_with_a_later_one_then_the_machines_clock_counts(
    command: Command, date: datetime | None
) -> None:
    command.simulator.date = lambda: date
    outcome = command.read(None)
    assert outcome.exit_code == 0
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)


def test_given_a_proxy_with_an_earlier_date_then_it_delays_and_each_sync_says_so(command: Command) -> None:
    command.simulator.date = lambda: NOW - 30 * HOUR
    outcome = command.read(None)
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR - 30 * HOUR)
    assert "if it is right, a proxy on the way sends a wrong Date" in outcome.log
    command.simulator.date = lambda: NOW
    after = command.read(None, state=outcome.last_state)
    assert {*outcome.uuids, *after.uuids} == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)


def test_given_one_stale_answer_then_it_changes_nothing(command: Command) -> None:
    dates = [NOW - 30 * HOUR]
    command.simulator.date = lambda: dates.pop() if dates else NOW
    outcome = command.read(None)
    assert set(outcome.uuids) == command.simulator.project.uuids(FIRST_HOUR, LAST_HOUR)
    assert "clock" not in outcome.log.lower()


def test_given_dates_a_year_behind_then_an_error_instead_of_waiting_for_ever(command: Command) -> None:
    command.simulator.date = lambda: NOW - 365 * DAY
    outcome = command.read(None)
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "One of them is wrong, so nothing is read." in outcome.stream_error["message"]
    assert outcome.states == []


def test_given_a_clock_ahead_that_only_the_archives_show_then_no_state_passes_hours_that_are_not_complete(
    command: Command,
) -> None:
    asked: list[Any] = []

    def date() -> datetime | None:
        asked.append(None)
        return None if len(asked) == 1 else NOW  # the first answer is that to the request for the time

    command.simulator.date = date
    outcome = command.read(a_config(command.simulator, num_workers=1), at=NOW + 30 * HOUR)
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "were read before they are complete by Amplitude's clock" in outcome.stream_error["message"]
    assert all(cursor is None or cursor <= "2024-03-15T21:00:00Z" for cursor in outcome.cursors)
