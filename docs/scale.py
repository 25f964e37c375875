"""Writes docs/scale.md: planning tables, each figure computed from docs/measured.json.

    python -m docs.scale

`make bench`, `make bench-spark` and `make docs` run it.
"""

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from statistics import median

from benchmarks.figures import load
from benchmarks.tables import of, per_event, profiles_minute

PAGE = Path(__file__).with_name("scale.md")


def measured() -> dict[str, tuple[float, str]]:
    """The figures that all others are computed from, and what each is."""
    found = load()
    bench, spark = found["bench"], found["spark"]
    large = bench["large"]
    most_events = max((read for read in spark["reads"] if read["kind"] == "batch"), key=lambda read: read["events"])
    peaks = [run["peak_mb"] for sync in (large, *bench["memory"]["archives"]) for run in sync["runs"]]
    workers = [run["peak_mb"] for read in spark["reads"] for run in read["runs"]]
    workers += [archive["run"]["peak_mb"] for archive in spark["memory"]]
    return {
        "events": (large["events"], "events in a sync"),
        "json_mb": (large["json_mb"], "MB of JSON in their archives"),
        "zip_mb": (large["zip_mb"], "MB of ZIP, as Amplitude sends them"),
        "wall_s": (median(of(large["runs"], "wall")), "seconds of that sync"),
        "cpu_s": (median(of(large["runs"], "cpu")), "seconds of processor time of that sync"),
        "memory_mb": (max(peaks), "MB of memory of a sync at most, whatever the archive"),
        "spark_us": (
            per_event(most_events["runs"], "cpu"),
            "µs of processor time of Spark an event, Python and JVM together, into Parquet",
        ),
        "spark_mb": (max(workers), "MB of memory of a Spark worker at most"),
        "profiles_minute": (profiles_minute(bench), "profiles a minute"),
    }


MEASURED = measured()
# Amplitude's own limits (docs/amplitude.md), and two settings of the connector.
RESPONSE_GB = 4
REQUESTS_AT_ONCE = 5
DEFAULT_WORKERS = 3
TARGET_ARCHIVE_MB = 512
# What is assumed: the busiest hour has twice the events of the mean hour.
PEAK = 2
EVENTS_A_DAY = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000)
LINKS_MBIT = (100, 1_000, 10_000)


def value(name: str) -> float:
    return MEASURED[name][0]


def shown(name: str) -> str:
    """Whole above 100, and with three digits below."""
    return f"{value(name):,.0f}" if value(name) >= 100 else f"{value(name):.3g}"


JSON_BYTES = value("json_mb") * 1e6 / value("events")
ZIP_BYTES = value("zip_mb") * 1e6 / value("events")
CPU_US = value("cpu_s") * 1e6 / value("events")
PROCESS = value("events") / value("wall_s")
MOST_A_DAY = RESPONSE_GB * 1e9 / ZIP_BYTES * 24 / PEAK
SPARK = {cores: cores * 1e6 / value("spark_us") for cores in (DEFAULT_WORKERS, REQUESTS_AT_ONCE)}
PROCESS_MB_S = PROCESS * ZIP_BYTES / 1e6


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    return "\n".join(
        [
            HEAD.format(
                json=number(JSON_BYTES),
                zip=number(ZIP_BYTES),
                cpu=number(CPU_US),
                process=number(PROCESS),
                spark=number(SPARK[REQUESTS_AT_ONCE]),
                measured=table(("Measured", ""), ((shown(name), what) for name, (_, what) in MEASURED.items())),
            ),
            table(
                ("Events a day", "JSON", "ZIP", "Busiest hour, ZIP", "Exports, nightly", "Exports, hourly"),
                map(day, EVENTS_A_DAY),
            ),
            DAY.format(most=number(MOST_A_DAY / 1e6), peak=PEAK, limit=RESPONSE_GB, target=TARGET_ARCHIVE_MB),
            table(
                (
                    "Events a day",
                    "Processor time",
                    "Time",
                    "Memory",
                    "Disk",
                    "Disk, 1 hour a window",
                ),
                map(machine, possible()),
            ),
            MACHINE.format(
                workers=DEFAULT_WORKERS, memory=shown("memory_mb"), target=TARGET_ARCHIVE_MB, limit=RESPONSE_GB
            ),
            table(
                (
                    "A year of, a day",
                    "ZIP",
                    *(f"Network, {link:,} Mbit/s" for link in LINKS_MBIT),
                    "One process",
                    "Spark, 3 cores",
                    "Spark, 5 cores",
                ),
                map(backfill, possible()),
            ),
            BACKFILL.format(
                link=number(PROCESS_MB_S * 8),
                mb=number(PROCESS_MB_S),
                faster=number(SPARK[REQUESTS_AT_ONCE] / PROCESS),
                executor=number(value("spark_mb") * REQUESTS_AT_ONCE / 1e3),
                worker=shown("spark_mb"),
            ),
            table(
                ("Users", "Time"),
                (
                    (f"{users:,}", duration(users / value("profiles_minute") * 60))
                    for users in (1_000, 10_000, 100_000, 1_000_000)
                ),
            ),
            TAIL.format(profiles=shown("profiles_minute")),
        ]
    )


def day(events: int) -> tuple[str, ...]:
    """What a day of events comes to."""
    nightly, hourly = exports(events), 24
    hour = events / 24 * PEAK * ZIP_BYTES
    requests = (
        (f"{new} new, {2 * new} again" for new in (nightly, hourly))
        if events <= MOST_A_DAY
        else ("not possible", "not possible")
    )
    return f"{events:,}", size(events * JSON_BYTES), size(events * ZIP_BYTES), size(hour), *requests


def exports(events: int) -> int:
    """The windows of a day: one where its archive may be sent, else as wide as keeps archives near the target."""
    archive = events * ZIP_BYTES
    if archive <= RESPONSE_GB * 1e9:
        return 1
    return ceil(24 / max(1, int(24 * TARGET_ARCHIVE_MB * 2**20 / archive)))


def possible() -> list[int]:
    """Those of the days whose busiest hour Amplitude sends."""
    return [events for events in EVENTS_A_DAY if events <= MOST_A_DAY]


def machine(events: int) -> tuple[str, ...]:
    """What a sync of a day needs."""
    return (
        f"{events:,}",
        duration(events * CPU_US / 1e6),
        duration(events / PROCESS),
        f"{shown('memory_mb')} MB",
        size(DEFAULT_WORKERS * min(events * ZIP_BYTES, RESPONSE_GB * 1e9)),
        size(DEFAULT_WORKERS * events / 24 * PEAK * ZIP_BYTES),
    )


def backfill(a_day: int) -> tuple[str, ...]:
    """What a year takes, by each of the things that can bound it."""
    events = a_day * 365
    network = (duration(events * ZIP_BYTES / (link / 8 * 1e6)) for link in LINKS_MBIT)
    return (
        f"{a_day:,}",
        size(events * ZIP_BYTES),
        *network,
        duration(events / PROCESS),
        duration(events / SPARK[DEFAULT_WORKERS]),
        duration(events / SPARK[REQUESTS_AT_ONCE]),
    )


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (f"| {' | '.join(cells)} |" for cells in (header, ("---",) * len(header), *rows))
    return "\n".join(lines)


def number(of: float) -> str:
    """Two digits, or three where it is above 100."""
    digits = 3 if of >= 100 else 2
    return f"{float(f'{of:.{digits}g}'):,.10g}"


def size(in_bytes: float) -> str:
    for unit, least in (("TB", 1e12), ("GB", 1e9)):
        if in_bytes >= least:
            return f"{number(in_bytes / least)} {unit}"
    return f"{number(in_bytes / 1e6)} MB"


def duration(seconds: float) -> str:
    for unit, least in (("days", 86_400 * 2), ("h", 3600), ("min", 60)):
        if seconds >= least:
            return f"{number(seconds / (86_400 if unit == 'days' else least))} {unit}"
    return f"{number(seconds)} s"


HEAD = """# Scale

How much of everything a project needs, from a million to ten billion events a day: computed by `docs/scale.py` from these figures
of [performance](performance.md), where it says when, and on which machine, they were measured:

{measured}

From them:

- an event has {json} bytes as JSON (MB of JSON / events) and {zip} in the archive (MB of ZIP / events);
- it takes {cpu} µs of processor time (processor time / events);
- one process reads {process} events a second (events / time), on one processor;
- five cores of Spark read {spark} events a second (5 / processor time an event), Parquet written.

Your events are smaller or larger: the log has events and MB of each window (`12,000 events, 3.5 MB in 41.2 s`), and all sizes
and network times below grow with MB / events. What Amplitude takes to prepare an export comes on top, and is hidden
behind the exports that are under way beside it ([latency](performance.md#latency)).

## A day
"""
DAY = """
- JSON, ZIP: events × bytes of an event. Busiest hour: {peak} times the mean hour, which is assumed.
- Exports: a window is a day where Amplitude sends that, and else narrows until its archive is below {target} MiB, to an hour at
  least. Each is asked for twice again, which costs a request, and a download only where something came late
  ([why](reliability.md#hours-that-amplitude-publishes-late)). Amplitude has no limit on exports but five at once.
- **Amplitude sends {limit} GB at most, and an hour is the least that can be asked for.** With events as here that is
  {most} million events a day ({limit} GB / bytes of an event in the archive × 24 hours / {peak}). Above it the Export API cannot
  serve the busiest hour, whoever asks, and the error names it: such projects use Amplitude's own export to S3 or to a warehouse.

## A machine

What a sync of one day needs:
"""
MACHINE = """
- Processor time: events × time of an event. Time: events / events a second; the destination's time comes on top.
- Memory: {memory} MB were the most, whatever the archive; give it 256 MB, and 512 MB as a limit (`metadata.yaml`).
- Disk in the temporary folder: `num_workers` ({workers}) archives. Windows begin with a day, so an archive is a day's ZIP, or {limit} GB,
  Amplitude's most; after the first one above {target} MiB they narrow. With `batch_size_hours` 1 they begin with an hour: {workers} times
  the busiest hour. Where the folder is too small, one window at a time is read, then narrower ones.

## A backfill

A year of the past, by each of the things that can bound it; the slowest of network, reading and destination counts:
"""
BACKFILL = """
- Network: ZIP / bandwidth. One process: events / events a second. Spark: events ×
  processor time / cores, Parquet written.
- **When Spark:** one process takes {mb} MB of archives a second. So with less than {link} Mbit/s from Amplitude the network is what bounds
  a backfill, and Spark makes it no faster. With more, five cores read {faster} times as fast. Otherwise Spark is for where the
  tables are wanted there.
- **How many executors:** five cores in all, since Amplitude takes five requests at once from a project ([sizing](spark.md#sizing)): one
  executor of five cores, with {executor} GB beside its JVM for the Python workers (5 × {worker} MB). More executors read no faster.

## Profiles, days and cohorts
"""
TAIL = """
- Profiles: users / {profiles} a minute; Amplitude allows an organization 600. So take the users that were active since the last sync, and
  not all of them ([user profiles](user_profiles.md)).
- Tables by day: a sync of one day is seconds; what bounds a long past is Amplitude's budget of dashboard requests
  ([limits](dashboard_and_cohorts.md#limits)), whatever the number of events.
- Cohorts: 500 downloads a month for a project: at most 16 a day, so 16 cohorts daily (500 / 31).
"""


if __name__ == "__main__":
    main()
