"""Redirects: where they may lead, and what goes along."""

from collections.abc import Callable
from pathlib import Path

import pytest
from requests.auth import HTTPBasicAuth

from integration_tests.hostile.apis import LOGGER, READERS, SECRET_KEY, a_profile, point_to
from integration_tests.hostile.server import an_answer, serving
from source_amplitude.errors import AmplitudeError, ConfigError
from source_amplitude.http.answers import NetworkError
from source_amplitude.http.session import NoKeys, Session

FOUND = "302 Found"


def a_redirect(address: str) -> bytes:
    return an_answer(FOUND, b"", f"Location: {address}")


@pytest.mark.parametrize("reader", [READERS["export"], READERS["profile"]], ids=["export", "profile"])
@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://a:b:c/", "http://x:99999/", "ftp://amplitude.com/", "file:///etc/passwd", "http:///", "//"],
)
def test_given_a_redirect_that_leads_nowhere_then_it_passes(
    reader: Callable[[], object], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = an_answer("404 Not Found", b"Raw data files were not found; User id and device id not seen before")
    with serving(a_redirect(address), unknown) as server:
        point_to(server, monkeypatch)
        reader()
        assert len(server.requests) == 2


def test_given_redirects_without_end_then_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(a_redirect("/again")) as server:
        with pytest.raises(NetworkError, match="more than 10 redirects"):
            Session(NoKeys(), (), 1, LOGGER).get(server.url, "", 5.0)
        assert len(server.requests) == 11


def test_given_a_netrc_file_then_nothing_of_it_is_sent_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login grace password hopper\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(an_answer("200 OK")) as other:
        with serving(a_redirect(other.url.replace("127.0.0.1", "localhost"))) as server:
            for session in (Session(NoKeys(), (), 1, LOGGER), Session(HTTPBasicAuth("key", "secret"), (), 1, LOGGER)):
                session.get(server.url, "", 5.0).close()
            Session(NoKeys(), (), 1, LOGGER).get(other.url, "", 5.0).close()
        assert [b"Authorization" in request for request in server.requests] == [False, True]
        assert [b"Authorization" in request for request in other.requests] == [False, False, False]


def test_given_another_host_that_refuses_what_has_no_key_then_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(an_answer("401 Unauthorized")) as other:
        with serving(a_redirect(other.url.replace("127.0.0.1", "localhost"))) as server:
            point_to(server, monkeypatch)
            with pytest.raises(ConfigError, match="Authentication failed"):
                a_profile()
        assert len(other.requests) == 1
        assert SECRET_KEY.encode() not in other.requests[0]


def test_given_a_redirect_with_an_endless_body_then_it_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(connection: object) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")  # type: ignore[attr-defined]
        while True:
            connection.sendall(b"x" * 100_000)  # type: ignore[attr-defined]

    with serving(endless, an_answer("200 OK", b"{}")) as server:
        with Session(NoKeys(), (), 1, LOGGER).get(server.url, "", 5.0) as response:
            assert response.content == b"{}"


def test_given_an_error_of_a_redirect_then_its_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_amplitude.http.retry.LONGEST_AWAY_SECONDS", 0.5)
    with serving(a_redirect("http://127.0.0.1:1/grace?signature=hopper")) as server:
        point_to(server, monkeypatch)
        with pytest.raises(AmplitudeError) as raised:
            READERS["export"]()
    assert "grace" not in raised.value.message
    assert "hopper" not in raised.value.message
