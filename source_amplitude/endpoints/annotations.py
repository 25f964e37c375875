"""The annotations on charts, and their categories.

Facts from https://amplitude.com/docs/apis/analytics/chart-annotations
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_amplitude.endpoints.endpoint import Days, Endpoint, Record

DATE_CHARACTERS = len("2026-02-03")


class Annotations(Endpoint):
    """What was noted on charts."""

    name = "annotations"
    primary_keys = ("id",)
    api_path = "api/3/annotations"
    plan_statuses = frozenset({403, 404})
    empty_hint = "The project has no annotations, or its plan does not include them."

    def parse_records(self, answer: Mapping[str, Any], days: Days) -> Iterator[Record]:
        for record in super().parse_records(answer, days):
            category = record.get("category")
            if category and "category" in category:  # its second key is documented under both names
                category = {**category, "name": category["category"]}
                del category["category"]
            # As older versions of the API had it: the day in the time zone that `start` is told in.
            yield {**record, "date": record["start"][:DATE_CHARACTERS], "category": category}


class AnnotationCategories(Endpoint):
    """The categories of annotations."""

    name = "annotation_categories"
    primary_keys = ("id",)
    api_path = "api/3/annotation-categories"
    plan_statuses = frozenset({403, 404})
