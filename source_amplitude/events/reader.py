"""The records of one window, each exactly once, even when its archive has to be fetched again on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain

from source_amplitude.errors import system_error, transient_error
from source_amplitude.events.archive import Archive, ArchiveDamagedError, Lines
from source_amplitude.events.download import MAX_TRIES
from source_amplitude.events.readahead import read_ahead
from source_amplitude.events.record import NotAnEventError, RecordConverter, Records
from source_amplitude.events.windows import Window

BLOCKS_AHEAD = 2


class _BadLineError(Exception):
    """A line that is no event. Names the place, never the content."""


class WindowReader:
    """Reads the archive of a window, and fetches it again when it turns out to be damaged inside.

    :param refetch: downloads the window anew; None when Amplitude has nothing for it any more
    """

    def __init__(
        self,
        window: Window,
        archive: Archive,
        refetch: Callable[[Window], Archive | None],
        converter: RecordConverter,
        logger: logging.Logger,
    ) -> None:
        self._window = window
        self._archive = archive
        self._refetch = refetch
        self._converter = converter
        self._logger = logger
        self.records = 0

    def batches(self) -> Iterator[Records]:
        """Some hundred records at a time; closes the archive at the end.

        :raises AirbyteTracedException: system_error for a line that is no event, transient_error for an archive that
            stays damaged, both after fetching it again
        """
        bad_lines = 0
        damages = 0
        blocks = self._archive.lines()
        try:
            while True:
                try:
                    with closing(read_ahead(blocks, BLOCKS_AHEAD)) as ahead:
                        for block in ahead:
                            batch = self._convert(block)
                            yield batch
                            self.records += len(batch)
                    return
                except _BadLineError as error:
                    bad_lines += 1
                    if bad_lines > 1:
                        raise system_error(
                            f"The export of the hours {self._window} holds something that is no event, twice in a row: "
                            f"{error}. Report it to Amplitude's support; nothing after the state was passed over."
                        ) from error
                    problem = str(error)
                except ArchiveDamagedError as error:
                    damages += 1
                    if damages >= MAX_TRIES:
                        raise transient_error(
                            f"The export of the hours {self._window} was damaged {damages} times, at last: {error}. "
                            "The next sync continues with these hours."
                        ) from error
                    problem = str(error)
                self._logger.warning(f"Export of {self._window}: {problem}; fetching it again")
                blocks = self._resumed()
        finally:
            self._archive.close()

    def _convert(self, block: Lines) -> Records:
        convert = self._converter.convert
        try:
            return convert(block.lines)
        except NotAnEventError:
            for number, line in zip(block.numbers, block.lines, strict=True):
                try:
                    convert([line])
                except NotAnEventError as error:
                    raise _BadLineError(f"member {block.member}, line {number}: {error}") from None
            raise

    def _resumed(self) -> Iterator[Lines]:
        """What follows the records that are out already, from an archive fetched anew.

        The new archive must begin with the very lines that were emitted; if not, an error is better than a doubled
        or a lost event.
        """
        fresh = self._refetch(self._window)
        damaged, self._archive = self._archive, fresh or self._archive
        if fresh is None:
            raise transient_error(f"Amplitude's answers for the hours {self._window} contradict each other.")
        emitted = self.records
        with closing(damaged):
            blocks = fresh.lines()
            old = chain.from_iterable(block.lines for block in damaged.lines())
            compared = 0
            while compared < emitted:
                block = next(blocks, None)
                if block is None or any(line != next(old) for line in block.lines[: emitted - compared]):
                    raise transient_error(
                        f"Amplitude's two answers for the hours {self._window} differ; the next sync reads them anew."
                    )
                compared += len(block.lines)
                if compared > emitted:
                    keep = len(block.lines) - (compared - emitted)
                    rest = Lines(block.member, block.numbers[keep:], block.lines[keep:])
                    return chain([rest], blocks)
        return blocks
