"""Everything that the image ships may be shipped, and docs/licences.md says under which licence."""

import importlib.util
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    specification = importlib.util.spec_from_file_location("licences", REPOSITORY / "docs" / "licences.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_what_the_generator_makes_of_the_lock(licences: ModuleType) -> None:
    assert (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8") == licences.page(), "make docs"
    assert len(licences.packages()) > 80


def with_a_package(folder: Path, monkeypatch: pytest.MonkeyPatch, licences: ModuleType, *metadata: str) -> None:
    """Installs a package into a folder of its own, and has a lock name it."""
    info = folder / "foreign-1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.4", "Name: foreign", "Version: 1.0", *metadata]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (folder / "lock.txt").write_text("foreign==1.0 \\\n    --hash=sha256:00\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(licences, "LOCK", folder / "lock.txt")


@pytest.mark.parametrize(
    "metadata",
    [
        ["License-Expression: GPL-2.0-or-later"],
        ["License-Expression: MIT AND GPL-3.0-or-later WITH GCC-exception-3.1"],
        ["License: GPL"],
        ["Classifier: License :: OSI Approved :: BSD License"],
        [],
    ],
)
def test_a_licence_of_which_nobody_has_decided_is_refused_with_the_name_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, licences: ModuleType, metadata: list[str]
) -> None:
    with_a_package(tmp_path, monkeypatch, licences, *metadata)
    with pytest.raises(ValueError, match="foreign"):
        licences.page()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (["License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)"], "MPL-2.0 AND (Apache-2.0 OR MIT)"),
        (["License: MIT License", "        ", "        Copyright (c) Somebody"], "MIT"),
        (["License: see LICENSE", "Classifier: License :: OSI Approved :: ISC License (ISCL)"], "ISC"),
    ],
)
def test_licences_are_read_in_each_way_in_which_packages_say_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, licences: ModuleType, metadata: list[str], expected: str
) -> None:
    with_a_package(tmp_path, monkeypatch, licences, *metadata)
    assert f"| foreign | {expected} |" in licences.page()


def test_each_package_brings_its_licence_but_the_one_that_has_it_in_its_files(licences: ModuleType) -> None:
    without = set()
    for name in licences.packages():
        try:
            names = [file.name.lower() for file in distribution(name).files or []]
        except PackageNotFoundError:
            continue  # of another system or Python
        if not any(re.search(r"licen[cs]e|copying", one) for one in names):
            without.add(name)
    assert without == {"isodate"}


def test_no_lock_of_ours_has_what_is_left_out() -> None:
    for name in ("runtime", "dev", "bench", "cluster", "spark", "spark-oldest"):
        assert "\nunidecode==" not in (REPOSITORY / "requirements" / f"{name}.txt").read_text(), name
