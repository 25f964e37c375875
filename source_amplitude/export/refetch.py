"""Decides whether a damaged archive is downloaded again or reported as an error."""

from __future__ import annotations

import logging

from source_amplitude.errors import TransientError, UnexpectedError
from source_amplitude.export.archive import ArchiveDamagedError, BadLineError
from source_amplitude.export.windows import Window
from source_amplitude.http import retry


class RefetchPolicy:
    """Allows so many downloads of one window: damage may pass; a bad line that comes twice stays."""

    def __init__(self, window: Window, logger: logging.Logger) -> None:
        self._window = window
        self._logger = logger
        self._bad_lines = self._damages = 0

    def allow(self, error: BadLineError | ArchiveDamagedError) -> None:
        """Log the error, for the archive to be fetched again.

        :raises AmplitudeError: UnexpectedError for a second bad line, TransientError for too many damages
        """
        if isinstance(error, BadLineError):
            self._bad_lines += 1
            if self._bad_lines > 1:
                raise UnexpectedError(
                    f"The export of the hours {self._window} contains a line that is not an event, also when "
                    f"downloaded again: {error}. Report it to Amplitude's support. "
                    "The next sync continues with these hours."
                ) from error
        else:
            self._damages += 1
            if self._damages >= retry.MAX_TRIES:
                raise TransientError(
                    f"The export of the hours {self._window} was damaged {self._damages} times; "
                    f"the last error was: {error}. The next sync continues with these hours."
                ) from error
        self._logger.warning(f"Export of {self._window}: {error}; fetching it again")
