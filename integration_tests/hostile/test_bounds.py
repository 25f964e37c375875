"""What a server cannot make the connector do: wait for ever, or fill its memory or disk."""

import gzip
import logging
import socket
import time
from collections.abc import Callable
from itertools import repeat

import pytest
import requests
from requests.auth import HTTPBasicAuth

from integration_tests.hostile.apis import LOGGER, a_list, a_profile, point_to
from integration_tests.hostile.server import an_answer, serving
from source_amplitude.endpoints import answers, cohort_file
from source_amplitude.errors import ConfigError, TransientError, UnexpectedError
from source_amplitude.http import body, session
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.user_profiles import answers as profile_answers
from source_amplitude.user_profiles.fetch import FetchStatus

MB = 1_000_000


def endless(head: bytes, piece: bytes, seconds: float = 0.0) -> Callable[[socket.socket], None]:
    """Sends a head, and then a piece again and again until nobody reads any more."""

    def send(connection: socket.socket) -> None:
        connection.sendall(head)
        for again in repeat(piece):
            connection.sendall(again)
            time.sleep(seconds)

    return send


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TRICKLES = {
    "a head": endless(OK, b"X-Ray: 1\r\n", 0.05),
    "a status line": endless(b"HTTP/1.1 200 ", b"o", 0.05),
    "100 Continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
    "a body": endless(OK + b"Content-Length: 100000\r\n\r\n", b"x", 0.05),
    "chunks": endless(CHUNKED, b"1\r\nx\r\n", 0.05),
    "the length of a chunk": endless(CHUNKED, b"0", 0.05),
    "trailers": endless(CHUNKED + b"1\r\nx\r\n0\r\n", b"X-Ray: 1\r\n", 0.05),
}


@pytest.mark.parametrize("trickle", TRICKLES.values(), ids=TRICKLES)
def test_given_an_answer_that_trickles_without_end_then_its_time_is_over(
    trickle: Callable[[socket.socket], None],
) -> None:
    with serving(trickle) as server:
        sending = session.Session(HTTPBasicAuth("key", "secret"), (), 1, LOGGER, answer_seconds=0.5)
        with pytest.raises((requests.ReadTimeout, body.BrokenBodyError)):
            with sending.get(server.url, "", read_timeout=0.5) as response:
                body.whole(response, MB)


def test_given_a_slow_answer_within_its_time_then_it_is_read() -> None:
    def slowly(connection: socket.socket) -> None:
        for byte in an_answer("200 OK", b"{}"):
            connection.sendall(bytes([byte]))
            time.sleep(0.001)

    with serving(slowly) as server:
        sending = session.Session(HTTPBasicAuth("key", "secret"), (), 1, LOGGER, answer_seconds=60.0)
        with sending.get(server.url, "", read_timeout=60.0) as response:
            assert body.whole(response, MB) == b"{}"


ZEROS = gzip.compress(b"0" * 50 * MB)
LARGE = {
    "endless": endless(OK + b'\r\n{"data": [', b"0, " * 100_000),
    "endless chunks": endless(CHUNKED, b"186a0\r\n" + b"0" * 100_000 + b"\r\n"),
    "a bomb": an_answer("200 OK", ZEROS, "Content-Encoding: gzip"),
    "a bomb in a bomb": an_answer("200 OK", gzip.compress(ZEROS), "Content-Encoding: gzip, gzip"),
}


@pytest.mark.parametrize("answer", LARGE.values(), ids=LARGE)
def test_given_json_without_end_then_an_error_and_no_second_request(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LARGEST_JSON_BYTES", MB)
    with serving(answer) as server:
        point_to(server, monkeypatch)
        with pytest.raises(UnexpectedError, match="too large to be read: it is larger than 1 MB"):
            a_list()
        assert len(server.requests) == 1


@pytest.mark.parametrize("answer", LARGE.values(), ids=LARGE)
def test_given_a_profile_without_end_then_this_user_is_left_out(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_answers, "LARGEST_PROFILE_BYTES", MB)
    unknown = an_answer("400 Bad Request", b'{"error": "User id and device id not seen before"}')
    with serving(answer, unknown) as server:
        point_to(server, monkeypatch)
        result = a_profile()
    assert result.status is FetchStatus.FAILED
    assert result.words == "200, but it is larger than 1 MB"


def test_given_a_cohort_file_without_end_then_an_error_with_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort_file, "LARGEST_FILE_BYTES", MB)
    with serving(endless(OK + b"\r\n", b'"1","a"\n' * 10_000)) as server:
        with requests.get(server.url, stream=True, timeout=5) as response:
            with pytest.raises(ConfigError, match=r"the cohort k2 is larger than 1 MB"):
                cohort_file.spool(response, "k2")


@pytest.mark.parametrize(
    "lines",
    [b"x" * 3 * MB, b'"' + b"x\n" * MB * 2, b'"a\n",' * MB, b"a," * MB],
    ids=["one line", "one value", "values of two lines", "one row"],
)
@pytest.mark.parametrize("is_gzipped", [False, True])
def test_given_a_row_without_end_then_an_error_that_names_it(
    lines: bytes, is_gzipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort_file, "LARGEST_ROW_CHARACTERS", MB)
    content = b'"amplitude_id","user_id"\n"1","a"\n' + lines
    with serving(an_answer("200 OK", gzip.compress(content) if is_gzipped else content)) as server:
        with requests.get(server.url, stream=True, timeout=5) as response:
            file = cohort_file.spool(response, "k2")
    with file, pytest.raises(UnexpectedError, match=r"Row 2 of the cohort k2 has more than 1,000,000 characters"):
        list(cohort_file.member_records(file, "k2", CoercionStats(), with_properties=False))


@pytest.mark.parametrize("header", ["Retry-After: 0", "Retry-After: Fri, 15 Mar 2019 10:00:00 GMT", "X-Ray: 1"])
def test_given_429_for_ever_then_the_waits_grow_whatever_the_header_says(
    header: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("source_amplitude.endpoints.endpoint.LONGEST_THROTTLED_SECONDS", 2.0)
    with serving(an_answer("429 Too Many Requests", b"", header)) as server, caplog.at_level(logging.INFO):
        point_to(server, monkeypatch)
        with pytest.raises(TransientError):
            a_list()
        assert len(server.requests) < 12
