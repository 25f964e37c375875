"""A second process that converts blocks of lines, so that two processors share the work.

Blocks and records lie in memory that both processes share, and a socket carries their sizes. What the second process
cannot do (a line that is no event, a block too large, or that it has died) is left to the first one, which knows what
to say about it. It ends when the first one does, however that ends.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.records.json_repair import NotAJsonObjectError

SLOTS = 2
SLOT_BYTES = 512 * 1024
RECORDS_BYTES = 2 * SLOT_BYTES
ANSWER_SECONDS = 10.0  # a thousand times what it needs
END_SECONDS = 1.0
# https://docs.kernel.org/admin-guide/cgroup-v2.html: microseconds of processor time, and of the period they are for
CGROUP_QUOTA = "/sys/fs/cgroup/cpu.max"
_REQUEST = struct.Struct("<II")  # bytes of text, lines in it
_REPLY = struct.Struct("<III")  # records, their bytes, bytes of the JSON of their coercions; all 0: it could not
_decode_oddities = msgspec.json.Decoder(CoercionStats).decode

# Isolated: no file of the working directory is taken for a module; it imports from where the first process does.
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from source_amplitude.events.second_process import main
main(*sys.argv[2:])
"""


class SecondProcess:
    """The first process's side. Use it from one thread.

    Blocks are taken in turn, up to `SLOTS` at once, and come back in the same order.
    """

    def __init__(self, *, json_columns_as_string: bool, logger: logging.Logger) -> None:
        self._logger = logger
        self._submitted = self._returned = 0
        self._is_greeted = self._is_gone = False
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(ANSWER_SECONDS)
        properties_format = "json_string" if json_columns_as_string else "object"
        modules = json.dumps([str(Path(folder).absolute()) for folder in sys.path])
        memory = os.memfd_create("source-amplitude")
        try:
            os.truncate(memory, SLOTS * (SLOT_BYTES + RECORDS_BYTES))
            self._map = mmap.mmap(memory, 0)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-I", "-c", _START, modules, str(memory), properties_format],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, pass_fds=[memory],
                start_new_session=True,  # an interrupt of the terminal is for the first process, which ends this one
            )  # fmt: skip
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
            os.close(memory)

    def submit(self, text: bytes, lines: int) -> bool:
        """Hand over so many lines; False when it is busy, or not able to take these."""
        if self._submitted - self._returned == SLOTS or len(text) > SLOT_BYTES or not self._is_up():
            return False
        start = _slot(self._submitted)
        self._map[start : start + len(text)] = text
        try:
            self._socket.sendall(_REQUEST.pack(len(text), lines))
        except OSError:
            self._log_end()
            return False
        self._submitted += 1
        return True

    def is_ready(self) -> bool:
        """Whether `result` would return at once."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def result(self) -> Records | None:
        """The records of the oldest block that was handed over; None when it could not make them."""
        start = _slot(self._returned) + SLOT_BYTES
        self._returned += 1
        reply = b"" if self._is_gone else _receive(self._socket, _REPLY.size)
        if not reply:
            self._log_end()
            return None
        count, size, size_of_oddities = _REPLY.unpack(reply)
        if not count:
            return None
        end = start + size
        return Records(self._map[start:end], count, _decode_oddities(self._map[end : end + size_of_oddities]))

    def forget(self) -> None:
        """Drop the blocks that were handed over and not asked for."""
        while self._returned < self._submitted:
            self.result()

    def close(self) -> None:
        """End it, and wait until it has."""
        self._is_gone = True
        self._socket.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._map.close()

    def _is_up(self) -> bool:
        """It needs a moment to start, in which the first process goes on alone."""
        if not self._is_greeted and self.is_ready():
            self._is_greeted = True
            if not _receive(self._socket, _REPLY.size):
                self._log_end()
        return self._is_greeted and not self._is_gone

    def _log_end(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._logger.warning("The second process has ended or does not answer: converting in one from now on")


def start_second_process(*, json_columns_as_string: bool, logger: logging.Logger) -> SecondProcess | None:
    """None where it cannot be had, or where there is only one processor to share."""
    if not hasattr(os, "memfd_create") or processors() <= 1:
        return None
    try:
        return SecondProcess(json_columns_as_string=json_columns_as_string, logger=logger)
    except OSError as error:  # a limit of processes or memory: slower, otherwise the same
        logger.info(f"No second process ({error.strerror}): converting in one")
        return None


def processors() -> float:
    """How many this process may use; a container may have a share of one."""
    found = float(len(os.sched_getaffinity(0)))
    try:
        quota, period = Path(CGROUP_QUOTA).read_text().split()
        return min(found, int(quota) / int(period))
    except (OSError, ValueError):  # no cgroups, or no limit ("max")
        return found


def _slot(number: int) -> int:
    return number % SLOTS * (SLOT_BYTES + RECORDS_BYTES)


def _receive(channel: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or none when the other side is gone or does not answer."""
    try:
        found = channel.recv(size, socket.MSG_WAITALL)
    except OSError:  # also a time-out, on the first process's side
        return b""
    return found if len(found) == size else b""


def main(descriptor: str, properties_format: str) -> None:
    """The second process's side: one reply to say that it is there, and one for each block."""
    shared = mmap.mmap(int(descriptor), 0)
    channel = socket.socket(fileno=sys.stdin.fileno())
    converter = RecordConverter(json_columns_as_string=properties_format == "json_string")
    blocks = 0
    with suppress(ConnectionError):  # the first process has ended, and nobody wants the records any more
        channel.sendall(_REPLY.pack(0, 0, 0))
        while request := _receive(channel, _REQUEST.size):
            size, lines = _REQUEST.unpack(request)
            start = _slot(blocks)
            text = shared[start : start + size]
            channel.sendall(_convert(converter, text, lines, shared, start + SLOT_BYTES))
            blocks += 1


def _convert(converter: RecordConverter, text: bytes, lines: int, shared: mmap.mmap, start: int) -> bytes:
    try:
        records = converter.convert(text, lines)
    except NotAJsonObjectError:
        return _REPLY.pack(0, 0, 0)
    coercions = msgspec.json.encode(records.coercions)
    size = len(records.ndjson)
    if size + len(coercions) > RECORDS_BYTES:
        return _REPLY.pack(0, 0, 0)
    shared[start : start + size + len(coercions)] = records.ndjson + coercions
    return _REPLY.pack(records.count, size, len(coercions))
