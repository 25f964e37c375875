"""The tracking plan: events, properties and categories as they are planned. Not in every plan of Amplitude.

Facts from https://amplitude.com/docs/apis/analytics/taxonomy
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from source_amplitude.endpoints.answers import NotIncludedError, RejectedError
from source_amplitude.endpoints.endpoint import Days, Endpoint, Record
from source_amplitude.errors import UnexpectedError

EVENTS_PATH = "api/2/taxonomy/event"
NOT_FOUND_WORDS = "not found"


class TaxonomyEndpoint(Endpoint, ABC):
    """A list of the tracking plan."""

    plan_statuses = frozenset({403, 404})

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        """With the values of enumerations as a list, which they are by some answers, and by others a text."""
        for record in super().parse_records(answer, days):
            values = record.get("enum_values")
            if isinstance(values, str):
                values = [value.strip() for value in values.split(",") if value.strip()]
            yield {**record, "enum_values": [str(value) for value in values]} if values is not None else record


class TaxonomyCategories(TaxonomyEndpoint):
    """The categories of events."""

    name = "taxonomy_categories"
    primary_keys = ("id",)
    api_path = "api/2/taxonomy/category"


class TaxonomyEvents(TaxonomyEndpoint):
    """The planned event types."""

    name = "taxonomy_events"
    primary_keys = ("event_type",)
    api_path = EVENTS_PATH


class TaxonomyUserProperties(TaxonomyEndpoint):
    """The planned user properties."""

    name = "taxonomy_user_properties"
    primary_keys = ("user_property",)
    api_path = "api/2/taxonomy/user-property"


class TaxonomyEventProperties(TaxonomyEndpoint):
    """The planned properties of events: those that all share, and those of each event type, which take a request each.

    The `event_type` of a shared one is an empty text, since a key is never null.
    """

    name = "taxonomy_event_properties"
    primary_keys = ("event_type", "event_property")
    api_path = "api/2/taxonomy/event-property"

    def fetch_records(self, days: Days) -> Iterable[Record]:
        seen: set[tuple[str, str]] = set()
        for event_type in ["", *self._event_types()]:
            for record in self._of(event_type):
                key = (record["event_type"], record["event_property"])
                if key not in seen:
                    seen.add(key)
                    yield record

    def _event_types(self) -> list[str]:
        return [event["event_type"] for event in self.fetch(EVENTS_PATH) if event.get("event_type")]

    def _of(self, event_type: str) -> list[Record]:
        try:
            found = self.fetch(self.api_path, {"event_type": event_type} if event_type else {})
        except (NotIncludedError, RejectedError) as error:
            if not event_type:
                raise
            if NOT_FOUND_WORDS not in error.message.lower():  # the plan has the endpoint: it was read before
                raise UnexpectedError(
                    f"Amplitude gave an unexpected answer for the stream {self.name}: {error.message}"
                ) from error
            # Seen for event types that are in the list all the same.
            self.logger.info(f"{self.name}: Amplitude does not find an event type that it lists ({error.message})")
            return []
        return [{**record, "event_type": record.get("event_type") or ""} for record in found]
