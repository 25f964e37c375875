"""Runs the benchmarks; `make bench` and `make bench-quick` call it."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import budget, latency, memory, profiles, startup, throughput
from benchmarks.machine import OUTPUT, machine
from benchmarks.table import Table

SCENARIOS = ("throughput", "budget", "startup", "latency", "profiles", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--official", type=Path, required=True, help="the environment of the official connector")
    parser.add_argument("--quick", action="store_true", help="less of everything, in under two minutes")
    parser.add_argument("--only", choices=SCENARIOS, help="one scenario instead of all")
    options = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    tables = []
    for scenario in (options.only,) if options.only else SCENARIOS:
        print(f"{scenario}:", flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=OUTPUT) as folder:
            tables.append(measure(scenario, Path(folder).resolve(), options.official.absolute(), options.quick))
        print(f"\n{tables[-1].markdown()}", flush=True)
    text = "\n".join([machine(), "", *(table.markdown() for table in tables)])
    (OUTPUT / "results.md").write_text(text)
    print(f"written: {OUTPUT / 'results.md'}")


def measure(scenario: str, folder: Path, official: Path, quick: bool) -> Table:
    if scenario == "throughput":
        small, large = throughput.Size(24, 2_100, 2), throughput.Size(48, 8_334, 5)
        result = throughput.measure(folder, official, small if quick else large)
        chart(result.chart_data())
        return result.table()
    if scenario == "budget":
        return budget.measure(events_per_hour=1_000 if quick else 8_334, runs=3 if quick else 7)
    if scenario == "startup":
        return startup.measure(runs=5 if quick else 15)
    if scenario == "latency":
        return latency.measure(folder, 12, 1.0, 1) if quick else latency.measure(folder, 18, 5.0, 3)
    if scenario == "profiles":
        return profiles.measure(folder, 60 if quick else 2_000)
    return memory.measure(folder, (60, 240), 1) if quick else memory.measure(folder, (60, 1_000, 4_000), 3)


def chart(data: str) -> None:
    """Drawn in a process of its own: the peaks of what is measured after it cannot read below this process's own."""
    subprocess.run([sys.executable, "-m", "benchmarks.chart", str(OUTPUT / "benchmark.png")],
                   input=data, text=True, check=True)  # fmt: skip


if __name__ == "__main__":
    main()
