"""Lines that nobody sends on purpose, or an attacker does: what they cost beside usual events.

The figures are of one thread, from archive to records, without network and output. No kind should take more than ten
times as long as usual events of as many bytes.
"""

import gzip
import io
import logging
import time
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone

from amplitude_simulator.events import Population, event_lines
from benchmarks.figures import Figures
from source_amplitude.events.converter import RecordConverter
from source_amplitude.events.reader import WindowReader
from source_amplitude.export.archive import Archive
from source_amplitude.export.windows import Window

HOUR = datetime(2024, 3, 15, tzinfo=timezone.utc)
LEVELS = 1_000
NAMES = 400

Lines = list[bytes]


def measure(usual: int, tiny: int, runs: int) -> Figures:
    """Measures each kind in turn, `runs` times over.

    :param usual: how many lines of the size of usual events
    :param tiny: how many lines of a few bytes
    """
    found: dict[str, Figures] = {}
    for number in range(runs):
        for name, lines in kinds(usual, tiny).items():
            content = b"\n".join(lines) + b"\n"
            fields = {"name": name, "lines": len(lines), "mb": len(content) / 1e6, "cpu": []}
            found.setdefault(name, fields)["cpu"].append(_cpu_seconds(content))
        print(f"  {number + 1}/{runs} {sum(kind['cpu'][-1] for kind in found.values()):.1f} s", flush=True)
    return {"kinds": list(found.values())}


def kinds(usual: int, tiny: int) -> dict[str, Lines]:
    """The usual lines first."""
    lines = list(event_lines(1, HOUR, usual, Population(1000, HOUR), 0))

    def in_a_bag(value: bytes) -> Lines:
        return [line.replace(b'"event_properties":{', b'"event_properties":{"added":%b,' % value, 1) for line in lines]

    def many(line: Callable[[int], bytes]) -> Lines:
        return list(map(line, range(tiny)))

    found = {
        "usual events": lines,
        "NaN in each": in_a_bag(b"NaN"),
        "NUL in each": in_a_bag(b'"a\\u0000b"'),
        "a byte that is not UTF-8 in each": in_a_bag(b'"a\xffb"'),
        "half a surrogate in each": in_a_bag(b'"\\ud83d"'),
        "a control character in each": in_a_bag(b'"a\tb"'),
        f"{LEVELS:,} levels in each": in_a_bag(b"[" * LEVELS + b"]" * LEVELS),
        "a value of another type in each": [line[:-1] + b',"paying":"yes"}' for line in lines],
        "a field that is not declared in each": [line[:-1] + b',"added":{"a":1}}' for line in lines],
        "a field of a name of its own in each": [
            line[:-1] + b',"added%d":1}' % number for number, line in enumerate(lines)
        ],
        "tiny lines": many(lambda number: b'{"uuid":"%d"}' % number),
        "tiny lines without uuid": many(lambda number: b'{"event_id":%d}' % number),
        "tiny lines, NaN in each": many(lambda number: b'{"uuid":"%d","added":NaN}' % number),
        "tiny lines, NUL in each": many(lambda number: b'{"uuid":"%d\\u0000"}' % number),
        "tiny lines, a byte that is not UTF-8 in each": many(lambda number: b'{"uuid":"%d\xff"}' % number),
        f"tiny lines, {NAMES} names of fields": many(
            lambda number: b'{"uuid":"%d","added%d":1}' % (number, number % NAMES)
        ),
        "tiny lines, a field of a name of its own in each": many(
            lambda number: b'{"uuid":"%d","added%d":1}' % (number, number)
        ),
        "empty lines": [b""] * tiny * 100,
        "lines of a space": [b" "] * tiny * 100,
    }
    assert all(in_each != lines for name, in_each in found.items() if name != "usual events")
    return found


def _cpu_seconds(content: bytes) -> float:
    """Of this thread."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("1/1_2024-03-15_0#0.json.gz", gzip.compress(content, 1))
    started = time.thread_time()
    reader = WindowReader(
        Window(HOUR, HOUR),
        Archive(target, len(target.getvalue())),
        lambda _: None,
        RecordConverter(json_columns_as_string=True),
        logging.getLogger("benchmarks"),
    )
    for _ in reader.batches():
        pass
    return time.thread_time() - started
