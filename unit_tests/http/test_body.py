"""Bodies as they arrive: gzip of the transfer is whole, or an error."""

import gzip
import io

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from source_amplitude.http import body
from source_amplitude.http.body import BrokenBodyError, chunks

TEXT = b"".join(b'{"event_id":%d}\n' % number for number in range(200))


def gzipped(content: bytes, **headers: str) -> requests.Response:
    response = requests.Response()
    response.headers.update({"Content-Encoding": "gzip", **headers})
    response.raw = urllib3.HTTPResponse(io.BytesIO(content), headers=dict(response.headers), preload_content=False)
    return response


@given(texts=st.lists(st.binary(max_size=3000), min_size=1, max_size=3), size=st.sampled_from([1, 7, 100, 10_000]))
def test_given_gzip_of_any_members_then_its_text_in_pieces_of_limited_size(texts: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "CHUNK_BYTES", size)
        pieces = list(chunks(gzipped(b"".join(map(gzip.compress, texts)))))
    assert b"".join(pieces) == b"".join(texts)
    assert all(0 < len(piece) <= max(size, 300) for piece in pieces), "zlib holds back one repetition and some bits"


@given(cut=st.integers(1, len(gzip.compress(TEXT)) - 1))
def test_given_gzip_that_ends_too_early_then_a_broken_body(cut: int) -> None:
    with pytest.raises(BrokenBodyError, match="ends too early"):
        list(chunks(gzipped(gzip.compress(TEXT)[:cut])))


def test_given_a_wrong_checksum_then_a_broken_body() -> None:
    content = gzip.compress(TEXT)
    with pytest.raises(BrokenBodyError, match="damaged"):
        list(chunks(gzipped(content[:-8] + b"\0\0\0\0" + content[-4:])))


def test_given_an_empty_body_then_nothing() -> None:
    assert list(chunks(gzipped(b""))) == []


def test_given_another_spelling_of_gzip_then_it_is_inflated_too() -> None:
    assert b"".join(chunks(gzipped(gzip.compress(TEXT), **{"Content-Encoding": " X-GZip "}))) == TEXT
