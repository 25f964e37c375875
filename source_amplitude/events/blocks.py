"""Blocks of lines to records, in order, by one process or by two."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from source_amplitude.events.converter import RecordConverter, Records
from source_amplitude.events.lines import Batch, LineConverter
from source_amplitude.events.second_process import SecondProcess, start_second_process
from source_amplitude.export.archive import Archive, Block
from source_amplitude.export.refetch import BadLineError
from source_amplitude.records.json_repair import NotAJsonObjectError

LARGE_ARCHIVE_BYTES = 4_000_000  # smaller ones are read before a second process is there
MOST_WAITING = 6

T = TypeVar("T", bound=Batch)


class Converters:
    """Gives each window its conversion, from the first large archive on with a second process where that pays.

    :param share: whether work may be shared with a second process
    """

    def __init__(self, *, json_columns_as_string: bool, share: bool, logger: logging.Logger) -> None:
        self._json_columns_as_string = json_columns_as_string
        self._share = share
        self._logger = logger
        self._second: SecondProcess | None = None

    def conversion_of(self, archive: Archive) -> Conversion[Records]:
        if self._share and archive.size >= LARGE_ARCHIVE_BYTES:
            self._share = False
            self._second = start_second_process(
                json_columns_as_string=self._json_columns_as_string, logger=self._logger
            )
        converter = RecordConverter(json_columns_as_string=self._json_columns_as_string)
        return SharedConversion(converter, self._second) if self._second else Conversion(converter)

    def close(self) -> None:
        if self._second is not None:
            self._second.close()
            self._second = None


class Conversion(Generic[T]):
    """Converts the blocks of a window."""

    def __init__(self, converter: LineConverter[T]) -> None:
        self._converter = converter
        self.block_bytes = converter.block_bytes

    def of_blocks(self, blocks: Iterable[Block]) -> Iterator[T]:
        """What each block becomes, in the blocks' order.

        :raises BadLineError: a line is not a JSON object
        """
        yield from map(self._convert, blocks)

    def _convert(self, block: Block) -> T:
        convert = self._converter.convert
        try:
            return convert(block.text, block.count)
        except NotAJsonObjectError:
            for place, line in block.lines():
                try:
                    convert(line, 1)
                except NotAJsonObjectError as error:
                    raise BadLineError(f"{block.told(place)}: {error}") from None
            raise


class SharedConversion(Conversion[Records]):
    """Shares the blocks with a second process."""

    def __init__(self, converter: RecordConverter, second: SecondProcess) -> None:
        super().__init__(converter)
        self._second = second

    def of_blocks(self, blocks: Iterable[Block]) -> Iterator[Records]:
        second = self._second
        waiting: deque[Block | Records] = deque()  # blocks are at the second process
        try:
            for block in blocks:
                waiting.append(block if second.submit(block.text, block.count) else self._convert(block))
                while waiting and (isinstance(waiting[0], Records) or second.is_ready() or len(waiting) > MOST_WAITING):
                    yield self._finished(waiting.popleft())
            while waiting:
                yield self._finished(waiting.popleft())
        finally:
            second.forget()

    def _finished(self, entry: Block | Records) -> Records:
        if isinstance(entry, Records):
            return entry
        return self._second.result() or self._convert(entry)
