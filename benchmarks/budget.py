"""Where the time of an event goes: each step of the way alone, in one thread, in microseconds of processor time."""

import json
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec
import requests
from isal import igzip
from msgspec import UNSET

from benchmarks.amplitude import API_KEY, SECRET_KEY, Amplitude
from benchmarks.figures import Figures
from source_amplitude.airbyte.record_batch import RecordBatch
from source_amplitude.events.converter import RecordConverter
from source_amplitude.export.archive import READ_BYTES, Archive
from source_amplitude.http.body import CHUNK_BYTES

_encode_lines = msgspec.json.Encoder().encode_lines
STEPS = ("download", "verify", "inflate", "split", "parse", "convert", "dump", "frame", "write")


def measure(amplitude: Amplitude, events: int, runs: int) -> Figures:
    """Measures the one window of a day that this Amplitude has."""
    measured: dict[str, list[float]] = {step: [] for step in STEPS}
    for number in range(runs):
        for step, seconds in _one_run(amplitude).items():
            measured[step].append(seconds / events * 1e6)
        print(f"  {number + 1}/{runs} {sum(values[-1] for values in measured.values()):.1f} us an event", flush=True)
    return {"events": events, "steps": measured}


def _one_run(amplitude: Amplitude) -> dict[str, float]:
    seconds = dict.fromkeys(STEPS, 0.0)
    with tempfile.TemporaryFile() as file, subprocess.Popen(["cat"], stdin=-1, stdout=subprocess.DEVNULL) as reader:
        assert reader.stdin is not None
        with _timed(seconds, "download"):
            size = _download(amplitude, file)
        with _timed(seconds, "verify"):
            archive = Archive(file, size)
        with _timed(seconds, "inflate"):
            _inflate(file)
        converter = RecordConverter(json_columns_as_string=True)
        blocks, parse, dump = archive.blocks(), None, None
        while True:
            with _timed(seconds, "split"):
                block = next(blocks, None)
            if block is None:
                break
            if parse is None or dump is None:
                first = next(iter(converter.convert(block.text, block.count)))
                parse, dump = converter._shape.decode_lines, _parser_of(first)
            with _timed(seconds, "parse"):
                events = parse(block.text)
            del events
            with _timed(seconds, "convert"):
                records = converter.convert(block.text, block.count)
            again = dump(records.ndjson)
            with _timed(seconds, "dump"):
                _encode_lines(again)
            del again
            with _timed(seconds, "frame"):
                lines = RecordBatch("events", records.ndjson, records.count).to_lines()
            with _timed(seconds, "write"):
                reader.stdin.write(lines)
                reader.stdin.flush()
        reader.stdin.close()
    seconds["split"] -= seconds["inflate"]
    seconds["convert"] -= seconds["parse"] + seconds["dump"]
    return seconds


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Adds the processor time of this thread, in user and kernel, to a step."""
    started = time.thread_time()
    yield
    seconds[step] += time.thread_time() - started


def _download(amplitude: Amplitude, file: BinaryIO) -> int:
    start, end = amplitude.windows(24)[0]
    address = f"{amplitude.url}/api/2/export"
    with requests.get(
        address, {"start": start, "end": end}, auth=(API_KEY, SECRET_KEY), stream=True, timeout=60
    ) as response:
        while chunk := response.raw.read1(CHUNK_BYTES):
            file.write(chunk)
    file.flush()
    return file.tell()


def _inflate(file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as raw, igzip.IGzipFile(fileobj=raw, mode="rb") as inflated:
                while inflated.read(READ_BYTES):
                    pass


def _parser_of(record: bytes) -> Callable[[bytes], list[Any]]:
    """Parses records that have the same fields, as fast as events are parsed, for nothing but to be dumped again."""
    names = {f"f{position}": name for position, name in enumerate(json.loads(record))}
    kind: Any = msgspec.defstruct("Record", [(attribute, Any, UNSET) for attribute in names], rename=names, gc=False)
    return msgspec.json.Decoder(kind).decode_lines
