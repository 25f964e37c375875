import json
import logging
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests

from source_amplitude.config.model import Config
from source_amplitude.errors import AmplitudeError, ConfigError, TransientError, UnexpectedError
from source_amplitude.http import retry
from source_amplitude.threads import Cancelled
from source_amplitude.user_profiles.fetch import MADE_UP_USER, Fetcher, FetchStatus
from source_amplitude.user_profiles.keys import KeyFallback
from source_amplitude.user_profiles.pacer import RequestPacer
from source_amplitude.user_profiles.users import User
from unit_tests.answers import Answer, Client, Waits, an_answer
from unit_tests.clock import Clock

LOGGER = logging.getLogger("test")
API_KEY, SECRET_KEY = "5f2b8e6c1d9a47038e6b2c5d7f1a9e04", "c9d41e7ab3f0852691d7e4c8a2b60f35"
ADA = User("user_id", "ada")
MADE_UP = MADE_UP_USER.id
PROFILE = an_answer(200, b'{"userData": {"user_id": "ada", "amp_props": {"a": 1}}}')
UNKNOWN = an_answer(400, b'{"error": "User id and device id not seen before"}')
TOO_MANY = an_answer(429, b'{"error": "Number of requests per minute exceeds system limit."}')


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.random, "uniform", lambda _low, _high: 1.0)


class SessionStub:
    """The answers about each user in turn, the last one for ever."""

    def __init__(self, about: dict[str, list[Answer]], clock: Clock | None = None) -> None:
        self._about = {user: Client(*answers) for user, answers in about.items()}
        self._clock = clock
        self.asked: list[dict[str, str]] = []

    def get(self, url: str, query: str, read_timeout: float, attempt: int) -> requests.Response:
        params = dict(parse_qsl(query))
        self.asked.append(params)
        if self._clock is not None:
            self._clock.now += 100
        return self._about[params.get("user_id") or params["device_id"]].next()


class NoPace(RequestPacer):
    """Lets all requests through, and keeps which of them were throttled."""

    def __init__(self) -> None:
        super().__init__(600, LOGGER)
        self.throttled: list[bool] = []

    def take(self) -> float:
        return 0.0

    def answered(self, sent_at: float, *, throttled: bool, retry_after: float | None = None) -> None:
        self.throttled.append(throttled)


def a_fetcher(session: SessionStub, pacer: RequestPacer | None = None, **profiles: Any) -> tuple[Fetcher, Waits]:
    keys = {"api_key": API_KEY, "secret_key": SECRET_KEY}
    config = Config.from_mapping({**keys, "region": "US", "user_profiles": profiles})
    fetcher = Fetcher(config, KeyFallback(SECRET_KEY, API_KEY, LOGGER), pacer or NoPace(), LOGGER)
    fetcher._session = session  # type: ignore[assignment]
    fetcher._cancellation = waits = Waits()
    return fetcher, waits


def test_given_a_profile_then_its_record() -> None:
    fetcher, _ = a_fetcher(session := SessionStub({"ada": [PROFILE]}))
    result = fetcher.fetch(ADA)
    assert result.status is FetchStatus.PROFILE
    assert json.loads(result.record)["amp_props"] == '{"a":1}'
    assert session.asked == [{"user_id": "ada", "get_amp_props": "true"}]


def test_given_properties_and_computations_then_a_request_each() -> None:
    fetcher, _ = a_fetcher(session := SessionStub({"ada": [PROFILE]}), get_computations=True, get_cohort_ids=True)
    record = json.loads(fetcher.fetch(ADA).record)
    assert record["amp_props"] == record["computations"] == '{"a":1}'
    assert session.asked == [
        {"user_id": "ada", "get_amp_props": "true", "get_cohort_ids": "true"},
        {"user_id": "ada", "get_computations": "true"},
    ]


def test_given_an_unknown_user_then_so_and_no_second_request() -> None:
    fetcher, _ = a_fetcher(session := SessionStub({"ada": [UNKNOWN]}), get_computations=True)
    assert fetcher.fetch(ADA).status is FetchStatus.UNKNOWN
    assert len(session.asked) == 1


@pytest.mark.parametrize("passing", [an_answer(503), an_answer(404), an_answer(403), requests.ConnectionError("reset")])
def test_given_failures_that_pass_then_longer_waits_each_time_and_the_profile(passing: Answer) -> None:
    fetcher, waits = a_fetcher(SessionStub({"ada": [passing] * 4 + [PROFILE]}))
    assert fetcher.fetch(ADA).status is FetchStatus.PROFILE
    assert waits.seconds == [1, 2, 4, 8]
    assert (fetcher.retried, fetcher.throttled) == (4, 0)


@pytest.mark.parametrize("status", [429, 400, 200])
def test_given_too_many_requests_in_amplitudes_words_then_the_rate_is_told_whatever_the_status(status: int) -> None:
    throttled = an_answer(status, b'{"error": "Number of requests per minute exceeds system limit."}')
    fetcher, waits = a_fetcher(SessionStub({"ada": [throttled, throttled, PROFILE]}), pacer := NoPace())
    assert fetcher.fetch(ADA).status is FetchStatus.PROFILE
    assert pacer.throttled == [True, True, False]
    assert waits.seconds == [], "the rate waits"
    assert (fetcher.retried, fetcher.throttled) == (0, 2)


def test_given_too_many_requests_for_15_minutes_then_a_transient_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry.time, "monotonic", clock := Clock())
    fetcher, _ = a_fetcher(session := SessionStub({"ada": [TOO_MANY]}, clock))
    with pytest.raises(TransientError, match="429"):
        fetcher.fetch(ADA)
    assert len(session.asked) == 11, "one each 100 s, and the one after 900 s"


@pytest.mark.parametrize("answer", [an_answer(400, b"bad id"), an_answer(414), an_answer(500), an_answer(404)])
def test_given_trouble_with_one_user_only_then_a_failed_result_in_the_apis_words(answer: Answer) -> None:
    fetcher, _ = a_fetcher(session := SessionStub({"ada": [answer], MADE_UP: [UNKNOWN]}))
    result = fetcher.fetch(ADA)
    assert result.status is FetchStatus.FAILED
    assert result.words[:3].isdecimal()
    assert MADE_UP in {request["user_id"] for request in session.asked}


def test_given_trouble_that_has_just_passed_then_the_user_has_one_more_try() -> None:
    fetcher, _ = a_fetcher(SessionStub({"ada": [an_answer(503)] * 5 + [PROFILE], MADE_UP: [UNKNOWN]}))
    assert fetcher.fetch(ADA).status is FetchStatus.PROFILE


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (an_answer(503), TransientError, "503"),
        (an_answer(404), TransientError, "404"),
        (an_answer(200, b"<html>"), TransientError, "200, but not a JSON object"),
        (an_answer(403, b"not in your plan"), ConfigError, "denied (403 not in your plan)"),
        (an_answer(407), ConfigError, "denied (407"),
        (an_answer(400, b"bad"), UnexpectedError, "400 bad"),
    ],
)
def test_given_trouble_with_everybody_then_an_error(answer: Answer, kind: type[AmplitudeError], told: str) -> None:
    fetcher, _ = a_fetcher(SessionStub({"ada": [answer], MADE_UP: [answer]}))
    with pytest.raises(AmplitudeError) as caught:
        fetcher.fetch(ADA)
    assert type(caught.value) is kind
    assert told in caught.value.message


def test_given_an_answer_that_quotes_the_id_then_the_result_does_not() -> None:
    for quoted in (b"cannot serve ada", b"cannot serve \\u0061da", b"user_id=%61da", b"for &#97;da", b"a<b>da</b>"):
        fetcher, _ = a_fetcher(SessionStub({"ada": [an_answer(400, quoted)], MADE_UP: [UNKNOWN]}))
        assert fetcher.fetch(ADA).words == "400 (its words quote the user, so they are not shown)"


def test_given_close_then_no_request_any_more() -> None:
    fetcher, _ = a_fetcher(SessionStub({"ada": [an_answer(503)]}))
    fetcher.close()
    with pytest.raises(Cancelled):
        fetcher.fetch(ADA)
