"""What is in no log, whatever a server answers."""

import logging

import pytest
import requests
from requests.auth import HTTPBasicAuth

from integration_tests.hostile.server import an_answer, serving
from source_amplitude.http.session import Session

LOGGER = logging.getLogger("test")
BROKEN_HEADERS = an_answer("200 OK", b"{}", "no colon here", "Set-Cookie: grace", "Location: http://x/?sig=alan")


def test_given_libraries_that_log_all_they_can_then_nothing_of_a_request_is_in_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG), serving(BROKEN_HEADERS) as server:
        session = Session(HTTPBasicAuth("key", "secret"), ("key", "secret"), 1, LOGGER)
        with session.get(f"{server.url}/v1/userprofile", "user_id=ada", 5.0, attempt=3) as response:
            assert response.content == b"{}"
        with pytest.raises(requests.RequestException):
            session.get("http://127.0.0.1:1/v1/userprofile", "user_id=ada", 5.0)
        requests.get(server.url, params={"of": "another"}, timeout=5)
    [ours, failed, *others] = [record.getMessage() for record in caplog.records]
    assert ours.startswith("GET /v1/userprofile: 200, 2 bytes, ")
    assert ours.endswith(" s, try 3")
    assert failed.startswith("GET /v1/userprofile: ConnectionError, ")
    assert others, "the requests of others are logged as ever"
    assert "of=another" in "".join(others)
    assert "ada" not in caplog.text
