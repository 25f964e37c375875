"""Checks cheaply whether the Export API can be read with a configuration, and explains in a sentence why not."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import requests

from source_amplitude.clock import CHECK_FAILS_FROM, difference
from source_amplitude.config.model import Config
from source_amplitude.errors import AUTHENTICATION_FAILED, ConfigError
from source_amplitude.export.client import ExportAnswer, ExportClient, access_denied, export_answer
from source_amplitude.export.windows import HOURLY_SINCE, Window, newest_complete_hour
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import BODY_ERRORS, content_type, exception_text
from source_amplitude.http.hosts import OTHER_REGION, hint_of_override, regions_differ
from source_amplitude.http.retry import Retries
from source_amplitude.http.time_of_day import server_clock

PROBE_READ_TIMEOUT_SECONDS = 60.0
MAX_TRIES = 3
ZIP_MAGIC = b"PK"  # of an archive with members as of an empty one


def why_no_exports(config: Config, logger: logging.Logger) -> str | None:
    """Explains in a sentence why nothing can be exported: keys, region, network; None when the keys are accepted.

    Asks for one hour and hangs up after the headers: no archive is pulled, and an empty project is as good as any.
    """
    client = ExportClient(config, logger)
    try:
        server = server_clock(config.api_url, logger)
        newest = newest_complete_hour(server.earlier(), config.export_delay_hours)
        action, words, _ = _probe(client, newest)
        if action in (Action.SPLIT, Action.SPLIT_OR_RETRY):
            # The newest hour is too large, or takes too long to prepare; this one is small in any project.
            action, words, _ = _probe(client, HOURLY_SINCE)
    except requests.RequestException as error:
        return (
            f"No connection to {client.url} ({exception_text(error)}). "
            "Check the network, the proxy and the firewall between the connector and Amplitude."
        )
    except ConfigError as error:
        return error.message
    if action in (Action.REFUSED, Action.DENIED):
        return _why_refused(config, action, words, logger)
    if action in (Action.RETRY, Action.SPLIT_OR_RETRY):
        return f"Amplitude is not available at the moment ({words}). Try again later.{hint_of_override()}"
    if action is Action.SPLIT:
        return f"Amplitude refuses to export this project ({words}). Check that its raw data can be exported."
    if action is Action.REJECTED:
        return f"Unexpected response from {client.url} ({words}).{hint_of_override()}"
    if action is Action.THROTTLED:
        logger.warning("Amplitude is busy with other requests of this project (429); the keys were accepted")
    ahead = server.ahead()
    return difference(ahead) if abs(ahead) > CHECK_FAILS_FROM else None


def why_keys_refused(config: Config, logger: logging.Logger) -> str | None:
    """Explains in a sentence why the keys are refused; None when they are accepted, or when no answer shows it now."""
    try:
        action, words, _ = _probe(ExportClient(config, logger), HOURLY_SINCE)
    except requests.RequestException:
        return None
    return _why_refused(config, action, words, logger) if action in (Action.REFUSED, Action.DENIED) else None


def _why_refused(config: Config, action: Action, words: str, logger: logging.Logger) -> str:
    other = OTHER_REGION[config.region]
    if regions_differ():
        try:
            elsewhere, *_ = _probe(ExportClient(replace(config, region=other), logger), HOURLY_SINCE)
        except requests.RequestException:
            elsewhere = Action.RETRY
        if elsewhere in (Action.READ, Action.EMPTY, Action.SPLIT):
            return f"The project of these keys is in the {other} region: set region to {other}."
    if action is Action.DENIED:
        return access_denied(config.region, words).message
    return f"{AUTHENTICATION_FAILED} Amplitude's answer was {words}."


def _probe(client: ExportClient, hour: datetime) -> ExportAnswer:
    """Requests one hour, and decides what the answer means; a failure that passes is tried again.

    :raises requests.RequestException: no answer
    """
    retries = Retries(longest_throttled_seconds=0.0, max_tries=MAX_TRIES)
    while True:
        try:
            with closing(client.request(Window(hour, hour), PROBE_READ_TIMEOUT_SECONDS, retries.attempt)) as response:
                answer = export_answer(response)
                if answer.action is Action.READ and not _begins_like_an_archive(response):
                    answer = ExportAnswer(Action.RETRY, f"200, but no archive: {content_type(response)}")
        except requests.ReadTimeout:
            if hour == HOURLY_SINCE:
                raise
            return ExportAnswer(Action.SPLIT_OR_RETRY, "no answer in time")
        except requests.RequestException:
            wait = retries.failed()
            if wait is None:
                raise
        else:
            if answer.action not in (Action.RETRY, Action.DENIED):
                return answer
            wait = retries.failed()
            if wait is None:
                return answer
        time.sleep(wait)


def _begins_like_an_archive(response: requests.Response) -> bool:
    try:
        return next(response.iter_content(len(ZIP_MAGIC)), b"") == ZIP_MAGIC
    except BODY_ERRORS:
        return False
