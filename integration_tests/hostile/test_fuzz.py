"""Answers with any bytes changed: none ends as a bug, and none passes with other data than it should."""

import random
from collections.abc import Callable

import pytest

from integration_tests.hostile.apis import a_list, a_profile, an_export, point_to
from integration_tests.hostile.server import serving
from source_amplitude.errors import AmplitudeError
from source_amplitude.user_profiles.fetch import FetchStatus
from unit_tests.archives import an_export as archive_of

LINES = [b'{"uuid":"%d","n":%d}' % (number, number) for number in range(50)]
ARCHIVE = archive_of(b"\n".join(LINES) + b"\n")
LIST = b'{"data": [{"value": "Purchase"}]}'
PROFILE = b'{"userData": {"user_id": "ada"}}'


def lines_of_an_hour() -> object:
    archive = an_export()
    return None if archive is None else [line for block in archive.blocks() for _, line in block.lines()]


def a_profile_or_none() -> object:
    return a_profile().status is FetchStatus.PROFILE


API = {
    "export": (lines_of_an_hour, ARCHIVE, LINES),
    "list": (a_list, LIST, None),
    "profile": (a_profile_or_none, PROFILE, None),
}


def heads(body: bytes) -> list[bytes]:
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:20], body[20:]))
    return [
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: Fri, 15 Mar 2024 10:00:00 GMT\r\n\r\n"
        + chunked
        + b"0\r\n\r\n",
    ]


def mutant(answer: bytes, chance: random.Random) -> bytes:
    """An answer with some bytes of its head, or of its first chunk, replaced, left out or doubled."""
    changed = bytearray(answer)
    end = answer.index(b"\r\n\r\n") + 8
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(min(end, len(changed)))
        kind = chance.randrange(4)
        if kind == 0:
            changed[place] = chance.choice(b"\x00\r\n -;:,0159aAfF\xff")
        elif kind == 1:
            del changed[place : place + chance.choice([1, 2, 10])]
        elif kind == 2:
            changed[place:place] = changed[place : place + chance.choice([1, 2, 20])]
        else:
            changed[place:place] = chance.choice([b"-", b"\r\n", b"\xc3\xbc", b"9" * 30, b"\x00", b": "])
    return bytes(changed)


def assert_no_mutant_is_a_bug(
    reader: Callable[[], object], body: bytes, expected: object, seeds: range, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = heads(body)[0]
    for seed in seeds:
        answer = mutant(heads(body)[seed % 2], random.Random(seed))
        with serving(answer, good) as server:
            point_to(server, monkeypatch)
            try:
                found = reader()
            except AmplitudeError:
                continue  # the status was changed, or it was no redirect any more
        assert expected is None or found == expected, seed


@pytest.mark.parametrize("api", API)
def test_given_some_mutants_of_an_answers_head_then_none_is_a_bug_or_passes_for_another(
    api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_no_mutant_is_a_bug(*API[api], range(100), monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("api", API)
@pytest.mark.parametrize("thousand", range(1, 6))
def test_given_thousands_of_mutants_then_none_is_a_bug_or_passes_for_another(
    api: str, thousand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_no_mutant_is_a_bug(*API[api], range(1000 * thousand, 1000 * (thousand + 1)), monkeypatch)
