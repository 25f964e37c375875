"""Writes docs/reference.md from what the connector ships: the fields of the form and the schemas of the streams."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "source_amplitude"
PAGE = REPOSITORY / "docs" / "reference.md"
HEAD = """# Reference

Made by `make docs` from `spec.json` and the schemas of the connector. Back to the [connector's page](amplitude.md).

## Configuration
"""
BAG_NOTE = "JSON text, or with `properties_format: object` "


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    spec = json.loads((PACKAGE / "spec.json").read_text(encoding="utf-8"))["connectionSpecification"]
    parts = [HEAD, *table(("Field", "Name in the form", "Allowed", "Default", "Meaning"), settings(spec)), ""]
    for schema in sorted((PACKAGE / "schemas").glob("*.json")):
        fields = json.loads(schema.read_text(encoding="utf-8"))["properties"]
        parts += [f"## Stream `{schema.stem}`\n", *table(("Field", "Type", "Meaning"), columns(fields)), ""]
    return "\n".join(parts)


def table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def settings(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, ...]]:
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        default = "required" if name in required else f"`{json.dumps(field['default'])}`" if "default" in field else ""
        yield f"`{path}{name}`", field["title"], allowed(field), default, field["description"]
        if "properties" in field:
            yield from settings(field, f"{path}{name}.")
        for choice in field.get("oneOf", []):
            yield from settings(choice, f"{path}{name}.")


def allowed(field: Mapping[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "minimum" in field:
        return f"{field['minimum']} to {field['maximum']}"
    if "pattern_descriptor" in field:
        return field["pattern_descriptor"]
    return {"array": "list of texts", "string": "text", "boolean": "`true`, `false`"}.get(field["type"], "")


def columns(fields: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, field in fields.items():
        types = [kind for kind in [field["type"]] if isinstance(kind, str)] or field["type"]
        kind = " or ".join(one for one in types if one != "null")
        if field.get("format") == "date-time":
            kind = "timestamp with time zone"
        elif field.get("format") == "date":
            kind = "date"
        elif field.get("items", {}).get("type") == "string":
            kind = "list of texts"
        elif {"object", "array"} & set(types):
            kind = f"{BAG_NOTE}{kind}"
        yield f"`{name}`", kind, field.get("description", "")


if __name__ == "__main__":
    main()
