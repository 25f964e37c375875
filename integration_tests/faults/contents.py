"""Changes of what archives hold, for the fault `members`."""

import gzip
from collections.abc import Callable

Members = list[tuple[str, bytes]]


Change = Callable[[Members], Members]


def with_lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Change the lines of every member."""
    return lambda members: [
        (name, gzip.compress(b"\n".join(change(gzip.decompress(content).split(b"\n"))))) for name, content in members
    ]


def each_line(change: Callable[[bytes], bytes]) -> Change:
    return with_lines(lambda lines: [change(line) if line else line for line in lines])


def field(text: bytes) -> Change:
    """Put a field at the end of every event."""
    return each_line(lambda line: line[:-1] + b"," + text + b"}")
