"""The streams with a number a day: which days are read, when they are read again, and what the state says."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, RestData, Simulator
from amplitude_simulator.rest.dashboard import BUCKETS
from harness.moments import DAY
from harness.rest import DAILY, a_state, as_they_came, days, days_asked_for, days_of, read_streams, stream_states
from harness.runs import Command

FIRST_DAY = date(2024, 3, 13)
START = "2024-03-01"


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=timezone.utc)  # type: ignore[misc,arg-type]


@pytest.fixture
def project(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Callable[..., Command]:
    """The command against a project whose first day is 2024-03-01; by default it is 23:10 on 2024-03-15."""

    def start(now: datetime | None = None, **data: Any) -> Command:
        simulator = a_simulator(rest=RestData(first_day=date(2024, 3, 1), **data), **({"now": now} if now else {}))
        command = Command(simulator, tmp_path)
        command.warm = True
        return command

    return start


@pytest.mark.parametrize("stream", DAILY)
def test_given_a_first_sync_then_every_day_that_is_over_once_with_its_number(
    project: Callable[..., Command], stream: str
) -> None:
    command = project()
    outcome = read_streams(command, stream, start_date=START, properties_format="object")
    assert outcome.exit_code == 0, outcome.everything
    dashboard = command.simulator.rest.dashboard
    expected = []
    for day in map(date.fromisoformat, days(date(2024, 3, 1), date(2024, 3, 14))):
        if stream in ("active_users", "new_users"):
            metric = stream.partition("_")[0]
            countries = {group: dashboard.count(metric, day, group) for group in ("Spain", "Chile", "(none)")}
            expected.append({"date": f"{day}", "statistics": countries})
        elif stream == "event_totals":
            expected.append({"date": f"{day}", "totals": dashboard.count("totals", day)})
        elif stream == "average_session_length":
            expected.append({"date": f"{day}", "length": round(dashboard.count("length", day) * 1.37, 4)})
        elif stream == "sessions_per_user":
            expected.append({"date": f"{day}", "avg_sessions": round(dashboard.count("peruser", day) * 0.01, 4)})
        elif stream == "session_length_distribution":
            expected += [
                {"date": f"{day}", "bucket": bucket, "count": dashboard.count("distribution", day, bucket)}
                for bucket in BUCKETS
            ]
        else:
            pytest.fail(f"Say here what a day of {stream} is.")
    assert as_they_came(outcome, stream) == expected
    assert stream_states(outcome)[-1] == {"date": "2024-03-14"}


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (at(2024, 3, 15, 11, 59), date(2024, 3, 13)),
        (at(2024, 3, 15, 12, 0), date(2024, 3, 14)),
        (at(2024, 3, 15, 23, 59), date(2024, 3, 14)),
        (at(2024, 3, 16, 0, 1), date(2024, 3, 14)),
    ],
)
@pytest.mark.parametrize("utc_offset_hours", [-12, 0, 14])
def test_given_any_time_zone_then_no_day_is_read_before_it_is_over(
    project: Callable[..., Command], now: datetime, newest: date, utc_offset_hours: int
) -> None:
    command = project(now, utc_offset_hours=utc_offset_hours)
    outcome = read_streams(command, "average_session_length", start_date=START)
    read = {record["date"]: record["length"] for record in outcome.records("average_session_length")}
    assert max(read) == f"{newest}"
    command.simulator.now += timedelta(days=30)  # what changes for a week afterwards is 7 at most
    final = command.simulator.rest.dashboard.count("length", newest) * 1.37
    assert final - 8 * 1.37 < read[f"{newest}"] <= final


def test_given_a_sync_a_day_then_the_week_before_the_state_is_read_again_and_nothing_else(
    project: Callable[..., Command],
) -> None:
    command = project(at(2024, 3, 25, 13))
    state = read_streams(command, "active_users", start_date=START).last_state
    for _ in range(3):
        command.simulator.now += DAY
        command.simulator.clear_log()
        outcome = read_streams(command, "active_users", state=state, start_date=START)
        before = date.fromisoformat((state or [])[0]["stream"]["stream_state"]["date"])
        assert days_of(outcome, "active_users") == days(before - 7 * DAY, before + DAY)
        assert days_asked_for(command.simulator) == days_of(outcome, "active_users")
        state = outcome.last_state
        assert stream_states(outcome)[-1] == {"date": f"{before + DAY}"}


def test_given_numbers_that_change_for_a_week_then_daily_syncs_have_the_final_ones(
    project: Callable[..., Command],
) -> None:
    command = project(at(2024, 3, 2, 13))
    state, table = None, {}
    for _ in range(12):
        outcome = read_streams(command, "average_session_length", state=state, start_date=START)
        table.update({record["date"]: record["length"] for record in outcome.records("average_session_length")})
        state = outcome.last_state
        command.simulator.now += DAY
    command.simulator.now += 30 * DAY
    for day in map(date.fromisoformat, days(date(2024, 3, 1), date(2024, 3, 5))):
        assert table[f"{day}"] == round(command.simulator.rest.dashboard.count("length", day) * 1.37, 4)


@pytest.mark.parametrize("value", ["2024-03-12", "2024-03-12T00:00:00", "2024-03-12T00:00:00Z"])
def test_given_the_official_connectors_state_then_it_goes_on_from_there(
    project: Callable[..., Command], value: str
) -> None:
    command = project()
    outcome = read_streams(command, "active_users", state=[a_state("active_users", date=value)], start_date=START)
    assert days_of(outcome, "active_users") == days(date(2024, 3, 5), date(2024, 3, 14))


def test_given_the_official_connectors_state_of_a_day_that_is_not_over_then_the_state_does_not_go_back(
    project: Callable[..., Command],
) -> None:
    command = project()
    outcome = read_streams(command, "active_users", state=[a_state("active_users", date="2024-03-15")])
    assert days_of(outcome, "active_users") == days(FIRST_DAY, date(2024, 3, 14)), "start_date wins"
    assert stream_states(outcome)[-1] == {"date": "2024-03-15"}
    command.simulator.now += 2 * DAY
    outcome = read_streams(command, "active_users", state=outcome.last_state)
    assert days_of(outcome, "active_users") == days(FIRST_DAY, date(2024, 3, 16)), "2024-03-15 is read when it is over"


def test_given_full_refresh_then_everything_from_the_start_date_whatever_was_read_before(
    project: Callable[..., Command],
) -> None:
    command = project()
    outcome = read_streams(command, "sessions_per_user", sync_mode="full_refresh", start_date=START)
    assert days_of(outcome, "sessions_per_user") == days(date(2024, 3, 1), date(2024, 3, 14))


def test_given_no_start_date_then_thirty_days(project: Callable[..., Command]) -> None:
    command = project()
    read_streams(command, "sessions_per_user", start_date=None)
    assert days_asked_for(command.simulator) == days(date(2024, 2, 14), date(2024, 3, 14))


def test_given_nothing_to_read_then_no_request_and_the_state_stays(project: Callable[..., Command]) -> None:
    command = project()
    state = [a_state("active_users", date="2024-03-14")]
    outcome = read_streams(command, "active_users", state=state, start_date="2024-03-15")
    assert outcome.exit_code == 0
    assert command.simulator.rest_log == []
    assert "no day to read yet" in outcome.log
    assert stream_states(outcome)[-1] == {"date": "2024-03-14"}


def test_given_another_connectors_state_then_an_error_says_what_to_do(project: Callable[..., Command]) -> None:
    command = project()
    outcome = read_streams(command, "active_users", state=[a_state("active_users", cursor="x")])
    assert outcome.stream_error["failure_type"] == "config_error"
    assert outcome.stream_error["message"].startswith("The saved state of the stream active_users is not one that")


def test_given_no_grouping_then_all_users_under_0(project: Callable[..., Command]) -> None:
    command = project()
    options = {"start_date": "2024-03-14", "active_users_group_by_country": False}
    outcome = read_streams(command, "active_users", "new_users", **options)
    for stream, metric in (("active_users", "active"), ("new_users", "new")):
        [record] = outcome.records(stream)
        count = command.simulator.rest.dashboard.count(metric, date(2024, 3, 14))
        assert json.loads(record["statistics"]) == {"0": count}
    assert [request.cost for request in command.simulator.rest_log] == [1, 1]


def test_given_labels_where_they_are_documented_then_the_same_records(project: Callable[..., Command]) -> None:
    command = project(group_labels="seriesMeta")
    [record] = read_streams(command, "active_users", start_date="2024-03-14").records("active_users")
    assert list(json.loads(record["statistics"])) == ["Spain", "Chile", "(none)"]


def test_given_days_before_the_project_then_no_record_and_the_state_moves_on(project: Callable[..., Command]) -> None:
    command = project()
    outcome = read_streams(command, "active_users", start_date="2024-01-05")
    assert days_asked_for(command.simulator) == days(date(2024, 1, 5), date(2024, 3, 14))
    assert stream_states(outcome)[0] == {"date": "2024-02-03"}, "`series: []`"
    assert days_of(outcome, "active_users") == days(date(2024, 2, 4), date(2024, 3, 14))
    assert json.loads(outcome.records("active_users")[0]["statistics"]) == {"Spain": 0, "Chile": 0, "(none)": 0}


def test_given_events_without_a_country_then_an_error_names_the_option(project: Callable[..., Command]) -> None:
    command = project(countries=())
    outcome = read_streams(command, "active_users")
    assert outcome.stream_error["failure_type"] == "config_error"
    assert "Set active_users_group_by_country to false." in outcome.stream_error["message"]
    assert "Invalid chart definition (Invalid user property country)" in outcome.stream_error["message"]


def test_given_a_failure_in_the_middle_then_the_next_sync_has_the_rest(project: Callable[..., Command]) -> None:
    command = project(at(2024, 6, 1, 13))
    command.simulator.faults.append(Fault("status", api="rest", status=503, day=date(2024, 4, 15)))
    first = read_streams(command, "average_session_length", start_date=START)
    assert first.stream_error["failure_type"] == "transient_error"
    assert stream_states(first)[-1] == {"date": "2024-03-30"}
    assert days_of(first, "average_session_length") == days(date(2024, 3, 1), date(2024, 3, 30))
    command.simulator.faults.clear()
    second = read_streams(command, "average_session_length", state=first.last_state, start_date=START)
    assert days_of(second, "average_session_length") == days(date(2024, 3, 23), date(2024, 5, 31))


def test_given_no_start_date_and_a_pause_of_months_then_no_day_between_is_left_out(
    project: Callable[..., Command],
) -> None:
    command = project(at(2024, 6, 1, 13))
    read_streams(command, "active_users", state=[a_state("active_users", date="2024-03-20")], start_date=None)
    assert days_asked_for(command.simulator) == days(date(2024, 3, 13), date(2024, 5, 31))


def test_given_more_labels_than_numbers_then_an_error_and_no_day_without_some_of_its_numbers(
    project: Callable[..., Command],
) -> None:
    def with_one_more_label(body: bytes) -> bytes:
        answer = json.loads(body)
        answer["data"]["seriesLabels"].append("Peru")
        return json.dumps(answer).encode()

    command = project()
    command.simulator.faults.append(Fault("body", api="rest", path="/api/2/users", change=with_one_more_label))
    outcome = read_streams(command, "active_users", start_date=START, active_users_group_by_country=True)
    assert outcome.exit_code == 1
    assert outcome.records("active_users") == []
    assert "active_users" in outcome.stream_error["message"]
    assert outcome.states == []
