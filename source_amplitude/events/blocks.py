"""Blocks of lines to records, in order, by one process or by two."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator

from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.events.second_process import SecondProcess, start_second_process
from source_amplitude.export.archive import Archive, Block
from source_amplitude.export.refetch import BadLineError
from source_amplitude.json_repair import NotAJsonObjectError

LARGE_ARCHIVE_BYTES = 4_000_000  # smaller ones are read before a second process is there
MOST_WAITING = 6


class Converters:
    """Gives each window its conversion, from the first large archive on with a second process where that pays.

    :param share: whether work may be shared with a second process
    """

    def __init__(self, *, json_columns_as_string: bool, share: bool, logger: logging.Logger) -> None:
        self._json_columns_as_string = json_columns_as_string
        self._share = share
        self._logger = logger
        self._second: SecondProcess | None = None

    def conversion_of(self, archive: Archive) -> Conversion:
        if self._share and archive.size >= LARGE_ARCHIVE_BYTES:
            self._share = False
            self._second = start_second_process(
                json_columns_as_string=self._json_columns_as_string, logger=self._logger
            )
        return Conversion(json_columns_as_string=self._json_columns_as_string, second=self._second)

    def close(self) -> None:
        if self._second is not None:
            self._second.close()
            self._second = None


class Conversion:
    """Converts the blocks of a window.

    :param second: shares the work with a second process; None does all of it here
    """

    def __init__(self, *, json_columns_as_string: bool, second: SecondProcess | None = None) -> None:
        self._converter = RecordConverter(json_columns_as_string=json_columns_as_string)
        self._second = second

    def records_of(self, blocks: Iterable[Block]) -> Iterator[Records]:
        """The records of each block, in the blocks' order.

        :raises BadLineError: a line is not a JSON object
        """
        if self._second is None:
            yield from map(self._convert, blocks)
        else:
            yield from self._shared(blocks, self._second)

    def _shared(self, blocks: Iterable[Block], second: SecondProcess) -> Iterator[Records]:
        waiting: deque[Block | Records] = deque()  # blocks are at the second process
        try:
            for block in blocks:
                waiting.append(block if second.submit(block.text, block.count) else self._convert(block))
                while waiting and (isinstance(waiting[0], Records) or second.is_ready() or len(waiting) > MOST_WAITING):
                    yield self._finished(waiting.popleft(), second)
            while waiting:
                yield self._finished(waiting.popleft(), second)
        finally:
            second.forget()

    def _finished(self, entry: Block | Records, second: SecondProcess) -> Records:
        if isinstance(entry, Records):
            return entry
        return second.result() or self._convert(entry)

    def _convert(self, block: Block) -> Records:
        convert = self._converter.convert
        try:
            return convert(block.text, block.count)
        except NotAJsonObjectError:
            for number, line in block.numbered_lines():
                try:
                    convert(line, 1)
                except NotAJsonObjectError as error:
                    raise BadLineError(f"member {block.member}, line {number}: {error}") from None
            raise
