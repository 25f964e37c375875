"""Carries many records at once through the CDK, as JSON bytes."""

from __future__ import annotations

import time

from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, Type


class RecordBatch(AirbyteMessage):
    """Stands for many RECORD messages of one stream, already serialised.

    It takes the way of any other message through the CDK, in order with states and traces; only the command line's
    last step knows it (see `output`). In-process callers never meet one.

    :param ndjson: the `data` of each record, one JSON object a line
    :param count: how many records that is
    """

    def __init__(self, stream: str, ndjson: bytes, count: int) -> None:
        emitted_at = time.time_ns() // 1_000_000
        super().__init__(type=Type.RECORD, record=AirbyteRecordMessage(stream=stream, data={}, emitted_at=emitted_at))
        self._head = b'{"type":"RECORD","record":{"stream":"%b","data":' % stream.encode()
        self._tail = b',"emitted_at":%d}}\n' % emitted_at
        self._ndjson = ndjson
        self._count = count

    def __len__(self) -> int:
        return self._count

    def to_lines(self) -> bytes:
        """Writes the RECORD messages, one a line."""
        if not self._count:
            return b""
        # JSON has no raw line break within an object, so each one here ends a record.
        return b"".join((self._head, self._ndjson[:-1].replace(b"\n", self._tail + self._head), self._tail))
