"""Export archives as Amplitude makes them: a ZIP of gzip members, made while it is sent."""

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

Member = tuple[str, bytes]
EVENTS_A_MEMBER = 20_000
_FLUSH_BYTES = 256 * 1024
_WITH_GZIP_HEADER = 31
_LEVEL = 6

_compressobj: Any = zlib.compressobj
try:
    from isal import isal_zlib

    _compressobj, _LEVEL = isal_zlib.compressobj, 2
except ImportError:  # no wheel for this platform: slower, otherwise the same
    pass


def gzip_chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines as newline-delimited text, gzipped bit by bit."""
    squeeze = _compressobj(_LEVEL, zlib.DEFLATED, _WITH_GZIP_HEADER)
    pending: list[bytes] = []
    pending_bytes = 0
    for line in lines:
        pending += (line, b"\n")
        pending_bytes += len(line) + 1
        if pending_bytes >= _FLUSH_BYTES:
            yield squeeze.compress(b"".join(pending))
            pending, pending_bytes = [], 0
    yield squeeze.compress(b"".join(pending)) + squeeze.flush()


class _Sink(io.RawIOBase):
    """Where `zipfile` writes; what it wrote is taken out again at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def zip_chunks(members: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A ZIP of stored members, bit by bit; its directory is ZIP64 where the size asks for it."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, chunks in members:
            with archive.open(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), "w", force_zip64=True) as member:
                for chunk in chunks:
                    member.write(chunk)
                    if data := sink.take():
                        yield data
        # The directory follows when the archive is closed.
    yield sink.take()
