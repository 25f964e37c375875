"""Defines the base of these endpoints: a request, sent until it is answered, and a list of records in its answer."""

from __future__ import annotations

import logging
import time
from abc import ABC
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import ClassVar, TypeVar

import msgspec
import requests
from urllib3.exceptions import HTTPError

from source_amplitude.config.model import Config
from source_amplitude.endpoints.answers import (
    READABLE,
    NotIncludedError,
    RejectedError,
    UnusableAnswerError,
    access_denied,
    answer_fields,
    endpoint_action,
    keys_are_wrong,
)
from source_amplitude.endpoints.sender import Params, Sender
from source_amplitude.errors import AmplitudeError, TransientError, UnexpectedError
from source_amplitude.http.actions import Action
from source_amplitude.http.answers import ErrorWords, error_words, exception_text
from source_amplitude.http.body import BrokenBodyError
from source_amplitude.http.retry import Retries, retry_after_seconds
from source_amplitude.records.coercion import CoercionStats, ColumnValues, log_coercions
from source_amplitude.records.json_repair import NO_KEY, Fields, elements, object_fields
from source_amplitude.records.schema import declared_types

RECORDS_PER_BATCH = 1000
LONGEST_THROTTLED_SECONDS = 900.0

T = TypeVar("T")
Record = Fields
Days = Mapping[str, str]
"""A range of days as a request has it, `{"start": "20240301", "end": "20240330"}`, both included; empty for a list."""
NO_DAYS: Days = {}
_encode = msgspec.json.Encoder().encode


class Endpoint(ABC):
    """Reads one of Amplitude's endpoints as a table; its attributes say what differs from the others.

    :param send: sends a request within Amplitude's limits
    """

    name: ClassVar[str]
    primary_keys: ClassVar[tuple[str, ...]]
    cursor_field: ClassVar[str | None] = None
    api_path: ClassVar[str]
    """The endpoint, such as "api/2/events/list"."""
    records_field: ClassVar[str] = "data"
    """Where an answer has its list of records."""
    plan_statuses: ClassVar[frozenset[int]] = frozenset({403})
    """What Amplitude itself answers where the project's plan lacks the endpoint (403: or where the keys are wrong)."""
    empty_hint: ClassVar[str | None] = None
    """Why a list may be empty, for a warning; None: that is nothing unusual."""

    def __init__(self, config: Config, send: Sender, logger: logging.Logger) -> None:
        self.config = config
        self.logger = logger
        self._send = send
        self.is_included = True
        as_string = config.json_columns_as_string
        self.values = ColumnValues(declared_types(self.name), json_columns_as_string=as_string)

    def read(self, days: Days = NO_DAYS) -> Iterator[list[bytes]]:
        """Yields the records as JSON, many at once: none, after a warning, where the project's plan lacks the endpoint.

        :raises AmplitudeError: as `request`
        """
        count = 0
        try:
            for lines in batches(map(self.to_json, self.fetch_records(days))):
                count += len(lines)
                yield lines
        except NotIncludedError as error:
            self._log_not_included(error)
        else:
            self.end_of_records(count)
            of_days = f" of the days {days['start']} to {days['end']}" if days else ""
            self.logger.info(f"{self.name}: {count:,} records{of_days}")

    def end_of_records(self, count: int) -> None:
        """Logs what was converted, kept or left out, when so many records are out.

        :raises UnexpectedError: there are none, since all entries came without their key
        """
        coercions, self.values.coercions = self.values.coercions, CoercionStats()
        if coercions.left_out and not count:
            raise UnexpectedError(
                f"None of the {coercions.left_out:,} entries that Amplitude has for the stream {self.name} has its key "
                f"({', '.join(self.primary_keys)}). Nothing was read; report it, since Amplitude may have changed."
            )
        log_coercions(self.name, coercions, self.logger)

    def fetch_records(self, days: Days) -> Iterable[Record]:
        """Fetches the records as Amplitude has them.

        :raises AmplitudeError: as `request`
        """
        records = self.fetch(self.api_path, self.params(days), days)
        if not records and self.empty_hint:
            self.logger.warning(f"{self.name}: Amplitude's list is empty. {self.empty_hint}")
        return records

    def params(self, days: Days) -> Params:
        """Returns the parameters of a request."""
        return days

    def cost(self, days: Days) -> int:
        """Returns what Amplitude counts of a request."""
        return 1

    def fetch(self, path: str, params: Params = NO_DAYS, days: Days = NO_DAYS) -> list[Record]:
        """Fetches the records in the answer to one request."""

        def reader(response: requests.Response) -> list[Record]:
            answer, is_repaired = answer_fields(response)
            try:
                records = list(self.parse_records(answer, days))
            except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                raise UnusableAnswerError(f"200, but in another form than expected ({type(error).__name__})") from error
            self.values.coercions.repaired += is_repaired
            return records

        return self.request(path, params, reader, cost=self.cost(days))

    def request(
        self,
        path: str,
        params: Params,
        reader: Callable[[requests.Response], T],
        *,
        cost: int = 1,
        readable: Collection[int] = (),
    ) -> T:
        """Returns what `reader` makes of the answer; sends the request again when `reader` finds it unusable.

        :param cost: what Amplitude counts of the request
        :param readable: statuses of errors that `reader` understands, too
        :raises NotIncludedError: Amplitude says that the plan lacks the endpoint
        :raises RejectedError: Amplitude says that it does not accept the request
        :raises AmplitudeError: ConfigError (keys, or access denied), TransientError (it kept failing), UnexpectedError
        """
        retries = Retries(LONGEST_THROTTLED_SECONDS)
        while True:
            denied: AmplitudeError | None = None
            try:
                with closing(self._send(path, params, cost=cost, attempt=retries.attempt)) as response:
                    status = response.status_code
                    if status in READABLE or status in readable:
                        return reader(response)
                    words, retry_after = error_words(response), retry_after_seconds(response.headers)
            except (UnusableAnswerError, BrokenBodyError) as error:
                wait, reason = retries.failed(), str(error)
            except (requests.RequestException, HTTPError) as error:
                wait, reason = retries.failed(error), exception_text(error)
            else:
                reason = words.shown
                action = endpoint_action(status, words, self.plan_statuses)
                if action is Action.THROTTLED:
                    wait = retries.throttled(retry_after)
                elif action is Action.RETRY:
                    wait = retries.failed()
                elif action is Action.DENIED:
                    wait, denied = retries.failed(), access_denied(self.name, self.config.region, words)
                else:
                    raise self._error(action, words)
            if wait is None:
                raise denied or TransientError(
                    f"Amplitude kept failing to answer for the stream {self.name}; the last error was: {reason}. "
                    "The next sync tries again."
                )
            self.logger.warning(f"{self.name}: {reason}; {retries.next_try(wait)}")
            time.sleep(wait)

    def parse_records(self, answer: Fields, days: Days) -> Iterable[Record]:
        """Yields the records of an answer; an error where it has another form is met by asking again.

        An entry of the list that is not an object becomes a record without fields, and so without a key.
        """
        for entry in elements(answer[self.records_field]):
            yield self.parse_record(object_fields(entry) or {})

    def parse_record(self, fields: Fields) -> Record:
        """Makes the record of an entry of the list."""
        return fields

    def to_json(self, fields: Record) -> bytes | None:
        """Writes a record as JSON, with values of the declared types; what does not fit is kept in `additional_fields`.

        None, and counted, where a field of the key has no value: a destination could not tell such records apart.
        """
        record = self.values.record(fields)
        if any(record.get(key) in NO_KEY for key in self.primary_keys):
            self.values.coercions.left_out += 1
            return None
        return _encode(record)

    def _error(self, action: Action, words: ErrorWords) -> AmplitudeError:
        if action is Action.NOT_INCLUDED:
            return NotIncludedError(words.shown)
        if action is Action.REFUSED:
            return keys_are_wrong(self.config.region, words)
        kind = RejectedError if words.is_from_amplitude else UnexpectedError
        return kind(f"Amplitude gave an unexpected answer for the stream {self.name}: {words.shown}")

    def _log_not_included(self, error: NotIncludedError) -> None:
        self.is_included = False
        self.logger.warning(
            f"{self.name}: this project's plan does not include this data, so there is none ({error.message})"
        )


def batches(lines: Iterable[bytes | None]) -> Iterator[list[bytes]]:
    """Yields the lines, up to `RECORDS_PER_BATCH` at once, without those that are None."""
    records = filter(None, lines)
    while batch := list(islice(records, RECORDS_PER_BATCH)):
        yield batch
