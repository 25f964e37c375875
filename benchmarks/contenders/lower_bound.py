"""The lower bound: inflates, splits, parses with orjson, converts timestamps, makes bags text, dumps, and writes.

    python lower_bound.py ARCHIVE ...

It has no connector around it. It is a bound for code that parses all of an event; its numbers are not exact.
"""

import sys
import zipfile

import orjson
from isal import igzip

READ_BYTES = 256 * 1024
TIMESTAMPS = ("server_received_time", "event_time", "processed_time", "user_creation_time", "client_upload_time",
              "server_upload_time", "client_event_time")  # fmt: skip


def record(line: bytes) -> bytes:
    event = orjson.loads(line)
    for name in TIMESTAMPS:
        if text := event.get(name):
            event[name] = text.replace(" ", "T") + "Z"
    for name, value in event.items():
        if isinstance(value, (dict, list)):
            event[name] = orjson.dumps(value).decode()
    return orjson.dumps({"type": "RECORD", "record": {"stream": "events", "data": event, "emitted_at": 1}})


def main(*archives: str) -> None:
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member, igzip.open(member) as inflated:
                    rest = b""
                    while chunk := inflated.read(READ_BYTES):
                        *lines, rest = (rest + chunk).split(b"\n")
                        sys.stdout.buffer.write(b"\n".join(map(record, lines)) + b"\n")


main(*sys.argv[1:])
