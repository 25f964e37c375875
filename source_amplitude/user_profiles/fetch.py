"""Fetches the profile of one user, whatever the network and the API do on the way.

Facts from https://amplitude.com/docs/apis/analytics/user-profile
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote, urlencode

import requests

from source_amplitude.config.model import Config, UserProfilesConfig
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import exception_text
from source_amplitude.http.body import BrokenBodyError
from source_amplitude.http.hosts import profile_api_url
from source_amplitude.http.retry import Retries, retry_after_seconds
from source_amplitude.http.session import Session
from source_amplitude.records.coercion import CoercionStats
from source_amplitude.threads import Cancellation
from source_amplitude.user_profiles.answers import Answer, error_of, profile_answer
from source_amplitude.user_profiles.keys import KeyFallback
from source_amplitude.user_profiles.pacer import RequestPacer
from source_amplitude.user_profiles.profile import profile_record
from source_amplitude.user_profiles.users import User

Params = Mapping[str, str]

PROFILE_PATH = "v1/userprofile"
READ_TIMEOUT_SECONDS = 60.0
ANSWER_SECONDS = 300.0
MOST_CONNECTIONS = 20
LONGEST_THROTTLED_SECONDS = 900.0
PROBE_TRIES = 3
LONGEST_THROTTLED_PROBE_SECONDS = 60.0
MADE_UP_USER = User("user_id", "source-amplitude-connection-check")


class FetchStatus(Enum):
    """Names what became of a user."""

    PROFILE = "read"
    UNKNOWN = "unknown to Amplitude"
    FAILED = "could not be read"


@dataclass(frozen=True)
class FetchResult:
    """Holds what became of one user.

    :param record: a JSON object and a line break, of a profile only
    :param words: the API's last ones on a user that failed
    """

    user: User
    status: FetchStatus
    record: bytes = b""
    words: str = ""
    coercions: CoercionStats = field(default_factory=CoercionStats)


def parts_to_ask_for(config: UserProfilesConfig) -> list[dict[str, str]]:
    """Makes the parameters that choose what a profile holds: of one request, or of two.

    User properties and computations come back in the same field, so both together take a request each; the second one
    is for the computations.
    """
    parts: dict[str, str] = {}
    if config.get_amp_props:
        parts["get_amp_props"] = "true"
    if config.get_cohort_ids:
        parts["get_cohort_ids"] = "true"
    if config.recommendation_ids:
        parts |= {"get_recs": "true", "rec_id": ",".join(config.recommendation_ids)}
    if config.prediction_ids:
        parts |= {
            "get_propensity": "true",
            "prediction_id": ",".join(config.prediction_ids),
            "propensity_type": config.propensity_type,
        }
    if not config.get_computations:
        return [parts]
    computations = {"get_computations": "true"}
    return [parts, computations] if config.get_amp_props else [parts | computations]


class Fetcher:
    """Fetches profiles, from any number of threads.

    :param keys: learns which of them the API accepts
    :param pacer: the rate, shared by all who send profile requests
    """

    def __init__(self, config: Config, keys: KeyFallback, pacer: RequestPacer, logger: logging.Logger) -> None:
        self._url = f"{profile_api_url()}{PROFILE_PATH}"
        self._session = Session(
            keys, (config.api_key, config.secret_key), MOST_CONNECTIONS, logger, answer_seconds=ANSWER_SECONDS
        )
        self._parts = parts_to_ask_for(config.user_profiles)
        self._asks_for_computations = config.user_profiles.get_computations
        self.requests_per_minute = config.user_profiles.requests_per_minute
        self._keys = keys
        self._pacer = pacer
        self._logger = logger
        self._json_columns_as_string = config.json_columns_as_string
        self._cancellation = Cancellation()
        self._lock = threading.Lock()
        self.retried = 0
        self.throttled = 0

    def fetch(self, user: User) -> FetchResult:
        """Reads what the API knows of a user. A single user whom it cannot serve is a result, not an error.

        :raises Cancelled: the sync is over
        :raises AmplitudeError: ConfigError (keys), TransientError (it kept failing), UnexpectedError (an answer that
            means trouble with any user)
        """
        answers = []
        for parts in self._parts:
            answer = self._about(user, parts, None, LONGEST_THROTTLED_SECONDS)
            if answer.action is Action.UNKNOWN:
                return FetchResult(user, FetchStatus.UNKNOWN)
            if answer.profile is None:
                return FetchResult(user, FetchStatus.FAILED, words=answer.words)
            answers.append(answer.profile)
        computations = answers[-1] if self._asks_for_computations else None
        as_string = self._json_columns_as_string
        record, coercions = profile_record(user, answers[0], computations, json_columns_as_string=as_string)
        return FetchResult(user, FetchStatus.PROFILE, record, coercions=coercions)

    def probe(self, user: User) -> None:
        """Requests a profile with little patience.

        :raises AmplitudeError: as `fetch` does, also for 429 for a minute
        """
        self._about(user, self._parts[0], PROBE_TRIES, LONGEST_THROTTLED_PROBE_SECONDS)

    def close(self) -> None:
        """Ends the waits of requests whose results nobody asks for any more."""
        self._cancellation.cancel()

    def _about(self, user: User, parts: Params, max_tries: int | None, longest_throttled: float) -> Answer:
        """Returns a profile, an unknown user, or what the API has against this one user."""
        answer = self._ask(user, parts, max_tries, longest_throttled)
        if answer.action in (Action.READ, Action.UNKNOWN):
            return answer
        # Is it this user or all of them? A made-up one tells; if trouble has just passed, the user has one more try.
        other = self._ask(MADE_UP_USER, parts, 1, longest_throttled)
        if other.action in (Action.READ, Action.UNKNOWN):
            return self._ask(user, parts, 1, longest_throttled) if answer.action is Action.RETRY else answer
        raise error_of(other)

    def _ask(self, user: User, parts: Params, max_tries: int | None, longest_throttled: float) -> Answer:
        """Sends a request until it is answered, or no try is left; the pace waits for 429, which is no try."""
        retries = Retries(longest_throttled, max_tries)
        while True:
            self._cancellation.check()
            answer = self._once(user, parts, retries.attempt)
            if answer.action is Action.THROTTLED:
                with self._lock:
                    self.throttled += 1
                if retries.throttled(is_paced=True) is None:
                    raise error_of(answer)
                continue
            if answer.action not in (Action.RETRY, Action.DENIED):
                return answer
            wait = retries.failed(answer.error)
            if wait is None:
                return answer
            with self._lock:
                self.retried += 1
            self._logger.info(f"A profile request failed ({answer.words}): {retries.next_try(wait)}")
            self._cancellation.sleep(wait)

    def _once(self, user: User, parts: Params, attempt: int) -> Answer:
        """Sends a request once, with whichever key the API accepts.

        :raises Cancelled: while it waited
        :raises ConfigError: no key is accepted, or the environment does not allow to send it
        """
        query = urlencode({user.kind: user.id, **parts}, quote_via=quote, safe="", errors="surrogatepass")
        try:
            sent_at, response = self._send(query, attempt)
            while response.status_code == requests.codes.unauthorized and self._keys.refused(response.request):
                response.close()
                sent_at, response = self._send(query, attempt)
            with response:
                answer = profile_answer(response, user.id)
        except requests.RequestException as error:
            return Answer(Action.RETRY, exception_text(error), error=error)
        except BrokenBodyError as error:
            return Answer(Action.RETRY, str(error))
        is_throttled, retry_after = answer.action is Action.THROTTLED, retry_after_seconds(response.headers)
        self._pacer.answered(sent_at, throttled=is_throttled, retry_after=retry_after)
        if answer.action is Action.REFUSED:
            raise error_of(answer)
        if answer.action in (Action.READ, Action.UNKNOWN):  # other answers may be those of a proxy
            self._keys.accepted(response.request)
        return answer

    def _send(self, query: str, attempt: int) -> tuple[float, requests.Response]:
        sent_at = self._pacer.acquire(self._cancellation)
        return sent_at, self._session.get(self._url, query, READ_TIMEOUT_SECONDS, attempt=attempt)
