"""Measures what reading with Spark costs, processor time of Python and JVM together; for `make bench-spark`.

Events into Parquet on two cores, each run in a session of its own, beside a floor: a data source that yields the same
Arrow batches from files. What is above the floor is this project's. All kinds run in turn.

It writes the part `spark` of docs/measured.json (see benchmarks/figures.py), and the docs from it:

    pyspark   the version
    reads     a list of {"kind": what the table calls it, "events": how many, "runs": [...], "floor": [...]}
    memory    a list of {"archive_mb": size, "run": {...}}

where each run is {"events": ..., "cpu": seconds, "python": seconds, "wall": seconds, "peak_mb": largest worker}
(benchmarks/spark_cost.py). With --quick or other sizes only bench_output/ is written.
"""

import argparse
import json
import subprocess
import sys
from importlib.metadata import version

from benchmarks import figures, pages
from benchmarks.amplitude import Amplitude, an_amplitude
from benchmarks.figures import OUTPUT, Figures
from benchmarks.memory import EVENTS_A_GIGABYTE, PAYLOAD_CHARACTERS
from benchmarks.spark_run import WORKERS
from benchmarks.tables import TABLES

HOURS = 24
EVENTS_PER_HOUR = (8_334, 41_670)  # start-up counts for much in few events, and for little in many
FEW = "uuid,event_type,server_upload_time"
# What is read, with which columns; the floor of each has the same columns.
KINDS = {
    "batch": ("batch", ""),
    "stream": ("stream", ""),
    f"batch of the columns {FEW}": ("batch", FEW),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,016 events, one run, a small archive")
    parser.add_argument("--events-per-hour", type=int, action="append", help="not 8334 and 41670; no docs")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    sizes = [2_084] if options.quick else options.events_per_hour or EVENTS_PER_HOUR
    found = {**figures.provenance(), "pyspark": version("pyspark")}
    found["memory"] = memory((60,) if options.quick else (60, 1_000))
    found["reads"] = [read for size in sizes for read in reads(size, 1 if options.quick else options.runs)]
    figures.write(OUTPUT / "spark.json", found)
    for name, (part, make) in TABLES.items():
        if part == "spark":
            print(f"{name}:\n\n{make(found)}\n", flush=True)
    if not options.quick and not options.events_per_hour:
        figures.keep("spark", found)
        pages.main()


def reads(events_per_hour: int, runs: int) -> list[Figures]:
    """24 hours of events, in one archive for each task."""
    events = HOURS * events_per_hour
    floors = {columns: [] for _, columns in KINDS.values()}
    found = [
        {"kind": kind, "events": events, "runs": [], "floor": floors[columns]}
        for kind, (_, columns) in KINDS.items()
    ]  # fmt: skip
    with an_amplitude(hours=HOURS, events_per_hour=events_per_hour, options=("--cache-archives",)) as amplitude:
        for window in amplitude.windows(HOURS // WORKERS):
            amplitude.archive(*window)  # made before anybody is measured
        for number in range(runs):
            todo = [(read["kind"], read["runs"], *KINDS[read["kind"]]) for read in found]
            todo += [("floor", floor, "ready", columns) for columns, floor in floors.items()]
            for kind, measured, mode, columns in todo:
                measured.append(in_a_process(mode, amplitude, events, columns))
                print(f"  {number + 1}/{runs} {kind}: {measured[-1]}", flush=True)
    return found


def memory(megabytes: tuple[int, ...]) -> list[Figures]:
    """One hour of so many events that its archive is about as large as asked for."""
    found = []
    for size in megabytes:
        payload = ("--payload-characters", str(PAYLOAD_CHARACTERS), "--cache-archives")
        events = size * EVENTS_A_GIGABYTE // 1000
        with an_amplitude(hours=1, events_per_hour=events, options=payload) as amplitude:
            found.append({"archive_mb": size, "run": in_a_process("batch", amplitude, events)})
            print(f"  {size} MB: {found[-1]['run']}", flush=True)
    return found


def in_a_process(mode: str, amplitude: Amplitude, events: int, columns: str = "") -> Figures:
    """One measurement, in a session of its own."""
    arguments = [mode, amplitude.url, amplitude.first_hour.isoformat(), str(amplitude.hours), str(events)]
    command = [sys.executable, "-m", "benchmarks.spark_run", *arguments, "--columns", columns]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
