"""Hours that Amplitude publishes late, through the real command line: found by the next syncs, at little cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from amplitude_simulator import Fault, Simulator
from amplitude_simulator.archives import Member
from amplitude_simulator.project import HOUR
from harness.moments import FIRST_HOUR
from harness.runs import Command, Outcome, State, a_config

LATE = {FIRST_HOUR + 40 * HOUR: 6 * HOUR, FIRST_HOUR + 41 * HOUR: 6 * HOUR}


@dataclass
class Connection:
    """Syncs of one connection, each with the state of the one before; `uuids` is all that came."""

    command: Command
    state: list[State] | None = None
    uuids: list[str] = field(default_factory=list)

    def sync(self, hours: float, **config: Any) -> Outcome:
        """A sync as soon as the hour `hours` after the first one is complete."""
        simulator = self.command.simulator
        simulator.now = FIRST_HOUR + (hours + 3) * HOUR + timedelta(minutes=10)
        simulator.clear_log()
        outcome = self.command.read(a_config(simulator, **config), self.state)
        assert outcome.exit_code == 0, outcome.everything[-3000:]
        self.state = outcome.last_state
        self.uuids += outcome.uuids
        return outcome

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(request.params["start"], request.params["end"]) for request in self.command.simulator.log]

    @property
    def recent(self) -> list[list[Any]]:
        assert self.state is not None
        stream_state = self.state[0]["stream"]["stream_state"]
        assert stream_state.keys() <= {"server_upload_time", "recent"}
        return list(stream_state.get("recent", []))


@pytest.fixture
def a_connection(a_simulator: Callable[..., Simulator], tmp_path: Path) -> Callable[..., Connection]:
    return lambda **project: Connection(Command(a_simulator(**project), tmp_path))


@pytest.mark.parametrize("states_length", [True, False], ids=["with lengths", "in chunks"])
def test_given_six_syncs_and_two_hours_six_hours_late_then_all_3300_events_arrive(
    a_connection: Callable[..., Connection], states_length: bool
) -> None:
    connection = a_connection(events_per_hour=50, late=LATE, states_length=states_length)
    for hours in (20, 30, 41, 45, 48, 65):
        connection.sync(hours)
    expected = connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 65 * HOUR)
    assert len(expected) == 3300
    assert set(connection.uuids) == expected


def test_given_hourly_syncs_then_three_requests_each_and_only_new_bytes(
    a_connection: Callable[..., Connection],
) -> None:
    connection = a_connection(events_per_hour=50, late={FIRST_HOUR + 33 * HOUR: 5 * HOUR})
    connection.sync(23)
    for hours in range(24, 56):
        outcome = connection.sync(hours)
        assert len(connection.asked) <= 3
        assert len(connection.recent) <= 25
        if hours not in (33, 39):
            assert len(outcome.uuids) == 50, "nothing comes twice"
    assert len(str(connection.recent)) < 1200
    assert sorted(connection.asked) == [
        ("20240314T07", "20240314T07"),
        ("20240315T01", "20240315T01"),
        ("20240315T07", "20240315T07"),
    ]
    assert set(connection.uuids) == connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 55 * HOUR)


def test_given_nightly_syncs_then_the_night_before_is_asked_for_once_more(
    a_connection: Callable[..., Connection],
) -> None:
    connection = a_connection(events_per_hour=20, late={FIRST_HOUR + 40 * HOUR: 20 * HOUR})
    assert connection.sync(23).exit_code == 0
    connection.sync(47)
    assert connection.asked == [("20240314T00", "20240314T23"), ("20240313T00", "20240313T23")]
    third = connection.sync(71)
    assert connection.asked == [("20240315T00", "20240315T23"), ("20240314T00", "20240314T23")]
    assert "events 20240314T00-20240314T23: 480 events instead of 460, published late" in third.log
    assert third.cursors == ["2024-03-16T00:00:00Z"] * 2, "the state does not move back"
    assert len(connection.recent) == 1
    fourth = connection.sync(95)
    assert "published late" not in fourth.log
    assert len(fourth.uuids) == 480
    assert set(connection.uuids) == connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 95 * HOUR)


def recompressed(members: Sequence[Member]) -> list[Member]:
    return [(f"{name}-again", content) for name, content in members]


def test_given_another_length_with_the_same_events_then_nothing_comes_twice(
    a_connection: Callable[..., Connection],
) -> None:
    connection = a_connection()
    connection.sync(23)
    connection.command.simulator.faults.append(Fault("members", hour=FIRST_HOUR, transform=recompressed))
    outcome = connection.sync(47)
    assert len(outcome.uuids) == 24 * 5
    assert "published late" not in outcome.log


def test_given_no_lengths_then_the_log_says_once_that_events_are_counted(
    a_connection: Callable[..., Connection],
) -> None:
    connection = a_connection(states_length=False)
    connection.sync(23, batch_size_hours=6)
    outcome = connection.sync(47)
    assert len(connection.asked) == 5, "one new window, and four of the day before"
    assert len(outcome.uuids) == 24 * 5, "nothing comes twice"
    assert outcome.log.count("carry no usable Content-Length") == 1


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ({}, [("20240314T00", "20240314T23"), ("20240313T00", "20240313T23")]),
        ({"lookback_hours": 24}, [("20240313T00", "20240313T23"), ("20240314T00", "20240314T23")]),
        ({"start_date": "2024-03-14"}, [("20240314T00", "20240314T23")]),
    ],
    ids=["by default", "read again anyway", "before the start date"],
)
def test_given_hours_that_are_read_again_or_not_wanted_then_they_are_not_asked_for(
    a_connection: Callable[..., Connection], config: Mapping[str, Any], asked: list[tuple[str, str]]
) -> None:
    connection = a_connection()
    connection.sync(23)
    connection.sync(47, num_workers=1, **config)
    assert connection.asked == asked


def test_given_the_check_fails_then_the_new_hours_are_out_and_the_next_sync_asks_again(
    a_connection: Callable[..., Connection],
) -> None:
    connection = a_connection(late={FIRST_HOUR + 20 * HOUR: 9 * HOUR})
    simulator = connection.command.simulator
    connection.sync(23)
    simulator.faults.append(Fault("status", status=503, hour=FIRST_HOUR))
    simulator.now = FIRST_HOUR + 50 * HOUR
    failed = connection.command.read(a_config(simulator), connection.state)
    assert failed.stream_error["failure_type"] == "transient_error"
    assert failed.cursors[-1] == "2024-03-15T00:00:00Z"
    connection.state = failed.last_state
    connection.uuids += failed.uuids
    simulator.faults.clear()
    connection.sync(50)
    assert set(connection.uuids) == simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 50 * HOUR)


def test_given_the_window_has_become_too_much_for_one_request_then_its_parts_are_read(
    a_connection: Callable[..., Connection],
) -> None:
    late = {FIRST_HOUR + number * HOUR: 12 * HOUR for number in range(12, 24)}
    connection = a_connection(max_hours_served=14, late=late)
    connection.sync(23)
    assert connection.asked == [("20240313T00", "20240313T23")]
    outcome = connection.sync(47)
    assert "cannot be looked for in one request (20240313T00-20240313T23: 504" in outcome.log
    assert set(connection.uuids) == connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 47 * HOUR)
    assert [entry[0] for entry in connection.recent if entry[0] < "20240314T00"] == [], "at their last age"


def test_given_a_wide_window_then_its_last_day_is_one_of_its_own(a_connection: Callable[..., Connection]) -> None:
    connection = a_connection(late={FIRST_HOUR + 60 * HOUR: 10 * HOUR})
    connection.sync(71, batch_size_hours=8760)
    assert sorted(connection.asked) == [("20240313T00", "20240314T23"), ("20240315T00", "20240315T23")]
    connection.sync(95, batch_size_hours=8760)
    assert connection.asked == [("20240316T00", "20240316T23"), ("20240315T00", "20240315T23")]
    assert set(connection.uuids) == connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 95 * HOUR)


def test_given_late_hours_and_today_s_state_then_it_is_accepted(a_connection: Callable[..., Connection]) -> None:
    connection = a_connection()
    stream = {"stream_descriptor": {"name": "events"}, "stream_state": {"server_upload_time": "2024-03-14T00:00:00Z"}}
    connection.state = [{"type": "STREAM", "stream": stream}]
    connection.sync(47)
    assert connection.asked == [("20240314T00", "20240314T23")]
    assert connection.recent == [["20240314T00", 24, connection.recent[0][2], 120, 0]]


def test_given_deleted_events_then_they_are_told_of_nothing_comes_twice_and_later_ones_are_still_found(
    a_connection: Callable[..., Connection],
) -> None:
    deleted: set[int] = set()
    late = {FIRST_HOUR + 13 * HOUR: 30 * HOUR}
    connection = a_connection(
        events_per_hour=lambda hour: 2 if hour.hour in deleted and hour.day == 13 else 5, late=late
    )
    connection.sync(23)
    deleted.update(range(12))
    outcome = connection.sync(32)
    assert len(outcome.uuids) == 9 * 5, "nothing comes twice"
    assert (
        "events 20240313T00-20240313T23: 79 events instead of 115, some were deleted in Amplitude: "
        "none is emitted again, and the deleted ones stay in the destination"
    ) in outcome.log
    assert "published late" not in outcome.log
    assert connection.recent[0][3] == 79
    outcome = connection.sync(50)
    assert "20240313T00-20240313T23: 84 events instead of 79, published late" in outcome.log
    assert connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 50 * HOUR) <= set(connection.uuids)


def test_given_all_events_of_a_window_deleted_then_a_warning_and_nothing_comes_twice(
    a_connection: Callable[..., Connection],
) -> None:
    deleted: set[int] = set()
    connection = a_connection(events_per_hour=lambda hour: 0 if hour.day in deleted else 5)
    connection.sync(23)
    deleted.add(13)
    outcome = connection.sync(47)
    assert len(outcome.uuids) == 24 * 5
    assert "20240313T00-20240313T23: Amplitude has no events any more, 120 were read" in outcome.log


def test_given_a_window_without_events_and_later_with_them_again_then_they_are_emitted(
    a_connection: Callable[..., Connection],
) -> None:
    away: set[int] = set()
    connection = a_connection(events_per_hour=lambda hour: 0 if hour.day in away else 5)
    connection.sync(23)
    away.add(13)
    assert "20240313T00-20240313T23: Amplitude has no events any more, 120 were read" in connection.sync(32).log
    away.clear()
    outcome = connection.sync(50)
    assert "20240313T00-20240313T23: 120 events instead of 0, published late: all are emitted again" in outcome.log
    assert connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 23 * HOUR) <= set(outcome.uuids)


def test_given_late_hours_and_a_disk_too_small_for_their_window_then_its_parts_are_read(
    a_connection: Callable[..., Connection], a_small_disk: Callable[[Command, int], None]
) -> None:
    connection = a_connection(events_per_hour=100, late={FIRST_HOUR + 20 * HOUR: 9 * HOUR})
    connection.sync(23)
    a_small_disk(connection.command, 300)
    outcome = connection.sync(47)
    assert "Late hours cannot be looked for in one request" in outcome.log
    assert set(connection.uuids) == connection.command.simulator.project.uuids(FIRST_HOUR, FIRST_HOUR + 47 * HOUR)
