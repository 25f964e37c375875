"""Reads the annotations on charts, and their categories.

Facts from https://amplitude.com/docs/apis/analytics/chart-annotations
"""

from __future__ import annotations

from datetime import date

from msgspec import Raw

from source_amplitude.endpoints.endpoint import Endpoint, Record
from source_amplitude.records.json_repair import NULL, Fields, object_fields, plain_text, raw_json


class Annotations(Endpoint):
    """Reads what was noted on charts."""

    name = "annotations"
    primary_keys = ("id",)
    api_path = "api/3/annotations"
    plan_statuses = frozenset({403, 404})
    empty_hint = "The project has no annotations, or its plan does not include them."

    def parse_record(self, fields: Fields) -> Record:
        category = object_fields(fields.get("category", NULL))
        if category and "category" in category:  # its second key is documented under both names
            fields = {**fields, "category": raw_json({"id": category.get("id", NULL), "name": category["category"]})}
        # As older versions of the API had it: the day in the time zone of `start`.
        return {**fields, "date": raw_json(_day(fields.get("start", NULL)))}


def _day(start: Raw) -> str | None:
    try:
        return date.fromisoformat(plain_text(start)[:10]).isoformat()
    except ValueError:
        return None


class AnnotationCategories(Endpoint):
    """Reads the categories of annotations."""

    name = "annotation_categories"
    primary_keys = ("id",)
    api_path = "api/3/annotation-categories"
    plan_statuses = frozenset({403, 404})
