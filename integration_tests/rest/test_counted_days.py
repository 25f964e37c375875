"""The simulated Amplitude counts the events that it publishes: late ones for their day, deleted ones no more."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from amplitude_simulator import RestData, Simulator
from amplitude_simulator.events import amplitude_id
from harness.moments import FIRST_HOUR
from harness.rest import read_streams
from harness.runs import Command

NOW = datetime(2024, 3, 16, 13, 10, tzinfo=timezone.utc)
COUNTED = RestData(numbers="counted", utc_offset_hours=2)


def numbers(command: Command, stream: str, field: str) -> dict[str, object]:
    outcome = read_streams(command, stream, properties_format="object")
    assert outcome.exit_code == 0, outcome.everything
    return {record["date"]: record[field] for record in outcome.records(stream)}


def events_of(command: Command, day: date) -> list[dict[str, object]]:
    """What the Export API has of a day of the project's time zone, by the time at which it happened."""
    outcome = read_streams(command, "events")
    assert outcome.exit_code == 0, outcome.everything
    offset = timedelta(hours=2)
    return [
        record
        for record in outcome.records("events")
        if (datetime.fromisoformat(record["event_time"].replace("Z", "+00:00")) + offset).date() == day
    ]


def test_given_counted_numbers_then_a_day_is_what_its_events_make_it(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    command = Command(a_simulator(first_hour=FIRST_HOUR, now=NOW, events_per_hour=20, users=30, rest=COUNTED), tmp_path)
    day = date(2024, 3, 14)
    events = events_of(command, day)
    assert len(events) > 400
    assert numbers(command, "event_totals", "totals")[f"{day}"] == len(events)
    countries = {str(event["country"]): set() for event in events}
    for event in events:
        countries[str(event["country"])].add(event["amplitude_id"])
    users = numbers(command, "active_users", "statistics")[f"{day}"]
    assert users == {country: len(found) for country, found in sorted(countries.items())}
    new = numbers(command, "new_users", "statistics")
    assert sum(count for of_day in new.values() for count in of_day.values()) <= 30
    lengths = numbers(command, "average_session_length", "length")
    assert 60 < lengths[f"{day}"] < 45 * 60


def test_given_late_hours_and_deleted_users_then_the_numbers_of_past_days_change(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    late = datetime(2024, 3, 14, 10, tzinfo=timezone.utc)
    simulator = a_simulator(
        first_hour=FIRST_HOUR,
        now=NOW,
        events_per_hour=20,
        users=30,
        rest=COUNTED,
        late={late: timedelta(hours=60)},
        deletions={3: NOW + timedelta(days=2)},
    )
    command = Command(simulator, tmp_path)
    day = "2024-03-14"
    before = numbers(command, "event_totals", "totals")[day]
    simulator.now += timedelta(days=1)
    with_late = numbers(command, "event_totals", "totals")[day]
    assert 18 <= with_late - before <= 25, "the late hour, and a few events that devices sent late"
    assert with_late == len(events_of(command, date(2024, 3, 14)))
    simulator.now += timedelta(days=1)
    left = events_of(command, date(2024, 3, 14))
    assert amplitude_id(3) not in {event["amplitude_id"] for event in left}
    assert numbers(command, "event_totals", "totals")[day] == len(left) < with_late
