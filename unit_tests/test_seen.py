from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.user_profiles import seen
from source_amplitude.user_profiles.seen import SeenUsers
from source_amplitude.user_profiles.users import User

ids = st.sampled_from(["a", "b", "c", "ü 🚀", "a\x00b", "", None]) | st.text(st.characters(exclude_categories=["Cs"]))


@given(pairs=st.lists(st.tuples(ids, ids), max_size=30), at_once=st.integers(1, 5), stop=st.integers(0, 30))
def test_given_any_events_then_each_user_once_and_only_devices_without_a_user(
    pairs: list[tuple[str | None, str | None]], at_once: int, stop: int
) -> None:
    expected = {User("user_id", user) for user, _ in pairs if user}
    taken = {device for user, device in pairs if user}
    expected |= {User("device_id", device) for user, device in pairs if device and not user and device not in taken}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "PAIRS_IN_MEMORY", at_once)
        users = SeenUsers()
        for user, device in pairs:
            users.add(user, device)
        users.finish()
    found = list(users.after(b""))
    assert found == sorted(expected, key=lambda user: user.digest)
    assert users.count() == len(expected)
    assert users.count(kind="device_id") == sum(user.kind == "device_id" for user in expected)
    if found:
        last = found[min(stop, len(found) - 1)].digest
        left = list(users.after(last))
        assert found[users.count(up_to=last) :] == left
    users.close()


def test_its_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    users = SeenUsers()
    users.add("ada", None)
    assert list(tmp_path.iterdir()) == []
    users.finish()
    assert list(users.after(b"")) == [User("user_id", "ada")]
    users.close()
