"""Reads the records of one window, each exactly once, even when its archive has to be fetched again on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from source_amplitude.errors import TransientError
from source_amplitude.events.lines import Batch, LineConverter
from source_amplitude.export.archive import Archive, ArchiveDamagedError, BadLineError, Block
from source_amplitude.export.exporter import RefetchPolicy
from source_amplitude.export.windows import Window
from source_amplitude.records.json_repair import NotAJsonObjectError

T = TypeVar("T", bound=Batch)


@dataclass
class WindowReader(Generic[T]):
    """Reads the archive of a window, and fetches it again when it turns out to be damaged inside.

    `lines` and `records` count the lines that were read, but for blank ones, and what of them is emitted.

    :param refetch: downloads the window anew; None when Amplitude has nothing for it any more
    """

    window: Window
    archive: Archive
    refetch: Callable[[Window], Archive | None]
    converter: LineConverter[T]
    logger: logging.Logger
    records: int = 0
    lines: int = 0
    _emitted: Archive | None = None  # whose lines the records so far are, when that is not the present one

    def batches(self) -> Iterator[T]:
        """Yields some hundred events at a time; closes the archive at the end.

        :raises AmplitudeError: UnexpectedError for a line that is no event, TransientError for an archive that stays
            damaged, both after fetching it again
        """
        refetches = RefetchPolicy(self.window, self.refetch, self.logger)
        try:
            while True:
                before = self.records
                try:
                    for block in self._blocks_left():
                        batch = self._convert(block)
                        yield batch
                        self.records += len(batch)
                        self.lines += block.count if block.count == len(batch) else block.count_lines()
                    return
                except (BadLineError, ArchiveDamagedError) as error:
                    fresh = refetches.fetch_again(error)
                unused: Archive | None = self.archive
                if self.records > before:
                    unused, self._emitted = self._emitted, self.archive
                if unused is not None:
                    unused.close()
                self.archive = fresh
        finally:
            self.archive.close()
            if self._emitted is not None:
                self._emitted.close()

    def _convert(self, block: Block) -> T:
        convert = self.converter.convert
        try:
            return convert(block.text, block.count)
        except NotAJsonObjectError:
            for place, line in block.lines():
                try:
                    convert(line, 1)
                except NotAJsonObjectError as error:
                    raise BadLineError(f"{block.where(place)}: {error}") from None
            raise

    def _blocks_left(self) -> Iterator[Block]:
        """Yields the lines of the archive that are not out yet.

        An archive that was fetched anew must begin with the very lines that were emitted; if not, an error is better
        than a doubled or a lost event.
        """
        if self._emitted is None:
            yield from self.archive.blocks(self.converter.block_bytes)
            return
        differ = TransientError(
            f"Amplitude's two answers for the hours {self.window} differ; the next sync reads them anew."
        )
        emitted = islice((line for block in self._emitted.blocks() for _, line in block.lines()), self.records)
        for block in self.archive.blocks(self.converter.block_bytes):
            lines = block.lines()
            known = list(islice(emitted, len(lines)))
            if known != [line for _, line in lines[: len(known)]]:
                raise differ
            if len(known) < len(lines):
                yield block.starting_at(lines[len(known)][0])
        if next(emitted, None) is not None:
            raise differ
