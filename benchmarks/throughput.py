"""The same events through ours, the official connector, a bare CDK stream and the lower bounds."""

import json
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.amplitude import Amplitude, an_amplitude, reading_arguments
from benchmarks.measure import Cost, interleaved, paired_ratio, run, spread
from benchmarks.table import Table
from benchmarks.uuids import fingerprint

CONTENDERS = Path(__file__).parent / "contenders"
OFFICIAL_COMMAND = Path(__file__).parents[1] / "integration_tests" / "official.py"
OURS, OFFICIAL, BARE = "source-amplitude", "official connector 0.6.19", "bare CDK stream, no conversions"
GUNZIP, CONVERT = "gunzip alone", "gunzip, orjson, dump: no connector"
WIDTH_HOURS = 24


@dataclass(frozen=True)
class Size:
    """How much of it: hours of events in windows of a day, events in each hour, runs of each contender."""

    hours: int
    events_per_hour: int
    runs: int

    @property
    def events(self) -> int:
        return self.hours * self.events_per_hour


@dataclass(frozen=True)
class Result:
    events: int
    megabytes: float
    archive_megabytes: float
    costs: Mapping[str, list[Cost]]

    def table(self) -> Table:
        table = Table(
            f"Throughput: {self.events:,} events, {self.megabytes:.0f} MB JSON, {self.archive_megabytes:.0f} MB ZIP",
            (
                "",
                "wall s",
                "CPU s",
                "events/s",
                "events per CPU s",
                "MB/s of JSON",
                "peak MB",
                "official / it, wall",
                "... CPU",
            ),
        )
        for name, costs in self.costs.items():
            wall, cpu = spread(costs, "wall"), spread(costs, "cpu")
            table.rows.append((
                name, wall.text(2), cpu.text(2), f"{wall.per(self.events).median:,.0f}",
                f"{cpu.per(self.events).median:,.0f}", f"{wall.per(self.megabytes).median:,.0f}",
                spread(costs, "peak_mb").text(0),
                paired_ratio(costs, self.costs[OFFICIAL], "wall").text(1),
                paired_ratio(costs, self.costs[OFFICIAL], "cpu").text(1),
            ))  # fmt: skip
        return table

    def chart_data(self) -> str:
        rows = [
            (name, *(spread(self.costs[name], figure).per(self.events).median for figure in ("wall", "cpu")))
            for name in (OURS, OFFICIAL, BARE, CONVERT)
        ]
        title = f"{self.events:,} events of {self.megabytes * 1000 / self.events:.1f} KB through a local server"
        return json.dumps({"title": title, "rows": rows})


def measure(folder: Path, official: Path, size: Size) -> Result:
    """Measure all contenders in turn; those that emit events must have emitted the same ones.

    :raises AssertionError: the connectors did not print the same uuids
    """
    with an_amplitude(
        hours=size.hours, events_per_hour=size.events_per_hour, options=("--cache-archives",)
    ) as amplitude:
        windows = amplitude.windows(WIDTH_HOURS)
        archives = [folder / f"{start}.zip" for start, _ in windows]
        for path, window in zip(archives, windows, strict=True):
            path.write_bytes(amplitude.archive(*window))
        environment = {**amplitude.environment, "WINDOWS": ",".join(map("-".join, windows))}
        commands = _commands(folder, official, amplitude, archives)
        _same_uuids({name: commands[name] for name in (OURS, OFFICIAL, BARE)}, environment, folder)
        costs = interleaved(commands, environment, size.runs)
        archive_megabytes = sum(path.stat().st_size for path in archives) / 1e6
        return Result(size.events, _inflated_megabytes(archives), archive_megabytes, costs)


def _commands(folder: Path, official: Path, amplitude: Amplitude, archives: list[Path]) -> dict[str, Sequence[str]]:
    arguments = reading_arguments(folder, amplitude)
    return {
        OURS: [str(Path(sys.executable).with_name("source-amplitude")), *arguments],
        OFFICIAL: [str(official / "bin" / "python"), str(OFFICIAL_COMMAND), f"{amplitude.url}/api/", *arguments],
        BARE: [sys.executable, str(CONTENDERS / "bare_cdk.py"), *arguments],
        GUNZIP: [sys.executable, str(CONTENDERS / "lower_bound.py"), "gunzip", *map(str, archives)],
        CONVERT: [sys.executable, str(CONTENDERS / "lower_bound.py"), "convert", *map(str, archives)],
    }


def _same_uuids(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], folder: Path) -> None:
    """Also the first run of each, which warms the disk's cache and is not counted."""
    output = folder / "output.jsonl"
    found = {}
    for name, command in commands.items():
        run(command, environment, output)
        found[name] = fingerprint(output)
        print(f"  {name}: {found[name]}", flush=True)
    output.unlink()
    events, uuids = map(int, re.findall(r"(\d+) (?:events|uuids)", found[OURS]))
    assert events == uuids > 0, "an event was emitted twice, or none at all"
    assert len(set(found.values())) == 1, "the connectors did not emit the same events"


def _inflated_megabytes(archives: list[Path]) -> float:
    """By the sizes that gzip members state at their ends."""
    total = 0
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            total += sum(int.from_bytes(archive.read(name)[-4:], "little") for name in archive.namelist())
    return total / 1e6
