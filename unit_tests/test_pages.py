"""The docs say what the code does: drift fails here."""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from source_amplitude import errors
from source_amplitude.config.form import migrate
from source_amplitude.config.model import Config
from source_amplitude.endpoints.registry import ENDPOINTS
from source_amplitude.events.state import EventsState
from source_amplitude.http.hosts import API_URLS, PROFILE_API_URL

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *REPOSITORY.glob("*.md")])
RAISED = {"ConfigError", "TransientError", "UnexpectedError"}
ELLIPSIS = "..."


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    text = page.read_text(encoding="utf-8").partition(f"# {heading}\n")[2]
    lines = [line for line in text.partition("\n#")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(cell: str) -> str:
    return cell.split("`")[1]


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text in a piece of code, with `...` for what is filled in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(map(_part, node.values))


def _part(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    named = node.value.id if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name) else ""
    constant = getattr(errors, named, None)
    return constant if isinstance(constant, str) else ELLIPSIS


MODULES = [ast.parse(path.read_text(encoding="utf-8")) for path in (REPOSITORY / "source_amplitude").rglob("*.py")]
TOLD = [quoted(row[0]) for page in ("amplitude.md", "spark.md") for row in rows(DOCS / page, "Troubleshooting")]


def raised() -> Iterator[str]:
    """The sentence of each error that the package raises on purpose."""
    for node in (node for module in MODULES for node in ast.walk(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
            yield from islice(texts(node.args[0]), 1)


@pytest.mark.parametrize("text", TOLD)
def test_every_error_text_of_the_docs_is_in_the_code(text: str) -> None:
    assert any(text in found for module in MODULES for found in texts(module))


@pytest.mark.parametrize("sentence", sorted(set(raised())))
def test_every_error_is_in_the_docs(sentence: str) -> None:
    assert any(text in sentence for text in TOLD), "Troubleshooting in docs/amplitude.md or docs/spark.md"


def test_the_reference_is_what_the_generator_makes() -> None:
    specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == generate.page(), "make docs"


# What https://docs.airbyte.com asks of a connector's page, in this order.
SECTIONS = [
    "Prerequisites",
    "Setup guide",
    "Supported sync modes",
    "Supported streams",
    "Performance considerations",
    "Data type map",
    "Limitations & Troubleshooting",
    "IP allow list",
    "Changelog",
]


def test_the_connectors_page_has_the_sections_that_airbyte_asks_for() -> None:
    assert re.findall(r"^## (.+)$", (DOCS / "amplitude.md").read_text(encoding="utf-8"), re.MULTILINE) == SECTIONS


def test_the_data_type_map_has_every_type_of_the_schemas() -> None:
    told = set(re.findall(r"`([a-z_]+)`", " ".join(row[1] for row in rows(DOCS / "amplitude.md", "Data type map"))))
    declared = set()
    for schema in (REPOSITORY / "source_amplitude" / "schemas").rglob("*.json"):
        for field in json.loads(schema.read_text(encoding="utf-8"))["properties"].values():
            types = [field["type"]] if isinstance(field["type"], str) else field["type"]
            declared |= {field.get("airbyte_type", kind) for kind in types} - {"null"}
    assert declared <= told


def test_the_allow_list_names_every_host() -> None:
    page = (DOCS / "amplitude.md").read_text(encoding="utf-8").partition("\n## IP allow list\n")[2]
    hosts = {str(urlsplit(url).hostname) for url in (*API_URLS.values(), PROFILE_API_URL)}
    assert hosts <= set(re.findall(r"`([a-z.-]+\.com)`", page.partition("\n## ")[0]))


KEYS = {
    "events": ["uuid"],
    "user_profiles": ["user_id"],
    **{endpoint.name: list(endpoint.primary_keys) for endpoint in ENDPOINTS},
}


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


def test_each_table_is_on_the_pages_with_its_key() -> None:
    modes = rows(DOCS / "amplitude.md", "Supported sync modes")
    assert {name: names_in(key) for streams, _, _, key, _ in modes for name in names_in(streams)} == KEYS
    streams = (DOCS / "amplitude.md").read_text(encoding="utf-8").partition("\n## Supported streams\n")[2]
    assert KEYS.keys() <= set(names_in(streams.partition("\n## ")[0]))
    on_spark = rows(DOCS / "spark.md", "Tables")
    assert {name for row in on_spark for name in names_in(row[0])} == KEYS.keys()
    others = rows(DOCS / "dashboard_and_cohorts.md", "Dashboards, cohorts, annotations, taxonomy")
    assert {quoted(name): names_in(key) for name, _, _, _, key in others} == {
        endpoint.name: KEYS[endpoint.name] for endpoint in ENDPOINTS
    }


def test_the_sample_catalog_has_each_table_with_its_key_and_its_modes() -> None:
    catalog = json.loads((REPOSITORY / "sample_files" / "configured_catalog_tables.json").read_text())
    found = {entry["stream"]["name"]: entry for entry in catalog["streams"]}
    assert found.keys() == {endpoint.name for endpoint in ENDPOINTS}
    for endpoint in ENDPOINTS:
        entry = found[endpoint.name]
        assert entry["stream"]["source_defined_primary_key"] == [[key] for key in endpoint.primary_keys]
        assert entry["sync_mode"] == ("incremental" if endpoint.cursor_field else "full_refresh")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


def test_the_states_of_the_migration_page_continue_where_it_says() -> None:
    told = rows(DOCS / "migration.md", "State")
    assert len(told) >= 4
    for state, continues in told:
        field, value = re.fullmatch(r'\{"(\w+)": "([^"]+)"\}', quoted(state)).groups()  # type: ignore[union-attr]
        expected = datetime.fromisoformat(quoted(continues).replace("Z", "+00:00"))
        found = EventsState.from_mapping({field: value}, Config("", "").export_delay_hours)
        assert found.resume_at == expected


def test_the_fields_of_the_migration_page_are_taken_over() -> None:
    told = {
        quoted(old): re.findall(r"`(.+?)`", f"{old} {new}") for old, new in rows(DOCS / "migration.md", "Configuration")
    }
    old_region, standard, eu, region, us_name, eu_name = told["data_region"]
    assert migrate({old_region: standard}) == {region: us_name}
    assert migrate({old_region: eu}) == {region: eu_name}
    old_range, batch_size = told["request_time_range"]
    assert migrate({old_range: 7}) == {batch_size: 7}
