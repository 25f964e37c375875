"""Decides whose profiles are read, in which order, and keeps in a state how far they have been."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from source_amplitude.config.model import ListedUsers
from source_amplitude.errors import foreign_state

DIGEST_BYTES = 16
Kind = Literal["user_id", "device_id"]


@dataclass(frozen=True)
class User:
    """Names one user by the id that its request has."""

    kind: Kind
    id: str

    @property
    def digest(self) -> bytes:
        """Returns what stands for the user in states, which hold no ids."""
        return blake2b(f"{self.kind}:{self.id}".encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


@dataclass(frozen=True)
class Group:
    """Holds users to be read in this order.

    :param is_last: whether the snapshot ends with them
    """

    users: Iterator[User]
    count: int
    is_last: bool


class Users(ABC):
    """Iterates over the users of one snapshot.

    The results of `done` of `total` users are out, in this run or in the interrupted one before it. Where
    users are still being looked for, `total` is how many were found so far.
    """

    total: int
    done: int

    @abstractmethod
    def groups(self) -> Iterator[Group | None]:
        """Yields the users that are still to be read, in the snapshot's order.

        None stands for a step of the search for them, after which a state may be written. The next group may be
        taken when the results of all users of the one before are out.
        """

    @abstractmethod
    def move_past(self, user: User) -> None:
        """Moves the state past a user, whose result is out."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Returns the state from which another run continues after the last user whose result is out."""

    def close(self) -> None:  # noqa: B027 - only some have anything to close
        """Lets go of what the users are kept in."""


class Listed(Users):
    """Iterates over the users named in the configuration, user ids first.

    State: `{"selection": "listed", "done": 750, "fingerprint": "..."}`, a fingerprint of those 750 users in order. A
    snapshot continues when they still head the list, whatever was added behind them; otherwise it begins anew.
    """

    def __init__(self, users: ListedUsers, state: Mapping[str, Any], logger: logging.Logger) -> None:
        self._users = [User("user_id", id_) for id_ in users.user_ids]
        self._users += [User("device_id", id_) for id_ in users.device_ids]
        self._fingerprint = blake2b(digest_size=DIGEST_BYTES)
        self.total = len(self._users)
        self.done = 0
        if state:
            self._continue(state, logger)

    def left(self) -> Iterator[User]:
        return iter(self._users[self.done :])

    def groups(self) -> Iterator[Group | None]:
        yield Group(self.left(), self.total - self.done, is_last=True)

    def move_past(self, user: User) -> None:
        self._fingerprint.update(user.digest)
        self.done += 1

    def state(self) -> dict[str, Any]:
        return {"selection": "listed", "done": self.done, "fingerprint": self._fingerprint.hexdigest()}

    def _continue(self, state: Mapping[str, Any], logger: logging.Logger) -> None:
        if state.get("selection") == "listed":
            for user in self._users[: state["done"]]:
                self.move_past(user)
            if self.state() == state:
                return
        logger.info("The configured users are not those of the interrupted snapshot: it begins anew")
        self._fingerprint = blake2b(digest_size=DIGEST_BYTES)
        self.done = 0


_ALWAYS = {"selection", "done"}
_HOURS = {"first_hour", "last_hour", "part_first_hour", "part_last_hour"}
# All of them are texts but `done`, a number.
_STATE_FIELDS = {"listed": {*_ALWAYS, "fingerprint"}, "active": {*_ALWAYS, *_HOURS, "kind", "after"}}


def checked_state(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Checks the state of an interrupted snapshot, and returns it as it came, or an empty one.

    Of a state that an earlier version wrote, fields may be missing: its snapshot begins anew.

    :raises ConfigError: for one that this stream cannot have written
    """
    if not state:
        return state
    is_ours = _ALWAYS <= state.keys() <= _STATE_FIELDS.get(str(state.get("selection")), set())
    if not is_ours or any(type(value) is not (int if name == "done" else str) for name, value in state.items()):
        raise foreign_state("user_profiles", state)
    if state["done"] < 0:
        raise foreign_state("user_profiles", state)
    return state
