"""Profiles at the latency of a far server: how much of the organization's limit comes through."""

import sys
from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.measure import run
from benchmarks.table import Table

LATENCY_SECONDS = 0.3
LIMIT_A_MINUTE = 600


def measure(folder: Path, users: int) -> Table:
    """One snapshot of listed users; the wall time also holds the start of the command."""
    with an_amplitude(hours=1, events_per_hour=1, options=("--latency", str(LATENCY_SECONDS))) as amplitude:
        listed = {"selection": "listed", "user_ids": [f"user {number}" for number in range(users)]}
        arguments = reading_arguments(folder, amplitude, "user_profiles", user_profiles={"users": listed})
        output = folder / "output.jsonl"
        cost = run([str(Path(sys.executable).with_name("source-amplitude")), *arguments], amplitude.environment, output)
        read, throttled = _counts(output)
    table = Table(
        f"Profiles: {users:,} users, {LATENCY_SECONDS * 1000:.0f} ms a request",
        ("profiles", "wall s", "a minute", f"share of {LIMIT_A_MINUTE}", "answers 429"),
    )
    pace = read / cost.wall * 60
    table.rows.append((f"{read:,}", f"{cost.wall:.0f}", f"{pace:.0f}", f"{pace / LIMIT_A_MINUTE:.1%}", f"{throttled}"))
    return table


def _counts(output: Path) -> tuple[int, int]:
    lines = output.read_text().splitlines()
    return sum(line.startswith('{"type":"RECORD"') for line in lines), sum("429 from" in line for line in lines)
