"""The most memory that archives of very different sizes take."""

from pathlib import Path

from benchmarks.amplitude import an_amplitude, reading_arguments
from benchmarks.figures import Figures
from benchmarks.measure import COMMAND, interleaved

# An event with an incompressible text of 20,000 characters, which gzip halves, is 10.5 KB of archive.
PAYLOAD_CHARACTERS = 20_000
EVENTS_A_GIGABYTE = 95_500


def measure(folder: Path, runs: dict[int, int]) -> Figures:
    """One hour of so many events that its archive is about as large as asked for, in one request.

    :param runs: of each size of the archive, in MB: how many
    """
    return {"archives": [{"archive_mb": size, "runs": _runs(folder, size, count)} for size, count in runs.items()]}


def _runs(folder: Path, megabytes: int, runs: int) -> list[Figures]:
    events = megabytes * EVENTS_A_GIGABYTE // 1000
    payload = ("--payload-characters", str(PAYLOAD_CHARACTERS))
    with an_amplitude(hours=1, events_per_hour=events, options=payload) as amplitude:
        name = f"{megabytes} MB"
        commands = {name: [COMMAND, *reading_arguments(folder, amplitude)]}
        return interleaved(commands, amplitude.environment, runs)[name]
