"""`metadata.yaml`, the image's labels and the changelog say what the package says."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import yaml

from source_amplitude.http.hosts import API_URLS, PROFILE_API_URL
from source_amplitude.source import STREAM_NAMES

REPOSITORY = Path(__file__).parents[1]
VERSION = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "metadata.yaml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (REPOSITORY / "Dockerfile").read_text()


def test_it_is_valid_by_airbytes_definition(metadata: dict[str, Any]) -> None:
    models = pytest.importorskip(
        "airbyte_connector_models.metadata.v0.connector_metadata_definition_v0",
        reason="airbyte-connector-models needs Python < 3.13",
    )
    models.ConnectorMetadataDefinitionV0.model_validate(metadata)
    assert sorted(metadata) == ["data", "metadataSpecVersion"]


def test_the_version_of_pyproject_is_everywhere(metadata: dict[str, Any], dockerfile: str) -> None:
    changelog = (REPOSITORY / "docs" / "amplitude.md").read_text().partition("## Changelog")[2]
    said = {
        "installed package (`make clean` renews it)": version("source-amplitude"),
        "metadata.yaml": metadata["data"]["dockerImageTag"],
        "Dockerfile": re.findall(r"io\.airbyte\.version=(\S+)", dockerfile)[0],
        "changelog, newest entry": re.findall(r"^\| (\d\S+) ", changelog, re.MULTILINE)[0],
    }
    assert said == dict.fromkeys(said, VERSION)


def test_name_and_base_image_are_those_of_the_dockerfile(metadata: dict[str, Any], dockerfile: str) -> None:
    data = metadata["data"]
    assert re.findall(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE) == [
        data["connectorBuildOptions"]["baseImage"]
    ]
    assert re.findall(r"io\.airbyte\.name=(\S+)", dockerfile) == [data["dockerRepository"]]


def test_the_allowed_hosts_are_exactly_the_hosts_used(metadata: dict[str, Any]) -> None:
    used = {urlsplit(url).hostname for url in (*API_URLS.values(), PROFILE_API_URL)}
    allowed = metadata["data"]["allowedHosts"]["hosts"]
    assert len(allowed) == len(set(allowed))
    assert set(allowed) == used


def test_the_suggested_streams_exist(metadata: dict[str, Any]) -> None:
    assert set(metadata["data"]["suggestedStreams"]["streams"]) <= set(STREAM_NAMES)


def test_the_icon_is_a_square_svg(metadata: dict[str, Any]) -> None:
    icon = ET.fromstring((REPOSITORY / metadata["data"]["icon"]).read_text())
    assert icon.tag == "{http://www.w3.org/2000/svg}svg"
    assert icon.get("width") == icon.get("height") == "250"
