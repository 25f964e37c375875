"""Reads the tracking plan: events, properties and categories as they are planned. Not in every plan of Amplitude.

Facts from https://amplitude.com/docs/apis/analytics/taxonomy
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable

from source_amplitude.endpoints.answers import NotIncludedError, RejectedError
from source_amplitude.endpoints.endpoint import Days, Endpoint, Record
from source_amplitude.errors import UnexpectedError
from source_amplitude.records.json_repair import NULL, Fields, plain_value, raw_json

EVENTS_PATH = "api/2/taxonomy/event"


class TaxonomyEndpoint(Endpoint, ABC):
    """Reads a list of the tracking plan."""

    plan_statuses = frozenset({403, 404})

    def parse_record(self, fields: Fields) -> Record:
        """Makes a record with the values of enumerations as a list, which some answers have as a text."""
        values = plain_value(fields.get("enum_values", NULL))
        if not isinstance(values, str):
            return fields
        return {**fields, "enum_values": raw_json([value.strip() for value in values.split(",") if value.strip()])}


class TaxonomyCategories(TaxonomyEndpoint):
    """Reads the categories of events."""

    name = "taxonomy_categories"
    primary_keys = ("id",)
    api_path = "api/2/taxonomy/category"


class TaxonomyEvents(TaxonomyEndpoint):
    """Reads the planned event types."""

    name = "taxonomy_events"
    primary_keys = ("event_type",)
    api_path = EVENTS_PATH


class TaxonomyUserProperties(TaxonomyEndpoint):
    """Reads the planned user properties."""

    name = "taxonomy_user_properties"
    primary_keys = ("user_property",)
    api_path = "api/2/taxonomy/user-property"


class TaxonomyEventProperties(TaxonomyEndpoint):
    """Reads the planned properties of events: those that all share, and those of each event type, a request each.

    The `event_type` of a shared one is `_all`, as Amplitude names any event, since no part of a key is ever empty.
    """

    name = "taxonomy_event_properties"
    primary_keys = ("event_type", "event_property")
    api_path = "api/2/taxonomy/event-property"

    def fetch_records(self, days: Days) -> Iterable[Record]:
        seen: set[tuple[bytes, bytes]] = set()
        for event_type in ["", *self._event_types()]:
            for record in self._of(event_type):
                key = (bytes(record["event_type"]), bytes(record.get("event_property", NULL)))
                if key[1] == NULL or key not in seen:  # each one without a key is counted
                    seen.add(key)
                    yield record

    def _event_types(self) -> list[str]:
        found = (plain_value(event.get("event_type", NULL)) for event in self.fetch(EVENTS_PATH))
        return [event_type for event_type in found if isinstance(event_type, str) and event_type]

    def _of(self, event_type: str) -> list[Record]:
        try:
            found = self.fetch(self.api_path, {"event_type": event_type} if event_type else {})
        except (NotIncludedError, RejectedError) as error:
            if not event_type:
                raise
            if "not found" not in error.message.lower():  # the plan has the endpoint: it was read before
                raise UnexpectedError(
                    f"Amplitude gave an unexpected answer for the stream {self.name}: {error.message}"
                ) from error
            # Seen for event types that are in the list all the same.
            self.logger.info(f"{self.name}: Amplitude does not find an event type that it lists ({error.message})")
            return []
        shared = {"event_type": raw_json("_all")}
        return [record if plain_value(record.get("event_type", NULL)) else {**record, **shared} for record in found]
