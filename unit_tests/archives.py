"""Archives as Amplitude makes them, for tests: a ZIP of gzip members of newline-delimited JSON."""

import gzip
import io
import zipfile

from source_amplitude.export.archive import READ_BYTES, Archive


def an_export(*members: bytes, compression: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    """A ZIP whose members are the gzip of the given texts."""
    return a_zip({name(i): gzip.compress(text, mtime=0) for i, text in enumerate(members)}, compression, comment)


def a_zip(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.comment = comment
        for member, content in members.items():
            archive.writestr(member, content)
    return target.getvalue()


def name(part: int) -> str:
    return f"123456/123456_2024-03-15_10#{part}.json.gz"


def opened(data: bytes) -> Archive:
    return Archive(io.BytesIO(data), len(data))


def all_lines(data: bytes, read_bytes: int = READ_BYTES) -> list[bytes]:
    return [line for block in opened(data).blocks(read_bytes) for _, line in block.lines()]
