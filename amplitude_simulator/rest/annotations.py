"""Chart annotations and their categories, and the list under /api/2 that is no longer documented.

Source of the facts: https://amplitude.com/docs/apis/analytics/chart-annotations
"""

from datetime import timedelta
from typing import Any

from amplitude_simulator.export import Answer
from amplitude_simulator.project import Project
from amplitude_simulator.rest.answers import as_json

CATEGORIES = ({"id": 5512, "name": "Releases"}, {"id": 5513, "name": "Kampagnen 🎉"})


class Annotations:
    def __init__(self, project: Project) -> None:
        self._project = project

    def listed(self) -> Answer:
        return as_json({"data": self._all()})

    def categories(self) -> Answer:
        return as_json({"data": [] if self._project.rest.starter else list(CATEGORIES)})

    def legacy(self) -> Answer:
        """What /api/2 has of the same annotations."""
        fields = ("id", "label", "details")
        return as_json(
            {"data": [{"date": one["start"][:10], **{name: one[name] for name in fields}} for one in self._all()]}
        )

    def _all(self) -> list[dict[str, Any]]:
        data = self._project.rest
        return [] if data.starter else [self._one(number) for number in range(data.annotations)]

    def _one(self, number: int) -> dict[str, Any]:
        begins = self._project.first_hour + timedelta(days=number, hours=9)
        category = {**CATEGORIES[number % 2]}
        if self._project.rest.category_name == "category":
            category["category"] = category.pop("name")
        return {
            "id": 90117 + number,
            "start": f"{begins:%Y-%m-%dT%H:%M:%S}+{number % 2:02}:00",
            "end": f"{begins + timedelta(hours=5):%Y-%m-%dT%H:%M:%S}+01:00" if number % 2 else None,
            "label": f"v4.{number} released",
            "details": "two lines\nof text" if number % 2 else None,
            "category": category if number != 2 else None,
            "chart_id": "ch4rt" if number == 1 else None,
        }
