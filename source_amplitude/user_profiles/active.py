"""Finds active users: everyone seen in the last days of events, read from the Export API as a stream."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec

from source_amplitude.export.archive import Archive, ArchiveDamagedError, BadLineError, Block
from source_amplitude.export.exporter import Exporter, RefetchPolicy
from source_amplitude.export.prefetch import Download
from source_amplitude.export.windows import HOUR, Window, parse_export_hour
from source_amplitude.records.json_repair import NOT_STRICT, NULL, NotAJsonObjectError, strict_json
from source_amplitude.user_profiles.profile import id_text
from source_amplitude.user_profiles.seen import SeenUsers
from source_amplitude.user_profiles.users import DIGEST_BYTES, Group, Kind, User, Users

_FIRST = b""
_KINDS: Mapping[str, Kind] = {"user_id": "user_id", "device_id": "device_id"}
_BEGINS_ANEW = "The interrupted snapshot was of other users: it begins anew"


class _Ids(msgspec.Struct):
    """Decodes only two fields of an event."""

    user_id: msgspec.Raw = NULL
    device_id: msgspec.Raw = NULL


_decode = msgspec.json.Decoder(_Ids).decode


class Active(Users):
    """Finds everyone seen in the events of some days.

    The events are read window by window. Once a window is read, the users that were not seen before it are a group, in
    the order of a digest of their ids; the last group are the devices that no user was seen on in any window.

    State: `{"selection": "active", "first_hour": "20240308T21", "last_hour": "20240315T20", "kind": "user_id",
    "part_first_hour": "20240309T21", "part_last_hour": "20240310T20", "after": "…", "done": 9}`: the hours of the
    snapshot, then the group that is being read (of devices: all hours), the digest up to which it is done, and how many
    users are. Another run reads the events up to that group again, only to know who was seen before it.
    """

    def __init__(
        self, lookback_days: int, state: Mapping[str, Any], exporter: Exporter, logger: logging.Logger
    ) -> None:
        newest = exporter.newest_complete_hour()
        self._hours = Window(newest - (24 * lookback_days - 1) * HOUR, newest)
        self._kind: Kind = "user_id"
        self._part: Window | None = None
        self._after = _FIRST
        self._exporter = exporter
        self._logger = logger
        self._events = self._archive_bytes = 0
        self.total = self.done = 0
        if state:
            self._continue(state)
        self._seen = SeenUsers()

    def groups(self) -> Iterator[Group | None]:
        """Yields groups as events are read; a step is one window of events.

        :raises AmplitudeError: as reading `events` does
        """
        self._logger.info(f"Looking for active users in the events of {self._hours}")
        start = self._hours.first
        if self._part is not None:
            self._logger.info(f"Reading the events up to {self._part.end_param} again, to know who was seen in them")
            if self._part.first > start:
                yield from self._search(Window(start, self._part.first - HOUR))
                self._seen.end_part()
            yield from self._search(self._part)
            if self._kind == "user_id":
                yield self._group()
            start = self._part.resume_at
        if start <= self._hours.last:
            for download in self._exporter.downloads(Window(start, self._hours.last)):
                self._add(download)
                self._part, self._after = download.window, _FIRST
                yield None
                yield self._group()
        if self._kind == "user_id":
            self._kind, self._part, self._after = "device_id", self._hours, _FIRST
        yield self._devices()

    def move_past(self, user: User) -> None:
        self._after = user.digest
        self.done += 1

    def state(self) -> dict[str, Any]:
        part = self._part
        assert part is not None, "no state is due before the first window is read"
        return {
            "selection": "active",
            "first_hour": self._hours.start_param,
            "last_hour": self._hours.end_param,
            "kind": self._kind,
            "part_first_hour": part.start_param,
            "part_last_hour": part.end_param,
            "after": self._after.hex(),
            "done": self.done,
        }

    def close(self) -> None:
        self._exporter.close()
        self._seen.close()

    def _search(self, hours: Window) -> Iterator[None]:
        for download in self._exporter.downloads(hours):
            self._add(download)
            yield None

    def _add(self, download: Download) -> None:
        """Adds the users of a window, which is fetched again when it turns out to be damaged inside."""
        window, archive = download.window, download.archive
        if archive is None:
            return
        self._archive_bytes += archive.size
        events, refetches = None, RefetchPolicy(window, self._exporter.fetch_whole, self._logger)
        while events is None:
            try:
                with closing(archive):
                    events = self._add_events(window, archive)
            except (BadLineError, ArchiveDamagedError) as error:
                archive = refetches.fetch_again(error)
        self._events += events
        self._logger.info(f"Looked for active users in {window}: {events:,} events")

    def _add_events(self, window: Window, archive: Archive) -> int:
        """Adds the users of the events in an archive; returns how many events these are."""
        events, progress = 0, self._exporter.progress
        for block in archive.blocks():
            for user_id, device_id in _ids_of(block):
                self._seen.add(user_id, device_id)
                events += 1
            if progress.is_due():
                progress.log(f"Looking for active users in {window}: {events:,} events so far")
        return events

    def _group(self) -> Group:
        part = self._seen.end_part()
        self.total = self._seen.count("user_id")
        count = self._seen.count("user_id", part, self._after)
        return Group(self._seen.after(self._after, "user_id", part), count, is_last=False)

    def _devices(self) -> Group:
        self._seen.finish()
        users, devices = self._seen.count("user_id"), self._seen.count("device_id")
        self.total = users + devices
        self._logger.info(
            f"Looked through {self._events:,} events of {self._hours.hours:,} hours, "
            f"{self._archive_bytes / 1e6:,.1f} MB"
        )
        self._logger.info(
            f"Found {self.total:,} active users: {users:,} by user_id, "
            f"{devices:,} by device_id, of devices without a user"
        )
        if not self.total:
            self._logger.warning(
                f"No user was active in the {self._hours.hours:,} hours {self._hours}: user_profiles has no record. "
                "Look further back with user_profiles.users.lookback_days, or list users."
            )
        count = self._seen.count("device_id", after=self._after)
        return Group(self._seen.after(self._after, "device_id"), count, is_last=True)

    def _continue(self, state: Mapping[str, Any]) -> None:
        try:
            hours = Window(parse_export_hour(state["first_hour"]), parse_export_hour(state["last_hour"]))
            part = Window(parse_export_hour(state["part_first_hour"]), parse_export_hour(state["part_last_hour"]))
            after = bytes.fromhex(state["after"])
            kind = _KINDS[state["kind"]]
        except (KeyError, ValueError):
            self._logger.info(_BEGINS_ANEW)
            return
        is_same = hours.hours == self._hours.hours and hours.first <= part.first <= part.last <= hours.last
        if not is_same or len(after) not in (0, DIGEST_BYTES):
            self._logger.info(_BEGINS_ANEW)
            return
        self._hours, self._part, self._after, self._kind, self.done = hours, part, after, kind, state["done"]


def _ids_of(block: Block) -> Iterator[tuple[str | None, str | None]]:
    for place, line in block.lines():
        try:
            yield _ids(line)
        except NOT_STRICT:
            yield _repaired(line, block.where(place))


def _ids(line: bytes) -> tuple[str | None, str | None]:
    event = _decode(line)
    return id_text(event.user_id), id_text(event.device_id)


def _repaired(line: bytes, place: str) -> tuple[str | None, str | None]:
    try:
        return _ids(strict_json(line))
    except (NotAJsonObjectError, msgspec.MsgspecError) as error:
        raise BadLineError(f"{place}: not an event ({type(error).__name__})") from None
