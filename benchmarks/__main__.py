"""Measures everything, and writes docs/measured.json, docs/benchmark.png and the docs from it; for `make bench`.

With --quick or --only nothing is written to docs/: the figures are printed, and are in bench_output/.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import budget, cliffs, figures, latency, memory, pages, profiles, startup, throughput
from benchmarks.amplitude import Amplitude, an_amplitude
from benchmarks.figures import OUTPUT, Figures
from benchmarks.tables import TABLES

DAY_HOURS = 24


@dataclass(frozen=True)
class Size:
    """How much of it; the runs are of throughput, and others have more or less of them."""

    days: int
    days_of_throughput: int
    events_per_hour: int
    runs: int
    windows: int
    users: int
    memory_runs: dict[int, int]
    lines: tuple[int, int]

    def events(self, days: int) -> int:
        return days * DAY_HOURS * self.events_per_hour


WHOLE = Size(7, 2, 5_953, 3, 15, 900, {60: 3, 1_000: 1}, (10_000, 60_000))
QUICK = Size(2, 1, 1_000, 1, 6, 60, {60: 1}, (1_000, 6_000))


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark.

    :param official: the environment of the official connector
    :param amplitude: has the events of `size.days`, each day in an archive that is kept in memory
    """

    size: Size
    official: Path
    amplitude: Amplitude

    def last(self, days: int) -> Amplitude:
        return self.amplitude.last(days * DAY_HOURS)

    def throughput(self, folder: Path) -> Figures:
        days = self.size.days_of_throughput
        return throughput.measure(folder, self.official, self.last(days), self.size.events(days), self.size.runs)

    def large(self, folder: Path) -> Figures:
        return throughput.measure_large(folder, self.amplitude, self.size.events(self.size.days), self.size.runs)

    def budget(self, folder: Path) -> Figures:
        return budget.measure(self.last(1), self.size.events(1), 2 * self.size.runs + 1)

    def cliffs(self, folder: Path) -> Figures:
        return cliffs.measure(*self.size.lines, self.size.runs)

    def startup(self, folder: Path) -> Figures:
        return startup.measure(3 * self.size.runs)

    def latency(self, folder: Path) -> Figures:
        return latency.measure(folder, self.size.windows, 2.0, self.size.runs)

    def profiles(self, folder: Path) -> Figures:
        return profiles.measure(folder, self.size.users)

    def memory(self, folder: Path) -> Figures:
        return memory.measure(folder, self.size.memory_runs)


SCENARIOS = ("throughput", "large", "budget", "cliffs", "startup", "latency", "profiles", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--official", type=Path, required=True, help="the environment of the official connector")
    parser.add_argument("--quick", action="store_true", help="less of everything, in two minutes")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="some scenarios instead of all")
    options = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    size = QUICK if options.quick else WHOLE
    found = figures.provenance()
    with an_amplitude(hours=size.days * DAY_HOURS, events_per_hour=size.events_per_hour,
                      options=("--cache-archives",)) as amplitude:  # fmt: skip
        bench = Bench(size, options.official.absolute(), amplitude)
        for name in options.only or SCENARIOS:
            print(f"{name}:", flush=True)
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="bench-", dir=OUTPUT) as folder:
                found[name] = getattr(bench, name)(Path(folder).resolve())
            print(f"  {time.monotonic() - started:.0f} s in all\n", flush=True)
    figures.write(OUTPUT / "measured.json", found)
    for name, (part, make) in TABLES.items():
        if part == "bench" and name in found and (name != "memory" or "profiles" in found):
            print(f"{name}:\n\n{make(found)}\n", flush=True)
    if not options.quick and not options.only:
        keep(found)


def keep(found: Figures) -> None:
    """Writes the docs anew."""
    figures.keep("bench", found)
    chart = figures.MEASURED.with_name("benchmark.png")
    subprocess.run([sys.executable, "-m", "benchmarks.chart", str(chart)],
                   input=throughput.chart_data(found["throughput"]), text=True, check=True)  # fmt: skip
    pages.main()
    print(f"written: {figures.MEASURED}, {chart}, and the pages that show the figures")


if __name__ == "__main__":
    main()
