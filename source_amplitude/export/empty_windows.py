"""Hours in which nothing was uploaded, told of together: a quiet project does not fill a log."""

from __future__ import annotations

from source_amplitude.export.windows import Window
from source_amplitude.progress import Progress, counted


class EmptyWindowLog:
    """Windows without events that follow each other: one log line at their end, or when it is time for one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._windows: list[Window] = []
        self.is_going_on = False

    def add(self, window: Window) -> None:
        self._windows.append(window)
        self.is_going_on = True
        if self._progress.is_due():
            self._tell()

    def end(self) -> None:
        self.is_going_on = False
        self._tell()

    def _tell(self) -> None:
        if self._windows:
            hours = sum(window.hours for window in self._windows)
            span = Window(self._windows[0].first, self._windows[-1].last)
            self._progress.say(
                f"No events in {span} ({counted(hours, 'hour')}, {counted(len(self._windows), 'export')})"
            )
            self._windows.clear()
