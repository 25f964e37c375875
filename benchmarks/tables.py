"""Makes Markdown of measured figures: one block for each name in TABLES."""

from collections.abc import Callable, Iterable
from statistics import median
from typing import Any, NamedTuple

from benchmarks.figures import Figures

OURS, OFFICIAL = "source-amplitude", "official connector 0.6.19"
LIMIT_A_MINUTE = 600  # profile requests that Amplitude allows an organization


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = tuple(header)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ("---",) * len(header), *rows))


def spread(values: Iterable[float], digits: int) -> str:
    """The median of some runs, with the smallest and the largest; one run alone as it is."""
    values = sorted(values)
    middle = f"{median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({values[0]:,.{digits}f}-{values[-1]:,.{digits}f})"


def of(runs: list[Figures], figure: str) -> list[float]:
    return [run[figure] for run in runs]


def ratio(runs: list[Figures], others: list[Figures], figure: str) -> list[float]:
    """How many times as much the others take, run by run, so that each pair shares the machine's mood."""
    return [other[figure] / run[figure] for run, other in zip(runs, others, strict=True)]


def measured(part: Figures) -> str:
    machine = f"Python {part['python']}, {part['processors']} processors"
    return f"Measured on {part['date']} at commit `{part['commit']}` ({machine})."


def headline(part: Figures) -> str:
    """What the README says."""
    large, throughput = part["large"], part["throughput"]
    events, runs = large["events"], large["runs"]
    times = {figure: median(ratio(throughput["contenders"][OURS], throughput["contenders"][OFFICIAL], figure))
             for figure in ("wall", "cpu")}  # fmt: skip
    return (
        f"A sync of {events:,} events of {kilobytes(large)} KB takes {median(of(runs, 'wall')):.0f} s on one "
        f"processor, {micros(runs, events):.1f} µs an event, and at most {max(of(runs, 'peak_mb')):.0f} MB of memory. "
        f"For {throughput['events']:,} events Airbyte's own connector 0.6.19 takes {times['wall']:.0f} times as long "
        f"as this one, and {times['cpu']:.0f} times the processor time ({part['date']})."
    )


def kilobytes(archives: Figures) -> str:
    return f"{archives['json_mb'] * 1000 / archives['events']:.1f}"


def micros(runs: list[Figures], events: int) -> float:
    return median(of(runs, "cpu")) / events * 1e6


def throughput(part: Figures) -> str:
    found = part["throughput"]
    events, contenders = found["events"], found["contenders"]
    rows = (
        (
            name,
            spread(of(runs, "wall"), 2),
            spread(of(runs, "cpu"), 2),
            f"{events / median(of(runs, 'wall')):,.0f}",
            f"{micros(runs, events):.1f}",
            spread(of(runs, "peak_mb"), 0),
            spread(ratio(runs, contenders[OFFICIAL], "wall"), 1),
            spread(ratio(runs, contenders[OFFICIAL], "cpu"), 1),
        )
        for name, runs in contenders.items()
    )
    header = ("", "wall s", "CPU s", "events/s", "CPU µs an event", "peak MB", "official / it, wall", "... CPU")
    return (
        f"{events:,} events of {kilobytes(found)} KB in windows of a day ({found['json_mb']:.0f} MB of JSON, "
        f"{found['zip_mb']:.0f} MB of ZIP), `json_string`, timestamps converted, through the whole command line to "
        f"a pipe:\n\n"
        f"{markdown(header, rows)}"
    )


def large(part: Figures) -> str:
    found = part["large"]
    events, runs = found["events"], found["runs"]
    row = (
        spread(of(runs, "wall"), 2), spread(of(runs, "cpu"), 2), f"{events / median(of(runs, 'wall')):,.0f}",
        spread((run["cpu"] / events * 1e6 for run in runs), 1), spread(of(runs, "peak_mb"), 0),
    )  # fmt: skip
    return (
        f"And {events:,} events ({found['json_mb']:,.0f} MB of JSON, {found['zip_mb']:.0f} MB of ZIP) through this "
        f"connector:\n\n"
        f"{markdown(('wall s', 'CPU s', 'events/s', 'CPU µs an event', 'peak MB'), [row])}"
    )


def budget(part: Figures) -> str:
    found = part["budget"]
    total = sum(median(values) for values in found["steps"].values())
    rows = [(step, spread(values, 2), f"{median(values) / total:.0%}") for step, values in found["steps"].items()]
    rows.append(("together", f"{total:.2f}", "100%"))
    return (
        f"One thread, in microseconds of processor time an event, {found['events']:,} events:\n\n"
        f"{markdown(('step', 'µs of an event', 'share'), rows)}"
    )


def cliffs(part: Figures) -> str:
    usual, *others = part["cliffs"]["kinds"]
    rows = [(usual["name"], f"{per_mb(usual) * 1e3:.1f}", "1.0", f"{per_line(usual):.2f}")]
    for kind in others:
        slower = per_mb(kind) / per_mb(usual)
        rows.append((kind["name"], f"{per_mb(kind) * 1e3:.1f}", f"{slower:.1f}", f"{per_line(kind):.2f}"))
    return markdown(("lines", "ms of a MB", "times the usual", "µs a line"), rows)


def per_mb(kind: Figures) -> float:
    return median(kind["cpu"]) / kind["mb"]


def per_line(kind: Figures) -> float:
    return median(kind["cpu"]) / kind["lines"] * 1e6


def latency(part: Figures) -> str:
    found = part["latency"]
    one = found["workers"]["1"]
    rows = (
        (f"{workers} at once", spread(of(runs, "wall"), 1), spread(ratio(runs, one, "wall"), 2))
        for workers, runs in found["workers"].items()
    )
    return (
        f"{found['windows']} windows of an hour, for each of which the server takes {found['seconds']:g} s:\n\n"
        f"{markdown(('exports', 'wall s', 'times as fast as one'), rows)}"
    )


def memory(part: Figures) -> str:
    rows = [
        (f"`events`, one archive of {found['archive_mb']:,} MB", spread(of(found["runs"], "peak_mb"), 0))
        for found in part["memory"]["archives"]
    ]
    rows.append(
        (f"`user_profiles`, {part['profiles']['users']:,} users", spread(of(part["profiles"]["runs"], "peak_mb"), 0))
    )
    return markdown(("a sync of", "peak MB"), rows)


def profiles(part: Figures) -> str:
    found = part["profiles"]
    pace = profiles_minute(part)
    return (
        f"{found['users']:,} listed users, each answer after {found['latency'] * 1000:.0f} ms: {pace:.0f} profiles a "
        f"minute between the first and the last, {pace / LIMIT_A_MINUTE:.1%} of Amplitude's limit of {LIMIT_A_MINUTE}; "
        f"{found['throttled'] or 'no'} answers were 429."
    )


def profiles_minute(part: Figures) -> float:
    return (part["profiles"]["users"] - 1) / part["profiles"]["seconds"] * 60


def startup(part: Figures) -> str:
    imported, spec = part["startup"]["import airbyte_cdk"], part["startup"]["source-amplitude spec"]
    rows = [(name, spread(of(runs, "wall"), 2), spread(of(runs, "cpu"), 2)) for name, runs in part["startup"].items()]
    rows.append(("spec / import", *(spread(ratio(imported, spec, figure), 2) for figure in ("wall", "cpu"))))
    return markdown(("", "wall s", "CPU s"), rows)


class SparkGoal(NamedTuple):
    """Holds microseconds of an event, measured on one machine when the goal was set: all runs lay between the two.

    Only their ratios to the floor carry over to other machines.
    """

    before: tuple[float, float]
    floor: tuple[float, float]
    goal: float

    @property
    def of_floor(self) -> tuple[str, str]:
        """The ratios to the floor: what it was, and what is to reach."""
        (least, most), (lowest, highest) = self.before, self.floor
        return span(least / highest, most / lowest), span(self.goal / highest, self.goal / lowest)


# By kind of read and number of events. No goal was set for few columns of a million events.
SPARK_GOALS = {
    ("batch", 200_016): SparkGoal(before=(42, 42), floor=(26, 32), goal=34),
    ("stream", 200_016): SparkGoal(before=(49, 49), floor=(26, 32), goal=38),
    ("batch of the columns", 200_016): SparkGoal(before=(26, 30), floor=(6.6, 6.6), goal=14),
    ("batch", 1_000_080): SparkGoal(before=(26.7, 26.7), floor=(14.6, 14.6), goal=21),
    ("stream", 1_000_080): SparkGoal(before=(30.8, 30.8), floor=(14.6, 14.6), goal=25),
}


def span(least: float, most: float) -> str:
    texts = f"{least:.2f}", f"{most:.2f}"
    return texts[0] if texts[0] == texts[1] else "-".join(texts)


def spark(part: Figures) -> str:
    rows = [
        (
            f"{found['kind']}, {found['events']:,} events",
            f"{per_event(found['runs'], 'cpu'):.1f}",
            f"{per_event(found['runs'], 'python'):.1f}",
            f"{per_event(found['floor'], 'cpu'):.1f}",
            spread(ratio(found["floor"], found["runs"], "cpu"), 2),
            *_goals(found["kind"], found["events"]),
            f"{median(of(found['runs'], 'wall')):.1f}",
            f"{max(of(found['runs'], 'peak_mb')):.0f}",
        )
        for found in part["reads"]
    ]
    of_floor = ("CPU / floor", "... before", "... to reach")
    return markdown(("", "CPU µs an event", "of it Python", "floor", *of_floor, "wall s", "largest worker MB"), rows)


def _goals(kind: str, events: int) -> tuple[str, str]:
    name = "batch of the columns" if kind.startswith("batch of") else kind
    goal = SPARK_GOALS.get((name, events))
    return goal.of_floor if goal else ("", "")


def per_event(runs: list[Figures], figure: str) -> float:
    return median(run[figure] / run["events"] for run in runs) * 1e6


def spark_memory(part: Figures) -> str:
    rows = (
        (f"{found['archive_mb']:,}", f"{found['run']['peak_mb']:.0f}", f"{found['run']['cpu']:.1f}")
        for found in part["memory"]
    )
    return markdown(("archive MB", "largest worker MB", "CPU s"), rows)


def spark_measured(part: Figures) -> str:
    return f"{measured(part)[:-2]}, PySpark {part['pyspark']})."


# Of each block: the part of docs/measured.json, and what makes Markdown of it.
TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "measured": ("bench", measured),
    "headline": ("bench", headline),
    "throughput": ("bench", throughput),
    "large": ("bench", large),
    "budget": ("bench", budget),
    "cliffs": ("bench", cliffs),
    "latency": ("bench", latency),
    "memory": ("bench", memory),
    "profiles": ("bench", profiles),
    "startup": ("bench", startup),
    "spark-measured": ("spark", spark_measured),
    "spark": ("spark", spark),
    "spark-memory": ("spark", spark_memory),
}
