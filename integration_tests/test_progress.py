"""A sync never falls silent: what it reads, waits for, and what came of it. Lines are counted, never seconds."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from amplitude_simulator import Fault, Simulator
from harness.moments import FIRST_HOUR, NOW
from harness.profiles import active, listed, read_profiles
from harness.runs import Command, Outcome, a_config

SOON = {"progress.PROGRESS_SECONDS": 0.05}
LATEST = datetime(2024, 3, 15, 20, tzinfo=timezone.utc)


def log_lines(outcome: Outcome) -> list[str]:
    return [message["log"]["message"] for message in outcome.of_type("LOG")]


def lines_like(pattern: str, outcome: Outcome) -> list[str]:
    return [line for line in log_lines(outcome) if re.search(pattern, line)]


def test_given_slow_answers_then_the_log_says_what_is_read_asked_for_waited_for_and_what_came(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("latency", seconds=1.0))
    outcome = command.read(settings=SOON)
    told = [
        r"^source-amplitude \d+\.\d+\.\d+$",
        r"^events: reading 69 hours, 2024-03-13T00 \(from start_date\) to 2024-03-15T20 UTC, up to 24 hours an export",
        r"^Asking for the export of 20240313T00-20240313T23 \(24 hours\)$",
        r"^Waiting for the export of 20240313T00-20240313T23 \(\d+ s so far\): 3 under way, 0\.0 MB received in all$",
        r"^events 20240313T00-20240313T23: 120 events, .* window 1 of 3$",
        r"^events: asked for 69 hours, .* emitted 345 records .*; the next .* begins at 2024-03-15T21 UTC$",
    ]
    lines = log_lines(outcome)
    found = [next((place for place, line in enumerate(lines) if re.search(text, line)), None) for text in told]
    assert None not in found, list(zip(told, found, strict=True))
    assert found[0] == 0
    assert found == sorted(found, key=lambda place: place or 0)
    assert len(lines_like("^Waiting for", outcome)) >= 3, "one line an interval"


def test_given_a_body_that_trickles_then_the_log_says_how_much_has_come(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = a_simulator(payload_characters=8000)
    simulator.faults.append(Fault("slow_body", hour=FIRST_HOUR, bytes_per_second=500_000))
    outcome = Command(simulator, tmp_path).read(a_config(simulator, num_workers=1), settings=SOON)
    received = [float(text) for line in log_lines(outcome) for text in re.findall(r"([\d.]+) MB received", line)]
    assert received == sorted(received)
    [slow] = [request for request in simulator.log if request.fault]
    so_far = {megabytes for megabytes in received if 0 < megabytes <= slow.bytes_sent / 1e6}
    assert len(so_far) >= 3, "more each time"


def test_given_a_download_that_waits_out_429_then_the_log_does_not_fall_silent(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", status=429, headers={"Retry-After": "1"}, times=1))
    outcome = command.read(a_config(simulator, num_workers=1), settings=SOON)
    assert outcome.exit_code == 0
    assert len(lines_like("^Waiting for the export of 20240313T00", outcome)) >= 3


def test_given_an_archive_that_is_fetched_again_then_the_log_says_what_is_waited_for(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("gzip_crc", hour=LATEST, times=1))
    simulator.faults.append(Fault("latency", seconds=0.5))
    outcome = command.read(a_config(simulator, start_date="2024-03-15"), settings=SOON)
    assert outcome.exit_code == 0
    assert len(lines_like("^Waiting for the export of 20240315T00-20240315T20: ", outcome)) >= 3


def test_given_many_events_then_the_log_says_how_many_are_read_so_far(simulator: Simulator, command: Command) -> None:
    outcome = command.read(settings={"progress.PROGRESS_SECONDS": 0.0})
    assert lines_like(r"^events 20240313T00-20240313T23: [\d,]+ events read so far$", outcome)


@pytest.mark.parametrize(
    ("config", "state", "reason"),
    [
        ({"start_date": None}, None, r"718 hours, 2024-02-14T23 \(30 days back, since no start_date is set\)"),
        ({}, "2024-03-15T12:00:00Z", r"9 hours, 2024-03-15T12 \(from the state\)"),
        (
            {"lookback_hours": 5},
            "2024-03-15T12:00:00Z",
            r"14 hours, 2024-03-15T07 \(from the state, 5 hours before it\)",
        ),
        ({"start_date": "2024-03-15T18:00:00Z"}, "2024-03-15T12:00:00Z", r"3 hours, 2024-03-15T18 \(from start_date\)"),
    ],
)
def test_the_first_line_says_where_the_sync_begins_and_why(
    simulator: Simulator, command: Command, config: dict[str, object], state: str | None, reason: str
) -> None:
    descriptor = {"stream_descriptor": {"name": "events"}, "stream_state": {"server_upload_time": state}}
    states = [{"type": "STREAM", "stream": descriptor}] if state else None
    outcome = command.read({**a_config(simulator), **config}, states)
    assert lines_like(rf"^events: reading ({reason}) to 2024-03-15T20 UTC", outcome), outcome.log


def test_given_a_start_date_of_1970_then_it_begins_with_amplitudes_first_year_and_says_so(
    simulator: Simulator, command: Command
) -> None:
    outcome = command.read(a_config(simulator, start_date="1970-01-01", batch_size_hours=8760))
    assert lines_like(r"2012-01-01T00 \(Amplitude's first year, not 1970\)", outcome)
    assert min(request.params["start"] for request in simulator.log) == "20120101T00"
    assert len(outcome.uuids) == 345


def test_given_a_quiet_project_then_its_empty_hours_are_told_of_together(
    simulator: Simulator, command: Command
) -> None:
    quiet_since = FIRST_HOUR - timedelta(hours=48)
    config = a_config(simulator, start_date=f"{quiet_since:%Y-%m-%dT%H:%M:%SZ}", batch_size_hours=1)
    outcome = command.read(config, at=NOW - timedelta(hours=68))
    assert lines_like(r"^No events in 20240311T00-20240312T23 \(48 hours, 48 exports\)$", outcome)
    assert len(lines_like("^Asking for the export", outcome)) <= 6
    assert len(lines_like(r"^events \d+T", outcome)) == 1
    assert lines_like(r"^events: asked for 49 hours, .* emitted 5 records .*begins at 2024-03-13T01 UTC$", outcome)


def test_given_a_sync_that_fails_then_the_log_says_where_the_next_one_begins(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("status", status=403, hour=LATEST))
    outcome = command.read(settings={"http.retry.MAX_TRIES": 2})
    assert outcome.exit_code == 1
    assert lines_like(
        "^events: asked for 69 hours, 48 answered: .* emitted 240 records .*begins at 2024-03-15T00 UTC$", outcome
    )


def test_given_slow_profiles_then_the_log_says_how_far_it_is(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("latency", api="profile", seconds=0.6))
    outcome = read_profiles(command, listed(["user-1@example.com", "user-2@example.com"]), settings=SOON)
    assert lines_like("^user_profiles: reading 2 users, 20 at once, up to 600 requests a minute$", outcome)
    for users in (0, 1):
        assert len(lines_like(f"^user_profiles: {users} of 2 users so far; 0 requests retried", outcome)) >= 2
    assert lines_like(r"at user 2 of 2 after \d+\.\d s$", outcome)


def test_given_profiles_that_come_fast_then_the_log_says_how_far_it_is(simulator: Simulator, command: Command) -> None:
    ids = [f"user-{number}@example.com" for number in range(1, 6)]
    outcome = read_profiles(command, listed(ids), settings={"progress.PROGRESS_SECONDS": 0.0})
    assert lines_like("^user_profiles: 3 of 5 users so far", outcome)


def test_given_a_slow_search_for_active_users_then_the_log_says_what_is_waited_for_and_what_it_found(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("latency", seconds=0.5))
    outcome = read_profiles(command, active(1), settings=SOON)
    assert len(lines_like("^Waiting for the export of 20240314T21-20240315T20 ", outcome)) >= 3
    assert lines_like(r"^Looked through 120 events of 24 hours, 0\.\d MB$", outcome)
