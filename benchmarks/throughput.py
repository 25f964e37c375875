"""The same events through ours, the official connector, a bare CDK stream and a lower bound; many through ours."""

import json
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.amplitude import Amplitude, reading_arguments
from benchmarks.figures import Figures
from benchmarks.measure import COMMAND, interleaved, run
from benchmarks.tables import OFFICIAL, OURS, kilobytes, of
from benchmarks.uuids import fingerprint

CONTENDERS = Path(__file__).parent / "contenders"
OFFICIAL_COMMAND = Path(__file__).parents[1] / "integration_tests" / "official.py"
BARE, CONVERT = "bare CDK stream, no conversions", "gunzip, orjson, dump: no connector"
WIDTH_HOURS = 24


def measure(folder: Path, official: Path, amplitude: Amplitude, events: int, runs: int) -> Figures:
    """Measures all contenders in turn; those that emit events must have emitted the same ones.

    :param events: how many this Amplitude has
    :raises AssertionError: the connectors did not print the same uuids, or not so many
    """
    archives = _archives(folder, amplitude)
    windows = ",".join(map("-".join, amplitude.windows(WIDTH_HOURS)))
    environment = {**amplitude.environment, "WINDOWS": windows}
    commands = _commands(folder, official, amplitude, archives)
    _same_uuids({name: commands[name] for name in (OURS, OFFICIAL, BARE)}, environment, folder, events)
    return {**_sizes(events, archives), "contenders": interleaved(commands, environment, runs)}


def measure_large(folder: Path, amplitude: Amplitude, events: int, runs: int) -> Figures:
    """Measures ours alone, with as many events as this Amplitude has."""
    sizes = _sizes(events, _archives(folder, amplitude))
    commands = {OURS: [COMMAND, *reading_arguments(folder, amplitude)]}
    return {**sizes, "runs": interleaved(commands, amplitude.environment, runs)[OURS]}


def chart_data(found: Figures) -> str:
    """For benchmarks/chart.py."""
    events = found["events"]
    rows = [
        (name, *(events / median(of(runs, figure)) for figure in ("wall", "cpu")))
        for name, runs in found["contenders"].items()
    ]
    return json.dumps({"title": f"{events:,} events of {kilobytes(found)} KB through a local server", "rows": rows})


def _commands(folder: Path, official: Path, amplitude: Amplitude, archives: list[Path]) -> dict[str, Sequence[str]]:
    arguments = reading_arguments(folder, amplitude)
    return {
        OURS: [COMMAND, *arguments],
        OFFICIAL: [str(official / "bin" / "python"), str(OFFICIAL_COMMAND), f"{amplitude.url}/api/", *arguments],
        BARE: [sys.executable, str(CONTENDERS / "bare_cdk.py"), *arguments],
        CONVERT: [sys.executable, str(CONTENDERS / "lower_bound.py"), *map(str, archives)],
    }


def _same_uuids(
    commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], folder: Path, events: int
) -> None:
    """Also the first run of each, which warms the disk's cache and is not counted."""
    output = folder / "output.jsonl"
    found = {}
    for name, command in commands.items():
        run(command, environment, output)
        found[name] = fingerprint(output)
        print(f"  {name}: {found[name]}", flush=True)
    output.unlink()
    emitted, uuids = map(int, re.findall(r"(\d+) (?:events|uuids)", found[OURS]))
    assert emitted == uuids == events, "an event was emitted twice, or is missing"
    assert len(set(found.values())) == 1, "the connectors did not emit the same events"


def _archives(folder: Path, amplitude: Amplitude) -> list[Path]:
    """The archive of each day as a file; the first to ask for it waits until the simulator has made it."""
    found = []
    for window in amplitude.windows(WIDTH_HOURS):
        found.append(folder / f"{window[0]}.zip")
        found[-1].write_bytes(amplitude.archive(*window))
    return found


def _sizes(events: int, archives: list[Path]) -> Figures:
    return {
        "events": events,
        "json_mb": _inflated_megabytes(archives),
        "zip_mb": sum(path.stat().st_size for path in archives) / 1e6,
    }


def _inflated_megabytes(archives: list[Path]) -> float:
    """By the sizes that gzip members state at their ends."""
    total = 0
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            total += sum(int.from_bytes(archive.read(name)[-4:], "little") for name in archive.namelist())
    return total / 1e6
