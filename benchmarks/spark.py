"""Spark's Python workers with this data source and with a plain one; `make bench-spark` calls it.

The same events into Parquet on two cores, in one session after the other, run in turn. Workers are started, and have
imported what they need, before they are measured. Only the workers count: the JVM does the same for both.
"""

import argparse
import json
import subprocess
import sys
from statistics import median

from benchmarks.amplitude import Amplitude, an_amplitude
from benchmarks.machine import OUTPUT, machine
from benchmarks.memory import EVENTS_A_GIGABYTE, PAYLOAD_CHARACTERS
from benchmarks.spark_workers import WorkersCost
from benchmarks.table import Table

OURS, PLAIN = "amplitude", "plain"
NAMES = {OURS: "source-amplitude", PLAIN: "plain: requests, zipfile, gzip, json.loads, tuples"}
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the events, one run, a small archive")
    options = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    events_per_hour, runs = (2_084, 1) if options.quick else (8_334, 3)
    speed = [throughput(events_per_hour, runs, timestamps) for timestamps in ("false", "true")]
    space = memory((60,) if options.quick else (60, 1_000))
    text = "\n".join([machine(), "", *(table.markdown() for table in speed), space.markdown()])
    (OUTPUT / "spark.md").write_text(text)
    print(f"\n{text}")


def throughput(events_per_hour: int, runs: int, timestamps: str) -> Table:
    """24 hours of events, in one window a task of both.

    :param timestamps: "true": they are Spark's type; "false": text, as our option of that name says
    """
    hours = 24
    events = hours * events_per_hour
    costs: dict[str, list[WorkersCost]] = {OURS: [], PLAIN: []}
    with an_amplitude(hours=hours, events_per_hour=events_per_hour, options=("--cache-archives",)) as amplitude:
        for window in amplitude.windows(hours // WORKERS):
            amplitude.archive(*window)  # made before anybody is measured
        for number in range(runs):
            for name, found in costs.items():
                found.append(in_a_process(name, amplitude, hours // WORKERS, timestamps))
                assert found[-1].events == events, "events are missing"
                print(f"  {number + 1}/{runs} {name}: {found[-1]}", flush=True)
    table = Table(
        f"Spark: {events:,} events of 2.1 KB into Parquet, local[{WORKERS}], timestamps={timestamps}",
        ("", "worker CPU, us an event", "events per worker CPU s", "wall s", "largest worker MB", "plain / it, CPU"),
    )
    plain = median(cost.cpu for cost in costs[PLAIN])
    for name, found in costs.items():
        cpu, wall, peak = (median(getattr(cost, figure) for cost in found) for figure in ("cpu", "wall", "peak_mb"))
        row = (f"{cpu / events * 1e6:.1f}", f"{events / cpu:,.0f}", f"{wall:.1f}", f"{peak:.0f}", f"{plain / cpu:.1f}")
        table.rows.append((NAMES[name], *row))
    table.notes.append(f"Medians of {runs} runs in turn, the sessions' starts left out.")
    return table


def memory(megabytes: tuple[int, ...]) -> Table:
    """One hour of so many events that its archive is about as large as asked for."""
    table = Table("Spark: memory of the worker, one archive", ("archive MB", "largest worker MB", "worker CPU s"))
    for size in megabytes:
        payload = ("--payload-characters", str(PAYLOAD_CHARACTERS), "--cache-archives")
        with an_amplitude(hours=1, events_per_hour=size * EVENTS_A_GIGABYTE // 1000, options=payload) as amplitude:
            cost = in_a_process(OURS, amplitude, 1, "false")
            print(f"  {size} MB: {cost}", flush=True)
        table.rows.append((f"{size:,}", f"{cost.peak_mb:.0f}", f"{cost.cpu:.1f}"))
    return table


def in_a_process(name: str, amplitude: Amplitude, width_hours: int, timestamps: str) -> WorkersCost:
    """One measurement, in a session of its own."""
    hours = (amplitude.first_hour.isoformat(), str(amplitude.hours), str(width_hours))
    arguments = [name, amplitude.url, *hours, timestamps]
    command = [sys.executable, "-m", "benchmarks.spark_run", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return WorkersCost(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
