"""Mutants of archives: each one is noticed as damage, or gives the very lines of the whole one. None is a bug."""

import gzip
import random
import zipfile

import pytest

from source_amplitude.export.archive import ArchiveDamagedError
from unit_tests.archives import a_zip, all_lines, an_export, name

TEXTS = [b'{"uuid":"%d","city":"M\xc3\xbcnchen"}\n' % number * 30 for number in range(4)]
WHOLE = {
    "stored": an_export(*TEXTS),
    "deflated": an_export(*TEXTS, compression=zipfile.ZIP_DEFLATED),
    "with a comment": an_export(*TEXTS, comment=b"made by Amplitude"),
    "with empty members": a_zip({"folder/": b"", name(0): gzip.compress(TEXTS[0], mtime=0), "nothing": b""}),
}


def overwritten(data: bytes, chance: random.Random) -> bytes:
    start, length = chance.randrange(len(data)), chance.choice([1, 2, 4, 8, 12, 60])
    new = chance.choice([bytes(length), b"\xff" * length, chance.randbytes(length)])
    return data[:start] + new[: len(data) - start] + data[start + length :]


def shortened(data: bytes, chance: random.Random) -> bytes:
    """Bytes are missing at the front, in the middle or at the end, or come later than they should."""
    start = chance.choice([0, chance.randrange(len(data))])
    end = start + chance.choice([1, 3, 20, 100, 300])
    return chance.choice([data[:start] + data[end:], data[:start] + data[end:] + data[start:end]])


def lengthened(data: bytes, chance: random.Random) -> bytes:
    start, place = chance.randrange(len(data)), chance.randrange(len(data))
    return data[:place] + chance.choice([data[start : start + 90], chance.randbytes(9)]) + data[place:]


def copied(data: bytes, chance: random.Random) -> bytes:
    """A piece stands in the place of another one: mostly headers and entries of the directory, which look alike."""
    headers = [place for place in range(len(data)) if data[place : place + 2] == b"PK"]
    start, place = chance.choice(headers), chance.choice(headers)
    piece = data[start : start + chance.choice([30, 46, 79, 80, 81])]
    return data[:place] + piece[: len(data) - place] + data[place + len(piece) :]


MUTATIONS = [overwritten, shortened, lengthened, copied]


def noticed_of(kind: str, seed: int, mutants: int) -> int:
    chance = random.Random(f"{kind}/{seed}")
    whole = WHOLE[kind]
    expected = all_lines(whole)
    noticed = 0
    for number in range(mutants):
        changed = whole
        for _ in range(chance.choice([1, 1, 2])):
            changed = chance.choice(MUTATIONS)(changed, chance)
        try:
            lines = all_lines(changed)
        except ArchiveDamagedError:
            noticed += 1
        else:
            assert lines == expected, f"mutant {number} of seed {seed}"
    return noticed


@pytest.mark.parametrize("kind", WHOLE)
def test_given_mutants_of_an_archive_then_damage_or_the_same_lines(kind: str) -> None:
    assert 0 < noticed_of(kind, 0, 1500) < 1500


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("kind", WHOLE)
def test_given_400000_mutants_of_archives_then_damage_or_the_same_lines(kind: str, seed: int) -> None:
    assert noticed_of(kind, seed, 10_000) > 5_000


def test_given_bytes_missing_at_the_front_then_it_is_damaged() -> None:
    with pytest.raises(ArchiveDamagedError):
        all_lines(WHOLE["stored"][100:])


def test_given_a_directory_that_calls_a_member_empty_then_it_is_damaged() -> None:
    for whole in (WHOLE["stored"], WHOLE["deflated"]):
        entry = whole.index(b"PK\x01\x02")
        for first in (16, 20):  # the CRC and both sizes of the first member, or the sizes alone
            with pytest.raises(ArchiveDamagedError):
                all_lines(whole[: entry + first] + bytes(28 - first) + whole[entry + 28 :])


def test_given_a_directory_that_names_a_member_twice_then_it_is_damaged() -> None:
    whole = WHOLE["stored"]
    first = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x01\x02", first + 1)
    third = whole.index(b"PK\x01\x02", second + 1)
    assert second - first == third - second
    with pytest.raises(ArchiveDamagedError):
        all_lines(whole[:second] + whole[first:second] + whole[third:])
