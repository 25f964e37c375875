"""Converts records, as newline-delimited JSON, to Arrow record batches, without a Python object for any of them.

The core has seen to it that each value fits its column. What Arrow still does not take makes the records of its block
go through Python once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
import pyarrow as pa
from msgspec import Raw
from pyarrow import json as arrow_json

from source_amplitude.errors import UnexpectedError
from source_amplitude.records.schema import ADDITIONAL_FIELDS, FieldType
from source_amplitude.spark.schema import arrow_schema

BLOCK_BYTES = 4 * 1024 * 1024
# Of a batch that is handed to Spark, where each batch has a price of its own. Larger ones would cost memory.
BATCH_ROWS = 10_000
BATCH_BYTES = 4 * 1024 * 1024
_FINER_THAN_MICROSECONDS = re.compile(rb"\.[0-9]{7,}Z").search

Fields = dict[str, Raw]
_decode = msgspec.json.Decoder(Fields).decode
_encode = msgspec.json.Encoder().encode


def combined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Combines batches to such of about `BATCH_ROWS` rows or `BATCH_BYTES` bytes, whichever are fewer."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _taken_as_one(waiting)
            rows = size = 0
    if waiting:
        yield _taken_as_one(waiting)


def _taken_as_one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Makes one batch of them; the list is empty then, so that nobody holds both while Spark takes the one."""
    table = pa.Table.from_batches(batches)
    batches.clear()
    [one] = table.combine_chunks().to_batches()
    return one


class ArrowConverter:
    """Makes record batches of records.

    :param columns: the columns of the table, in order; a record may have other fields, which are ignored
    """

    def __init__(self, columns: Mapping[str, FieldType]) -> None:
        self._columns = columns
        self._schema = arrow_schema(columns)
        self._parse_options = arrow_json.ParseOptions(explicit_schema=self._schema, unexpected_field_behavior="ignore")

    def batches(self, blocks: Iterable[bytes]) -> Iterator[pa.RecordBatch]:
        """Converts all records of some blocks, in the same order, in batches made of about 4 MB of JSON each.

        :param blocks: JSON objects with a line break after each, with their `additional_fields` as text of JSON
        :raises UnexpectedError: a bug: a record does not fit the columns
        """
        waiting: list[bytes] = []
        waiting_bytes = 0
        for block in blocks:
            waiting.append(block)
            waiting_bytes += len(block)
            if waiting_bytes >= BLOCK_BYTES:
                yield from self._convert(b"".join(waiting))
                waiting, waiting_bytes = [], 0
        if waiting_bytes:
            yield from self._convert(b"".join(waiting))

    def _convert(self, ndjson: bytes) -> list[pa.RecordBatch]:
        try:
            return self._parse(ndjson)
        except pa.ArrowInvalid:
            fitting = b"".join(_encode(self._fitting(_decode(line))) + b"\n" for line in ndjson.split(b"\n")[:-1])
        try:
            return self._parse(fitting)
        except pa.ArrowInvalid:
            # Without its cause, which quotes the value, and so the user's data.
            raise UnexpectedError("A record could not be converted for Spark. This is a bug: report it.") from None

    def _parse(self, ndjson: bytes) -> list[pa.RecordBatch]:
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(ndjson) + 1)  # one block, one batch
        table = arrow_json.read_json(pa.BufferReader(ndjson), read_options=options, parse_options=self._parse_options)
        batches: list[pa.RecordBatch] = table.select(self._schema.names).cast(self._schema).to_batches()
        return batches

    def _fitting(self, fields: Fields) -> dict[str, Raw | str]:
        """Reduces a record to its columns.

        Without its other fields: Arrow refuses numbers beyond a float's range also where it passes them over. A
        timestamp that is finer than a microsecond is kept in `additional_fields` as what does not fit is.
        """
        fitting: dict[str, Raw | str] = {name: raw for name, raw in fields.items() if name in self._columns}
        fine = {
            name: raw
            for name, raw in fields.items()
            if self._columns.get(name) is FieldType.TIMESTAMP and _FINER_THAN_MICROSECONDS(raw)
        }
        if fine:
            fitting |= dict.fromkeys(fine, Raw(b"null"))
            fitting[ADDITIONAL_FIELDS] = _encode({**_object_in(fields.get(ADDITIONAL_FIELDS)), **fine}).decode()
        return fitting


def _object_in(raw: Raw | None) -> Fields:
    """Reads the fields of a JSON object that is a text of JSON, or none."""
    text = msgspec.json.decode(raw, type=str | None) if raw is not None else None
    return _decode(text) if text else {}
