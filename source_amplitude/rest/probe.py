"""Whether these endpoints accept the keys, by one cheap request."""

from __future__ import annotations

from contextlib import closing

import requests

from source_amplitude.http.hosts import Region
from source_amplitude.rest.answers import RestAction, error_words, keys_refused, rest_action
from source_amplitude.rest.client import Send
from source_amplitude.rest.dashboard import EventsList


def check_keys(send: Send, region: Region) -> None:
    """Ask once. Whatever else is wrong shows when a table is read, which knows what to make of it.

    :raises ConfigError: the keys are refused
    """
    try:
        with closing(send(EventsList.api_path, {})) as response:
            if response.status_code < requests.codes.bad_request:
                return
            said = error_words(response)
            action = rest_action(response.status_code, said, EventsList.plan_statuses)
    except requests.RequestException:
        return
    if action is RestAction.REFUSED:
        raise keys_refused(region, said)
