"""One user -> one outcome, whatever the network and the API do on the way."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

import requests

from source_amplitude.config import UserProfilesConfig
from source_amplitude.errors import answer_text, exception_text
from source_amplitude.events.slots import Cancelled
from source_amplitude.user_profiles.answers import UNKNOWN_USER_TEXT, Action, Answer, error_of, profile_action
from source_amplitude.user_profiles.authenticator import KeyFallback
from source_amplitude.user_profiles.record import NotAProfileError, a_record, user_data
from source_amplitude.user_profiles.users import User

Params = Mapping[str, str]

CONNECT_TIMEOUT_SECONDS = 30.0
READ_TIMEOUT_SECONDS = 60.0
MAX_TRIES = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
LONGEST_THROTTLED_SECONDS = 900.0
PROBE_TRIES = 3
LONGEST_THROTTLED_PROBE_SECONDS = 60.0
MADE_UP_USER = User("user_id", "source-amplitude-connection-check")


class Found(Enum):
    """What became of a user."""

    PROFILE = "read"
    UNKNOWN = "unknown to Amplitude"
    FAILED = "could not be read"


@dataclass(frozen=True)
class Outcome:
    """What became of one user.

    :param record: a JSON object and a line break, of a profile only
    :param said: the API's last words on a user that failed
    """

    user: User
    found: Found
    record: bytes = b""
    said: str = ""


def parts_to_ask_for(config: UserProfilesConfig) -> list[dict[str, str]]:
    """The parameters that choose what a profile holds: of one request, or of two.

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

    :param send: sends a request with these parameters and returns the answer with its body unread, keeping to the rate
    """

    def __init__(
        self,
        send: Callable[[Params], requests.Response],
        config: UserProfilesConfig,
        keys: KeyFallback,
        logger: logging.Logger,
        *,
        bags_as_text: bool,
    ) -> None:
        self._send = send
        self._parts = parts_to_ask_for(config)
        self._asks_for_computations = config.get_computations
        self._keys = keys
        self._logger = logger
        self._bags_as_text = bags_as_text
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self.retried = 0
        self.throttled = 0

    def fetch(self, user: User) -> Outcome:
        """What the API knows of a user. A single user whom it cannot serve is an outcome, not an error.

        :raises Cancelled: the sync is over
        :raises AirbyteTracedException: config_error (keys), transient_error (it kept failing), system_error (an answer
            that means trouble with any user)
        """
        answers = []
        for parts in self._parts:
            answer = self._about(user, parts, MAX_TRIES, LONGEST_THROTTLED_SECONDS)
            if answer.action is Action.UNKNOWN:
                return Outcome(user, Found.UNKNOWN)
            if answer.profile is None:
                return Outcome(user, Found.FAILED, said=answer.said)
            answers.append(answer.profile)
        computations = answers[-1] if self._asks_for_computations else None
        return Outcome(user, Found.PROFILE, a_record(user, answers[0], computations, bags_as_text=self._bags_as_text))

    def probe(self, user: User) -> None:
        """Ask about a user with little patience.

        :raises AirbyteTracedException: as `fetch` does, also for 429 for a minute
        """
        self._about(user, self._parts[0], PROBE_TRIES, LONGEST_THROTTLED_PROBE_SECONDS)

    def close(self) -> None:
        """End the waits of requests whose results nobody asks for any more."""
        self._closed.set()

    def _about(self, user: User, parts: Params, max_tries: int, longest_throttled: float) -> Answer:
        """A profile, an unknown user, or what the API has against this one user."""
        answer = self._ask(user, parts, max_tries, longest_throttled)
        if answer.action in (Action.READ, Action.UNKNOWN):
            return answer
        # Is it this user or all of them? A made-up one tells; if trouble has just passed, the user has one more try.
        other = self._ask(MADE_UP_USER, parts, 1, longest_throttled)
        if other.action in (Action.READ, Action.UNKNOWN):
            return self._ask(user, parts, 1, longest_throttled) if answer.action is Action.RETRY else answer
        raise error_of(other)

    def _ask(self, user: User, parts: Params, max_tries: int, longest_throttled: float) -> Answer:
        """The answer to a request, tried again while it may pass; 429 is waited for by the rate and is no try."""
        tries = 0
        throttled_since: float | None = None
        while True:
            if self._closed.is_set():
                raise Cancelled
            answer = self._once(user, parts)
            if answer.action is Action.WAIT:
                now = time.monotonic()
                throttled_since = throttled_since if throttled_since is not None else now
                with self._lock:
                    self.throttled += 1
                if now - throttled_since > longest_throttled:
                    raise error_of(answer)
                continue
            throttled_since = None
            if answer.action is not Action.RETRY:
                return answer
            tries += 1
            if tries >= max_tries:
                return answer
            with self._lock:
                self.retried += 1
            self._logger.info(f"A profile request failed ({answer.said}): try {tries + 1} of {max_tries}")
            if self._closed.wait(_exponential(tries)):
                raise Cancelled

    def _once(self, user: User, parts: Params) -> Answer:
        """One answer, by whichever key the API accepts."""
        params = {user.kind: user.id, **parts}
        try:
            response = self._send(params)
            while response.status_code == requests.codes.unauthorized and self._keys.refused(response.request):
                response.close()
                response = self._send(params)
            with response:
                answer = self._read(response, user)
        except requests.RequestException as error:
            return Answer(Action.RETRY, exception_text(error))
        if answer.action is Action.REFUSED:
            raise error_of(answer)
        if answer.action in (Action.READ, Action.UNKNOWN):  # other answers may be those of a proxy
            self._keys.accepted(response.request)
        return answer

    def _read(self, response: requests.Response, user: User) -> Answer:
        if response.status_code == requests.codes.ok:
            body = response.content
            try:
                return Answer(Action.READ, "", user_data(body))
            except NotAProfileError as error:
                unknown = UNKNOWN_USER_TEXT.encode() in body
                return Answer(Action.UNKNOWN if unknown else Action.RETRY, f"200, but {error}")
        text = answer_text(response)
        action = profile_action(response.status_code, text)
        return Answer(action, f"{response.status_code} {_without(user, text) or response.reason}")


def _without(user: User, text: str) -> str:
    """The text up to where it quotes the user's id: ids are for no log."""
    for quoted in (user.id[:20], quote(user.id, errors="replace")[:20]):
        text = text.partition(quoted)[0]
    return text


def _exponential(attempt: int) -> float:
    """Seconds to wait before try `attempt` + 1: doubling, with jitter so that parallel requests spread out."""
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311
