"""Every answer in the table of `docs/reliability.md`, wherever it strikes, with one worker and with five."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from harness.moments import FIRST_HOUR
from harness.profiles import active
from harness.runs import Command, a_catalog, a_config
from integration_tests.faults.expect import (
    assert_failed,
    assert_nothing_left,
    assert_whole,
    assert_whole_after,
)
from integration_tests.faults.tables import MIDDLE_HOUR, PASSING, PLACES, STAYING


def everywhere() -> list[object]:
    """The middle window with five workers always; every window with one and with five among the slow tests."""
    return [
        pytest.param(
            PLACES[place],
            workers,
            id=f"{place}-{workers}",
            marks=() if (place, workers) == ("middle", 5) else pytest.mark.slow,
        )
        for place in PLACES
        for workers in (1, 5)
    ]


@pytest.mark.parametrize(("hour", "workers"), everywhere())
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_given_a_passing_fault_then_every_event_once(
    simulator: Simulator, command: Command, fault: Fault, hour: datetime, workers: int
) -> None:
    simulator.faults.append(replace(fault, hour=hour))
    outcome = command.read(a_config(simulator, num_workers=workers, batch_size_hours=12))
    assert [request for request in simulator.log if request.fault], "the fault never struck"
    assert_whole(outcome, simulator)
    assert_nothing_left(command)


@pytest.mark.parametrize(("hour", "workers"), everywhere())
@pytest.mark.parametrize(("fault", "failure_type", "sentence"), STAYING.values(), ids=STAYING.keys())
def test_given_a_fault_that_stays_then_an_error_and_a_state_to_continue_from(
    simulator: Simulator,
    command: Command,
    fault: Fault,
    failure_type: str,
    sentence: str,
    hour: datetime,
    workers: int,
) -> None:
    simulator.faults.append(replace(fault, hour=hour))
    config = a_config(simulator, num_workers=workers, batch_size_hours=12)
    failed = command.read(config)
    assert_failed(failed, simulator, failure_type, sentence)
    assert_nothing_left(command)

    simulator.faults.clear()
    assert_whole_after(simulator, failed, command.read(config, failed.last_state))


def test_given_429_without_end_then_a_transient_error_after_the_patience(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", status=429))
    outcome = command.read(settings={"export.download.LONGEST_THROTTLED_SECONDS": 1})
    assert_failed(outcome, simulator, "transient_error", "429")


def seconds_between_tries(simulator: Simulator, hour: datetime) -> list[float]:
    """Between the requests for the window that holds an hour, by the simulator's log."""
    asked = f"{hour:%Y%m%dT%H}"
    moments = [request.at for request in simulator.log if request.params["start"] <= asked <= request.params["end"]]
    return [later - earlier for earlier, later in pairwise(moments)]


def test_given_retry_after_then_the_next_try_comes_no_earlier(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("status", status=429, headers={"Retry-After": "2"}, times=1, hour=MIDDLE_HOUR))
    assert_whole(command.read(), simulator)
    [seconds] = seconds_between_tries(simulator, MIDDLE_HOUR)
    assert seconds >= 2


def test_given_failures_in_a_row_then_each_wait_is_longer(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("status", status=503, times=4, hour=MIDDLE_HOUR))
    outcome = command.read(settings={"http.retry.FIRST_WAIT_SECONDS": 0.2, "http.retry.LONGEST_WAIT_SECONDS": 60})
    assert_whole(outcome, simulator)
    shortest = [0.2 * 2**number * 0.75 for number in range(4)]
    waited = seconds_between_tries(simulator, MIDDLE_HOUR)
    assert all(seconds >= least for seconds, least in zip(waited, shortest, strict=True)), waited


def test_given_429_then_fewer_requests_at_once_and_more_again_when_it_goes_well(
    simulator: Simulator, command: Command
) -> None:
    together = [
        (5, 5),
        (4, 4),
        (1, 12),
        (4, 4),
    ]  # how many requests must be under way at once, and for how many that is so
    simulator.faults += [Fault("gather", requests=requests, times=times) for requests, times in together]
    simulator.faults += [Fault("status", status=429, times=9), Fault("latency", seconds=0.05)]
    outcome = command.read(a_config(simulator, num_workers=5, batch_size_hours=3))
    assert_whole(outcome, simulator)
    assert "at most 5 in flight" not in outcome.log
    assert "at most 3 in flight" in outcome.log
    assert [request.status for request in simulator.log] == [429] * 9 + [200] * 23
    assert max(request.in_flight for request in simulator.log[5:9]) == 4, "one fewer after the first five are refused"
    # Four answers must come before there may be a fourth request under way.
    assert max(request.in_flight for request in simulator.log[9:16]) <= 3
    assert max(request.in_flight for request in simulator.log[16:]) > 3, "and more again when it goes well"


def test_given_events_failed_then_what_it_had_under_way_ends_and_counts_in_the_next_streams_limit(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    # The limit of profiles is not what this is about: at Amplitude's real one it takes a minute and a half.
    simulator = a_simulator(events_per_hour=400, profiles_per_minute=10**6)
    command = Command(simulator, tmp_path)
    simulator.faults.append(Fault("status", status=401, hour=FIRST_HOUR))
    simulator.faults.append(Fault("slow_body", bytes_per_second=10_000, hour=MIDDLE_HOUR, times=1))
    config = a_config(simulator, num_workers=4, batch_size_hours=12, user_profiles={"users": active(1)})
    outcome = command.read(config, catalog=a_catalog("events", "user_profiles"))
    assert outcome.stream_error["stream_descriptor"]["name"] == "events"
    assert len(outcome.records("user_profiles")) > 0
    # The server notices a moment later that nobody reads the slow answer any more.
    assert max(request.in_flight for request in simulator.log) <= 5
    assert 429 not in {request.status for request in simulator.log}
    [slow] = [request for request in simulator.log if request.fault and request.fault.kind == "slow_body"]
    assert slow.bytes_sent < 1_000_000, "nobody wants the rest of it"


def test_given_an_empty_window_then_the_state_moves_past_it(simulator: Simulator, command: Command) -> None:
    outcome = command.read(a_config(simulator, start_date="2024-03-01"))
    assert_whole(outcome, simulator)
    assert outcome.cursors[0] == "2024-03-02T00:00:00Z"
