import gzip
import random
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_amplitude.export import archive as archive_module
from source_amplitude.export.archive import ArchiveDamagedError, BadLineError
from unit_tests.archives import a_zip, all_lines, an_export, name, opened

LINES = [b'{"uuid":"%d","text":"%b"}' % (i, b"x" * (i % 50)) for i in range(500)]
TEXT = b"\n".join(LINES) + b"\n"


def test_given_several_members_then_their_lines_in_order() -> None:
    assert all_lines(an_export(TEXT, b"", b'{"a":1}\n{"b":2}')) == [*LINES, b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize("read_bytes", [1, 7, 64, 1000, 1 << 20])
def test_given_any_size_of_reads_then_the_same_lines(read_bytes: int) -> None:
    assert all_lines(an_export(TEXT), read_bytes) == LINES


def test_given_deflated_members_then_they_are_read_too() -> None:
    assert all_lines(an_export(TEXT, compression=zipfile.ZIP_DEFLATED)) == LINES


def test_given_concatenated_gzip_members_then_all_of_them_are_read() -> None:
    half = len(TEXT) // 2
    assert all_lines(a_zip({name(0): gzip.compress(TEXT[:half]) + gzip.compress(TEXT[half:])})) == LINES


def test_given_blank_lines_and_crlf_then_line_numbers_still_count_them() -> None:
    data = an_export(b'{"a":1}\r\n\r\n\n  \n{"b":2}\n')
    [block] = opened(data).blocks()
    assert block.lines() == [(0, b'{"a":1}\r'), (4, b'{"b":2}')]
    assert block.where(4) == f"member {name(0)}, line 5"
    assert block.count == 5


@given(
    members=st.lists(st.lists(st.sampled_from([b"{}", b"", b" ", b"{}\r"]), min_size=1).map(b"\n".join), min_size=1),
    read_bytes=st.integers(1, 12),
)
def test_blocks_are_the_lines_and_know_where_each_is_from(members: list[bytes], read_bytes: int) -> None:
    places = [
        (f"member {name(member)}, line {number}", line)
        for member, text in enumerate(members)
        for number, line in enumerate(text.split(b"\n"), 1)
        if line.strip()
    ]
    blocks = list(opened(an_export(*members)).blocks(read_bytes))
    assert [(block.where(place), line) for block in blocks for place, line in block.lines()] == places
    for block in blocks:
        assert block.count == block.text.count(b"\n") + 1
        for start in range(block.count):
            rest = block.starting_at(start)
            assert rest.count == block.count - start
            assert [(rest.where(place), line) for place, line in rest.lines()] == [
                (block.where(place), line) for place, line in block.lines() if place >= start
            ]


def test_small_members_share_a_block_and_large_ones_do_not() -> None:
    assert [block.count for block in opened(an_export(b"{}", b"{}\n{}", b"[]")).blocks()] == [4]
    assert [block.count for block in opened(an_export(b"{}", b"{}\n{}", b"[]")).blocks(1)] == [1, 1, 1, 1]
    assert [block.count for block in opened(an_export(b"{}", b"{}", b"{}" * 9, b"{}")).blocks(5)] == [2, 1, 1]


def test_given_an_empty_member_and_a_folder_then_they_hold_no_events() -> None:
    assert all_lines(a_zip({"123456/": b"", "123456/_SUCCESS": b"", name(0): gzip.compress(TEXT)})) == LINES


def test_given_an_archive_without_members_then_damaged_in_our_words() -> None:
    with pytest.raises(ArchiveDamagedError, match=r"^it has no members$"):
        opened(a_zip({}))


@pytest.mark.parametrize("member", ["../../etc/cron.d/x.json.gz", "/etc/passwd", "C:\\x.json.gz"])
def test_given_an_evil_member_name_then_it_is_read_and_nothing_is_written(
    member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert all_lines(a_zip({member: gzip.compress(TEXT)})) == LINES
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=300)
@given(data=st.data())
def test_given_an_archive_cut_at_any_byte_then_it_is_noticed(data: st.DataObject) -> None:
    whole = an_export(TEXT, b'{"a":1}\n', comment=data.draw(st.sampled_from([b"", b"made by Amplitude"])))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ArchiveDamagedError):
        all_lines(whole[:cut])


@pytest.mark.parametrize("comment", [b"", b"made by Amplitude"])
def test_given_any_single_flipped_bit_then_noticed_or_the_lines_are_right(comment: bytes) -> None:
    whole = an_export(TEXT[:300], b'{"a":1}\n', comment=comment)
    expected = all_lines(whole)
    noticed = 0
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << (bit % 8)
        try:
            lines = all_lines(bytes(changed))
        except ArchiveDamagedError:
            noticed += 1
            continue
        assert lines == expected, f"bit {bit} of {len(whole) * 8}"  # it carries nothing, such as a time stamp
    assert noticed > len(whole) * 4


@settings(max_examples=200)
@given(noise=st.binary(max_size=2000))
def test_given_anything_else_then_it_is_no_archive(noise: bytes) -> None:
    with pytest.raises(ArchiveDamagedError):
        all_lines(noise)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a":1}\n', "not a gzip file"),
        (gzip.compress(TEXT)[:-1], name(0)),
        (gzip.compress(TEXT)[:-9], name(0)),
        (gzip.compress(TEXT)[:200], name(0)),
        (gzip.compress(TEXT)[:-8] + b"\0\0\0\0" + gzip.compress(TEXT)[-4:], name(0)),
        (gzip.compress(TEXT) + b"garbage", name(0)),
    ],
    ids=["plain", "cut by one", "no trailer", "cut", "wrong crc", "garbage behind"],
)
def test_given_a_member_that_is_no_whole_gzip_then_damaged(content: bytes, told: str) -> None:
    with pytest.raises(ArchiveDamagedError, match=told.replace("#", r"\#").replace(".", r"\.")):
        all_lines(a_zip({name(0): content}))


def test_given_a_line_without_end_then_an_error_and_no_unbounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MAX_LINE_BYTES", 1_000_000)
    with pytest.raises(BadLineError, match="line 2: longer"):
        all_lines(an_export(b"{}\n" + b"x" * 3_000_000))


def test_given_random_splits_of_parts_then_all_lines() -> None:
    order = random.Random(7)
    cuts = sorted(order.sample(range(1, len(LINES)), 20))
    parts = [b"\n".join(LINES[a:b]) for a, b in zip([0, *cuts], [*cuts, len(LINES)], strict=True)]
    assert all_lines(an_export(*parts)) == LINES


@pytest.mark.parametrize("tool", ["zip", "7z"])
def test_given_an_archive_made_by_a_real_tool_then_it_is_read(tool: str, tmp_path: Path) -> None:
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} is not installed")
    with gzip.open(tmp_path / "part.json.gz", "wb") as part:
        part.write(TEXT)
    command = (
        [program, "-0", "made.zip", "part.json.gz"] if tool == "zip" else [program, "a", "made.zip", "part.json.gz"]
    )
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert all_lines((tmp_path / "made.zip").read_bytes()) == LINES


def test_given_no_isal_then_the_standard_library_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "_GzipFile", gzip.GzipFile)
    assert all_lines(an_export(TEXT)) == LINES


def test_given_a_byte_order_mark_then_it_is_no_part_of_the_first_line() -> None:
    mark = b"\xef\xbb\xbf"
    assert all_lines(an_export(mark + TEXT, mark + b'{"a":1}\n', mark)) == [*LINES, b'{"a":1}']
