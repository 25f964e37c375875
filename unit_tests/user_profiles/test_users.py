import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.config.model import ListedUsers
from source_amplitude.errors import ConfigError
from source_amplitude.user_profiles.users import Listed, User, checked_state

LOGGER = logging.getLogger("test")
ids = st.lists(st.text(min_size=1), unique=True, max_size=12).map(tuple)


def read(users: Listed, number: int) -> list[User]:
    taken = []
    for user in users.left():
        if len(taken) == number:
            break
        taken.append(user)
        users.move_past(user)
    return taken


@given(user_ids=ids, device_ids=ids, data=st.data())
def test_given_an_interruption_anywhere_then_each_listed_user_once_in_order(
    user_ids: tuple[str, ...], device_ids: tuple[str, ...], data: st.DataObject
) -> None:
    listed = ListedUsers(user_ids, device_ids)
    first = Listed(listed, {}, LOGGER)
    begun = read(first, data.draw(st.integers(0, first.total)))
    second = Listed(listed, first.state(), LOGGER)
    assert begun + read(second, second.total) == [
        *(User("user_id", id_) for id_ in user_ids),
        *(User("device_id", id_) for id_ in device_ids),
    ]
    assert second.done == second.total


def test_given_users_were_added_behind_then_it_continues_and_otherwise_it_begins_anew() -> None:
    first = Listed(ListedUsers(("a", "b", "c"), ()), {}, LOGGER)
    read(first, 2)
    assert [user.id for user in Listed(ListedUsers(("a", "b", "c", "d"), ()), first.state(), LOGGER).left()] == [
        "c",
        "d",
    ]
    for changed in (("b", "a", "c"), ("a",), ("x", "a", "b", "c")):
        anew, fresh = (Listed(ListedUsers(changed, ()), state, LOGGER) for state in (first.state(), {}))
        assert [user.id for user in anew.left()] == list(changed)
        read(anew, 1)
        read(fresh, 1)
        assert anew.state() == fresh.state()


def test_given_the_state_of_active_users_then_listed_ones_begin_anew() -> None:
    state = {"selection": "active", "first_hour": "20240313T00", "last_hour": "20240313T23", "kind": "user_id",
             "part_first_hour": "20240313T00", "part_last_hour": "20240313T05", "after": "00", "done": 5}  # fmt: skip
    assert checked_state(state) == state
    assert Listed(ListedUsers(("a",), ()), state, LOGGER).done == 0


def test_given_the_state_of_an_earlier_version_then_it_is_no_error() -> None:
    hours = {"first_hour": "20240308T21", "last_hour": "20240315T20"}
    state = {"selection": "active", **hours, "done": 9, "after": "00"}
    assert checked_state(state) == state


@pytest.mark.parametrize(
    "state",
    [
        {"server_upload_time": "2024-03-15T21:00:00Z"},
        {"selection": "listed"},
        {"selection": "listed", "done": "5", "fingerprint": ""},
        {"selection": "listed", "done": -1, "fingerprint": ""},
        {"selection": "everyone", "done": 5, "fingerprint": ""},
        {"selection": ["listed"], "done": 5, "fingerprint": ""},
    ],
)
def test_given_a_foreign_state_then_a_config_error(state: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        checked_state(state)
