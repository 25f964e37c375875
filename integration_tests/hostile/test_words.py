"""What of an answer's words is shown, and what is decided by them."""

import base64
import logging
from collections.abc import Callable
from urllib.parse import quote

import pytest

from integration_tests.hostile.apis import API_KEY, READERS, SECRET_KEY, a_list, an_export, point_to
from integration_tests.hostile.server import an_answer, serving
from source_amplitude.errors import AmplitudeError, ConfigError
from source_amplitude.http.answers import shown_text
from source_amplitude.http.secrets import hide
from unit_tests.archives import a_zip

BASIC = base64.b64encode(f"{API_KEY}:{SECRET_KEY}".encode()).decode()
FORMS = {
    "as it is": SECRET_KEY,
    "in capitals": SECRET_KEY.upper(),
    "Basic": f"Basic {BASIC}",
    "Basic without padding": BASIC.rstrip("="),
    "base64": base64.b64encode(f"the key {SECRET_KEY}".encode()).decode(),
    "hexadecimal": SECRET_KEY.encode().hex(),
    "a query": quote(f"secret={SECRET_KEY}", safe=""),
    "percent": "".join(f"%{ord(character):02x}" for character in SECRET_KEY),
    "JSON escapes": "".join(f"\\u{ord(character):04x}" for character in SECRET_KEY),
    "HTML escapes": "".join(f"&#{ord(character)};" for character in SECRET_KEY),
    "markup between": "<b>".join(SECRET_KEY),
    "blanks between": " ".join(SECRET_KEY),
    "a part": f"…{SECRET_KEY[5:15]}…",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("place", [0, 20, 185])
def test_given_a_quoted_key_then_no_word_of_the_answer_is_shown(form: str, place: int) -> None:
    hide((API_KEY, SECRET_KEY))
    shown = shown_text("x" * place + f" we got {form} from you")
    assert shown == "(its words quote a key, so they are not shown)"


def test_given_other_words_then_they_are_shown() -> None:
    hide((API_KEY, SECRET_KEY))
    assert shown_text("<p>Not your&nbsp;day: c9d41e7, 5f2b8e") == "Not your&nbsp;day: c9d41e7, 5f2b8e"
    assert shown_text("a" * 500) == "a" * 200


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("status", ["500 Oh", "403 Forbidden", "418 Teapot", "200 OK"])
def test_given_an_answer_that_quotes_the_request_then_neither_error_nor_log_has_a_key(
    reader: Callable[[], object],
    status: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = b"x" * 185 + b" " + "\n".join(FORMS.values()).encode()
    quoting = an_answer(status, body, f"Content-Type: text/{SECRET_KEY}", f"Location: /{SECRET_KEY}")
    with serving(quoting) as server, caplog.at_level(logging.DEBUG):
        point_to(server, monkeypatch)
        with pytest.raises(AmplitudeError) as raised:
            reader()
    shown = f"{raised.value.message} {raised.value.internal_message} {caplog.text}".casefold()
    for key in (API_KEY, SECRET_KEY, BASIC, SECRET_KEY.encode().hex()):
        for start in range(len(key) - 8):
            assert key[start : start + 8].casefold() not in shown


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    "answer",
    [
        b'{"userData": {"user_id": "grace"}}\r\n\r\n',
        b"HTTP/9.9 grace\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ngrace\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: grace, 7\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://grace:[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\ngrace",
    ],
    ids=["no status line", "another protocol", "no chunk size", "no length", "no address", "no gzip"],
)
def test_given_an_answer_that_is_none_then_nothing_of_it_is_shown(
    reader: Callable[[], object],
    answer: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(answer) as server, caplog.at_level(logging.DEBUG):
        point_to(server, monkeypatch)
        with pytest.raises(AmplitudeError) as raised:
            reader()
        assert len(server.requests) >= 5, "damage passes: it was tried again"
    assert "grace" not in f"{raised.value.message} {raised.value.internal_message} {caplog.text}"


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("status", ["206 Partial Content", "500 Oh", "418 Teapot"])
def test_given_an_archive_in_an_error_answer_then_nothing_of_it_is_shown(
    reader: Callable[[], object], status: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    archive = a_zip({"123456/events.json": b'{"user_id":"grace@example.com"}'})
    with serving(an_answer(status, archive)) as server, caplog.at_level(logging.DEBUG):
        point_to(server, monkeypatch)
        with pytest.raises(AmplitudeError) as raised:
            reader()
    shown = f"{raised.value.message} {raised.value.internal_message} {caplog.text}"
    assert status in shown
    assert "grace" not in shown
    assert "events.json" not in shown


def in_pieces(status: str, words: bytes) -> Callable[..., None]:
    def send(connection: object) -> None:
        head = f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        chunks = b"".join(b"1\r\n%c\r\n" % character for character in words)
        connection.sendall(head + chunks + b"0\r\n\r\n")  # type: ignore[attr-defined]

    return send


FAR = b"<html><style>" + b"p { margin: 0 } " * 30 + b"</style>"


@pytest.mark.parametrize(
    "answer",
    [
        an_answer("404 Not Found", FAR + b"<p>Raw data files were not found."),
        an_answer("404 Not Found", b"404 No data available for the time range requested."),
        in_pieces("404 Not Found", FAR + b"Raw data files were not found."),
    ],
    ids=["far behind", "as documented", "in pieces"],
)
def test_given_words_that_say_that_there_is_no_data_then_the_hour_is_empty(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answer) as server:
        point_to(server, monkeypatch)
        assert an_export() is None
        assert len(server.requests) == 1


@pytest.mark.parametrize("reader", [an_export, a_list])
@pytest.mark.parametrize("kind", [an_answer, in_pieces])
def test_given_words_on_keys_far_behind_then_one_request_and_a_sentence_on_keys(
    reader: Callable[[], object], kind: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(kind("403 Forbidden", FAR + b"Invalid API Key")) as server:
        point_to(server, monkeypatch)
        with pytest.raises(ConfigError, match=r"^Authentication failed\. Check your api_key and secret_key\."):
            reader()
        assert len(server.requests) == 1


def test_given_words_on_size_far_behind_then_the_sentence_on_size(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(an_answer("400 Bad Request", FAR + b"exceeds the maximum of 4GB")) as server:
        point_to(server, monkeypatch)
        with pytest.raises(ConfigError, match="S3 export"):
            an_export()
