"""Users found by themselves: everyone seen in the last days of events, read from the Export API as a stream."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec

from source_amplitude.errors import TransientError
from source_amplitude.export.archive import Archive, ArchiveDamagedError, Lines
from source_amplitude.export.exporter import Exporter
from source_amplitude.export.refetch import BadLineError, Refetches
from source_amplitude.export.windows import HOUR, Window, parse_export_hour
from source_amplitude.json_repair import NOT_STRICT, NotAJsonObjectError, strict_json
from source_amplitude.user_profiles.profile import NULL, id_text
from source_amplitude.user_profiles.seen import SeenUsers
from source_amplitude.user_profiles.users import DIGEST_BYTES, User, Users

_FIRST = b""


class _Ids(msgspec.Struct):
    """The only two fields of an event that are decoded."""

    user_id: msgspec.Raw = NULL
    device_id: msgspec.Raw = NULL


_decode = msgspec.json.Decoder(_Ids).decode


class Active(Users):
    """Everyone seen in the events of some days, in the order of a digest of their ids.

    State: `{"selection": "active", "first_hour": "20240308T21", "last_hour": "20240315T20", "done": 9, "after": "…"}`.
    Another run reads the same hours of events again and continues behind the digest `after`: whatever those hours hold
    by then, nobody behind it is missed and nobody before it comes twice.
    """

    def __init__(
        self, lookback_days: int, state: Mapping[str, Any], exporter: Exporter, logger: logging.Logger
    ) -> None:
        newest = exporter.newest_complete_hour()
        self._hours = Window(newest - (24 * lookback_days - 1) * HOUR, newest)
        self._after = _FIRST
        if state:
            self._continue(state, logger)
        logger.info(f"Looking for active users in the events of {self._hours}")
        self._seen = users_of(self._hours, exporter, logger)
        self.total = self._seen.count()
        self.done = self._seen.count(up_to=self._after) if self._after else 0
        devices = self._seen.count(kind="device_id")
        logger.info(
            f"Found {self.total:,} active users: {self.total - devices:,} by user_id, "
            f"{devices:,} by device_id, of devices without a user"
        )

    def left(self) -> Iterator[User]:
        return self._seen.after(self._after)

    def passed(self, user: User) -> None:
        self._after = user.digest
        self.done += 1

    def state(self) -> dict[str, Any]:
        return {
            "selection": "active",
            "first_hour": self._hours.start_param,
            "last_hour": self._hours.end_param,
            "done": self.done,
            "after": self._after.hex(),
        }

    def close(self) -> None:
        self._seen.close()

    def _continue(self, state: Mapping[str, Any], logger: logging.Logger) -> None:
        try:
            hours = Window(parse_export_hour(state["first_hour"]), parse_export_hour(state["last_hour"]))
            after = bytes.fromhex(state["after"])
        except (KeyError, ValueError):
            hours, after = self._hours, b""
        if state.get("selection") == "active" and len(after) == DIGEST_BYTES and hours.hours == self._hours.hours:
            self._hours, self._after = hours, after
        else:
            logger.info("The interrupted snapshot was of other users: it begins anew")


def users_of(hours: Window, exporter: Exporter, logger: logging.Logger) -> SeenUsers:
    """The distinct users of the events that were uploaded in these hours.

    :raises AmplitudeError: as reading `events` does
    """
    seen = SeenUsers()
    started_at, events, archive_bytes = time.monotonic(), 0, 0
    try:
        with closing(exporter):
            for download in exporter.downloads(hours):
                if download.archive is not None:
                    archive_bytes += download.archive.size
                    found = _add(seen, download.window, download.archive, exporter, logger)
                    events += found
                    logger.info(f"Looked for active users in {download.window}: {found:,} events")
        seen.finish()
    except BaseException:
        seen.close()
        raise
    logger.info(
        f"Looked through {events:,} events of {hours.hours:,} hours, {archive_bytes / 1e6:,.1f} MB, "
        f"in {time.monotonic() - started_at:.1f} s"
    )
    return seen


def _add(seen: SeenUsers, window: Window, archive: Archive | None, exporter: Exporter, logger: logging.Logger) -> int:
    """Add the users of a window, which is fetched again when it turns out to be damaged inside."""
    refetches = Refetches(window, logger)
    while archive is not None:
        events = 0
        try:
            with closing(archive):
                for lines in archive.lines():
                    for user_id, device_id in _ids_of(lines):
                        seen.add(user_id, device_id)
                    events += len(lines.lines)
                    if exporter.progress.is_due():
                        exporter.progress.say(f"Looking for active users in {window}: {events:,} events so far")
            return events
        except (BadLineError, ArchiveDamagedError) as error:
            refetches.allow(error)
        archive = exporter.fetch_whole(window)
    raise TransientError(f"Amplitude's answers for the hours {window} contradict each other.")


def _ids_of(lines: Lines) -> Iterator[tuple[str | None, str | None]]:
    for number, line in zip(lines.numbers, lines.lines, strict=True):
        try:
            yield _ids(line)
        except NOT_STRICT:
            yield _repaired(line, f"member {lines.member}, line {number}")


def _ids(line: bytes | memoryview) -> tuple[str | None, str | None]:
    event = _decode(line)
    return id_text(event.user_id), id_text(event.device_id)


def _repaired(line: bytes | memoryview, place: str) -> tuple[str | None, str | None]:
    try:
        return _ids(strict_json(bytes(line)))
    except (NotAJsonObjectError, msgspec.MsgspecError) as error:
        raise BadLineError(f"{place}: not an event ({type(error).__name__})") from None
