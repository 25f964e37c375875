"""What can go wrong, on demand: a fault is named, says where it strikes and how often."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase

from amplitude_simulator.archives import Member

EXPORT_KINDS = {
    "latency": "the answer is right, but comes `seconds` late",
    "gather": "the answer is right, but comes when `requests` that it strikes are under way together",
    "status": "an answer with `status`, `headers` and `body`",
    "hang": "never an answer",
    "reset": "the connection is reset before the answer",
    "reset_body": "... after `at` of the body",
    "truncate": "the body ends after `at`, although more was announced",
    "truncate_quietly": "the body ends after `at`, and nothing tells that it should not",
    "slow_body": "the body comes at `bytes_per_second`",
    "html": "a 200 with a web page",
    "text": "a 200 with a sentence about rate limits",
    "lost_bytes": "100 bytes of the archive after `at` are missing, and its length is that of the rest",
    "zip_crc": "one byte of a member is changed, so the ZIP's CRC is wrong",
    "gzip_crc": "the ZIP is right, but the CRC in a gzip member is wrong",
    "gzip_cut": "the ZIP is right, but a gzip member is cut short",
    "body": "the body is what `change` makes of it",
    "members": "the members are what `transform` makes of them",
}

DELAYING_KINDS = ("latency", "gather")
SENDING_KINDS = ("reset_body", "truncate", "truncate_quietly", "slow_body")
GZIP_KINDS = ("gzip_crc", "gzip_cut")
ARCHIVE_KINDS = ("zip_crc", "lost_bytes", "members")
BODY_KINDS = (*SENDING_KINDS, *GZIP_KINDS, *ARCHIVE_KINDS, "body")
GZIP_MAGIC = b"\x1f\x8b"


class FaultNotAppliedError(AssertionError):
    """A fault met no request, or no answer that it could change: the test would prove nothing."""


@dataclass(frozen=True)
class Fault:
    """One kind of trouble (see `EXPORT_KINDS`).

    A fault in a body strikes answers with 200 alone. Where it changes nothing, or meets no such answer, and where any
    fault meets no request, the simulator raises `FaultNotAppliedError` when it stops.

    :param api: which API it strikes, "export", "profile" or "rest"
    :param hour: strikes export requests whose range holds this hour; None: all
    :param path: strikes requests to this endpoint under "rest", such as "/api/2/users"; `*` stands for anything
    :param day: strikes those whose range holds this day; None: all
    :param event_type: strikes those that ask about this event type; None: all
    :param user: strikes profile requests for this user or device id; None: all
    :param times: how often it strikes; None: always
    :param at: a place in the body: a number of bytes, from the end if negative, or a share of it as a float
    """

    kind: str
    api: str = "export"
    hour: datetime | None = None
    user: str | None = None
    path: str = "*"
    day: date | None = None
    event_type: str | None = None
    times: int | None = None
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"this answer was asked for"
    at: int | float = 0.5
    seconds: float = 0.0
    requests: int = 1
    bytes_per_second: int = 1000
    transform: Callable[[list[Member]], list[Member]] | None = None
    change: Callable[[bytes], bytes] | None = None

    def __post_init__(self) -> None:
        if self.kind not in EXPORT_KINDS:
            raise ValueError(f"no fault of the kind {self.kind}")
        if (self.kind == "members") != (self.transform is not None):
            raise ValueError("transform and the kind members belong together")
        if (self.kind == "body") != (self.change is not None):
            raise ValueError("change and the kind body belong together")
        if self.api != "export" and self.kind in ARCHIVE_KINDS:
            raise ValueError(f"{self.kind} is a fault of an export")

    def strikes(self, first: datetime, last: datetime) -> bool:
        return self.api == "export" and (self.hour is None or first <= self.hour <= last)

    def strikes_user(self, params: Mapping[str, str]) -> bool:
        return self.api == "profile" and self.user in (None, params.get("user_id"), params.get("device_id"))

    def strikes_path(self, path: str, params: Mapping[str, str]) -> bool:
        if self.api != "rest" or not fnmatchcase(path, self.path):
            return False
        if self.event_type not in (None, params.get("event_type")):
            return False
        return self.day is None or params.get("start", "") <= f"{self.day:%Y%m%d}" <= params.get("end", "")

    def place_in(self, size: int) -> int:
        """Where in a body of `size` bytes this fault strikes.

        :raises FaultNotAppliedError: nothing of the body lies behind that place
        """
        place = int(self.at * size) if isinstance(self.at, float) else self.at
        place = place if place >= 0 else size + place
        if not 0 <= place < size:
            raise FaultNotAppliedError(f"{self.kind} at {self.at} of a body of {size} bytes")
        return place

    def change_members(self, members: list[Member]) -> list[Member]:
        if self.transform is not None:
            return self.transform(members)
        name, content = members[-1]
        return [*members[:-1], (name, self.change_gzip(content))]

    def change_body(self, body: bytes) -> bytes:
        """:raises FaultNotAppliedError: it stays as it is"""
        changed = self.change(body) if self.change is not None else self.change_gzip(body)
        if changed == body:
            raise FaultNotAppliedError(f"{self.kind} changes nothing")
        return changed

    def change_gzip(self, content: bytes) -> bytes:
        """:raises FaultNotAppliedError: it is no gzip"""
        if not content.startswith(GZIP_MAGIC):
            raise FaultNotAppliedError(f"{self.kind} of {content[:20]!r}, which is no gzip")
        if self.kind == "gzip_crc":
            return content[:-8] + bytes(byte ^ 0xFF for byte in content[-8:-4]) + content[-4:]
        return content[: len(content) // 2] if self.kind == "gzip_cut" else content

    def change_archive(self, archive: bytes) -> bytes:
        if self.kind == "lost_bytes":
            start = self.place_in(len(archive))
            return archive[:start] + archive[start + 100 :]
        if self.kind != "zip_crc":
            return archive
        with zipfile.ZipFile(io.BytesIO(archive)) as whole:
            member = whole.infolist()[-1]
        changed = bytearray(archive)
        # Header, name and extra field lie before the data; half of the data is always behind its middle.
        changed[member.header_offset + 30 + len(member.filename) + 20 + member.compress_size // 2] ^= 0xFF
        return bytes(changed)
