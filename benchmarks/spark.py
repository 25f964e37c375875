"""What reading with Spark costs, processor time of Python and JVM together, beside its floor; for `make bench-spark`.

Events into Parquet on two cores, each run in a session of its own. The floor is a data source that yields the same
Arrow batches from files: what is above it is ours. Runs of one kind and of its floor alternate.
"""

import argparse
import json
import subprocess
import sys
from statistics import median

from benchmarks.amplitude import Amplitude, an_amplitude
from benchmarks.machine import OUTPUT, machine
from benchmarks.memory import EVENTS_A_GIGABYTE, PAYLOAD_CHARACTERS
from benchmarks.spark_cost import Cost
from benchmarks.spark_run import WORKERS
from benchmarks.table import Table

HOURS = 24
FEW = "uuid,event_type,server_upload_time"
HEADERS = ("", "CPU, us an event", "of it Python", "floor", "wall s", "largest worker MB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,016 events, one run, a small archive")
    parser.add_argument("--events-per-hour", type=int, action="append", help="instead of 8334 and 41670")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    sizes = [2_084] if options.quick else options.events_per_hour or [8_334, 41_670]
    tables = [cost(size, 1 if options.quick else options.runs) for size in sizes]
    if not options.events_per_hour:
        tables.append(memory((60,) if options.quick else (60, 1_000)))
    text = "\n".join([machine(), "", *(table.markdown() for table in tables)])
    (OUTPUT / "spark.md").write_text(text)
    print(f"\n{text}")


def cost(events_per_hour: int, runs: int) -> Table:
    """24 hours of events, in one archive for each task."""
    events = HOURS * events_per_hour
    kinds = {"batch": ("batch", ""), "stream": ("stream", ""), "floor": ("ready", ""),
             f"batch, columns={FEW}": ("batch", FEW), f"floor, columns={FEW}": ("ready", FEW)}  # fmt: skip
    found: dict[str, list[Cost]] = {kind: [] for kind in kinds}
    with an_amplitude(hours=HOURS, events_per_hour=events_per_hour, options=("--cache-archives",)) as amplitude:
        for window in amplitude.windows(HOURS // WORKERS):
            amplitude.archive(*window)  # made before anybody is measured
        for number in range(runs):
            for kind, (mode, columns) in kinds.items():
                found[kind].append(in_a_process(mode, amplitude, events, columns))
                print(f"  {number + 1}/{runs} {kind}: {found[kind][-1]}", flush=True)
    table = Table(f"Spark: {events:,} events of 2.1 KB into Parquet, local[{WORKERS}]", HEADERS)
    for kind in (kind for kind in kinds if not kind.startswith("floor")):
        floor = "floor" + kind.removeprefix("batch").removeprefix("stream")
        micros = [_micros(found[name], figure) for name, figure in ((kind, "cpu"), (kind, "python"), (floor, "cpu"))]
        wall, peak = (median(getattr(run, figure) for run in found[kind]) for figure in ("wall", "peak_mb"))
        table.rows.append((kind, *micros, f"{wall:.1f}", f"{peak:.0f}"))
    table.notes.append(f"Medians of {runs} runs in turn, from the first call of the read to its end.")
    return table


def _micros(runs: list[Cost], figure: str) -> str:
    return f"{median(getattr(run, figure) / run.events for run in runs) * 1e6:.1f}"


def memory(megabytes: tuple[int, ...]) -> Table:
    """One hour of so many events that its archive is about as large as asked for."""
    table = Table("Spark: memory of the worker, one archive", ("archive MB", "largest worker MB", "CPU s"))
    for size in megabytes:
        payload = ("--payload-characters", str(PAYLOAD_CHARACTERS), "--cache-archives")
        events = size * EVENTS_A_GIGABYTE // 1000
        with an_amplitude(hours=1, events_per_hour=events, options=payload) as amplitude:
            run = in_a_process("batch", amplitude, events)
            print(f"  {size} MB: {run}", flush=True)
        table.rows.append((f"{size:,}", f"{run.peak_mb:.0f}", f"{run.cpu:.1f}"))
    return table


def in_a_process(mode: str, amplitude: Amplitude, events: int, columns: str = "") -> Cost:
    """One measurement, in a session of its own."""
    arguments = [mode, amplitude.url, amplitude.first_hour.isoformat(), str(amplitude.hours), str(events)]
    command = [sys.executable, "-m", "benchmarks.spark_run", *arguments, "--columns", columns]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
