"""Answers that are no HTTP, or none that is whole: damage that passes, and is tried again."""

from collections.abc import Callable

import pytest

from integration_tests.hostile.apis import LOGGER, READERS, a_config, a_list, a_profile, an_export, point_to
from integration_tests.hostile.server import an_answer, serving
from source_amplitude.errors import TransientError
from source_amplitude.export.probe import why_no_exports
from source_amplitude.user_profiles.fetch import FetchStatus
from unit_tests.archives import an_export as archive_of

ARCHIVE = archive_of(b'{"uuid":"1"}\n')
GOOD = {
    "export": (an_export, ARCHIVE),
    "list": (a_list, b'{"data": [{"value": "Purchase"}]}'),
    "profile": (a_profile, b'{"userData": {"user_id": "ada"}}'),
}


def with_head(body: bytes, *lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode("latin-1") + body


HEADS: dict[str, Callable[[bytes], bytes]] = {
    "a length that is none": lambda body: with_head(body[:9], "Content-Length: 1e3"),
    "two lengths": lambda body: with_head(body, f"Content-Length: {len(body)}", "Content-Length: 7"),
    "a negative length": lambda body: with_head(body[:9], "Content-Length: -5"),
    "a length of 5,000 digits": lambda body: with_head(body[:9], f"Content-Length: {'9' * 5000}"),
    "a negative chunk": lambda body: with_head(b"-5\r\n" + body, "Transfer-Encoding: chunked"),
    "a chunk without a size": lambda body: with_head(b"\r\n" + body, "Transfer-Encoding: chunked"),
    "a chunk too many": lambda body: with_head(b"fffffffff\r\n" + body, "Transfer-Encoding: chunked"),
    "another status": lambda body: b"HTTP/1.1 20 OK\r\n\r\n" + body,
    "a status of letters": lambda body: b"HTTP/1.1 abc OK\r\n\r\n" + body,
    "no answer": lambda body: b"",
    "a line of 100 KB": lambda body: with_head(body, f"X: {'x' * 100_000}"),
    "a thousand headers": lambda body: with_head(body, *["X: 1"] * 1000),
    "no gzip": lambda body: with_head(body, f"Content-Length: {len(body)}", "Content-Encoding: gzip"),
    "half a gzip": lambda body: with_head(b"\x1f\x8b\x08", "Content-Length: 3", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("damage", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("api", GOOD)
def test_given_a_damaged_answer_then_the_next_one_is_read(
    api: str, damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, body = GOOD[api]
    with serving(damage(body), an_answer("200 OK", body)) as server:
        point_to(server, monkeypatch)
        found = reader()
        assert len(server.requests) == 2
    if api == "export":
        assert [line for block in found.blocks() for _, line in block.lines()] == [b'{"uuid":"1"}']
    else:
        assert found if api == "list" else found.status is FetchStatus.PROFILE


@pytest.mark.parametrize("damage", HEADS.values(), ids=HEADS)
def test_given_a_damaged_answer_then_check_asks_again_and_says_so_in_a_sentence(
    damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = an_answer("401 Unauthorized")  # to the question for the time of day
    with serving(head, damage(ARCHIVE), an_answer("200 OK", ARCHIVE)) as server:
        point_to(server, monkeypatch)
        assert why_no_exports(a_config(), LOGGER) is None
    with serving(head, damage(b"<html>")) as server:
        point_to(server, monkeypatch)
        sentence = why_no_exports(a_config(), LOGGER)
        assert sentence
        assert sentence.startswith(("No connection to", "Amplitude is not available at the moment"))


@pytest.mark.parametrize("api", GOOD)
def test_given_the_same_length_twice_then_it_is_read(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, body = GOOD[api]
    twice = [f"Content-Length: {len(body)}"] * 2
    with serving(with_head(body, *twice)) as server:
        point_to(server, monkeypatch)
        assert reader()
        assert len(server.requests) == 1


@pytest.mark.parametrize("api", GOOD)
def test_given_a_network_that_comes_back_then_it_was_waited_for(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, body = GOOD[api]
    with serving(an_answer("200 OK", body)) as server:
        point_to(server, monkeypatch)
        server.go_away(seconds=1.0)
        assert reader()
        assert len(server.requests) == 1


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_given_a_network_that_stays_away_then_a_transient_error_that_says_how_long(
    reader: Callable[[], object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("source_amplitude.http.retry.LONGEST_AWAY_SECONDS", 1.0)
    monkeypatch.setattr("source_amplitude.http.retry.LONGEST_AWAY_WAIT_SECONDS", 0.2)
    with serving(b"") as server, caplog.at_level("INFO"):
        point_to(server, monkeypatch)
        server.close()
        with pytest.raises(TransientError, match="Connection refused"):
            reader()
    waits = [record.getMessage() for record in caplog.records if "no connection for" in record.getMessage()]
    assert len(waits) > 5, "more than the five tries of other failures"
