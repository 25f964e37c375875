"""Peak memory for archives of very different sizes."""

import sys
from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.measure import Cost, run, spread
from benchmarks.table import Table

# An event with an incompressible text of 20,000 characters, which gzip halves, is 10.5 KB of archive.
PAYLOAD_CHARACTERS = 20_000
EVENTS_A_GIGABYTE = 95_500


def measure(folder: Path, megabytes: tuple[int, ...], runs: int) -> Table:
    """One hour of so many events that its archive is about as large as asked for, in one request."""
    table = Table("Memory: one archive of incompressible events", ("archive MB", "peak MB", "wall s", "CPU s"))
    for size in megabytes:
        events = size * EVENTS_A_GIGABYTE // 1000
        with an_amplitude(
            hours=1, events_per_hour=events, options=("--payload-characters", str(PAYLOAD_CHARACTERS))
        ) as amplitude:
            command = [str(Path(sys.executable).with_name("source-amplitude")), *reading_arguments(folder, amplitude)]
            log = folder / "output.jsonl"
            costs: list[Cost] = []
            for number in range(runs):
                costs.append(run(command, amplitude.environment, log if number == 0 and size == megabytes[0] else None))
                print(f"  {number + 1}/{runs} {size} MB: {costs[-1].peak_mb:.0f} MB", flush=True)
        table.rows.append((f"{size:,}", *(spread(costs, figure).text(0) for figure in ("peak_mb", "wall", "cpu"))))
    return table
