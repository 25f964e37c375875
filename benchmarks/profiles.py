"""Profiles at the latency of a far server: how much of the organization's limit comes through."""

import json
import sys
from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.measure import run
from benchmarks.table import Table

LATENCY_SECONDS = 0.3
LIMIT_A_MINUTE = 600


def measure(folder: Path, users: int) -> Table:
    """One snapshot of listed users; the pace is that between the first record and the last."""
    with an_amplitude(hours=1, events_per_hour=1, options=("--latency", str(LATENCY_SECONDS))) as amplitude:
        listed = {"selection": "listed", "user_ids": [f"user {number}" for number in range(users)]}
        arguments = reading_arguments(folder, amplitude, "user_profiles", user_profiles={"users": listed})
        output = folder / "output.jsonl"
        cost = run([str(Path(sys.executable).with_name("source-amplitude")), *arguments], amplitude.environment, output)
        moments, throttled = _moments(output)
    table = Table(
        f"Profiles: {users:,} users, {LATENCY_SECONDS * 1000:.0f} ms a request",
        ("profiles", "wall s", "a minute", f"share of {LIMIT_A_MINUTE}", "answers 429"),
    )
    pace = (len(moments) - 1) / (moments[-1] - moments[0]) * 60
    row = (f"{len(moments):,}", f"{cost.wall:.0f}", f"{pace:.0f}", f"{pace / LIMIT_A_MINUTE:.1%}", f"{throttled}")
    table.rows.append(row)
    return table


def _moments(output: Path) -> tuple[list[float], int]:
    """When each record was emitted, in seconds, and how often a 429 is told of."""
    lines = output.read_text().splitlines()
    records = [json.loads(line)["record"] for line in lines if line.startswith('{"type":"RECORD"')]
    return [record["emitted_at"] / 1000 for record in records], sum("429 from" in line for line in lines)
