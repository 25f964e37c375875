"""`make demo`: the connector against a simulated Amplitude, from `spec` to a second sync, with a table at the end.

Time is simulated too: the first sync runs at 23:10 on 2024-03-15, the second one three hours later, when new hours have
become complete. The messages are written to demo_output/, one file a command.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from integration_tests.amplitude_simulator import Project, Simulator
from integration_tests.harness import Command, Outcome

REPOSITORY = Path(__file__).parents[1]
SAMPLES = REPOSITORY / "sample_files"
OUTPUT = REPOSITORY / "demo_output"
FIRST_HOUR = datetime(2024, 3, 13, tzinfo=timezone.utc)
NOW = datetime(2024, 3, 15, 23, 10, tzinfo=timezone.utc)
LATER = timedelta(hours=3)
HOUR = timedelta(hours=1)


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
    options = parser.parse_args()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    project = Project(first_hour=FIRST_HOUR, events_per_hour=options.events_per_hour)
    with Simulator(project, now=NOW) as simulator:
        sys.exit(0 if run(simulator) else 1)


def run(simulator: Simulator) -> bool:
    command = Command(simulator, OUTPUT)
    config, catalog = str(SAMPLES / "config.json"), str(SAMPLES / "configured_catalog.json")
    print(f"Amplitude is simulated at {simulator.url}, where it is {NOW:%Y-%m-%d %H:%M} UTC.\n")
    for verb, arguments in (("spec", []), ("check", ["--config", config]), ("discover", ["--config", config])):
        save(verb, show(verb, command.run(verb, *arguments)))

    reading = ["--config", config, "--catalog", catalog]
    first = a_sync("first read", command, reading, "none")
    state = command.file("state.json", first.outcome.last_state)
    simulator.now += LATER
    print(f"\n{LATER.seconds // 3600} hours later, at {simulator.now:%Y-%m-%d %H:%M} UTC:\n")
    second = a_sync("second read", command, [*reading, "--state", state], first.state_after)
    command.temporary_files.rmdir()

    print_table(
        ["", "records", "hours", "archive bytes", "seconds", "events/s", "state before", "state after"],
        [first.row(), second.row()],
    )
    print("\n(The seconds include the start of the process, and the simulator making up the events.)\n")
    return verify(simulator, first, second)


def show(name: str, outcome: Outcome) -> Outcome:
    print(f"$ source-amplitude {name:12} -> exit code {outcome.exit_code}, {len(outcome.lines):,} messages")
    for error in outcome.errors:
        print(f"  {error['message']}")
    return outcome


def save(name: str, outcome: Outcome) -> None:
    (OUTPUT / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in outcome.lines), encoding="utf-8")


def a_sync(name: str, command: Command, arguments: Sequence[str], state_before: str) -> Sync:
    command.simulator.clear_log()
    outcome = show(name, command.run("read", *arguments))
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
    for name, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {name}")
    files = ", ".join(sorted(path.name for path in OUTPUT.iterdir()))
    print(f"\nThe messages are in {OUTPUT.relative_to(REPOSITORY)}/: {files}")
    return all(checks.values())


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print()
    for row in (header, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
