"""Profiles at the latency of a far server: how much of the organization's limit comes through."""

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.figures import Figures
from benchmarks.measure import COMMAND, run

LATENCY_SECONDS = 0.3


def measure(folder: Path, users: int) -> Figures:
    """One snapshot of listed users, timed between the first record and the last.

    :raises AssertionError: not every user has come
    """
    with an_amplitude(hours=1, events_per_hour=1, options=("--latency", str(LATENCY_SECONDS))) as amplitude:
        listed = {"selection": "listed", "user_ids": [f"user {number}" for number in range(users)]}
        arguments = reading_arguments(folder, amplitude, "user_profiles", user_profiles={"users": listed})
        output = folder / "output.jsonl"
        cost = run([COMMAND, *arguments], amplitude.environment, output)
        moments, throttled = _moments(output)
    assert len(moments) == users, f"{len(moments)} profiles came"
    return {
        "users": users,
        "latency": LATENCY_SECONDS,
        "seconds": moments[-1] - moments[0],
        "throttled": throttled,
        "runs": [asdict(cost)],
    }


def _moments(output: Path) -> tuple[list[float], int]:
    """When each record was emitted, in seconds, and how often the log has a 429."""
    lines = output.read_text().splitlines()
    records = [json.loads(line)["record"] for line in lines if line.startswith('{"type":"RECORD"')]
    return [record["emitted_at"] / 1000 for record in records], sum("429 from" in line for line in lines)
