"""Whether the Export API can be read with a configuration: cheap, and with a sentence that says what is wrong."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

import requests
from airbyte_cdk.sources import Source
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http.availability_strategy import HttpAvailabilityStrategy

from source_amplitude.errors import AUTHENTICATION_FAILED, Action, answer_text, exception_text, export_action
from source_amplitude.events.windows import HOURLY_SINCE, Window
from source_amplitude.hosts import OTHER_REGION, regions_differ

if TYPE_CHECKING:
    from source_amplitude.events.stream import Events

PROBE_READ_TIMEOUT_SECONDS = 60.0
MAX_TRIES = 3
RETRY_SECONDS = 2.0


class ExportAvailabilityStrategy(HttpAvailabilityStrategy):
    """Asks for one hour and hangs up after the headers: no archive is pulled, an empty project is as good as any."""

    def check_availability(
        self, stream: Stream, logger: logging.Logger, source: Source | None = None
    ) -> tuple[bool, str | None]:
        """Whether the keys are accepted; if not, a sentence tells wrong key, wrong region and network fault apart."""
        events: Events = stream  # type: ignore[assignment]
        newest = events.newest_complete_hour()
        try:
            action, said = _probe(events, newest)
            if action is Action.NARROW_OR_RETRY:
                # The newest hour takes too long to prepare; this one is small in any project.
                action, said = _probe(events, HOURLY_SINCE)
        except requests.RequestException as error:
            return False, (
                f"No connection to {events.url_base} ({exception_text(error)}). "
                "Check the network, the proxy and the firewall between Airbyte and Amplitude."
            )
        if action is Action.REFUSED:
            return False, self._why_refused(events)
        if action is Action.RETRY:
            return False, f"Amplitude is not available at the moment ({said}). Try again later."
        if action is Action.FAIL:
            return False, f"{events.url_base} does not answer as Amplitude does ({said})."
        if action is Action.WAIT:
            logger.warning("Amplitude is busy with other requests of this project (429); the keys were accepted")
        return True, None

    @staticmethod
    def _why_refused(events: Events) -> str:
        other = OTHER_REGION[events.region]
        if regions_differ():
            try:
                action, _ = _probe(events.in_region(other), HOURLY_SINCE)
            except requests.RequestException:
                action = Action.RETRY
            if action in (Action.READ, Action.EMPTY, Action.NARROW):
                return f"The project of these keys is in the {other} region: set region to {other}."
        return AUTHENTICATION_FAILED


def _probe(events: Events, hour: datetime) -> tuple[Action, str]:
    """What the answer for one hour means, and its own words; passing trouble is tried again.

    :raises requests.RequestException: no answer
    """
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            with closing(events.send(Window(hour, hour), PROBE_READ_TIMEOUT_SECONDS)) as response:
                action = export_action(response)
                said = "" if action is Action.READ else f"{response.status_code} {answer_text(response)}".strip()
        except requests.ReadTimeout:
            if hour == HOURLY_SINCE:
                raise
            return Action.NARROW_OR_RETRY, "no answer in time"
        except requests.RequestException:
            if not tries_left:
                raise
        else:
            if action is not Action.RETRY or not tries_left:
                return action, said
        time.sleep(RETRY_SECONDS)
    raise AssertionError("unreachable")
