import errno
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.errors import ConfigError
from source_amplitude.user_profiles import seen
from source_amplitude.user_profiles.seen import SeenUsers
from source_amplitude.user_profiles.users import Kind, User

REPOSITORY = Path(__file__).parents[1]
ids = st.sampled_from(["a", "b", "c", "ü 🚀", "a\x00b", "", None]) | st.text(st.characters(exclude_categories=["Cs"]))


pairs_of_ids = st.lists(st.tuples(ids, ids), max_size=20)


@given(parts=st.lists(pairs_of_ids, max_size=4), at_once=st.integers(1, 5), page=st.integers(1, 5), stop=st.integers(0))
def test_given_any_events_then_each_user_once_and_only_devices_without_a_user(
    parts: list[list[tuple[str | None, str | None]]], at_once: int, page: int, stop: int
) -> None:
    pairs = [pair for part in parts for pair in part]
    expected = {User("user_id", user) for user, _ in pairs if user}
    taken = {device for user, device in pairs if user}
    devices = {User("device_id", device) for user, device in pairs if device and not user and device not in taken}
    found: list[User] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "PAIRS_IN_MEMORY", at_once)
        patch.setattr(seen, "USERS_A_PAGE", page)
        users = SeenUsers()
        for part in parts:
            for user, device in part:
                users.add(user, device)
            number = users.end_part()
            new = list(users.after(b"", "user_id", number))
            assert set(new) == {User("user_id", user) for user, _ in part if user} - set(found)
            assert_in_order(users, new, "user_id", number, stop)
            found += new
        users.finish()
        assert len(found) == len(set(found)) == users.count("user_id")
        assert set(found) == expected
        of_no_user = list(users.after(b"", "device_id"))
        assert set(of_no_user) == devices
        assert_in_order(users, of_no_user, "device_id", None, stop)
    users.close()


def assert_in_order(users: SeenUsers, found: list[User], kind: Kind, part: int | None, stop: int) -> None:
    assert found == sorted(found, key=lambda user: user.digest)
    if found:
        place = stop % len(found)
        digest = found[place].digest
        assert list(users.after(digest, kind, part)) == found[place + 1 :]
        assert users.count(kind, part, digest) == len(found) - place - 1


def test_its_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    users = SeenUsers()
    users.add("ada", None)
    assert list(tmp_path.iterdir()) == []
    users.finish()
    assert list(users.after(b"", "user_id")) == [User("user_id", "ada")]
    users.close()


def test_given_no_temporary_folder_then_a_config_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(seen.tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match="TMPDIR"):
        SeenUsers()


def test_given_no_room_for_a_folder_then_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(seen.tempfile, "TemporaryDirectory", full)
    with pytest.raises(ConfigError, match=r"cannot hold the list of active users .*No space left"):
        SeenUsers()


@pytest.mark.parametrize("most_bytes", [4096, 60_000], ids=["for a page", "for some users"])
def test_given_a_full_disk_then_a_config_error(most_bytes: int) -> None:
    script = f"""
import resource
from source_amplitude.errors import ConfigError
from source_amplitude.user_profiles.seen import SeenUsers
resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))
try:
    users = SeenUsers()
    for number in range(100_000):
        users.add(f"user-{{number}}", None)
    users.finish()
except ConfigError as error:
    print(error.message)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "cannot hold the list of active users" in ran.stdout
