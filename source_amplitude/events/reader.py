"""The records of one window, each exactly once, even when its archive has to be fetched again on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain

from source_amplitude.errors import TransientError
from source_amplitude.events.blocks import Conversion
from source_amplitude.events.converter import Records
from source_amplitude.events.readahead import read_ahead
from source_amplitude.export.archive import Archive, ArchiveDamagedError, Lines
from source_amplitude.export.refetch import BadLineError, Refetches
from source_amplitude.export.windows import Window

BLOCKS_AHEAD = 4


class WindowReader:
    """Reads the archive of a window, and fetches it again when it turns out to be damaged inside.

    :param refetch: downloads the window anew; None when Amplitude has nothing for it any more
    """

    def __init__(
        self,
        window: Window,
        archive: Archive,
        refetch: Callable[[Window], Archive | None],
        conversion: Conversion,
        logger: logging.Logger,
    ) -> None:
        self._window = window
        self._archive = archive
        self._refetch = refetch
        self._conversion = conversion
        self._logger = logger
        self.records = 0

    def batches(self) -> Iterator[Records]:
        """Some hundred records at a time; closes the archive at the end.

        :raises AmplitudeError: UnexpectedError for a line that is no event, TransientError for an archive that stays
            damaged, both after fetching it again
        """
        refetches = Refetches(self._window, self._logger)
        blocks = self._archive.lines()
        try:
            while True:
                try:
                    with closing(read_ahead(blocks, BLOCKS_AHEAD)) as ahead:
                        for batch in self._conversion.records_of(ahead):
                            yield batch
                            self.records += len(batch)
                    return
                except (BadLineError, ArchiveDamagedError) as error:
                    refetches.allow(error)
                blocks = self._resumed()
        finally:
            self._archive.close()

    def _resumed(self) -> Iterator[Lines]:
        """What follows the records that are out already, from an archive fetched anew.

        The new archive must begin with the very lines that were emitted; if not, an error is better than a doubled
        or a lost event.
        """
        fresh = self._refetch(self._window)
        damaged, self._archive = self._archive, fresh or self._archive
        if fresh is None:
            raise TransientError(f"Amplitude's answers for the hours {self._window} contradict each other.")
        emitted = self.records
        with closing(damaged):
            blocks = fresh.lines()
            old = chain.from_iterable(block.lines for block in damaged.lines())
            compared = 0
            while compared < emitted:
                block = next(blocks, None)
                if block is None or any(line != next(old) for line in block.lines[: emitted - compared]):
                    raise TransientError(
                        f"Amplitude's two answers for the hours {self._window} differ; the next sync reads them anew."
                    )
                compared += len(block.lines)
                if compared > emitted:
                    keep = len(block.lines) - (compared - emitted)
                    rest = Lines(block.member, block.numbers[keep:], block.lines[keep:])
                    return chain([rest], blocks)
        return blocks
