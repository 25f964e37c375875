"""The Taxonomy API: the planned events and properties.

Source of the facts: https://amplitude.com/docs/apis/analytics/taxonomy
"""

from typing import Any

from amplitude_simulator.export import Answer
from amplitude_simulator.project import Project
from amplitude_simulator.rest.answers import as_json

SHARED_PROPERTIES = ("currency", "referrer")


class Taxonomy:
    def __init__(self, project: Project) -> None:
        self._data = project.rest

    def categories(self) -> Answer:
        return _success([{"id": 31, "name": "Orders"}, {"id": 32, "name": "Navigation"}])

    def events(self, params: dict[str, str]) -> Answer:
        events = [self._event(number, name) for number, name in enumerate(self._data.event_types)]
        if params.get("showDeleted") == "true":
            events.append({**self._event(len(events), "old checkout"), "deleted": True, "tags": None})
        return _success(events)

    def event_properties(self, params: dict[str, str]) -> Answer:
        """Shared properties without an event type; with one, its own."""
        event_type = params.get("event_type")
        if event_type is None:
            return _success([_property(name, None) for name in SHARED_PROPERTIES])
        if event_type in self._data.unknown_event_types or event_type not in (*self._data.event_types, "old checkout"):
            return as_json({"success": False, "errors": [{"message": "Not found"}]}, 400)
        return _success([_property("price", event_type), _property("sizes", event_type, enum_values=["S", "M"])])

    def user_properties(self, params: dict[str, str]) -> Answer:
        found = [_user_property("gp:plan", enum_values="free, pro"), _user_property("gp:city")]
        if params.get("showDeleted") == "true":
            found.append(_user_property("gp:old", deleted=True))
        return _success(found)

    def _event(self, number: int, name: str) -> dict[str, Any]:
        return {
            "event_type": name, "category": {"name": "Orders"} if number % 2 == 0 else None, "description": None,
            "display_name": name.capitalize() if number else None, "is_active": True,
            "is_hidden_from_dropdowns": False, "is_hidden_from_persona_results": False,
            "is_hidden_from_pathfinder": False, "is_hidden_from_timeline": False, "tags": ["core"],
            "owner": None if number else "ana@shop.example",
        }  # fmt: skip


def _property(name: str, event_type: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "event_property": name, "event_type": event_type, "description": "", "type": "number", "regex": None,
        "enum_values": None, "is_array_type": False, "is_required": True, "is_hidden": False, "classifications": [],
        **fields,
    }  # fmt: skip


def _user_property(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "user_property": name, "description": None, "type": "enum", "enum_values": None, "regex": None,
        "is_array_type": False, "is_hidden": False, "classifications": ["PII"], "deleted": False, **fields,
    }  # fmt: skip


def _success(data: list[dict[str, Any]]) -> Answer:
    return as_json({"success": True, "data": data})
