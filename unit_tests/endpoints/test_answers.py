import io
import json
import logging
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from source_amplitude.config.model import Config
from source_amplitude.endpoints.answers import (
    NotIncludedError,
    RejectedError,
    UnusableAnswerError,
    answer_json,
    endpoint_action,
)
from source_amplitude.endpoints.cohorts import Cohorts
from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError
from source_amplitude.http import retry
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import ErrorWords, error_words

LOGGER = logging.getLogger("test")


def an_answer(status: int, body: Any, **headers: str) -> requests.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = requests.Response()
    response.status_code = status
    response.raw = HTTPResponse(io.BytesIO(content), preload_content=False)
    response.headers.update(headers)
    return response


def an_error(message: str, details: str | None) -> dict[str, Any]:
    metadata = {"details": details} if details else {}
    return {"error": {"http_code": 400, "type": "invalid", "message": message, "metadata": metadata}}


class Table(Cohorts):
    plan_statuses = frozenset({403})


def a_table(*answers: requests.Response, kind: type[Cohorts] = Table) -> Cohorts:
    left = list(answers)
    config = Config.from_mapping({"api_key": "a", "secret_key": "b", "region": "EU"})
    return kind(config, lambda *_, **__: left.pop(0), LOGGER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (200, Action.READ), (202, Action.READ), (302, Action.READ), (301, Action.RETRY), (204, Action.RETRY),
        (400, Action.REJECTED),
        (401, Action.REFUSED), (403, Action.DENIED), (404, Action.RETRY),
        (407, Action.DENIED),
        (409, Action.REJECTED), (425, Action.RETRY), (429, Action.THROTTLED),
        (500, Action.RETRY), (520, Action.RETRY),
    ],
)  # fmt: skip
def test_each_status_has_its_action_whoever_answers(status: int, action: Action) -> None:
    assert endpoint_action(status, ErrorWords(f"{status} x", "x", is_from_amplitude=False), {403, 404}) is action


@pytest.mark.parametrize(
    ("status", "words", "plan_statuses", "action"),
    [
        (403, "Forbidden (Not in your plan)", {403}, Action.NOT_INCLUDED),
        (404, "Not found", {403, 404}, Action.NOT_INCLUDED),
        (404, "Not found", {403}, Action.REJECTED),
        (403, "Forbidden (Invalid API Key)", {403, 404}, Action.REFUSED),
        (407, "Forbidden", {403, 404}, Action.DENIED),
        (400, "Not found", {403, 404}, Action.REJECTED),
    ],
)
def test_amplitudes_own_words_tell_what_the_plan_lacks(
    status: int, words: str, plan_statuses: set[int], action: Action
) -> None:
    assert (
        endpoint_action(status, ErrorWords(f"{status} {words}", words, is_from_amplitude=True), plan_statuses) is action
    )


@pytest.mark.parametrize(
    ("body", "text", "is_from_amplitude"),
    [
        (an_error("Invalid chart definition", "Invalid user property country"),
         "Invalid chart definition (Invalid user property country)", True),
        (an_error("Forbidden", None), "Forbidden", True),
        ({"success": False, "errors": []}, '{"success": false, "errors": []}', False),
        ({"errors": [{"message": "Not found"}]}, '{"errors": [{"message": "Not found"}]}', False),
        ({"error": {"code": 404, "message": "No route"}}, "No route", False),
        ({"message": "No route"}, '{"message": "No route"}', False),
        (b"<html><h1>400 Bad Request</h1>nginx</html>", "Bad Request nginx", False),
        ({"success": False, "errors": [{"message": "Not found"}, {"message": "Sorry"}]}, "Not found; Sorry", True),
        ({"error": "a text"}, "a text", False),
        (b"<html><h1>502  Bad\nGateway</h1></html>", "502 Bad Gateway", False),
        (b"[1]", "[1]", False),
        (b"\xff", "\ufffd", False),
        (b"", "", False),
    ],
)  # fmt: skip
def test_the_words_of_an_error_are_amplitudes_own(body: Any, text: str, is_from_amplitude: bool) -> None:
    words = error_words(an_answer(400, body))
    assert (words.shown, words.is_from_amplitude) == (f"400 {text}".strip(), is_from_amplitude)


@pytest.mark.parametrize("details", ["Invalid API Key", "Invalid API/Secret Key combination"])
def test_given_403_about_the_keys_then_a_config_error_with_the_region(details: str) -> None:
    with pytest.raises(ConfigError, match=r"Amplitude says: 403 Forbidden .* The region is set to EU"):
        a_table(an_answer(403, an_error("Forbidden", details))).request("x", {}, answer_json)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (an_answer(403, an_error("Forbidden", "Not in your plan")), NotIncludedError),
        (an_answer(401, an_error("Unauthorized", None)), ConfigError),
        (an_answer(404, an_error("Not Found", None)), RejectedError),
        (an_answer(400, b"Bad Request"), UnexpectedError),
        (an_answer(400, an_error("Invalid", "x")), RejectedError),
        (an_answer(418, b"teapot"), UnexpectedError),
    ],
)
def test_each_answer_that_stays_is_its_error(answer: requests.Response, kind: type[AmplitudeError]) -> None:
    with pytest.raises(kind) as raised:
        a_table(answer).request("x", {}, answer_json)
    assert type(raised.value) is kind


def test_given_404_where_plans_lack_the_endpoint_then_it_is_not_included() -> None:
    answer = an_answer(404, {"success": False, "errors": [{"message": "Not found"}]})
    with pytest.raises(NotIncludedError, match="404 Not found"):
        a_table(answer, kind=Cohorts).request("x", {}, answer_json)


def test_given_trouble_that_passes_then_the_answer_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.0)
    table = a_table(
        an_answer(503, b""), an_answer(200, b"half {"), an_answer(429, an_error("Too Many Requests", "x")),
        an_answer(200, b"[1]"), an_answer(200, {"data": []}),
    )  # fmt: skip
    assert table.request("x", {}, answer_json) == {"data": []}


def test_given_five_failures_then_a_transient_error_with_the_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.0)
    answers = [an_answer(500, b""), *(an_answer(502, b"Bad <b>Gateway</b>") for _ in range(4)), an_answer(200, {})]
    with pytest.raises(TransientError, match="the last error was: 502 Bad Gateway"):
        a_table(*answers).request("x", {}, answer_json)


@pytest.mark.parametrize("body", [b"", b"null", b"3", b'"text"', b"{"])
def test_given_no_json_object_then_the_answer_is_unusable(body: bytes) -> None:
    with pytest.raises(UnusableAnswerError):
        answer_json(an_answer(200, body))


def test_given_success_false_then_it_is_rejected_whatever_the_status() -> None:
    with pytest.raises(RejectedError, match="Not found"):
        answer_json(an_answer(200, {"success": False, "errors": [{"message": "Not found"}]}))
