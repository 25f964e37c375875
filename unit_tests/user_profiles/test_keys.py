import logging

import requests

from source_amplitude.user_profiles.keys import KeyFallback

LOGGER = logging.getLogger("test")


def a_request(keys: KeyFallback) -> requests.PreparedRequest:
    return requests.Request("GET", "http://127.0.0.1/", auth=keys).prepare()


def test_given_the_secret_key_is_refused_by_all_in_flight_then_one_switch_and_all_are_sent_again() -> None:
    keys = KeyFallback("secret", "api", LOGGER)
    in_flight = [a_request(keys) for _ in range(5)]
    assert {request.headers["Authorization"] for request in in_flight} == {"Api-Key secret"}
    assert all(keys.refused(request) for request in in_flight)
    second = a_request(keys)
    assert second.headers["Authorization"] == "Api-Key api"
    assert not keys.refused(second)


def test_given_a_key_was_accepted_then_no_other_is_tried() -> None:
    keys = KeyFallback("secret", "api", LOGGER)
    request = a_request(keys)
    keys.accepted(request)
    assert not keys.refused(request)
    assert a_request(keys).headers["Authorization"] == "Api-Key secret"


def test_given_a_late_success_of_a_key_given_up_then_the_present_key_is_not_taken_for_accepted() -> None:
    keys = KeyFallback("secret", "api", LOGGER)
    late = a_request(keys)
    assert keys.refused(a_request(keys))
    keys.accepted(late)
    assert not keys._accepted


def test_given_equal_keys_then_they_are_tried_once() -> None:
    keys = KeyFallback("same", "same", LOGGER)
    assert not keys.refused(a_request(keys))
