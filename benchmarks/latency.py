"""Many windows, each of which takes the server some seconds: what downloading ahead is for."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.figures import Figures
from benchmarks.measure import COMMAND, interleaved

WORKERS = (1, 3, 5)
DELAY_HOURS = 2


def measure(folder: Path, windows: int, seconds: float, runs: int) -> Figures:
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
            commands[str(workers)] = [
                COMMAND, *reading_arguments(own, amplitude, batch_size_hours=1, num_workers=workers)
            ]  # fmt: skip
        return {
            "windows": windows,
            "seconds": seconds,
            "workers": interleaved(commands, amplitude.environment, runs),
        }
