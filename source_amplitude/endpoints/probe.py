"""Checks by one cheap request whether these endpoints accept the keys."""

from __future__ import annotations

from contextlib import closing

import requests

from source_amplitude.endpoints.answers import endpoint_action, keys_refused
from source_amplitude.endpoints.client import Send
from source_amplitude.endpoints.dashboard import EventsList
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import error_words
from source_amplitude.http.hosts import Region


def check_keys(send: Send, region: Region) -> None:
    """Asks once. Whatever else is wrong shows when a table is read, which knows what to make of it.

    :raises ConfigError: the keys are refused
    """
    try:
        with closing(send(EventsList.api_path, {})) as response:
            if response.status_code < requests.codes.bad_request:
                return
            words = error_words(response)
            action = endpoint_action(response.status_code, words, EventsList.plan_statuses)
    except requests.RequestException:
        return
    if action is Action.REFUSED:
        raise keys_refused(region, words)
