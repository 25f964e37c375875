"""Many windows, each of which takes the server some seconds: what downloading ahead is for."""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.measure import interleaved, paired_ratio, spread
from benchmarks.table import Table

WORKERS = (1, 3, 5)
DELAY_HOURS = 2


def measure(folder: Path, windows: int, seconds: float, runs: int) -> Table:
    newest_complete_hour = (datetime.now(timezone.utc) - timedelta(hours=DELAY_HOURS + 1)).replace(
        minute=0, second=0, microsecond=0
    )
    with an_amplitude(
        hours=windows,
        events_per_hour=200,
        first_hour=newest_complete_hour - timedelta(hours=windows - 1),
        options=("--latency", str(seconds)),
    ) as amplitude:
        commands = {}
        for workers in WORKERS:
            own = folder / f"workers_{workers}"
            own.mkdir(exist_ok=True)
            arguments = reading_arguments(own, amplitude, batch_size_hours=1, num_workers=workers)
            commands[f"{workers} workers"] = [str(Path(sys.executable).with_name("source-amplitude")), *arguments]
        costs = interleaved(commands, amplitude.environment, runs)
    one = costs[f"{WORKERS[0]} workers"]
    table = Table(
        f"Latency: {windows} windows, {seconds:g} s of server time each", ("", "wall s", "times as fast as one")
    )
    for name, cost in costs.items():
        table.rows.append((name, spread(cost, "wall").text(1), paired_ratio(cost, one, "wall").text(2)))
    return table
