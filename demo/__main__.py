"""`make demo`: the connector against a simulated Amplitude, from `spec` to a second sync, profiles and other tables.

Time is simulated too: the first sync runs at 23:10 on 2024-03-15, the second one three hours later, when new hours have
become complete. Profiles are read at the real pace, 600 a minute. The messages are written to demo_output/, one file a
command.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from amplitude_simulator import Project, RestData, Simulator
from amplitude_simulator.project import HOUR
from amplitude_simulator.rest.cohorts import member_ids
from harness.moments import DAY, FIRST_HOUR, NOW
from harness.profiles import REAL_PACE, keys_of, users_seen
from harness.rest import DAILY, ONE_RECORD_A_DAY, SNAPSHOTS, days, days_of, most_cost_in_any
from harness.runs import Command, Outcome
from source_amplitude.threads import in_background

REPOSITORY = Path(__file__).parents[1]
SAMPLES = REPOSITORY / "sample_files"
OUTPUT = REPOSITORY / "demo_output"
FIRST_DAY = date(2024, 2, 15)
LATER = timedelta(hours=3)
DOT_SECONDS = 1.0


@dataclass(frozen=True)
class Sync:
    """One `read` and what Amplitude saw of it."""

    name: str
    outcome: Outcome
    hours: int
    archive_bytes: int
    state_before: str

    @property
    def state_after(self) -> str:
        cursors = [cursor for cursor in self.outcome.cursors if cursor]
        return cursors[-1] if cursors else self.state_before

    def row(self) -> list[str]:
        records, seconds = len(self.outcome.uuids), self.outcome.seconds
        return [
            self.name,
            f"{records:,}",
            str(self.hours),
            f"{self.archive_bytes:,}",
            f"{seconds:.1f}",
            f"{records / seconds:,.0f}",
            self.state_before,
            self.state_after,
        ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--events-per-hour", type=int, default=500)
    parser.add_argument("--users", type=int, default=120, help="how many users the events are of")
    options = parser.parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    tables = RestData(first_day=FIRST_DAY)
    project = Project(FIRST_HOUR, options.events_per_hour, options.users, rest=tables)
    with Simulator(project, now=NOW) as simulator:
        sys.exit(0 if run(simulator) else 1)


def run(simulator: Simulator) -> bool:
    command = Command(simulator, OUTPUT)
    config, catalog = str(SAMPLES / "config.json"), str(SAMPLES / "configured_catalog.json")
    print(f"Amplitude is simulated at {simulator.url}, where it is {NOW:%Y-%m-%d %H:%M} UTC.\n")
    for verb, arguments in (("spec", []), ("check", ["--config", config]), ("discover", ["--config", config])):
        save(verb, show(verb, command, verb, *arguments))

    reading = ["--config", config, "--catalog", catalog]
    first = a_sync("first read", command, reading, "none")
    state = command.file("state.json", first.outcome.last_state)
    simulator.now += LATER
    print(f"\n{LATER.seconds // 3600} hours later, at {simulator.now:%Y-%m-%d %H:%M} UTC:\n")
    second = a_sync("second read", command, [*reading, "--state", state], first.state_after)
    print_table(
        ["", "records", "hours", "archive bytes", "seconds", "events/s", "state before", "state after"],
        [first.row(), second.row()],
    )
    print("\n(The seconds include the start of the process, and the simulator making up the events.)\n")
    events_are_right = verify(simulator, first, second)
    profiles_are_right = read_profiles(simulator, command)
    tables_are_right = read_tables(simulator, command)
    command.temporary_files.rmdir()
    files = ", ".join(sorted(path.name for path in OUTPUT.iterdir()))
    print(f"\nThe messages are in {OUTPUT.relative_to(REPOSITORY)}/: {files}")
    return events_are_right and profiles_are_right and tables_are_right


def show(name: str, command: Command, verb: str, *arguments: str, **options: Any) -> Outcome:
    """Run a command, and print its name at once, a dot a second, and how it ended."""
    print(f"$ source-amplitude {name:12} ", end="", flush=True)
    running = in_background(lambda: command.run(verb, *arguments, **options), name)
    while not wait([running], DOT_SECONDS).done:
        print(".", end="", flush=True)
    outcome = running.result()
    print(f" -> exit code {outcome.exit_code}, {len(outcome.lines):,} messages")
    for error in outcome.errors:
        print(f"  {error['message']}")
    return outcome


def save(name: str, outcome: Outcome) -> None:
    (OUTPUT / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in outcome.lines), encoding="utf-8")


def a_sync(name: str, command: Command, arguments: Sequence[str], state_before: str) -> Sync:
    command.simulator.clear_log()
    outcome = show(name, command, "read", *arguments)
    save(name.replace(" ", "_"), outcome)
    answers = [request for request in command.simulator.log if request.status in (200, 404)]
    hours = sum(int((an_hour(answer.params["end"]) - an_hour(answer.params["start"])) / HOUR) + 1 for answer in answers)
    return Sync(name, outcome, hours, sum(answer.bytes_sent for answer in answers), state_before)


def an_hour(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H").replace(tzinfo=timezone.utc)


def verify(simulator: Simulator, first: Sync, second: Sync) -> bool:
    """Whether the two reads together are what Amplitude published, each event once."""
    complete = simulator.project.uuids(FIRST_HOUR, simulator.now.replace(minute=0) - 3 * HOUR)
    seen = first.outcome.uuids + second.outcome.uuids
    repeated, missing = len(seen) - len(set(seen)), complete - set(seen)
    shared = set(first.outcome.uuids) & set(second.outcome.uuids)
    checks = {
        "both reads ended well": first.outcome.exit_code == second.outcome.exit_code == 0,
        f"no uuid came twice ({len(seen):,} records, {repeated} repeated)": not repeated,
        f"the two reads share no uuid ({len(shared)} shared)": not shared,
        f"no uuid is missing ({len(complete):,} in complete hours, {len(missing)} missing)": not missing,
        "nothing of an incomplete hour was read": set(seen) <= complete,
    }
    return tell(checks)


def read_profiles(simulator: Simulator, command: Command) -> bool:
    """Whether the users that the samples list, and all who were active on the last day, came once each."""
    newest = simulator.now.replace(minute=0) - 3 * HOUR
    users, devices = users_seen(simulator, newest - 23 * HOUR, newest)
    listed = ["user-1@example.com", "user-2@example.com", "user-3@example.com", "00000009-F01A-4BD9-95C6-8E5357DF265D"]
    rows, checks = [], {}
    print("\nThe profiles of listed users (two requests each), and of all who were active in the last 24 hours:\n")
    for selection, expected in (("listed", listed), ("active", [*users, *devices])):
        simulator.clear_log()
        config = str(SAMPLES / f"config_user_profiles_{selection}.json")
        catalog = str(SAMPLES / "configured_catalog_user_profiles.json")
        arguments = ["--config", config, "--catalog", catalog]
        outcome = show(f"read {selection}", command, "read", *arguments, settings=REAL_PACE)
        save(f"{selection}_users", outcome)
        keys, requests = keys_of(outcome), simulator.profile_log
        refused = sum(request.status == 429 for request in requests)
        rows.append([f"{selection} users", str(len(keys)), str(len(requests)), f"{outcome.seconds:.1f}"])
        checks[f"each of the {len(expected)} {selection} users came once"] = sorted(keys) == sorted(expected)
        checks[f"no request for {selection} users was refused with 429 ({refused})"] = not refused
    print_table(["", "profiles", "requests", "seconds"], rows)
    print()
    return tell(checks)


def read_tables(simulator: Simulator, command: Command) -> bool:
    """Whether every day that is over and every member of a cohort came once, within Amplitude's limits."""
    print("\nWhat Amplitude's other endpoints have, all of it in one sync:\n")
    simulator.clear_log()
    arguments = ["--config", str(SAMPLES / "config_tables.json")]
    arguments += ["--catalog", str(SAMPLES / "configured_catalog_tables.json")]
    outcome = show("read tables", command, "read", *arguments)
    save("tables", outcome)
    names = [*SNAPSHOTS, *DAILY]
    ends = {name: state_of(outcome, name).get("date", "") for name in names}
    print_table(
        ["", "records", "state after"], [[name, f"{len(outcome.records(name)):,}", ends[name]] for name in names]
    )
    print()
    over = days(FIRST_DAY, (simulator.now - 12 * HOUR).date() - DAY)
    cohorts = [cohort for cohort in simulator.project.rest.cohorts if cohort.group == "User"]
    members = [(cohort.id, member) for cohort in cohorts for member in member_ids(cohort)]
    read = [(record["cohort_id"], record["amplitude_id"]) for record in outcome.records("cohort_members")]
    cost = most_cost_in_any(300, simulator.rest_log)
    return tell(
        {
            "the read ended well": outcome.exit_code == 0,
            f"each of the {len(over)} days that are over came once": all(
                sorted(set(days_of(outcome, name))) == over for name in DAILY
            )
            and all(len(days_of(outcome, name)) == len(over) for name in ONE_RECORD_A_DAY),
            f"each of the {len(members)} members of {len(cohorts)} cohorts came once": read == members,
            f"requests cost {cost} in five minutes, of the 1,000 that Amplitude allows": 0 < cost <= 900,
            "no request was refused": {request.status for request in simulator.rest_log} <= {200, 202, 302},
        }
    )


def state_of(outcome: Outcome, stream: str) -> dict[str, str]:
    states = [state["stream"] for state in outcome.states]
    return next(state["stream_state"] for state in reversed(states) if state["stream_descriptor"]["name"] == stream)


def tell(checks: Mapping[str, bool]) -> bool:
    for name, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {name}")
    return all(checks.values())


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print()
    for row in (header, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
