"""`metadata.yaml`, the image's labels and the changelog say what the package says."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import yaml

import source_amplitude
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


def test_version_addresses_and_changelog_are_those_of_pyproject_and_the_changelog() -> None:
    specification = importlib.util.spec_from_file_location("stamp", REPOSITORY / "docs" / "stamp.py")
    assert specification is not None
    assert specification.loader is not None
    stamp = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(stamp)
    stamped = stamp.stamped()
    assert len(stamped) == 4
    for path, text in stamped.items():
        assert path.read_text(encoding="utf-8") == text, "make docs"
        assert VERSION in text or path.suffix == ".json"


def test_the_installed_package_has_the_version() -> None:
    assert source_amplitude.__version__ == VERSION, "`make clean` renews it"


def test_a_wheel_holds_the_package_with_its_types_and_the_license_and_nothing_else(tmp_path: Path) -> None:
    build = "import sys; from poetry.core.masonry.api import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    names = zipfile.ZipFile(tmp_path / built.stdout.split()[-1]).namelist()
    assert {"source_amplitude/py.typed", "source_amplitude/spec.json", "source_amplitude/run.py"} <= set(names)
    assert any(name.endswith("/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {"source_amplitude", "pyspark_amplitude.py", f"amplitude_source-{VERSION}.dist-info"}


def test_wheel_and_source_archive_have_the_same_bytes_whenever_and_wherever_they_are_built(tmp_path: Path) -> None:
    build = (
        "import os, sys; from poetry.core.masonry import api; os.umask(int(sys.argv[2], 8));"
        "print(*[make(sys.argv[1]) for make in (api.build_sdist, api.build_wheel)])"
    )
    built = []
    for umask, changed in (("022", 1_500_000_000), ("077", 1_700_000_000)):
        tree = tmp_path / umask
        tree.mkdir()
        shutil.copytree(REPOSITORY / "source_amplitude", tree / "source_amplitude")
        for name in ("LICENSE", "README.md", "pyproject.toml", "pyspark_amplitude.py"):
            shutil.copy(REPOSITORY / name, tree)
        for path in tree.rglob("*"):
            os.utime(path, (changed, changed))
        ended = subprocess.run(
            [sys.executable, "-c", build, str(tree / "dist"), umask],
            cwd=tree,
            env={**os.environ, "SOURCE_DATE_EPOCH": "1600000000"},
            check=True,
            capture_output=True,
            text=True,
        )
        built.append([(name, (tree / "dist" / name).read_bytes()) for name in ended.stdout.split()])
    assert [name.rpartition(".")[2] for name, _ in built[0]] == ["gz", "whl"]
    assert built[0] == built[1]


def test_it_is_a_connector_of_its_own(metadata: dict[str, Any]) -> None:
    data = metadata["data"]
    assert not data["dockerRepository"].startswith("airbyte/")
    assert data["definitionId"] != "fa9f58c6-2d03-4237-aaa4-07d75e0c1396", "that is Airbyte's own connector"
    assert urlsplit(data["documentationUrl"]).path.endswith("/docs/amplitude.md")


def test_the_distribution_has_a_name_of_its_own_and_nothing_installs_that_of_others(metadata: dict[str, Any]) -> None:
    distribution = re.search(r'^name = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]
    assert distribution == metadata["data"]["remoteRegistries"]["pypi"]["packageName"]
    assert distribution not in {"source-amplitude", "airbyte-source-amplitude"}
    pages = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("examples/*.py")]
    told = [line for page in pages for line in re.findall(r"\bpip install .*", page.read_text(encoding="utf-8"))]
    assert told
    assert [line for line in told if re.search(r"""[\s"'](airbyte-)?source-amplitude\b(?!/)""", line)] == []


def test_name_and_base_image_are_those_of_the_dockerfile(metadata: dict[str, Any], dockerfile: str) -> None:
    data = metadata["data"]
    assert re.findall(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE) == [
        data["connectorBuildOptions"]["baseImage"]
    ]
    assert re.findall(r"io\.airbyte\.name=(\S+)", dockerfile) == [data["dockerRepository"]]


def test_the_allowed_hosts_are_exactly_the_hosts_used(metadata: dict[str, Any]) -> None:
    used = {urlsplit(url).hostname for url in (*API_URLS.values(), PROFILE_API_URL)}
    used.add("*.amazonaws.com")  # where Amplitude redirects to for the files of large cohorts
    allowed = metadata["data"]["allowedHosts"]["hosts"]
    assert len(allowed) == len(set(allowed))
    assert set(allowed) == used


def test_the_suggested_streams_exist(metadata: dict[str, Any]) -> None:
    assert set(metadata["data"]["suggestedStreams"]["streams"]) <= set(STREAM_NAMES)


def test_the_icon_is_a_square_svg(metadata: dict[str, Any]) -> None:
    icon = ET.fromstring((REPOSITORY / metadata["data"]["icon"]).read_text())
    assert icon.tag == "{http://www.w3.org/2000/svg}svg"
    assert icon.get("width") == icon.get("height") == "250"
